"""Tables with a column for each field and ticker, as yfinance writes them, made long."""

from __future__ import annotations

import ast

import polars as pl

from technic.data.formats.text_table import LINE
from technic.errors import SchemaError

FIELDS = ("open", "high", "low", "close", "adj close", "volume", "dividends", "stock splits", "capital gains")  # fmt: skip
KEYS = ("price", "ticker")  # what the two header lines are called, in either order


def is_wide_text(rows: pl.DataFrame) -> bool:
    """Whether two lines of header stand above the dates.

    Parameters
    ----------
    rows : a table of text, its first rows the header
    """
    if rows.height < 3 or rows.width < 3:
        return False
    first, second = (rows.drop(LINE).row(k) for k in (0, 1))
    names = {_plain(first[0]), _plain(second[0])}
    fields = {_plain(cell) for cell in (*first[1:], *second[1:])} & set(FIELDS)
    return names <= {*KEYS, ""} and len(fields) >= 4 and _plain(second[0]) != "date"


def long_of_text(rows: pl.DataFrame, name: str) -> pl.DataFrame:
    """A row per date and ticker, of text; see `long_of`."""
    table = rows.drop(LINE)
    first, second = ([_plain(cell) for cell in table.row(k)] for k in (0, 1))
    raw_first, raw_second = table.row(0), table.row(1)
    known = [sum(cell in FIELDS for cell in row[1:]) for row in (first, second)]
    fields_first = known[0] >= known[1]
    fields, tickers = (first, raw_second) if fields_first else (second, raw_first)
    third = _plain(table.row(2)[0]) == "date"
    body = table.slice(3 if third else 2)
    columns = {
        column: (fields[k], str(tickers[k] or "").strip())
        for k, column in enumerate(table.columns)
        if k and fields[k]
    }
    return long_of(body.rename({table.columns[0]: "date"}), columns, name)


def pairs_of(columns: list[str]) -> dict[str, tuple[str, str]]:
    """Field and ticker of columns that are named by both, as "('Close', 'ACME')"."""
    pairs = {}
    for column in columns:
        if not column.startswith("("):
            continue
        try:
            found = ast.literal_eval(column)
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            continue
        if isinstance(found, tuple) and len(found) == 2:
            one, two = (str(part) for part in found)
            if _plain(one) in FIELDS:
                pairs[column] = (_plain(one), two)
            elif _plain(two) in FIELDS:
                pairs[column] = (_plain(two), one)
    return pairs


def long_of(table: pl.DataFrame, columns: dict[str, tuple[str, str]], name: str) -> pl.DataFrame:
    """A row per date and ticker; dates on which a ticker has no value at all are no rows.

    Parameters
    ----------
    table : with `date`, and a column for each field and ticker
    columns : field, in lower case, and ticker of each column
    name : of the file, for the message

    Raises
    ------
    SchemaError
        If there is no ticker, or a field of one stands twice.
    """
    if not columns:
        raise SchemaError(f"{name}: two lines of header, and no ticker in them")
    if len(set(columns.values())) < len(columns):
        twice = next(pair for pair in columns.values() if list(columns.values()).count(pair) > 1)
        raise SchemaError(f"{name}: {twice[0]} of {twice[1]} stands twice; nothing was imported")
    tickers = sorted({ticker for _, ticker in columns.values()})
    fields = sorted({field for field, _ in columns.values()})
    by_pair = {pair: column for column, pair in columns.items()}
    parts = []
    for ticker in tickers:
        cells = [
            (pl.col(by_pair[field, ticker]) if (field, ticker) in by_pair else pl.lit(None)).alias(
                field
            )
            for field in fields
        ]
        part = table.select(pl.lit(ticker).alias("symbol"), "date", *cells)
        parts.append(part.filter(~pl.all_horizontal(pl.col(fields).is_null())))
    return pl.concat(parts, how="vertical_relaxed")


def _plain(cell: object) -> str:
    return " ".join(str(cell or "").split()).lower()
