"""A table of bars in any layout, under our names.

1. `_mapping` says which column is which, `_only_days` which rows are bars of a day.
2. `_cast` reads cells as numbers and days; what cannot be read is null, counted and shown.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import polars as pl

from technic.data.formats import dates
from technic.data.formats.adjustment import Adjustment, adjustment_of
from technic.data.formats.bar_file import BarFile, FileHints, Place
from technic.data.formats.dialects import (
    DIALECTS,
    OPTIONAL,
    REQUIRED,
    Dialect,
    dialect_of,
)
from technic.data.formats.file_names import NO_SYMBOLS, PLAIN_STEM, STOOQ_WEB, bare_stem
from technic.data.formats.intraday import refuse_intraday
from technic.data.formats.numbers import ONE_GROUP, Numbers, as_numbers, mark_of
from technic.data.formats.splits import as_splits
from technic.data.formats.text_table import TextTable
from technic.errors import ForeignError, SchemaError, counted
from technic.market.nulls import emptied

NUMBERS = ("open", "high", "low", "close", "volume", "split", "dividend", "vwap")
HELD: dict[type[pl.DataType] | pl.DataType, tuple[int, int]] = {
    pl.Int64: (-(2**63), 2**63),
    pl.UInt64: (0, 2**64),
    pl.Int128: (-(2**63), 2**64),
}
PRICES = ("open", "high", "low", "close", "vwap")
# The largest whole numbers of eight bytes, and the smallest: they stand for none where a number
# is wanted, such as Databento's prices.
UNDEFINED = (9_223_372_036_854_775_807, 18_446_744_073_709_551_615, -9_223_372_036_854_775_808)
RAW = 1e9  # of Databento's integers are a dollar
PLACE = "\0place"  # column of lines: no file has one of this name
FILE_NAME = "(the file's name)"  # where the symbol stands, if no column holds it
SYMBOLS_ALONE = r"^[A-Z]{1,5}([.\-/][A-Z]{1,2})?$"  # no name of a company looks like that
APART = 1.5  # by which a day's average may lie outside of its bar
FEW_MISSING = 2  # columns without which a table is still meant to be one of bars
HALF = 0.5  # a column of which more cannot be read is not the column it is taken for


@dataclass(frozen=True, slots=True)
class TableRead:
    """A table as it was read.

    Attributes
    ----------
    table : its columns in lower case
    name : what it is called in messages
    stem : of the file's own name
    text : that it comes from; None of Parquet and frames
    lines : the number of each row's line; None where rows are no lines
    """

    table: pl.DataFrame
    name: str
    stem: str
    text: TextTable | None = None
    lines: pl.Series | None = None


def enumerate_names(header: list[str], name: str) -> Iterable[tuple[str, str]]:
    """Each column's number, as text, and its name; columns without one are numbered.

    Raises
    ------
    SchemaError
        If two columns have the same name: nobody knows which is meant.
    """
    for k, cell in enumerate(header):
        if cell and cell in header[:k]:
            raise SchemaError(
                f"{name}: column {cell} stands twice, as the {header.index(cell) + 1}. and the "
                f"{k + 1}.; name one of them otherwise. Nothing was imported"
            )
        yield str(k), cell or f"column {k + 1}"


def under_our_names(read: TableRead, hints: FileHints, dialect: Dialect | None = None) -> BarFile:
    """A table of any layout, as bars."""
    table = read.table
    layout = dialect or dialect_of(set(table.columns))
    mapping, unused = _mapping(table.columns, layout)
    if "symbol" not in mapping and not hints.symbol and _names_symbols(read, layout):
        mapping = {"symbol": "name", **mapping}
        del unused["name"]
    width = table.width
    strange = {"ragged": len(read.text.ragged)} if read.text and read.text.ragged else {}
    lines = pl.int_range(1, table.height + 1, eager=True) if read.lines is None else read.lines
    if hints.placed:
        table = table.with_columns(lines.alias(PLACE))
    table = _only_days(table, layout, read.name, strange)
    used, named = len(mapping), dict[str, str]()
    _refuse_without([name for name in REQUIRED[1:] if name not in mapping], read)
    if (symbol := _symbol_beside(read, hints, layout, mapping)) is not None:
        table = table.with_columns(pl.lit(symbol).alias("symbol"))
        mapping = {"symbol": "symbol", **mapping}
        named = {"symbol": "--symbol" if hints.symbol else FILE_NAME}
    taken = table.select(pl.col(theirs).alias(ours) for ours, theirs in mapping.items())
    days = _stamps(dates.as_days, taken["date"], read.name, hints.dates or layout.order)
    refuse_intraday(table, mapping, days, hints.dates or layout.order, read.name)
    rows, how, unreadable = _cast(taken, days, read, hints, layout)
    mark = hints.decimal or _mark(taken, [name for name in NUMBERS if name in taken.columns], read)
    told = _adjustment(table.select(list(unused)), rows, mark, read.name)
    placed = Place(read.name, table[PLACE], taken, read.lines is not None) if hints.placed else None
    set_aside = sum(strange.values())
    return BarFile(
        rows=rows.with_columns(cells=pl.lit(used, dtype=pl.UInt16)),
        layouts={layout.name: 1},
        adjusted=told.kind or layout.adjusted or _adjusted_by_name(read),
        fits_both=told.fits_both,
        columns={**mapping, **named},
        days=how,
        unused=unused,
        unreadable=unreadable,
        cells=(table.height + set_aside) * width,
        cells_unused=table.height * len(unused),
        strange=strange,
        cells_strange=set_aside * width,
        notes=tuple(note for note in (layout.note, told.note) if note),
        places=(placed,) if placed else (),
    )


def _refuse_without(missing: list[str], read: TableRead) -> None:
    """Refuse a table that lacks a column; of other tables of ours, name the command."""
    if not missing:
        return
    names = read.table.columns
    if {"period_end", "form", "qtrs", "adsh"} & set(names):
        hint = "it looks like filings: technic import-filings reads them"
    elif {"security name", "name", "cik", "exchange", "ipodate"} & set(names):
        hint = "it looks like listings: technic import-listings reads them"
    else:
        hint = "one row per symbol and date is expected"
    shown = ", ".join(names[:20]) + (", …" if len(names) > 20 else "")
    kind = ForeignError if len(missing) > FEW_MISSING else SchemaError
    raise kind(f"{read.name}: no column {', '.join(missing)}; it has {shown}; {hint}")


def _mapping(columns: list[str], layout: Dialect) -> tuple[dict[str, str], dict[str, str]]:
    """The file's name of each of our columns, and why the others are not used."""
    known = {*REQUIRED, *OPTIONAL}
    mapping: dict[str, str] = {}
    unused: dict[str, str] = {}
    # A column that bears our own name is meant before the layout's own, and that before one that
    # is called so by others, of whose names the first in the table counts.
    for column in sorted(columns, key=lambda name: (name not in known, layout.rank(name))):
        why = layout.why_left_out(column)
        ours = layout.ours(column)
        if why:
            unused[column] = why
        elif column in layout.only:
            unused[column] = "says that the rows are bars of a day"
        elif ours not in known:
            unused[column] = "not used here"
        elif ours in mapping:
            unused[column] = f"{mapping[ours]} is taken for {ours}"
        else:
            mapping[ours] = column
    return {name: mapping[name] for name in (*REQUIRED, *OPTIONAL) if name in mapping}, unused


def _adjustment(
    others: pl.DataFrame, rows: pl.DataFrame, mark: str | None, name: str
) -> Adjustment:
    try:
        return adjustment_of(others, rows, mark)
    except SchemaError as error:
        raise SchemaError(f"{name}: {error}. Nothing was imported") from error


def _names_symbols(read: TableRead, layout: Dialect) -> bool:
    """Whether a column `name` holds symbols, and no names of companies.

    One name alone may be NIKE: then what the file is called comes first.
    """
    if "name" not in read.table.columns or read.table.schema["name"] != pl.String:
        return False
    names = read.table["name"].unique().drop_nulls()
    if not len(names) or not bool(names.str.contains(SYMBOLS_ALONE).all()):
        return False
    return len(names) > 1 or not _symbol_of(read.stem, layout)


def _only_days(
    table: pl.DataFrame, layout: Dialect, name: str, strange: dict[str, int]
) -> pl.DataFrame:
    """The rows that are bars of a day, by the columns that say so."""
    for column, allowed in layout.only.items():
        if column not in table.columns:
            continue
        text = pl.col(column).cast(pl.String).str.strip_chars()
        days = table.filter(text.is_in(list(allowed)))
        if days.is_empty() and table.height:
            raise SchemaError(
                f"{name}: {column} is {table[column][0]} in its first row, and no row is a bar of a "
                f"day ({column} {allowed[0]}); bars of a day are read"
            )
        if days.height < table.height:
            strange["another_interval"] = (
                strange.get("another_interval", 0) + table.height - days.height
            )
        table = days
    return table


def _symbol_beside(
    read: TableRead, hints: FileHints, layout: Dialect, mapping: dict[str, str]
) -> str | None:
    """The symbol that stands in no column: as a user says, or the file's name; None if one has it.

    Raises
    ------
    SchemaError
        If nothing says it, or both a user and a column do.
    """
    if "symbol" in mapping and not hints.symbol:
        return None
    if "symbol" in mapping:
        raise SchemaError(
            f"{read.name}: its column {mapping['symbol']} names the symbols; --symbol {hints.symbol} is "
            "for files that name none. Nothing was imported"
        )
    if symbol := hints.symbol or _symbol_of(read.stem, layout):
        return symbol
    raise SchemaError(
        f"{read.name}: no column symbol, and the file's name does not say it: give --symbol ACME, or "
        "name the file ACME.csv. Nothing was imported"
    )


def _symbol_of(stem: str, layout: Dialect) -> str:
    """The symbol that a file's name says, without what downloads and copies add; "" if none."""
    bare = bare_stem(stem)
    for pattern in (layout.symbol, STOOQ_WEB, PLAIN_STEM):
        found = re.fullmatch(pattern, bare) if pattern else None
        if found and found["symbol"].upper() not in NO_SYMBOLS:
            return found["symbol"].upper()
    if re.fullmatch(r"(?i)[a-z][a-z0-9.\-]*\.us", bare):
        return bare[:-3].upper()
    return ""


def _adjusted_by_name(read: TableRead) -> str:
    """What a file's name tells where its columns do not: Stooq adjusts for splits."""
    stem = bare_stem(read.stem)
    stooq = re.fullmatch(STOOQ_WEB, stem) or stem.lower().endswith(".us")
    return "splits" if stooq else ""


def _cast(
    table: pl.DataFrame, days: dates.Stamps, read: TableRead, hints: FileHints, layout: Dialect
) -> tuple[pl.DataFrame, str, dict[str, tuple[int, str]]]:
    """Cells as symbols, days and numbers; how days were read, and what could not be."""
    told: dict[str, Numbers | dates.Stamps] = {"date": days}
    order = hints.dates or layout.order
    names = [name for name in NUMBERS if name in table.columns]
    mark = hints.decimal or _mark(table, names, read)
    for name in names:
        reader = as_splits if name == "split" else as_numbers
        told[name] = reader(_defined(table[name]), mark)
    if "vwap" in told:
        told["vwap"] = _possible(told["vwap"], told["low"].values, told["high"].values)
    if "as_of" in table.columns:
        told["as_of"] = _stamps(dates.as_instants, table["as_of"], read.name, order)
    if dates.counts_from_1904(days):
        days = told["date"] = dates.from_1904(days)
        told |= {n: dates.from_1904(t) for n, t in told.items() if isinstance(t, dates.Stamps)}
    unreadable = {n: (t.unreadable, t.example or "") for n, t in told.items() if t.unreadable}
    _refuse_unreadable(unreadable, table.height, read.name, days.how)
    unit = _unit(table, layout)
    columns = {"symbol": _symbols(table["symbol"], layout)}
    for name, cells in told.items():
        is_scaled = name in PRICES and unit != 1.0
        columns[name] = _divided(cells.values, unit) if is_scaled else cells.values
    rows = pl.DataFrame({name: values.alias(name) for name, values in columns.items()})
    if (unknown := told["as_of"].lost if "as_of" in told else None) is not None:
        # When it became known stands there, and nobody can say when: the row cannot be dated.
        rows = rows.with_columns(date=pl.when(~unknown).then("date"))
    lost = [told[n].lost for n in OPTIONAL if n in told and told[n].lost is not None]
    counted = pl.sum_horizontal(pl.lit(s).cast(pl.UInt16) for s in lost) if lost else pl.lit(0)
    return rows.with_columns(lost=counted.cast(pl.UInt16)), days.how, unreadable


def _possible(vwap: Numbers | dates.Stamps, low: pl.Series, high: pl.Series) -> Numbers:
    """Averages that can be of their bars; others count as unreadable.

    An average over all trades of a day may lie a little outside of the regular session's range.
    """
    told = Numbers(vwap.values.fill_nan(None), vwap.unreadable, vwap.example, vwap.lost)
    near = (told.values >= low / APART) & (told.values <= high * APART) & (told.values > 0.0)
    wrong = ~near.fill_null(value=True)
    if not bool(wrong.any()):
        return told
    lost = wrong if told.lost is None else wrong | told.lost
    example = told.example or f"{told.values.filter(wrong)[0]:g}"
    values = emptied(told.values, wrong)
    return Numbers(values, told.unreadable + int(wrong.sum()), example, lost)


def _stamps(
    reader: Callable[[pl.Series, str | None], dates.Stamps],
    cells: pl.Series,
    name: str,
    order: str | None,
) -> dates.Stamps:
    """A column of days or instants; refused with the file's name and the column's."""
    try:
        return reader(cells, order)
    except SchemaError as error:
        raise SchemaError(f"{name}: column {cells.name}: {error}. Nothing was imported") from error


def _mark(table: pl.DataFrame, names: list[str], read: TableRead) -> str | None:
    """The decimal sign of a file of text."""
    if read.text is None:
        return None
    text = [table[name] for name in names if table.schema[name] == pl.String]
    mark = mark_of(text, read.text.separator)
    if mark is None:
        _refuse_open(text, read.name)
    return mark


def _refuse_open(columns: list[pl.Series], name: str) -> None:
    """Refuse numbers that are two: nothing in the file says what its points and commas are."""
    for cells in columns:
        found = cells.filter(cells.str.contains(ONE_GROUP).fill_null(value=False))
        if len(found):
            raise SchemaError(
                f"{name}: column {cells.name}: {found[0]!r} is two numbers: say what its sign is with "
                "--decimal point or --decimal comma. Nothing was imported"
            )


def _symbols(cells: pl.Series, layout: Dialect) -> pl.Series:
    if cells.dtype.is_nested() or cells.dtype == pl.Binary:
        raise SchemaError(
            f"column symbol holds {cells.dtype}: text is expected; write its symbols as text. "
            "Nothing was imported"
        )
    symbols = cells.cast(pl.String)
    if bool(symbols.str.contains(r"^\s|\s$").any()):
        symbols = symbols.str.strip_chars()
    if layout.suffix:
        symbols = symbols.str.replace(rf"(?i){re.escape(layout.suffix)}$", "")
    return symbols


def _unit(table: pl.DataFrame, layout: Dialect) -> float:
    """How many of the file's units are a dollar: some prices are whole numbers of a small one."""
    if layout.name != DATABENTO:
        return layout.unit
    close = table["close"]
    if close.dtype == pl.String:
        return RAW if bool(close.drop_nulls().str.contains(r"^\d+$").all()) else 1.0
    return RAW if close.dtype.is_integer() else 1.0


def _divided(values: pl.Series, unit: float) -> pl.Series:
    """Divided as the machine divides: 885500 / 10000 is the double nearest to 88.55.

    Polars 2.1 multiplies by the reciprocal, and is off by a last bit in a third of all prices.
    """
    quotients = values.to_numpy() / unit
    return pl.Series(values.name, quotients, dtype=pl.Float64).fill_nan(None)


DATABENTO = next(d.name for d in DIALECTS if "ts_event" in d.marks)


def _defined(cells: pl.Series) -> pl.Series:
    """Cells without the numbers that stand for none."""
    if cells.dtype == pl.String:
        return emptied(cells, cells.is_in([str(number) for number in UNDEFINED]))
    if cells.dtype == pl.Float64:
        return emptied(cells, cells.is_in([float(number) for number in UNDEFINED]))
    low, high = HELD.get(cells.dtype, (0, 0))  # narrower ones hold none of them
    for number in UNDEFINED:
        if low <= number < high:
            cells = emptied(cells, cells == number)
    return cells


def _refuse_unreadable(
    unreadable: dict[str, tuple[int, str]], height: int, name: str, how: str
) -> None:
    """A column of which hardly a cell can be read is not what it is taken for."""
    for column, (count, example) in unreadable.items():
        if column in REQUIRED and count > HALF * height:
            taken = f" as {how}" if column == "date" and how != "no dates" else ""
            kind = "a day" if column == "date" else "a number"
            raise SchemaError(
                f"{name}: column {column}: {count:,} of {counted(height, 'cell')} cannot be read{taken}, such "
                f"as {example!r}: {kind} is expected. Nothing was imported"
            )
