"""What companies filed: sources of facts and of filing dates, and the events both read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path

import numpy as np
import polars as pl

from technic.data.store import Store, StoreVersion
from technic.data.store.tables import TableReader
from technic.market.sessions import nyse
from technic.market.typing import FloatArray, IntArray
from technic.query.names import FACTS
from technic.scanner.columns.source import LoadedColumns, SymbolView
from technic.scores.split_facts import SPLITS
from technic.scores.statements import Statements, fresh, statements_of

DAY = 86_400_000_000  # microseconds
QUARTER = 91  # days between filings, where last year's dates are not known
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
NEVER = np.iinfo(np.int64).min
DATES = frozenset({"has_filings", "days_since_filing", "days_to_expected_filing"})


class Filings:
    """Numbers of filings, such as `net_income_ttm`; unknown where the newest filing is too old."""

    is_cacheable = True

    def gives(self, name: str) -> bool:
        """Return whether a name is a column of filings."""
        return name in FACTS

    def load(self, names: Sequence[str], view: SymbolView) -> LoadedColumns:
        """Load facts in their units, float64; NaN where nothing fresh was filed by then."""
        statements, events = view.statements, view.events
        if not len(statements):
            return LoadedColumns({name: np.full(len(events), np.nan) for name in names})
        is_fresh = (events >= 0) & fresh(statements.ends[events], view.as_of)
        return LoadedColumns(
            {name: np.where(is_fresh, statements.column(name)[events], np.nan) for name in names}
        )


class FilingDates:
    """Who has filed at all, how long ago, and when the next filing may be expected."""

    is_cacheable = True

    def gives(self, name: str) -> bool:
        """Return whether a name is one of `DATES`."""
        return name in DATES

    def load(self, names: Sequence[str], view: SymbolView) -> LoadedColumns:
        """Load 1 or 0 for `has_filings`; days from the session, NaN for who has filed nothing."""
        return LoadedColumns({name: _dates_column(name, view) for name in names})


def _dates_column(name: str, view: SymbolView) -> FloatArray:
    statements, events = view.statements, view.events
    if name == "has_filings":
        return (events >= 0).astype(np.float64)
    if not len(statements):
        return np.full(len(events), np.nan)
    today = float(np.datetime64(view.as_of, "D").astype(np.int64))
    if name == "days_since_filing":
        days = today - days_since_1970(statements.filed[events])
    else:
        days = next_filing_days(statements)[events] - today
    return np.where(events >= 0, days, np.nan)


def statements_at(store: Store, version: StoreVersion) -> Statements:
    """Return what a store version knows of every company, event by event.

    Parameters
    ----------
    store : whose tables of facts and actions are read, once per version
    version : of the store

    Returns
    -------
    Statements
        Every event, those that became known later than any session asked for included.
    """
    tables = version.tables
    facts, actions = tables.get("facts", -1), tables.get("actions", -1)
    return _statements(_Pinned(store.folder, version.identity, facts, actions, version))


@dataclass(frozen=True, slots=True)
class _Pinned:
    """What statements are made from: Delta versions of two tables, −1 where there is none."""

    folder: Path
    identity: str
    facts: int
    actions: int
    version: StoreVersion = field(compare=False)  # one of those that have these tables


@lru_cache(maxsize=2)
def _statements(pinned: _Pinned) -> Statements:
    """Statements of the tables at given Delta versions."""
    tables = TableReader(pinned.folder)
    actions = tables.table("actions", pinned.version).collect()
    splits = actions.filter(pl.col("kind") == "split")
    opens = {
        day: microseconds_since_1970(nyse().opens(nyse().last_until(day)))
        for day in splits["session"].unique()
    }
    return statements_of(
        tables.table("facts", pinned.version).collect(),
        splits.select(
            "security_id",
            ex=pl.col("session").replace_strict(opens, return_dtype=pl.Int64),
            known=pl.col("known_at").to_physical(),
            ratio="value",
        ).cast(SPLITS),  # type: ignore[arg-type]
    )


def next_filing_days(statements: Statements) -> FloatArray:
    """Estimate the day on which each event's next filing is due.

    A year after the filing for the same quarter of last year; where that is not known, a quarter
    after the newest.

    Returns
    -------
    FloatArray
        Days since 1970, float64 of shape (n_events,).
    """
    year_ago = statements.known_of("assets", -9)
    due = np.where(year_ago == NEVER, np.nan, days_since_1970(year_ago) + 365.0)
    return np.where(np.isnan(due), days_since_1970(statements.filed) + QUARTER, due)


def days_since_1970(instants: IntArray) -> FloatArray:
    """Return days since 1970 in New York, as near as a fixed five hours from UTC gets."""
    return np.floor((instants - 5 * 3_600_000_000) / DAY)


def microseconds_since_1970(instant: datetime) -> int:
    """Return an instant as microseconds since 1970, UTC."""
    return (instant - EPOCH) // timedelta(microseconds=1)
