"""What happened lately: a source of `news_count(n)` and `is_updated`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime

import numpy as np
import polars as pl

from technic.market.sessions import nyse
from technic.market.typing import FloatArray
from technic.scanner.columns.source import LoadedColumns, SessionView

COUNT = re.compile(r"news_count\((\d+)\)")
UPDATES = ("filings", "actions", "news")  # tables whose rows make a symbol updated


class RecentEvents:
    """How many events of each symbol became known in the last sessions."""

    is_cacheable = True

    def gives(self, name: str) -> bool:
        """Return whether a name counts news, or says that something happened."""
        return name == "is_updated" or COUNT.fullmatch(name) is not None

    def load(self, names: Sequence[str], view: SessionView) -> LoadedColumns:
        """Load counts of news, and 1 or 0 for whether a symbol was updated this session."""
        return LoadedColumns({name: self._column(name, view) for name in names})

    def _column(self, name: str, view: SessionView) -> FloatArray:
        count = COUNT.fullmatch(name)
        if count is None:
            counts = [events_known(view, table, 1) for table in UPDATES]
            updated: FloatArray = (np.add.reduce(counts) > 0).astype(np.float64)
            return updated
        if "news" not in view.panel_view.version.tables:
            return np.full(
                len(view.security_ids), np.nan
            )  # a store without news is silent: that is not an absence of news
        return events_known(view, "news", int(count[1]))


def events_known(view: SessionView, table: str, sessions: int) -> FloatArray:
    """Count the rows of a table that became known in the last sessions.

    Parameters
    ----------
    view : the session to stand in
    table : one with `security_id` and `known_at`
    sessions : how many, this one included

    Returns
    -------
    FloatArray
        float64, shape (n_symbols,); 0 where there is none.
    """
    first, end = _window(view, sessions)
    rows = (
        view.store.table(table, view.panel_view.version)
        .filter(pl.col("known_at") >= first, pl.col("known_at") < end)
        .group_by("security_id")
        .len()
        .collect()
    )
    symbols = view.panel_view.who.select("security_id")
    counts = symbols.join(rows, on="security_id", how="left", maintain_order="left")
    return counts["len"].fill_null(0).cast(pl.Float64).to_numpy()


def _window(view: SessionView, sessions: int) -> tuple[datetime, datetime]:
    """From the open after the session `sessions` ago to the open after this one."""
    ordinal = nyse().ordinal(view.as_of)
    end = view.panel_view.known_at or nyse().opens(ordinal + 1)
    return nyse().opens(max(ordinal + 1 - sessions, 0)), end
