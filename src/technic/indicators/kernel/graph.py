"""The operations of a graph of series, and the order in which they can be computed.

Series that differ only in `output` are one operation; equal ones are one as well.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

from technic.indicators.define import REGISTRY
from technic.indicators.series import DAILY, MONTHLY, WEEKLY, Series
from technic.market.panel import FIELDS

DAYS_OF = {DAILY: 1, WEEKLY: 5, MONTHLY: 23}  # at most, about


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation: what series that differ only in `output` have in common.

    Attributes
    ----------
    name, inputs, params, frame : as in `Series`
    """

    name: str
    inputs: tuple[Series, ...]
    params: tuple[float, ...]
    frame: int

    @classmethod
    def of(cls, series: Series) -> Operation:
        """The operation that computes `series`."""
        return cls(series.name, series.inputs, series.params, series.frame)

    @property
    def kind(self) -> str:
        """field, benchmark, constant, hold, window or fold."""
        if self.name in FIELDS:
            return "field"
        if self.name in {"benchmark", "constant", "hold"}:
            return self.name
        return REGISTRY[self.name].kind

    @property
    def reach(self) -> int:
        """Rows before its own that it reads of its inputs."""
        return REGISTRY[self.name].reach(*self.params) if self.kind in {"window", "fold"} else 0

    def reach_of(self, j: int) -> int:
        """Rows before its own that it reads of its `j`-th input."""
        at_its_row = REGISTRY[self.name].at_its_row if self.reach else ()
        return 0 if at_its_row and REGISTRY[self.name].inputs[j] in at_its_row else self.reach

    @property
    def lookback(self) -> int:
        """Bars before its first known value, if all it reads is known from the first bar on."""
        lookback = REGISTRY[self.name].lookback if self.kind in {"window", "fold"} else None
        return lookback(*self.params) if lookback else 0

    @property
    def n_outputs(self) -> int:
        """How many series it writes."""
        return len(REGISTRY[self.name].outputs) if self.kind in {"window", "fold"} else 1


def order_of(roots: Iterable[Series]) -> list[Operation]:
    """Operations in an order in which inputs come first."""
    ordered: dict[Operation, None] = {}

    def visit(series: Series) -> None:
        node = Operation.of(series)
        if node in ordered:
            return
        for read in series.inputs:
            visit(read)
        ordered[node] = None

    for root in roots:
        visit(root)
    return list(ordered)


@cache
def known_after(series: Series) -> int:
    """Daily bars before a series is known, if nothing is unknown in the middle: a guess.

    A wrong one costs time and no more: what is believed in vain is computed again.
    """
    node = Operation.of(series)
    before = max((known_after(read) for read in series.inputs), default=0)
    if node.kind == "hold":
        return DAYS_OF[series.inputs[0].frame] * (before + 1)
    return before + node.lookback
