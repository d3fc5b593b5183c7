"""Cached columns: one number per symbol, kept as Arrow under a key that names its content.

A key is a digest of everything that a column depends on, so what is found is never out of date.
A cache may forget anything; what it returns is held against the number of symbols before it is
believed.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeVar

import polars as pl

from technic.market.typing import FloatArray
from technic.runtime.cache import TieredCache

Name = TypeVar("Name")


@dataclass(frozen=True, slots=True)
class ColumnCache:
    """Recalls and keeps the columns of one cross-section.

    Attributes
    ----------
    cache : where the columns lie
    n_symbols : length of every column; content of another length is no column of these symbols
    """

    cache: TieredCache
    n_symbols: int

    def recall(self, keys: Mapping[Name, str]) -> dict[Name, FloatArray]:
        """Return the columns that the cache holds; the others are left out.

        Parameters
        ----------
        keys : per name of a column, the key it is cached under

        Returns
        -------
        dict
            Per name, float64 of shape (n_symbols,), read-only; NaN is unknown.
        """
        contents = self.cache.get_many(keys.values()) if keys else {}
        columns: dict[Name, FloatArray] = {}
        for name, key in keys.items():
            if key in contents:
                column = _column_of(contents[key], self.n_symbols)
                if column is not None:
                    columns[name] = column
        return columns

    def keep(
        self, keys: Mapping[Name, str], columns: Mapping[Name, FloatArray], cost: float
    ) -> None:
        """Put columns into the cache.

        Parameters
        ----------
        keys : per name of a column, the key to cache it under; may name more than `columns` has
        columns : per name, float64 of shape (n_symbols,)
        cost : milliseconds that it takes to compute one of them again
        """
        if columns and self.cache.tiers:
            contents = {
                keys[name]: arrow_of(pl.DataFrame({"value": column}))
                for name, column in columns.items()
            }
            self.cache.put_many(contents, cost=cost)


# Equal bytes are decoded once per process: a warm scan reads each of its columns again and again.
@lru_cache(maxsize=512)
def _column_of(content: bytes, n_symbols: int) -> FloatArray | None:
    """A cached column; None if it is not one of so many symbols."""
    table = table_of_arrow(content)
    if table is None or table.columns != ["value"] or table.height != n_symbols:
        return None
    return table["value"].to_numpy()


def arrow_of(table: pl.DataFrame) -> bytes:
    """Return a table as Arrow IPC bytes."""
    buffer = io.BytesIO()
    table.write_ipc(buffer)
    return buffer.getvalue()


def table_of_arrow(content: bytes) -> pl.DataFrame | None:
    """Return the table that Arrow IPC bytes hold; None if they hold none."""
    try:
        return pl.read_ipc(content)
    except (pl.exceptions.PolarsError, OSError, ValueError):
        return None
