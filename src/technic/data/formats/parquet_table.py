"""A part as a table of Parquet."""

from __future__ import annotations

import polars as pl

from technic.data.formats.first_reader import trouble_in_parquet
from technic.data.formats.parts import FilePart
from technic.errors import SchemaError


def read_parquet(part: FilePart) -> pl.DataFrame:
    """Read a file of Parquet.

    Raises
    ------
    SchemaError
        If it is damaged or cut short.
    """
    source = part.path or part.read()
    damage = trouble_in_parquet(source)
    if damage:
        raise SchemaError(
            f"{part.name}: the Parquet file is damaged or cut short ({damage[:120]}); nothing was "
            "imported"
        )
    return pl.read_parquet(source)
