"""Rows of the table of bars, as a panel takes them."""

from __future__ import annotations

import numpy as np
import polars as pl

from technic.market.panel import FIELDS
from technic.market.sessions import nyse
from technic.market.typing import FloatArray, IntArray

COLUMNS = ["security_id", "session", "open", "high", "low", "close", "volume", "vwap"]


def newest_rows(bars: pl.LazyFrame) -> pl.DataFrame:
    """One row per security and session, the one that became known last; in that order."""
    return newest_of(bars.select(*COLUMNS, "known_at").collect())


def newest_of(table: pl.DataFrame) -> pl.DataFrame:
    """The same of rows in memory.

    They are a few long sorted runs, which a stable sort of one integer key merges quickly.
    """
    key = _key(table)
    order = np.argsort(key, kind="stable")
    if len(key) > 1 and (np.diff(key[order]) == 0).any():
        order = order[np.lexsort((table["known_at"].to_physical().to_numpy()[order], key[order]))]
        last = np.append(np.diff(key[order]) != 0, True)
        order = order[last]
    if not np.array_equal(order, np.arange(len(key))):
        table = table[order]
    return table.select(COLUMNS)


def _key(table: pl.DataFrame) -> IntArray:
    """Security and session as one integer."""
    days = table["session"].to_physical().to_numpy().astype(np.int64)
    key: IntArray = table["security_id"].to_numpy() * (1 << 24) + days
    return key


def fields_of(bars: pl.DataFrame) -> tuple[str, ...]:
    """The fields that a panel of these rows has."""
    has_vwap = bars["vwap"].null_count() < bars.height
    return FIELDS if has_vwap else FIELDS[:-1]


def columns_of_rows(bars: pl.DataFrame, fields: tuple[str, ...]) -> list[FloatArray]:
    """The fields of rows, one array each."""
    ordinals = nyse().ordinals(bars["session"].to_numpy()).astype(np.float64)
    return [
        ordinals if name == "session" else bars[name].fill_null(float("nan")).to_numpy()
        for name in fields
    ]


def lengths_of(bars: pl.DataFrame, ids: IntArray) -> IntArray:
    """How many rows each of `ids` has in `bars`, which is sorted by security."""
    column = bars["security_id"].to_numpy()
    return np.searchsorted(column, ids, "right") - np.searchsorted(column, ids, "left")
