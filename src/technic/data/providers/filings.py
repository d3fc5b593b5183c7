"""Filings from the user's own files: one row per filing, numbers as columns."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from technic.data.providers.files import as_date, open_table, rename_columns
from technic.errors import SchemaError

REQUIRED = ("symbol", "as_of", "period_end", "form", "period")
# Names that other tools write, in lower case.
ALIASES = {
    "ticker": "symbol",
    "filed": "as_of",
    "filing_date": "as_of",
    "known_at": "as_of",
    "end_date": "period_end",
    "doc_type": "form",
    "period_focus": "period",
    "fiscal_period": "period",
    "amend": "amended",
    "revenues": "revenue",
    "op_income": "operating_income",
    "eps_diluted": "eps",
    "dividend": "dividend_per_share",
    "cur_assets": "current_assets",
    "cur_liab": "current_liabilities",
}


def read_filings(source: Path | pl.DataFrame, items: tuple[str, ...]) -> pl.DataFrame:
    """Read filings as a file has them, under our names.

    Parameters
    ----------
    items : names of the numbers to read; those that the file lacks are left out

    Returns
    -------
    DataFrame
        `symbol`, `as_of` (as it stands in the file), `period_end`, `form`, `period` (Q1 to Q3,
        FY), `fiscal_year`, `amended` (null where it is not said) and the items.

    Raises
    ------
    SchemaError
        If the file cannot be read, or lacks a column that names a filing.
    """
    table, what = open_table(source, text=("symbol", "ticker"))
    table = rename_columns(table, ALIASES)
    columns = [name for name in items if name in table.columns]
    if missing := [name for name in REQUIRED if name not in table.columns] or not columns:
        lacks = ", ".join(missing) if isinstance(missing, list) else "with a number of a statement"
        raise SchemaError(
            f"{what}: no column {lacks}; it has {', '.join(table.columns)}. One row per filing is "
            "expected: symbol, as_of, period_end, form, period and numbers; nothing was imported"
        )
    absent = [
        pl.lit(None, dtype=dtype).alias(name)
        for name, dtype in (("fiscal_year", pl.Int64()), ("amended", pl.Boolean()))
        if name not in table.columns
    ]
    return table.with_columns(absent).select(
        pl.col("symbol", "form", "period").cast(pl.String),
        "as_of",
        as_date(table, "period_end"),
        pl.col("fiscal_year").cast(pl.Int64, strict=False),
        pl.col("amended").cast(pl.Boolean, strict=False),
        *(pl.col(name).cast(pl.Float64, strict=False) for name in columns),
    )
