"""How long histories are: a source of `bars`."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from technic.scanner.columns.source import LoadedColumns, SessionView


class BarCounts:
    """How many bars each symbol has: `bars`."""

    is_cacheable = False  # at hand with the panel

    def gives(self, name: str) -> bool:
        """Return whether a name is that of the count."""
        return name == "bars"

    def load(self, _names: Sequence[str], view: SessionView) -> LoadedColumns:
        """Load the number of bars up to the session."""
        return LoadedColumns({"bars": view.panel_view.bars.lengths.astype(np.float64)})
