"""What every bar of a history is computed from: series, symbols, and the view they stand in."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from technic.compute.benchmark import benchmark_closes
from technic.compute.last_bar import reads_benchmark

if TYPE_CHECKING:
    from technic.data.store import Store
    from technic.data.store.mapped_panel import MappedPanel
    from technic.indicators import Series
    from technic.market.panel import Panel
    from technic.market.typing import FloatArray


@dataclass(frozen=True, slots=True)
class PanelSeries:
    """Series at every bar of some symbols of a view.

    Bars lie symbol after symbol, as in `panel`; rows of a history are counted so.

    Attributes
    ----------
    store : where splits, and bars that were told late, are read
    view : the session that the history ends with
    panel : bars of some or all symbols of the view
    series : what is computed at each bar
    kernels : folder of the compiled indicators
    """

    store: Store
    view: MappedPanel
    panel: Panel
    series: tuple[Series, ...]
    kernels: Path

    @property
    def closes(self) -> FloatArray | None:
        """The market's level per session ordinal; None where no series compares with it."""
        return benchmark_closes(self.view, "market") if is_relative(self.series) else None


def is_relative(series: Iterable[Series]) -> bool:
    """Return whether any of some series compares with the benchmark."""
    return any(map(reads_benchmark, series))
