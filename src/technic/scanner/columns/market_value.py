"""What companies are worth: a source of `market_cap`."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from technic.scanner.columns.source import LoadedColumns, SymbolView


class MarketValue:
    """USD: shares of the newest filing at the last close; without a filing, what a vendor said."""

    is_cacheable = False  # a product of columns that are

    def gives(self, name: str) -> bool:
        """Return whether a name is that of the market value."""
        return name == "market_cap"

    def load(self, _names: Sequence[str], view: SymbolView) -> LoadedColumns:
        """Load the market value of every symbol of a view; NaN where nothing tells it."""
        shares = view.columns["shares"]
        reported = view.columns["market_cap_told"]
        value = np.where(np.isnan(shares), reported, shares * view.closes)
        return LoadedColumns({"market_cap": value})
