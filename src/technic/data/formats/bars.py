"""Bars from files of any layout that is known, under our names.

1. `parts.parts_of` opens what a path holds; `text_table` reads text as text.
2. `dialects.dialect_of` says whose layout it is, `_mapping` which column is which.
3. `_cast` reads cells as numbers and days; what cannot be read is null, counted and shown.
4. `read_bars` puts the parts of a folder or an archive together.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

import polars as pl

from technic.data.formats import dates, factors, wide
from technic.data.formats.dialects import (
    DIALECTS,
    LEAN,
    LEAN_COLUMNS,
    LEFT_OUT,
    OPTIONAL,
    PLAIN_STEM,
    REQUIRED,
    STOOQ_WEB,
    WIDE,
    Dialect,
    dialect_of,
)
from technic.data.formats.numbers import Numbers, as_numbers, mark_of
from technic.data.formats.parts import FilePart, parts_of
from technic.data.formats.splits import as_splits
from technic.data.formats.text_table import LINE, TextTable, header_of, read_text
from technic.errors import SchemaError, first_line

NUMBERS = ("open", "high", "low", "close", "volume", "split", "dividend", "vwap")
PRICES = ("open", "high", "low", "close", "vwap")
UNDEFINED = 9_223_372_036_854_775_807  # an integer that Databento gives where there is no price
RAW = 1e9  # of Databento's integers are a dollar
FILE_NAME = "(the file's name)"  # where the symbol stands, if no column holds it
HALF = 0.5  # a column of which more cannot be read is not the column it is taken for


@dataclass(frozen=True, slots=True)
class FileHints:
    """What a user says of files that they do not say themselves.

    Attributes
    ----------
    symbol : of a file that names none
    dates : order of day and month between slashes, "dmy" or "mdy"
    decimal : the decimal sign, "point" or "comma"
    """

    symbol: str | None = None
    dates: str | None = None
    decimal: str | None = None


@dataclass(frozen=True, slots=True)
class BarFile:
    """Bars as files have them.

    Attributes
    ----------
    rows : `REQUIRED`, and what there is of `OPTIONAL`; numbers are float64, `as_of` an instant in
        UTC; null where a cell is empty or cannot be read. And `cells`, how many of the file's
        cells the row is read from, and `lost`, how many of its optional ones cannot be read
    layouts : how many files there were of each layout, by its name
    adjusted : "none", "splits", or "" where no layout says it
    columns : the file's name of each of ours; `FILE_NAME` if it is the file's own name
    days : how dates were read
    unused : why columns were left out, by their names in the file
    unreadable : how many cells of each column hold what cannot be read, and one of them
    cells : in the files, headers and blank lines aside
    cells_unused : of them in columns that were left out
    strange : rows that are no bars of a day, or have more cells than the header, by reason
    cells_strange : the cells of those rows
    left_out : files that were not read, and why
    notes : what a user should know
    """

    rows: pl.DataFrame
    layouts: dict[str, int]
    adjusted: str
    columns: dict[str, str]
    days: str
    unused: dict[str, str] = field(default_factory=dict)
    unreadable: dict[str, tuple[int, str]] = field(default_factory=dict)
    cells: int = 0
    cells_unused: int = 0
    strange: dict[str, int] = field(default_factory=dict)
    cells_strange: int = 0
    left_out: dict[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def read_bars(
    source: Path | pl.DataFrame, hints: FileHints | None = None, adjusted: str | None = None
) -> BarFile:
    """Read bars as files have them, under our names.

    Values are cast, never corrected: what cannot be read as a number or a day is null, and the
    import quarantines its row.

    Parameters
    ----------
    source : a file, a folder, an archive, or a frame
    hints : what the files do not say themselves
    adjusted : of the files of a folder or archive that hold both kinds, those to take: "none" if
        prices are as traded, "splits" if adjusted for splits

    Raises
    ------
    SchemaError
        If nothing in it can be read as bars, of a single file why; or if it holds prices as traded
        and adjusted ones, and nobody says which are meant.
    """
    hints = hints or FileHints()
    if isinstance(source, pl.DataFrame):
        return _of_frame(source, "the frame", "", hints)
    parts = parts_of(source)
    if len(parts) == 1:
        return _of_part(parts[0], hints)
    files: list[tuple[str, BarFile]] = []
    left_out: dict[str, str] = {}
    beside: list[factors.Factors] = []
    for part in parts:
        try:
            if "factor" in part.name.lower() and (found := _factors_of(part)):
                beside.append(found)
            else:
                files.append((part.name, _of_part(part, hints)))
        except SchemaError as error:
            left_out[part.name] = str(error).removeprefix(f"{part.name}: ")
    if not files:
        name, why = next(iter(left_out.items()))
        raise SchemaError(
            f"{source.name}: none of its {len(parts):,} files holds bars; {name}: {why}"
        )
    whole = _together(_of_one_kind(files, source.name, adjusted, left_out))
    return replace(_with_factors(whole, beside), left_out=left_out)


def _factors_of(part: FilePart) -> factors.Factors | None:
    """A LEAN factor file as it tells splits and dividends; None if it is something else."""
    if part.kind != "text":
        return None
    text = read_text(part)
    if not factors.is_factors(text):
        return None
    return factors.read_factors(text, part.stem.upper(), part.name)


def _with_factors(file: BarFile, beside: list[factors.Factors]) -> BarFile:
    """Bars with the splits and dividends of the factor files that lie beside them."""
    if not beside:
        return file
    rows, unused = factors.with_factors(file.rows, beside)
    return replace(
        file,
        rows=rows,
        layouts={**file.layouts, factors.LAYOUT: len(beside)},
        cells=file.cells + sum(f.rows * f.width for f in beside),
        cells_unused=file.cells_unused + unused,
        notes=tuple(note for note in file.notes if note != LEAN.note),
    )


def _of_one_kind(
    files: list[tuple[str, BarFile]], name: str, adjusted: str | None, left_out: dict[str, str]
) -> list[BarFile]:
    """Files that fit into one store; the others are left out if the user says which to take."""
    kinds: dict[str, list[str]] = {}
    for part, file in files:
        kinds.setdefault(file.adjusted or "none", []).append(part)
    if len(kinds) > 1 and adjusted is None:
        raise SchemaError(
            f"{name}: {len(kinds['none']):,} files with prices as traded, such as {kinds['none'][0]}, "
            f"and {len(kinds['splits']):,} adjusted for splits, such as {kinds['splits'][0]}: a store "
            "holds one kind. Take one with --adjusted none or --adjusted splits, and the other into "
            "another store: --store DIR. Nothing was imported"
        )
    if len(kinds) > 1:
        other = {"none": "adjusted for splits", "splits": "as traded"}[str(adjusted)]
        left_out |= dict.fromkeys(
            kinds["splits" if adjusted == "none" else "none"], f"its prices are {other}"
        )
    return [file for part, file in files if part not in left_out]


def _of_part(part: FilePart, hints: FileHints) -> BarFile:
    if part.kind == "parquet":
        try:
            table = pl.read_parquet(part.path or part.read())
        except (pl.exceptions.PolarsError, OSError) as error:
            raise SchemaError(
                f"{part.name}: Parquet that cannot be read ({first_line(error)[:120]})"
            ) from error
        return _of_frame(table, part.name, part.stem, hints)
    if part.kind == "json":
        raise SchemaError(
            f"{part.name}: JSON, and no bars: technic import-filings reads company facts, "
            "technic import-listings lists of companies"
        )
    if part.kind != "text":
        raise SchemaError(f"{part.name}: {part.kind}; unpack it, or export it as CSV or Parquet")
    text = read_text(part)
    if wide.is_wide_text(text.rows):
        table = wide.long_of_text(text.rows, part.name)
        return _under_our_names(_Read(table, part.name, part.stem, text), hints, WIDE)
    if _is_lean(text):
        names = dict(zip([str(k) for k in range(6)], LEAN_COLUMNS, strict=True))
        return _under_our_names(
            _Read(text.rows.drop(LINE).rename(names), part.name, part.stem, text), hints, LEAN
        )
    _refuse_beside(text, part.name)
    header = header_of(text)
    if len(header) < 2 or not any(re.search("[a-z]", cell) for cell in header):
        raise SchemaError(
            f"{part.name}: no header: its first line has {len(header)} cells and no names of columns; "
            "add a line such as symbol,date,open,high,low,close,volume"
        )
    table = text.rows.slice(1).drop(LINE).rename(dict(enumerate_names(header, part.name)))
    return _under_our_names(_Read(table, part.name, part.stem, text), hints)


def _refuse_beside(text: TextTable, name: str) -> None:
    """Refuse what LEAN keeps beside bars, by its name."""
    if factors.is_factors(text):
        raise SchemaError(
            f"{name}: a {factors.LAYOUT}, and no bars: import the folder that holds both"
        )
    if factors.is_map(text):
        raise SchemaError(f"{name}: a LEAN map file: tickers of the past are not read from it")


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


def _is_lean(text: TextTable) -> bool:
    """LEAN's daily bars have no header: a day with 00:00 behind it, and five whole numbers."""
    if text.width != len(LEAN_COLUMNS):
        return False
    first = [str(cell or "") for cell in text.rows.drop(LINE).row(0)]
    stamp = re.fullmatch(r"\d{8} \d{2}:\d{2}", first[0])
    return bool(stamp) and all(cell.isdigit() for cell in first[1:])


@dataclass(frozen=True, slots=True)
class _Read:
    """A table as it was read: what it is called, and the text it comes from."""

    table: pl.DataFrame
    name: str
    stem: str
    text: TextTable | None = None


def _of_frame(table: pl.DataFrame, name: str, stem: str, hints: FileHints) -> BarFile:
    pairs = wide.pairs_of(table.columns)
    if len(pairs) > 2:
        dates_ = [c for c in table.columns if c not in pairs]
        if len(dates_) != 1:
            raise SchemaError(f"{name}: fields of tickers, and no one column of dates beside them")
        table = wide.long_of(table.rename({dates_[0]: "date"}), pairs, name)
        return _under_our_names(_Read(table, name, stem), hints, WIDE)
    header = [" ".join(column.split()).lower() for column in table.columns]
    named = [new for _, new in enumerate_names(header, name)]
    names = dict(zip(table.columns, named, strict=True))
    return _under_our_names(_Read(table.rename(names), name, stem), hints)


def _under_our_names(read: _Read, hints: FileHints, dialect: Dialect | None = None) -> BarFile:
    """A table of any layout, as bars."""
    table = read.table
    layout = dialect or dialect_of(set(table.columns))
    mapping, unused = _mapping(table.columns, layout)
    width = table.width
    strange = {"ragged": len(read.text.ragged)} if read.text and read.text.ragged else {}
    table = _only_days(table, layout, read.name, strange)
    used, named = len(mapping), dict[str, str]()
    _refuse_without([name for name in REQUIRED[1:] if name not in mapping], read)
    if "symbol" not in mapping:
        symbol = hints.symbol or _symbol_of(read.stem, layout, read.name)
        table = table.with_columns(pl.lit(symbol).alias("symbol"))
        mapping = {"symbol": "symbol", **mapping}
        named = {"symbol": "--symbol" if hints.symbol else FILE_NAME}
    taken = table.select(pl.col(theirs).alias(ours) for ours, theirs in mapping.items())
    rows, days, unreadable = _cast(taken, read, hints, layout)
    set_aside = sum(strange.values())
    return BarFile(
        rows=rows.with_columns(cells=pl.lit(used, dtype=pl.UInt16)),
        layouts={layout.name: 1},
        adjusted=layout.adjusted or _adjusted_by_name(read),
        columns={**mapping, **named},
        days=days,
        unused=unused,
        unreadable=unreadable,
        cells=(table.height + set_aside) * width,
        cells_unused=table.height * len(unused),
        strange=strange,
        cells_strange=set_aside * width,
        notes=(layout.note,) if layout.note else (),
    )


def _refuse_without(missing: list[str], read: _Read) -> None:
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
    raise SchemaError(f"{read.name}: no column {', '.join(missing)}; it has {shown}; {hint}")


def _mapping(columns: list[str], layout: Dialect) -> tuple[dict[str, str], dict[str, str]]:
    """The file's name of each of our columns, and why the others are not used."""
    known = {*REQUIRED, *OPTIONAL}
    mapping: dict[str, str] = {}
    unused: dict[str, str] = {}
    # A column that bears our own name is meant before one that is called so by others.
    for column in sorted(columns, key=lambda name: name not in known):
        why = layout.left_out.get(column) or LEFT_OUT.get(column)
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


def _symbol_of(stem: str, layout: Dialect, name: str) -> str:
    """The symbol that a file's name says."""
    for pattern in (layout.symbol, STOOQ_WEB, PLAIN_STEM):
        found = re.fullmatch(pattern, stem) if pattern else None
        if found:
            return found["symbol"].upper()
    if stem.lower().endswith(".us"):
        return stem[:-3].upper()
    raise SchemaError(
        f"{name}: no column symbol, and the file's name does not say it: give --symbol ACME, or "
        "name the file ACME.csv. Nothing was imported"
    )


def _adjusted_by_name(read: _Read) -> str:
    """What a file's name tells where its columns do not: Stooq adjusts for splits."""
    stooq = re.fullmatch(STOOQ_WEB, read.stem) or read.stem.lower().endswith(".us")
    return "splits" if stooq else ""


def _cast(
    table: pl.DataFrame, read: _Read, hints: FileHints, layout: Dialect
) -> tuple[pl.DataFrame, str, dict[str, tuple[int, str]]]:
    """Cells as symbols, days and numbers; how days were read, and what could not be."""
    told: dict[str, Numbers | dates.Stamps] = {}
    days = told["date"] = _stamps(dates.as_days, table["date"], read.name, hints)
    names = [name for name in NUMBERS if name in table.columns]
    mark = hints.decimal or _mark(table, names, read)
    for name in names:
        reader = as_splits if name == "split" else as_numbers
        told[name] = reader(_defined(table[name]), mark)
    if "as_of" in table.columns:
        told["as_of"] = _stamps(dates.as_instants, table["as_of"], read.name, hints)
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


def _stamps(
    reader: Callable[[pl.Series, str | None], dates.Stamps],
    cells: pl.Series,
    name: str,
    hints: FileHints,
) -> dates.Stamps:
    """A column of days or instants; refused with the file's name and the column's."""
    try:
        return reader(cells, hints.dates)
    except SchemaError as error:
        raise SchemaError(f"{name}: column {cells.name}: {error}. Nothing was imported") from error


def _mark(table: pl.DataFrame, names: list[str], read: _Read) -> str | None:
    """The decimal sign of a file of text."""
    if read.text is None:
        return None
    text = [table[name].head(2_000) for name in names if table.schema[name] == pl.String]
    return mark_of(text, read.text.separator)


def _symbols(cells: pl.Series, layout: Dialect) -> pl.Series:
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
    """Cells without the number that stands for none."""
    if cells.dtype == pl.String:
        return cells.set(cells == str(UNDEFINED), None)
    # A narrower integer cannot hold it, nor be compared with it.
    is_wide = cells.dtype in (pl.Int64, pl.UInt64, pl.Int128)
    return cells.set(cells == UNDEFINED, None) if is_wide else cells


def _refuse_unreadable(
    unreadable: dict[str, tuple[int, str]], height: int, name: str, how: str
) -> None:
    """A column of which hardly a cell can be read is not what it is taken for."""
    for column, (count, example) in unreadable.items():
        if column in REQUIRED and count > HALF * height:
            taken = f" as {how}" if column == "date" and how != "no dates" else ""
            kind = "a day" if column == "date" else "a number"
            raise SchemaError(
                f"{name}: column {column}: {count:,} of {height:,} cells cannot be read{taken}, such "
                f"as {example!r}: {kind} is expected. Nothing was imported"
            )


def _together(files: list[BarFile]) -> BarFile:
    """The files of a folder or an archive as one."""
    layouts: dict[str, int] = {}
    unused: dict[str, str] = {}
    unreadable: dict[str, tuple[int, str]] = {}
    strange: dict[str, int] = {}
    for file in files:
        for layout, count in file.layouts.items():
            layouts[layout] = layouts.get(layout, 0) + count
        for column, (count, example) in file.unreadable.items():
            before = unreadable.get(column, (0, example))
            unreadable[column] = (before[0] + count, before[1])
        for reason, count in file.strange.items():
            strange[reason] = strange.get(reason, 0) + count
        unused |= file.unused
    return BarFile(
        rows=pl.concat([file.rows for file in files], how="diagonal"),
        layouts=layouts,
        adjusted=files[0].adjusted,
        columns=files[0].columns,
        days=files[0].days,
        unused=unused,
        unreadable=unreadable,
        cells=sum(file.cells for file in files),
        cells_unused=sum(file.cells_unused for file in files),
        strange=strange,
        cells_strange=sum(file.cells_strange for file in files),
        notes=tuple(dict.fromkeys(note for file in files for note in file.notes)),
    )
