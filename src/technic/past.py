"""What was known of every symbol on a past session: columns for a question asked of history."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import numpy as np
import polars as pl

from technic.listed import attributes_of_listings
from technic.market.schema import SECTORS
from technic.market.sessions import nyse
from technic.query.names import FACTS
from technic.scores.statements import Statements, fresh
from technic.store import Store
from technic.store.directory import directory
from technic.store.panels import MappedPanel
from technic.typing import BoolArray, FloatArray, IntArray

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Seen(dict[str, Any]):
    """Columns of the symbols that traded on one session; facts are found when asked for.

    Attributes
    ----------
    listed : who was listed, bool of shape (n_symbols,)
    """

    def __init__(
        self, listings: dict[str, Any], listed: BoolArray, statements: Statements,
        security_ids: IntArray, close: FloatArray, day: date, before: int,
    ) -> None:  # fmt: skip
        super().__init__(listings)
        self.listed = listed
        self._statements, self._ids, self._close = statements, security_ids, close
        self._day, self._before = day, before
        self._rows: IntArray | None = None

    def __missing__(self, name: str) -> Any:
        if name == "market_cap":
            shares = self["shares"]
            found = np.where(np.isnan(shares), self["market_cap_told"], shares * self._close)
        elif name in FACTS:
            found = self._fact(name)
        else:
            found = np.full(len(self._ids), np.nan)  # not kept for the past
        self[name] = found
        return found

    def _fact(self, name: str) -> FloatArray:
        if not len(self._statements):
            return np.full(len(self._ids), np.nan)
        if self._rows is None:
            self._rows = self._statements.rows(self._ids, self._before)
        recent = (self._rows >= 0) & fresh(self._statements.ends[self._rows], self._day)
        return np.where(recent, self._statements.column(name)[self._rows], np.nan)


class Past:
    """The listings of a store as they were known on each session."""

    def __init__(self, store: Store, view: MappedPanel, statements: Statements) -> None:
        self._view, self._statements = view, statements
        names = ("tickers", "listings", "classifications")
        self._tables = [store.table(name, view.version).collect() for name in names]
        told = [table["known_at"].drop_nulls() for table in self._tables]
        dates = [*told, self._tables[0]["since"].cast(told[0].dtype)]
        self._changes = np.unique(np.concatenate([d.to_physical().to_numpy() for d in dates]))
        sectors = set(self._tables[2]["sector"].drop_nulls())
        self.sectors = tuple(name for name in SECTORS if name in sectors)
        self._held: dict[int, dict[str, Any]] = {}

    def at(self, ordinal: int, symbols: IntArray, closes: FloatArray) -> Seen:
        """What was known by the open after a session of the symbols at some positions.

        Parameters
        ----------
        closes : of those symbols, as traded
        """
        day, cutoff = nyse().day(ordinal), nyse().opens(ordinal + 1)
        before = int((cutoff - EPOCH).total_seconds() * 1e6)
        everybody = self._listings(day, cutoff, before)
        mine = {name: column[symbols] for name, column in everybody.items()}
        since, until = mine.pop("since"), mine.pop("until")
        today = np.datetime64(day, "D")
        listed = ~((~np.isnat(since) & (since > today)) | (~np.isnat(until) & (until < today)))
        ids = self._view.panel.security_ids[symbols]
        return Seen(mine, listed, self._statements, ids, closes, day, before)

    def _listings(self, day: date, cutoff: datetime, before: int) -> dict[str, Any]:
        """Columns of all symbols; the same until something new is known."""
        epoch = int(np.searchsorted(self._changes, before))
        if epoch not in self._held:
            who = directory(*self._tables, day, cutoff)
            ids = pl.DataFrame({"security_id": self._view.panel.security_ids})
            rows = ids.join(who, on="security_id", how="left", maintain_order="left")
            found = attributes_of_listings(rows)
            for name in ("since", "until"):
                found[name] = rows[name].cast(pl.Date).to_numpy().astype("datetime64[D]")
            self._held[epoch] = found
        return self._held[epoch]
