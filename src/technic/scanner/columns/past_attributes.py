"""Columns of past sessions: the sources of today's columns, over what was known then.

1. `AttributeHistory` reads the listings of a store once, with the instants at which they changed.
2. `AttributeHistory.at` holds the view of one session: its listings, its close, and the instant
   before which a filing counts.
3. `PastAttributes` loads columns of that view from `PAST_SOURCES`, as `Attributes` does from all.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from typing import Any

import numpy as np
import polars as pl

from technic.data.store import Store
from technic.data.store.mapped_panel import MappedPanel
from technic.data.store.tickers import directory
from technic.market.schema import SECTORS
from technic.market.sessions import nyse
from technic.market.typing import BoolArray, FloatArray, IntArray
from technic.scanner.columns.filings import FilingDates, Filings, microseconds_since_1970
from technic.scanner.columns.listings import Listings, days_of, listed_between, listing_columns
from technic.scanner.columns.market_value import MarketValue
from technic.scanner.columns.source import ColumnSource, SymbolView, Values
from technic.scores.statements import Statements

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
PAST_SOURCES: tuple[ColumnSource[SymbolView], ...] = (
    Listings(),
    Filings(),
    FilingDates(),
    MarketValue(),
)


@dataclass(eq=False)
class PastAttributes(dict[str, Any]):
    """Columns of some symbols on one past session, loaded when they are asked for.

    What no source tells of the past is unknown: NaN for every symbol. It is itself the
    `SymbolView` that its sources read.

    Attributes
    ----------
    as_of : the session
    before : µs since 1970; what became known then or later is not seen
    security_ids : int64, shape (n_symbols,)
    closes : float64, shape (n_symbols,); USD as traded on the session
    statements : what every company filed, event by event
    listings : columns of the listings of every symbol of the store, as known then
    positions : int64, shape (n_symbols,); where the symbols stand in `listings`
    """

    as_of: date
    before: int
    security_ids: IntArray
    closes: FloatArray
    statements: Statements
    listings: Mapping[str, Values]
    positions: IntArray

    def __missing__(self, name: str) -> Any:
        """Load a column from the source that gives it."""
        for source in PAST_SOURCES:
            if source.gives(name):
                self |= source.load([name], self).values
                return self[name]
        self[name] = np.full(len(self.positions), np.nan)  # not kept for the past
        return self[name]

    @property
    def columns(self) -> PastAttributes:
        """These columns, for the sources that read others."""
        return self

    @cached_property
    def events(self) -> IntArray:
        """Per symbol its newest visible event of `statements`; −1 where there is none."""
        return self.statements.rows(self.security_ids, self.before)

    @cached_property
    def listed(self) -> BoolArray:
        """Who was listed on the session; bool, shape (n_symbols,)."""
        since, until = self.listing("since"), self.listing("until")
        traded = np.full(len(since), np.datetime64(self.as_of, "D"))
        traded[np.isnan(self.closes)] = np.datetime64("NaT")
        return listed_between(since, until, self.as_of, traded)

    def listing(self, name: str) -> Values:
        """Return one column of the listings, shape (n_symbols,)."""
        return self.listings[name][self.positions]

    def only(self, chosen: IntArray) -> PastAttributes:
        """Return the columns of some of the symbols.

        Parameters
        ----------
        chosen : positions among these symbols
        """
        return replace(
            self,
            security_ids=self.security_ids[chosen],
            closes=self.closes[chosen],
            positions=self.positions[chosen],
        )


class AttributeHistory:
    """The listings of a store as they were known on each session.

    Parameters
    ----------
    store : whose listings are read, once
    view : every symbol of the store
    statements : what every company filed, event by event

    Attributes
    ----------
    sectors : names of the sectors that any listing ever had, in the order of `SECTORS`
    """

    def __init__(self, store: Store, view: MappedPanel, statements: Statements) -> None:
        self._view, self._statements = view, statements
        names = ("tickers", "listings", "classifications")
        self._tables = [store.table(name, view.version).collect() for name in names]
        self._changes = self._instants_of_change()
        sectors = set(self._tables[2]["sector"].drop_nulls())
        self.sectors = tuple(name for name in SECTORS if name in sectors)
        self._by_epoch: dict[int, dict[str, Values]] = {}

    def at(self, ordinal: int, symbols: IntArray, closes: FloatArray) -> PastAttributes:
        """Return what was known of some symbols by the open after a session.

        Parameters
        ----------
        ordinal : of the session
        symbols : positions in the view
        closes : of those symbols on the session, USD as traded
        """
        cutoff = nyse().opens(ordinal + 1)
        return PastAttributes(
            as_of=nyse().day(ordinal),
            before=microseconds_since_1970(cutoff),
            security_ids=self._view.bars.security_ids[symbols],
            closes=closes,
            statements=self._statements,
            listings=self._listings(cutoff),
            positions=symbols,
        )

    def _instants_of_change(self) -> IntArray:
        """When a listing, a class or a name became known or began, µs since 1970.

        Who has had one name only is found under it on every day it traded.
        """
        tickers, listings, classes = self._tables
        renamed = tickers.filter(pl.col("era").fill_null(0).n_unique().over("security_id") > 1)
        instants = [listings["known_at"], classes["known_at"], renamed["known_at"].drop_nulls()]
        # A name begins on its day: after the open at which the session before is judged.
        began = renamed["since"].cast(pl.Datetime("us", "UTC")).dt.offset_by("20h")
        parts = [part.to_physical().to_numpy() for part in (*instants, began)]
        changes: IntArray = np.unique(np.concatenate(parts).astype(np.int64))
        return changes

    def _listings(self, cutoff: datetime) -> dict[str, Values]:
        """Columns of all symbols; the same until something new is known."""
        epoch = int(np.searchsorted(self._changes, microseconds_since_1970(cutoff)))
        if epoch not in self._by_epoch:
            self._by_epoch[epoch] = self._listings_of_epoch(epoch, cutoff)
        return self._by_epoch[epoch]

    def _listings_of_epoch(self, epoch: int, cutoff: datetime) -> dict[str, Values]:
        """Columns as they stood until the change that ends an epoch."""
        later = self._changes[epoch : epoch + 1]
        end = EPOCH + timedelta(microseconds=int(later[0])) if len(later) else None
        # Names are looked up on the epoch's last day, so that every session in it finds its own.
        day = self._view.as_of if end is None else (end - timedelta(days=1)).date()
        tickers, listings, classes = self._tables
        who = directory(tickers, listings, classes, day, cutoff)
        ids = pl.DataFrame({"security_id": self._view.bars.security_ids})
        rows = ids.join(who, on="security_id", how="left", maintain_order="left")
        columns = listing_columns(rows)
        return columns | {name: days_of(rows, name) for name in ("since", "until")}
