"""Listings from files: exchanges' directories, the SEC's tickers, vendors' lists, one's own.

Everything is read as text and cast by our columns; every line is a listing, or is counted with
the reason why it is none.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from html import unescape
from pathlib import Path
from typing import Any

import polars as pl

from technic.data.formats import dates
from technic.data.formats.bar_table import enumerate_names
from technic.data.formats.listing_layouts import (
    EXCHANGES,
    LISTING_COLUMNS,
    Layout,
    layout_of,
)
from technic.data.formats.numbers import Numbers, as_numbers, mark_of
from technic.data.formats.parquet_table import read_parquet
from technic.data.formats.parts import FilePart, parts_of
from technic.data.formats.text_table import LINE, header_of, read_text
from technic.errors import SchemaError, counted
from technic.market.nulls import emptied
from technic.market.schema import INSTANT

STAMP = r"^\s*File Creation Time"  # begins the last line of Nasdaq's directories
TEXTS = ("symbol", "name", "type", "exchange", "sector", "industry", "sic", "cik")
NO_SYMBOL = "no symbol"
AGAIN = "said once more, for another table"
RAGGED = "more cells than the header"
BY_LAYOUT = "(the layout)"  # says it, where no column does


@dataclass(frozen=True, slots=True)
class ListingFile:
    """Listings as files have them.

    Attributes
    ----------
    rows : `LISTING_COLUMNS`; text, but for `market_cap` (float64, USD), `from` and `to` (dates)
        and `as_of` (an instant in UTC); null where a cell is empty or cannot be read
    layouts : how many lines there were of each layout, by its name
    lines : in the files, without headers and stamps of time
    strange : lines that are no listings, by reason
    days : how dates were read; empty if there are none
    unused : columns that were left out
    unreadable : how many cells of each column hold what cannot be read, and one of them
    left_out : files that were not read, and why
    columns : the file's name of each of ours; `BY_LAYOUT` where none holds it
    """

    rows: pl.DataFrame
    layouts: dict[str, int]
    lines: int
    strange: dict[str, int] = field(default_factory=dict)
    days: str = ""
    unused: tuple[str, ...] = ()
    unreadable: dict[str, tuple[int, str]] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)
    columns: dict[str, str] = field(default_factory=dict)


def read_listings(source: Path | pl.DataFrame, order: str | None = None) -> ListingFile:
    """Read listings as files have them, under our names.

    Parameters
    ----------
    source : a file, a folder, an archive, or a frame
    order : of day and month between slashes, "dmy" or "mdy"; None to let the column decide

    Raises
    ------
    SchemaError
        If nothing in it can be read as listings; of a single file why.
    """
    if isinstance(source, pl.DataFrame):
        return _under_our_names(_lower(source, "the frame"), "the frame", order)
    parts = parts_of(source)
    if len(parts) == 1:
        return _of_part(parts[0], order)
    files: list[ListingFile] = []
    left_out: dict[str, str] = {}
    for part in parts:
        try:
            files.append(_of_part(part, order))
        except SchemaError as error:
            left_out[part.name] = str(error).removeprefix(f"{part.name}: ")
    if not files:
        name, why = next(iter(left_out.items()))
        raise SchemaError(f"{source.name}: none of its {len(parts):,} files: {name}: {why}")
    return replace(_together(files), left_out=left_out)


def _together(files: list[ListingFile]) -> ListingFile:
    """Several files as one."""

    def added(name: str) -> dict[str, int]:
        total: dict[str, int] = {}
        for file in files:
            for key, count in getattr(file, name).items():
                total[key] = total.get(key, 0) + count
        return total

    unreadable: dict[str, tuple[int, str]] = {}
    for file in files:
        for name, (count, example) in file.unreadable.items():
            unreadable[name] = (unreadable.get(name, (0, ""))[0] + count, example)
    return ListingFile(
        rows=pl.concat([file.rows for file in files]),
        layouts=added("layouts"),
        lines=sum(file.lines for file in files),
        strange=added("strange"),
        days=" and ".join(dict.fromkeys(file.days for file in files if file.days)),
        unused=tuple(dict.fromkeys(name for file in files for name in file.unused)),
        unreadable=unreadable,
        columns=files[0].columns,
    )


def _of_part(part: FilePart, order: str | None) -> ListingFile:
    if part.refusal:
        raise part.refusal
    if part.kind == "parquet":
        return _under_our_names(_lower(read_parquet(part), part.name), part.name, order)
    if part.kind == "json":
        return _under_our_names(_of_json(part), part.name, order)
    if part.kind != "text":
        raise SchemaError(f"{part.name}: {part.kind}; unpack it, or export it as CSV or Parquet")
    text = read_text(part)
    header = header_of(text)
    if len(header) < 2 or not any(re.search("[a-z]", cell) for cell in header):
        raise SchemaError(
            f"{part.name}: no header: its first line has {counted(len(header), 'cell')} and no names of columns; "
            "add a line such as symbol,name,type,exchange. Nothing was imported"
        )
    table = text.rows.slice(1).drop(LINE).rename(dict(enumerate_names(header, part.name)))
    table = table.filter(~pl.first().str.contains(STAMP).fill_null(value=False))
    strange = {RAGGED: len(text.ragged)} if text.ragged else {}
    return _under_our_names(table, part.name, order, strange, text.separator)


def _of_json(part: FilePart) -> pl.DataFrame:
    """A table of text of what a JSON holds: rows as objects, or fields and their data."""
    try:
        content: Any = json.loads(part.read())
    except (ValueError, RecursionError) as error:
        raise SchemaError(f"{part.name}: JSON that is cut short or damaged") from error
    if isinstance(content, dict) and "facts" in content:
        raise SchemaError(
            f"{part.name}: the SEC's company facts: technic import-filings reads them"
        )
    records = _records(content)
    if not records:
        raise SchemaError(f"{part.name}: JSON, and no list of listings; nothing was imported")
    names = list(dict.fromkeys(name for record in records for name in record))
    columns = {
        name: [None if record.get(name) is None else str(record[name]) for record in records]
        for name in names
    }
    return _lower(pl.DataFrame(columns, schema=dict.fromkeys(names, pl.String)), part.name)


def _records(content: Any) -> list[Mapping[str, Any]]:
    """The rows of a JSON."""
    if isinstance(content, dict):
        fields, data = content.get("fields"), content.get("data")
        if isinstance(fields, list) and isinstance(data, list):
            names = [str(name) for name in fields]
            return [dict(zip(names, row, strict=False)) for row in data if isinstance(row, list)]
        inner = next((content[k] for k in ("results", "data", "rows") if k in content), None)
        content = inner if isinstance(inner, list) else list(content.values())
    if not isinstance(content, list) or not all(isinstance(row, dict) for row in content):
        return []
    return content


def _lower(table: pl.DataFrame, name: str) -> pl.DataFrame:
    """A table with its column names bare and in lower case."""
    header = [" ".join(column.split()).lower() for column in table.columns]
    named = [new for _, new in enumerate_names(header, name)]
    return table.rename(dict(zip(table.columns, named, strict=True)))


def _under_our_names(
    table: pl.DataFrame,
    name: str,
    order: str | None,
    strange: dict[str, int] | None = None,
    separator: str = "",
) -> ListingFile:
    """A table of any layout, as listings."""
    layout = layout_of(set(table.columns))
    strange = dict(strange or {})
    lines = table.height + sum(strange.values())
    mapping, unused = _mapping(table.columns, layout)
    if "symbol" not in mapping:
        shown = ", ".join(table.columns[:20])
        bars = {"open", "high", "low", "close"} <= set(table.columns)
        hint = "; it looks like bars: technic import reads them" if bars else ""
        raise SchemaError(f"{name}: no column symbol; it has {shown}{hint}. Nothing was imported")
    theirs = dict(mapping)
    table = _only_listings(table, layout, strange)
    table = _typed(table, layout, mapping)
    empty = table[mapping["symbol"]].cast(pl.String).str.strip_chars().fill_null("") == ""
    if empty.any():
        strange[NO_SYMBOL] = strange.get(NO_SYMBOL, 0) + int(empty.sum())
        table = table.filter(~empty)
    rows, days, unreadable = _cast(table, mapping, layout, order, separator, name)
    columns = {
        ours: theirs.get(ours, BY_LAYOUT)
        for ours in LISTING_COLUMNS
        if ours in theirs or rows[ours].null_count() < rows.height
    }
    return ListingFile(
        rows=rows,
        layouts={layout.name: lines},
        lines=lines,
        strange=strange,
        days=days,
        unused=tuple(unused),
        unreadable=unreadable,
        columns=columns,
    )


def _mapping(columns: list[str], layout: Layout) -> tuple[dict[str, str], list[str]]:
    """The file's name of each of our columns, and those that are not used."""
    mapping: dict[str, str] = {}
    unused = []
    flags = {*layout.yes, *((layout.ended or ("",))[:1]), *((layout.only or ("",))[:1])}
    # A column that bears our own name is meant before one that is called so by others.
    for column in sorted(columns, key=lambda name: name not in LISTING_COLUMNS):
        ours = layout.ours(column)
        if ours in LISTING_COLUMNS and ours not in mapping:
            mapping[ours] = column
        elif column not in flags:
            unused.append(column)
    return mapping, unused


def _only_listings(table: pl.DataFrame, layout: Layout, strange: dict[str, int]) -> pl.DataFrame:
    """The lines that are listings, by the column that says so."""
    if layout.only is None or layout.only[0] not in table.columns:
        return table
    column, values = layout.only
    kept = table.filter(pl.col(column).cast(pl.String).is_in(list(values)))
    if kept.height < table.height:
        strange[AGAIN] = table.height - kept.height
    return kept


def _worth(told: Numbers) -> Numbers:
    """Market values; what is below zero or without end is none, and counts as unreadable."""
    values = told.values.fill_nan(None)
    wrong = (~values.is_finite() | (values < 0.0)).fill_null(value=False)
    if not bool(wrong.any()):
        return Numbers(values, told.unreadable, told.example, told.lost)
    example = told.example or f"{values.filter(wrong)[0]:g}"
    return Numbers(emptied(values, wrong), told.unreadable + int(wrong.sum()), example)


def _typed(table: pl.DataFrame, layout: Layout, mapping: dict[str, str]) -> pl.DataFrame:
    """A table whose types, exchanges and last days are what the layout means by them."""
    changes: dict[str, pl.Expr] = {}
    kind = pl.col(mapping["type"]).cast(pl.String) if "type" in mapping else pl.lit(layout.kind)
    if layout.kinds:
        chain: Any = kind
        for part, ours in reversed(list(layout.kinds.items())):
            has = kind.str.to_lowercase().str.contains(part, literal=True)
            chain = pl.when(has).then(pl.lit(ours)).otherwise(chain)
        kind = chain
    for column, ours in reversed(list(layout.yes.items())):
        if column in table.columns:
            yes = pl.col(column).cast(pl.String).str.strip_chars().str.to_uppercase() == "Y"
            kind = pl.when(yes.fill_null(value=False)).then(pl.lit(ours)).otherwise(kind)
    changes["type"] = kind
    if layout.exchange:
        changes["exchange"] = pl.lit(layout.exchange)
    if layout.ended is not None and "to" in mapping:
        column, value = layout.ended
        ended = (pl.col(column).cast(pl.String).str.to_uppercase() == value).fill_null(value=False)
        changes["to"] = pl.when(ended).then(pl.col(mapping["to"]))
    if layout.caret:
        symbols = pl.col(mapping["symbol"]).cast(pl.String).str.strip_chars()
        changes["symbol"] = symbols.str.replace(r"\^$", "-P")
    table = table.with_columns(value.alias(f"our {name}") for name, value in changes.items())
    mapping |= {name: f"our {name}" for name in changes}
    return table


def _cast(
    table: pl.DataFrame,
    mapping: dict[str, str],
    layout: Layout,
    order: str | None,
    separator: str,
    name: str,
) -> tuple[pl.DataFrame, str, dict[str, tuple[int, str]]]:
    """Cells as text, numbers, days and instants; how days were read, and what could not be."""
    columns: dict[str, pl.Series] = {}
    unreadable: dict[str, tuple[int, str]] = {}
    days: list[str] = []
    for ours in LISTING_COLUMNS:
        if ours not in mapping:
            columns[ours] = pl.Series([None] * table.height, dtype=_TYPES.get(ours, pl.String()))
            continue
        cells = table[mapping[ours]]
        if ours in TEXTS:
            columns[ours] = _text(cells, ours, layout)
            continue
        if ours == "market_cap":
            sign = mark_of([cells], separator) if cells.dtype == pl.String else None
            told: Any = _worth(as_numbers(cells, sign))
        else:
            told = _stamps(_without_never(cells) if ours == "to" else cells, ours, order, name)
            days += [] if told.values.is_null().all() else [told.how]
        columns[ours] = told.values.cast(_TYPES[ours])
        if told.unreadable:
            unreadable[ours] = (told.unreadable, str(told.example or ""))
    rows = pl.DataFrame({ours: cells.alias(ours) for ours, cells in columns.items()})
    return rows, " and ".join(dict.fromkeys(days)), unreadable


# The year of a day that is written out, whichever part it is.
NEVER = r"(?:^|[^\d])([2-9]\d{3})(?:$|[^\d]|(?:\d{4})(?:\.0+)?$)"
_TYPES: dict[str, pl.DataType] = {
    "market_cap": pl.Float64(),
    "from": pl.Date(),
    "to": pl.Date(),
    "as_of": INSTANT,
}


def _stamps(cells: pl.Series, ours: str, order: str | None, name: str) -> dates.Stamps:
    reader = dates.as_instants if ours == "as_of" else dates.as_days
    try:
        return reader(cells, order)
    except SchemaError as error:
        raise SchemaError(f"{name}: column {ours}: {error}. Nothing was imported") from error


def _without_never(cells: pl.Series) -> pl.Series:
    """Last days without those that mean that there is none yet: 9999-12-31, or any far ahead."""
    if cells.dtype.is_temporal():
        years = cells.dt.year()
    else:
        years = cells.cast(pl.String).str.extract(NEVER).cast(pl.Int32)
    return emptied(cells, years > datetime.now(UTC).year + 1)


def _text(cells: pl.Series, ours: str, layout: Layout) -> pl.Series:
    """Cells as text without blanks around it; null where nothing stands."""
    text = cells.cast(pl.String).str.strip_chars()
    text = emptied(text, text == "")
    if ours == "symbol":
        return text
    if ours == "name":  # names taken from web pages carry the entities of HTML
        return text.map_elements(unescape, return_dtype=pl.String)
    if ours == "exchange":
        codes = {**EXCHANGES, **layout.exchanges}
        return text.str.to_lowercase().replace_strict(codes, default=text, return_dtype=pl.String)
    if ours in {"sic", "cik"}:
        text = text.str.extract(r"(?i)CIK=?0*(\d{1,10})").fill_null(text) if ours == "cik" else text
        return text.str.replace(r"\.0+$", "")  # a number that went through a float
    return text
