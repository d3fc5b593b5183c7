"""Tables from the user's own files: Parquet or CSV, long format."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from technic.errors import SchemaError, first_line


def open_table(source: Path | pl.DataFrame, text: tuple[str, ...]) -> tuple[pl.DataFrame, str]:
    """Read a table; returns it, and what to call it in a message.

    Parameters
    ----------
    text : columns that are read as text, never guessed at: NA, NAN and TRUE are tickers

    Raises
    ------
    SchemaError
        If the file is not there, or cannot be read.
    """
    if isinstance(source, pl.DataFrame):
        return source, "the frame"
    try:
        if source.suffix.lower() in {".parquet", ".pq"}:
            return pl.read_parquet(source), source.name
        header = pl.read_csv(source, n_rows=0).columns
        overrides = {name: pl.String() for name in text if name in header}
        return (
            pl.read_csv(
                source, schema_overrides=overrides, infer_schema_length=10_000, ignore_errors=True
            ),
            source.name,
        )
    except FileNotFoundError as error:
        raise SchemaError(f"{source}: there is no such file") from error
    except (pl.exceptions.PolarsError, OSError) as error:
        reason = first_line(error)
        raise SchemaError(
            f"{source}: neither Parquet nor CSV that can be read ({reason})"
        ) from error


def rename_columns(table: pl.DataFrame, aliases: dict[str, str]) -> pl.DataFrame:
    """Give columns our names; where two would get the same one, the first keeps it.

    Parameters
    ----------
    aliases : our names, by the names of others in lower case
    """
    names: dict[str, str] = {}
    for column in table.columns:
        plain = column.strip().lower()
        ours = aliases.get(plain, plain)
        if ours not in names.values():
            names[column] = ours
    return table.select(list(names)).rename(names)


def as_date(table: pl.DataFrame, name: str) -> pl.Expr:
    """A column as dates of New York; text is read as YYYY-MM-DD, perhaps with a time behind.

    What is no date is null.
    """
    dtype = table.schema.get(name, pl.Null())
    column = pl.col(name)
    if dtype == pl.String:
        return column.str.slice(0, 10).str.to_date("%Y-%m-%d", strict=False)
    if isinstance(dtype, pl.Datetime) and dtype.time_zone:
        return column.dt.convert_time_zone("America/New_York").dt.date()
    return column.cast(pl.Date, strict=False)
