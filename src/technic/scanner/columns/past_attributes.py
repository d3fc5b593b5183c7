"""What was known of every symbol on a past session: columns for a question asked of history."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import polars as pl

from technic.data.store import Store
from technic.data.store.panels import MappedPanel
from technic.data.store.tickers import directory
from technic.market.schema import SECTORS
from technic.market.sessions import nyse
from technic.market.typing import BoolArray, FloatArray, IntArray
from technic.query.names import FACTS
from technic.scanner.columns.listings import attributes_of_listings
from technic.scores.statements import Statements, fresh

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class PastAttributes(dict[str, Any]):
    """Columns of some symbols on one session, found when they are asked for.

    Attributes
    ----------
    listed : who was listed, bool of shape (n_symbols,)
    """

    def __init__(
        self,
        everybody: Mapping[str, Any],
        symbols: IntArray,
        listed: BoolArray,
        close: FloatArray,
        statements: _Standing,
    ) -> None:
        super().__init__()
        self.listed = listed
        self._everybody, self._symbols, self._close = everybody, symbols, close
        self._standing = statements

    def only(self, chosen: IntArray) -> PastAttributes:
        """The same of some of the symbols."""
        return PastAttributes(
            self._everybody,
            self._symbols[chosen],
            self.listed[chosen],
            self._close[chosen],
            self._standing,
        )

    def __missing__(self, name: str) -> Any:
        if name in self._everybody:
            found = self._everybody[name][self._symbols]
        elif name == "market_cap":
            shares = self["shares"]
            found = np.where(np.isnan(shares), self["market_cap_told"], shares * self._close)
        elif name in FACTS:
            found = self._standing.fact(name, self._symbols)
        else:
            found = np.full(len(self._symbols), np.nan)  # not kept for the past
        self[name] = found
        return found


@dataclass(frozen=True, slots=True)
class _Standing:
    """Where one session stands in what companies filed.

    Attributes
    ----------
    security_ids : of all symbols, by position
    before : µs since 1970; what was known then or later is not seen
    """

    statements: Statements
    security_ids: IntArray
    day: date
    before: int

    def fact(self, name: str, symbols: IntArray) -> FloatArray:
        """A column of filings for the symbols at some positions."""
        if not len(self.statements):
            return np.full(len(symbols), np.nan)
        rows = self.statements.rows(self.security_ids[symbols], self.before)
        recent = (rows >= 0) & fresh(self.statements.ends[rows], self.day)
        found: FloatArray = np.where(recent, self.statements.column(name)[rows], np.nan)
        return found


class Past:
    """The listings of a store as they were known on each session."""

    def __init__(self, store: Store, view: MappedPanel, statements: Statements) -> None:
        self._view, self._statements = view, statements
        names = ("tickers", "listings", "classifications")
        self._tables = [store.table(name, view.version).collect() for name in names]
        self._changes = self._instants_of_change()
        sectors = set(self._tables[2]["sector"].drop_nulls())
        self.sectors = tuple(name for name in SECTORS if name in sectors)
        self._held: dict[int, dict[str, Any]] = {}

    def at(self, ordinal: int, symbols: IntArray, closes: FloatArray) -> PastAttributes:
        """What was known by the open after a session of the symbols at some positions.

        Parameters
        ----------
        closes : of those symbols, as traded
        """
        day, cutoff = nyse().day(ordinal), nyse().opens(ordinal + 1)
        before = int((cutoff - EPOCH).total_seconds() * 1e6)
        everybody = self._listings(cutoff, before)
        since, until = everybody["since"][symbols], everybody["until"][symbols]
        today = np.datetime64(day, "D")
        listed = ~((~np.isnat(since) & (since > today)) | (~np.isnat(until) & (until < today)))
        standing = _Standing(self._statements, self._view.panel.security_ids, day, before)
        return PastAttributes(everybody, symbols, listed, closes, standing)

    def _instants_of_change(self) -> IntArray:
        """When a listing, a class or a name became known or began, µs since 1970.

        Who has had one name only is found under it on every day it traded.
        """
        tickers, listings, classes = self._tables
        renamed = tickers.filter(pl.len().over("security_id") > 1)
        instants = [listings["known_at"], classes["known_at"], renamed["known_at"].drop_nulls()]
        # A name begins on its day: after the open at which the session before is judged.
        began = renamed["since"].cast(pl.Datetime("us", "UTC")).dt.offset_by("20h")
        parts = [part.to_physical().to_numpy() for part in (*instants, began)]
        changes: IntArray = np.unique(np.concatenate(parts).astype(np.int64))
        return changes

    def _listings(self, cutoff: datetime, before: int) -> dict[str, Any]:
        """Columns of all symbols; the same until something new is known."""
        epoch = int(np.searchsorted(self._changes, before))
        if epoch not in self._held:
            later = self._changes[epoch : epoch + 1]
            end = EPOCH + timedelta(microseconds=int(later[0])) if len(later) else None
            day = self._view.as_of if end is None else (end - timedelta(days=1)).date()
            tickers, listings, classes = self._tables
            who = directory(tickers, listings, classes, day, cutoff)
            ids = pl.DataFrame({"security_id": self._view.panel.security_ids})
            rows = ids.join(who, on="security_id", how="left", maintain_order="left")
            found = attributes_of_listings(rows)
            for name in ("since", "until"):
                found[name] = rows[name].cast(pl.Date).to_numpy().astype("datetime64[D]")
            self._held[epoch] = found
        return self._held[epoch]
