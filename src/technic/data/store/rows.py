"""Rows of the store's tables: which of several is the valid one, and bars as a panel takes them.

Tables only grow. What became known later stands in a row of its own beside the row that it
corrects; `newest_per` picks the one that holds, for every table and for every instant.
"""

from __future__ import annotations

from datetime import date, datetime

import numpy as np
import polars as pl

from technic.data.store.tables import TableReader
from technic.data.store.version import StoreVersion
from technic.market.adjust import adjust_for_splits
from technic.market.panel import FIELDS
from technic.market.sessions import nyse
from technic.market.typing import FloatArray, IntArray

VOLUME_BARS = 20  # of the mean volume that a universe is chosen by
COLUMNS = ["security_id", "session", "open", "high", "low", "close", "volume", "vwap"]


def newest_per(rows: pl.LazyFrame, *keys: str, before: datetime | None = None) -> pl.LazyFrame:
    """Keep, of all rows with the same keys, the one that became known last.

    Of two that became known at the same instant the later in the order of `rows` counts. A row
    without an instant counts as known before all others, and does not count where `before` is
    given. Two nulls in a key are the same key.

    Parameters
    ----------
    rows : any table with a column `known_at`
    keys : columns that say what a row is about, such as `security_id` and `session`
    before : only what was known before this instant counts; None for everything

    Returns
    -------
    LazyFrame
        The columns of `rows`; one row per combination of keys, by `known_at`.

    Examples
    --------
    >>> told = pl.LazyFrame({"session": [1, 1, 2], "close": [9.0, 8.0, 7.0], "known_at": [1, 2, 1]})
    >>> newest_per(told, "session").collect()["close"].to_list()
    [7.0, 8.0]
    """
    if before is not None:
        rows = rows.filter(pl.col("known_at") < before)
    ordered = rows.sort("known_at", maintain_order=True)
    return ordered.unique(list(keys), keep="last", maintain_order=True)


def dated_after(
    rows: pl.DataFrame, stored: pl.DataFrame, seen: datetime, *keys: str
) -> pl.DataFrame:
    """Date rows that correct stored ones after those, so that they count from now on.

    A clock that stands behind the instant of a stored row would hide every later correction of it.

    Parameters
    ----------
    rows, stored : with `keys` and `known_at`
    seen : when the rows came in; rows that are dated later than what they correct stay as they are

    Returns
    -------
    DataFrame
        `rows`, where a row of the same keys is stored with the later of `seen` and the instant
        right after the stored one.
    """
    newest = stored.group_by(keys).agg(stored_at=pl.col("known_at").max())
    joined = rows.join(newest, on=keys, how="left", nulls_equal=True, maintain_order="left")
    return joined.with_columns(
        known_at=pl.when(pl.col("known_at") <= pl.col("stored_at"))
        .then(right_after(pl.lit(seen), pl.col("stored_at")))
        .otherwise("known_at")
    ).drop("stored_at")


def right_after(seen: pl.Expr, stored: pl.Expr) -> pl.Expr:
    """The later of an instant, and the one that follows another."""
    dtype = pl.Datetime("us", "UTC")
    return pl.max_horizontal(seen.cast(dtype), stored.cast(dtype) + pl.duration(microseconds=1))


def newest_word(tables: TableReader, version: StoreVersion) -> datetime | None:
    """The latest instant at which anything that a version holds became known; None if empty."""
    instants = [
        tables.table(name, version).select(pl.col("known_at").max()).collect().item()
        for name in version.tables
    ]
    return max((at for at in instants if at is not None), default=None)


def rows_known_after(
    tables: TableReader, version: StoreVersion, instant: datetime
) -> dict[str, pl.DataFrame]:
    """Rows that became known after an instant, by table; tables without any are left out."""
    late = {
        name: tables.table(name, version).filter(pl.col("known_at") > instant).collect()
        for name in version.tables
    }
    return {name: rows for name, rows in late.items() if not rows.is_empty()}


def read_newest_bars(bars: pl.LazyFrame) -> pl.DataFrame:
    """Read bars, and keep of each security and session the one that became known last.

    Parameters
    ----------
    bars : rows of the table of bars

    Returns
    -------
    DataFrame
        `COLUMNS`, by security and session.
    """
    return newest_bars(bars.select(*COLUMNS, "known_at").collect())


def newest_bars(table: pl.DataFrame) -> pl.DataFrame:
    """The rule of `newest_per` for bars in memory, by security and session.

    They are a few long sorted runs, which a stable sort of one integer key merges quickly.

    Parameters
    ----------
    table : `COLUMNS` and `known_at`

    Returns
    -------
    DataFrame
        `COLUMNS`.
    """
    key = _key(table)
    order = np.argsort(key, kind="stable")
    if len(key) > 1 and (np.diff(key[order]) == 0).any():
        order = order[np.lexsort((table["known_at"].to_physical().to_numpy()[order], key[order]))]
        last = np.append(np.diff(key[order]) != 0, True)
        order = order[last]
    if np.array_equal(order, np.arange(len(key))):
        return table.select(COLUMNS)
    del key
    table = table.clone()
    # Column by column, each let go of as it is put in order: never the whole table twice.
    return pl.DataFrame([table.drop_in_place(name)[order] for name in COLUMNS])


def mean_volumes(tables: TableReader, version: StoreVersion, session: date) -> pl.DataFrame:
    """Mean shares a day of each security's last bars, until a session: `security_id`, `volume`."""
    low = nyse().day(max(nyse().ordinal(session) - 2 * VOLUME_BARS, 0))
    bars = tables.table("bars", version).filter(pl.col("session").is_between(low, session))
    tail = (
        newest_per(bars, "security_id", "session")
        .sort("session")
        .group_by("security_id")
        .agg(volume=pl.col("volume").tail(VOLUME_BARS).mean())
    )
    return tail.drop_nulls().collect()


def _key(table: pl.DataFrame) -> IntArray:
    """Security and session as one integer: sessions are days since 1970, which 24 bits hold."""
    days = table["session"].to_physical().to_numpy().astype(np.int64)
    key: IntArray = table["security_id"].to_numpy() * (1 << 24) + days
    return key


def adjusted_bars(
    tables: TableReader, version: StoreVersion, as_of: date, ids: IntArray | None = None
) -> pl.DataFrame:
    """Bars of a version until a session, adjusted for the splits until then, as known now.

    Parameters
    ----------
    ids : int64, securities to read; None for all

    Returns
    -------
    DataFrame
        `COLUMNS`, by security and session.
    """
    bars = tables.table("bars", version).filter(pl.col("session") <= as_of)
    splits = tables.table("actions", version).filter(
        pl.col("kind") == "split", pl.col("session") <= as_of
    )
    if ids is not None:
        bars = bars.filter(pl.col("security_id").is_in(ids.tolist()))
        splits = splits.filter(pl.col("security_id").is_in(ids.tolist()))
    table = read_newest_bars(bars)
    if version.adjustment == "splits":
        return table
    return adjust_for_splits(table, newest_per(splits, "security_id", "session").collect())


def fields_of(bars: pl.DataFrame) -> tuple[str, ...]:
    """The fields that a panel of these rows has: `vwap` only if a row has one."""
    has_vwap = bars["vwap"].null_count() < bars.height
    return FIELDS if has_vwap else FIELDS[:-1]


def columns_of_rows(bars: pl.DataFrame, fields: tuple[str, ...]) -> list[FloatArray]:
    """The fields of rows as arrays.

    Returns
    -------
    list of ndarray
        One for each field: float64, shape (n_rows,); NaN where a row has no value. Sessions are
        ordinals of the trading calendar.
    """
    ordinals = nyse().ordinals(bars["session"].to_numpy()).astype(np.float64)
    return [
        ordinals if name == "session" else bars[name].fill_null(float("nan")).to_numpy()
        for name in fields
    ]


def lengths_of(bars: pl.DataFrame, ids: IntArray) -> IntArray:
    """How many bars each of some securities has.

    Parameters
    ----------
    bars : sorted by security
    ids : int64, shape (n,)

    Returns
    -------
    ndarray
        int64, shape (n,).
    """
    column = bars["security_id"].to_numpy()
    return np.searchsorted(column, ids, "right") - np.searchsorted(column, ids, "left")
