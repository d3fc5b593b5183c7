"""Returns with dividends: a source of `total_ret(n)`.

Bars are prices, and prices leave dividends out: an ex-date looks like a fall. A total return puts
each dividend into shares at the close of its ex-date, so that every bar's return is the close and
what was paid since the bar before, over the close before.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
import polars as pl

from technic.data.store.rows import newest_per
from technic.market.adjust import dividends_in_new_shares
from technic.market.sessions import nyse
from technic.market.typing import FloatArray
from technic.scanner.columns.source import LoadedColumns, SessionView

TOTAL = re.compile(r"total_ret\((\d+)\)")
NO_DIVIDENDS = "total_ret is unknown: the store holds no dividends"


class TotalReturns:
    """Growth of one share and all that it paid, over some bars of each symbol."""

    is_cacheable = True

    def gives(self, name: str) -> bool:
        """Return whether a name is a total return."""
        return TOTAL.fullmatch(name) is not None

    def load(self, names: Sequence[str], view: SessionView) -> LoadedColumns:
        """Load total returns; all unknown in a store that was never told a dividend."""
        paid = _dividends(view)
        if paid is None:
            unknown = np.full(len(view.security_ids), np.nan)
            return LoadedColumns(dict.fromkeys(names, unknown), (NO_DIVIDENDS,))
        return LoadedColumns(
            {name: _returns(view, paid, int(TOTAL.fullmatch(name)[1])) for name in names}  # type: ignore[index]
        )


def _dividends(view: SessionView) -> pl.DataFrame | None:
    """Dividends until the session, as known on it: `at`, `ordinal`, `value`; None if none were told.

    `value` is USD per share as the panel's shares are.
    """
    version = view.panel_view.version
    told = view.store.table("actions", version)
    actions = newest_per(
        told, "security_id", "session", "kind", before=view.panel_view.known_at
    ).collect()
    if told.filter(pl.col("kind") == "dividend").head(1).collect().is_empty():
        return None
    until = actions.filter(pl.col("session") <= view.as_of)
    dividends = until.filter(pl.col("kind") == "dividend", pl.col("value") > 0.0)
    if version.adjustment != "splits":
        dividends = dividends_in_new_shares(dividends, until.filter(pl.col("kind") == "split"))
    ids = pl.DataFrame({"security_id": view.security_ids}).with_row_index("at")
    found = dividends.join(ids, on="security_id")
    # A day without a session belongs to the next one: its ordinal is the one after the last until.
    sessions = nyse().dates
    ordinals = np.searchsorted(sessions, found["session"].to_numpy().astype(sessions.dtype))
    return found.select("at", "value", ordinal=pl.Series(ordinals, dtype=pl.Int64))


def _returns(view: SessionView, paid: pl.DataFrame, bars: int) -> FloatArray:
    """The total return over some bars of each symbol; float64, shape (n_symbols,)."""
    panel = view.panel_view.panel
    with np.errstate(all="ignore"):
        growth: FloatArray = panel.last("close") / panel.last("close", bars)
    since = panel.last("session", bars)[paid["at"].to_numpy()]
    recent = paid.filter(pl.Series(paid["ordinal"].to_numpy() > since, dtype=pl.Boolean))
    for at, rows in recent.group_by("at"):
        i = int(at[0])
        days, closes = panel.run(i, "session"), panel.run(i, "close")
        for ordinal, value in rows.sort("ordinal").select("ordinal", "value").iter_rows():
            bar = int(np.searchsorted(days, ordinal))
            if bar < len(days):
                growth[i] *= 1.0 + value / closes[bar]
    return growth - 1.0
