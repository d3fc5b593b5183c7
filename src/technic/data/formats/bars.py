"""Bars from files of any layout that is known, under our names.

1. `parts.parts_of` opens what a path holds; `text_table` reads text as text.
2. `wide` makes tables with a column for each ticker long; `dialects` knows whose layout it is.
3. `bar_table.under_our_names` reads each table's cells, and counts what cannot be read.
4. `read_bars` puts the parts of a folder or an archive together.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import polars as pl

from technic.data.formats import dbn, factors, wide
from technic.data.formats.bar_file import BarFile, FileHints
from technic.data.formats.bar_table import TableRead, enumerate_names, under_our_names
from technic.data.formats.dates import SAID, SERIAL_1904
from technic.data.formats.dialects import (
    LEAN,
    LEAN_COLUMNS,
    WIDE,
)
from technic.data.formats.foreign import LONGEST, json_in_words
from technic.data.formats.panics import panics_as_errors
from technic.data.formats.parquet_table import read_parquet
from technic.data.formats.parts import FilePart, parts_of
from technic.data.formats.text_table import LINE, TextTable, header_of, read_text
from technic.errors import ForeignError, SchemaError, counted, first_line


def read_bars(
    source: Path | pl.DataFrame,
    hints: FileHints | None = None,
    adjusted: str | None = None,
    judge: Callable[[BarFile, str], None] | None = None,
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
    judge : refuses a file of several, by its name, that cannot be believed as a whole

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
    if hints.symbol:
        raise SchemaError(
            f"{source.name}: {counted(len(parts), 'file')}, and --symbol {hints.symbol} names one symbol. "
            "Nothing was imported"
        )
    files: list[tuple[str, BarFile]] = []
    left_out: dict[str, str] = {}
    refused: list[str] = []
    beside: list[factors.Factors] = []
    for part in parts:
        try:
            if "factor" in part.name.lower() and (found := _factors_of(part)):
                beside.append(found)
                continue
            file = _of_part(part, hints)
            if judge is not None:
                judge(file, part.name)
            files.append((part.name, file))
        except SchemaError as error:
            why = str(error).removeprefix(f"{part.name}: ")
            left_out[part.name] = why.removesuffix(". Nothing was imported")
            refused += [] if isinstance(error, ForeignError) else [part.name]
    if not files:
        name = next(iter(refused or left_out))
        raise SchemaError(
            f"{source.name}: none of its {len(parts):,} files holds bars; {name}: {left_out[name]}"
        )
    whole = _together(_of_one_kind(files, source.name, adjusted, left_out))
    return replace(_with_factors(whole, beside), left_out=left_out, refused=tuple(refused))


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
        if not file.fits_both:
            kinds.setdefault(file.adjusted or "none", []).append(part)
    if len(kinds) > 1 and adjusted is None:
        raise SchemaError(
            f"{name}: {counted(len(kinds['none']), 'file')} with prices as traded, such as {kinds['none'][0]}, "
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
    """One file; whatever its library cannot do with it is a refusal in one line."""
    try:
        with panics_as_errors():
            return _of_kind(part, hints)
    except pl.exceptions.PolarsError as error:
        raise SchemaError(f"{part.name}: cannot be read ({first_line(error)[:120]})") from error


def _of_kind(part: FilePart, hints: FileHints) -> BarFile:
    if part.refusal:
        raise part.refusal
    if part.kind == "parquet":
        return _of_frame(read_parquet(part), part.name, part.stem, hints)
    if part.kind == "json":
        with part.stream() as stream:
            raise ForeignError(f"{part.name}: {json_in_words(stream.read(LONGEST + 1))}")
    text = read_text(dbn.as_text(part) if part.kind == "dbn" else part)
    if wide.is_wide_text(text.rows):
        table = wide.long_of_text(text.rows, part.name)
        return under_our_names(TableRead(table, part.name, part.stem, text), hints, WIDE)
    if _is_lean(text):
        names = dict(zip([str(k) for k in range(6)], LEAN_COLUMNS, strict=True))
        table = text.rows.drop(LINE).rename(names)
        read = TableRead(table, part.name, part.stem, text, text.rows[LINE])
        return under_our_names(read, hints, LEAN)
    _refuse_beside(text, part.name)
    header = header_of(text)
    if len(header) < 2 or not any(re.search("[a-z]", cell) for cell in header):
        raise ForeignError(
            f"{part.name}: no header: its first line has {counted(len(header), 'cell')} and no names of columns; "
            "add a line such as symbol,date,open,high,low,close,volume"
        )
    body = text.rows.slice(1)
    table = body.drop(LINE).rename(dict(enumerate_names(header, part.name)))
    return under_our_names(TableRead(table, part.name, part.stem, text, body[LINE]), hints)


def _refuse_beside(text: TextTable, name: str) -> None:
    """Refuse what LEAN keeps beside bars, by its name."""
    if factors.is_factors(text):
        raise ForeignError(
            f"{name}: a {factors.LAYOUT}, and no bars: import the folder that holds both"
        )
    if factors.is_map(text):
        raise ForeignError(f"{name}: a LEAN map file: tickers of the past are not read from it")


def _is_lean(text: TextTable) -> bool:
    """LEAN's daily bars have no header: a day with 00:00 behind it, and five whole numbers."""
    if text.width != len(LEAN_COLUMNS):
        return False
    first = [str(cell or "") for cell in text.rows.drop(LINE).row(0)]
    stamp = re.fullmatch(r"\d{8} \d{2}:\d{2}", first[0])
    return bool(stamp) and all(cell.isdigit() for cell in first[1:])


def _of_frame(table: pl.DataFrame, name: str, stem: str, hints: FileHints) -> BarFile:
    pairs = wide.pairs_of(table.columns)
    if len(pairs) > 2:
        beside = [c for c in table.columns if c not in pairs]
        dates_ = [c for c in beside if table.schema[c].is_temporal()] or beside
        if len(dates_) != 1:
            raise SchemaError(f"{name}: fields of tickers, and no one column of dates beside them")
        table = wide.long_of(table.rename({dates_[0]: "date"}), pairs, name)
        return under_our_names(TableRead(table, name, stem), hints, WIDE)
    header = [" ".join(column.split()).lower() for column in table.columns]
    named = [new for _, new in enumerate_names(header, name)]
    names = dict(zip(table.columns, named, strict=True))
    return under_our_names(TableRead(table.rename(names), name, stem), hints)


def _together(files: list[BarFile]) -> BarFile:
    """The files of a folder or an archive as one."""
    layouts: dict[str, int] = {}
    unused: dict[str, str] = {}
    unreadable: dict[str, tuple[int, str]] = {}
    strange: dict[str, int] = {}
    days = list(dict.fromkeys(file.days for file in files))
    if {SAID["serial"], SERIAL_1904} <= set(days):
        raise SchemaError(
            "some files have days of a spreadsheet that count from 1904, others from 1900 as far as "
            "they show: write dates as 2024-01-12, or import the two kinds one by one. Nothing was "
            "imported"
        )
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
        # What fits into either kind goes with the others.
        adjusted=next((file.adjusted for file in files if not file.fits_both), files[0].adjusted),
        fits_both=all(file.fits_both for file in files),
        columns=files[0].columns,
        days=" and ".join(days),
        unused=unused,
        unreadable=unreadable,
        cells=sum(file.cells for file in files),
        cells_unused=sum(file.cells_unused for file in files),
        strange=strange,
        cells_strange=sum(file.cells_strange for file in files),
        notes=tuple(dict.fromkeys(note for file in files for note in file.notes)),
        places=tuple(place for file in files for place in file.places),
    )
