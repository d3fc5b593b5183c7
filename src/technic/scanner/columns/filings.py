"""What companies filed, event by event, as a store version knows it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path

import numpy as np
import polars as pl

from technic.data.store import Store, StoreVersion
from technic.data.store.tables import data_files, scan_files
from technic.market.sessions import nyse
from technic.market.typing import FloatArray, IntArray
from technic.scores.statements import SPLITS, Statements, statements_of

DAY = 86_400_000_000  # microseconds
QUARTER = 91  # days between filings, where last year's dates are not known
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
NEVER = np.iinfo(np.int64).min


@lru_cache(maxsize=2)
def _statements(folder: Path, _identity: str, facts: int, actions: int) -> Statements:
    """Statements of the tables at given Delta versions; −1 is no table."""
    told = _table(folder, "facts", facts)
    splits = _table(folder, "actions", actions).filter(pl.col("kind") == "split")
    opens = {
        day: microseconds_since_1970(nyse().opens(nyse().last_until(day)))
        for day in splits["session"].unique()
    }
    return statements_of(
        told,
        splits.select(
            "security_id",
            ex=pl.col("session").replace_strict(opens, return_dtype=pl.Int64),
            known=pl.col("known_at").to_physical(),
            ratio="value",
        ).cast(SPLITS),  # type: ignore[arg-type]
    )


def statements_at(store: Store, version: StoreVersion) -> Statements:
    """What a store version knows of every company, event by event."""
    tables = version.tables
    return _statements(
        store.folder, version.identity, tables.get("facts", -1), tables.get("actions", -1)
    )


def _table(folder: Path, name: str, version: int) -> pl.DataFrame:
    return scan_files(name, [] if version < 0 else data_files(folder, name, version)).collect()


def next_filing_days(statements: Statements) -> FloatArray:
    """Day on which each event's next filing is expected, since 1970: an estimate.

    A year after the filing for the same quarter of last year; where that is not known, a quarter
    after the newest.
    """
    before = statements.known_of("assets", -9)
    year = np.where(before == NEVER, np.nan, days_since_1970(before) + 365.0)
    return np.where(np.isnan(year), days_since_1970(statements.filed) + QUARTER, year)


def days_since_1970(instants: IntArray) -> FloatArray:
    """Days since 1970, by the calendar of New York, as near as a fixed five hours gets."""
    return np.floor((instants - 5 * 3_600_000_000) / DAY)


def microseconds_since_1970(instant: datetime) -> int:
    """Microseconds since 1970, UTC."""
    return (instant - EPOCH) // timedelta(microseconds=1)
