"""A part as a table of Parquet."""

from __future__ import annotations

import polars as pl

from technic.data.formats.panics import panics_as_errors
from technic.data.formats.parts import FilePart
from technic.errors import SchemaError, first_line


def read_parquet(part: FilePart) -> pl.DataFrame:
    """Read a file of Parquet.

    Raises
    ------
    SchemaError
        If it is damaged or cut short.
    """
    try:
        with panics_as_errors():
            return pl.read_parquet(part.path or part.read())
    except (pl.exceptions.PolarsError, OSError) as error:
        raise SchemaError(
            f"{part.name}: the Parquet file is damaged or cut short ({first_line(error)[:120]}); "
            "nothing was imported"
        ) from error
