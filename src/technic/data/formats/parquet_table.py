"""A part as a table of Parquet."""

from __future__ import annotations

import polars as pl

from technic.data.formats.first_reader import trouble_in_parquet
from technic.data.formats.parts import FilePart
from technic.errors import SchemaError


def read_parquet(part: FilePart) -> pl.DataFrame:
    """Read a file of Parquet; bytes that are text, as older writers mark none, are text.

    Raises
    ------
    SchemaError
        If it is damaged or cut short, or holds a type that is not read.
    """
    source = part.path or part.read()
    damage = trouble_in_parquet(source)
    if damage:
        raise SchemaError(
            f"{part.name}: the Parquet file is damaged or cut short, or has a column of a type that "
            f"is not read ({damage[:120]}); nothing was imported"
        )
    table = pl.read_parquet(source)
    return table.with_columns(_as_text(table[name]) for name in table.columns)


def _as_text(cells: pl.Series) -> pl.Series:
    """Bytes as text if all of them are; other columns as they are."""
    if cells.dtype != pl.Binary:
        return cells
    try:
        return cells.cast(pl.String)
    except pl.exceptions.PolarsError:
        return cells
