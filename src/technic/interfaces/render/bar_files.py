"""Files of bars in a terminal: what was recognised, and what became of every cell."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, TextIO

import polars as pl

from technic.errors import counted, printable
from technic.interfaces.render.terminal import named
from technic.market.quality import REASONS

if TYPE_CHECKING:
    from technic.data.formats.bar_file import BarFile
    from technic.data.ingest import Imported
    from technic.data.ingest.checking import Checked
    from technic.data.ingest.row_places import RowPlace

SHOWN = 3  # rows from each end of a file, and of each reason
DOUBTS = 8  # lines about splits and dividends
LISTED = 6  # files that are left out
WIDEST = 24  # characters of a cell
USUAL = ("days", "no dates")  # how dates are read without a word about it
KINDS = {"none": "as traded", "splits": "adjusted for splits"}


def render_import(name: str, outcome: Imported, seconds: float, out: TextIO) -> None:
    """What became of a file, in a few lines."""
    file, cells = outcome.file, outcome.cells
    assert file is not None
    assert cells is not None
    print(
        f"{name}: {_recognised(file)}: {counted(outcome.rows, 'row')} of "
        f"{counted(outcome.symbols, 'symbol')} in {seconds:.1f} s",
        file=out,
    )
    counts = {
        "new bars": outcome.added,
        "revisions": outcome.revised,
        "known already": outcome.known,
        "repeated in the file": outcome.repeated,
        "splits and dividends": outcome.actions,
    }
    if outcome.waiting:
        counts["of sessions that few have yet: they count once half of the market has one"] = (
            outcome.waiting
        )
    lines = [(count, title) for title, count in counts.items() if count]
    set_aside = {**outcome.quarantined, **file.strange}
    lines += [(count, f"set aside: {REASONS[reason]}") for reason, count in set_aside.items()]
    if outcome.splits_set_aside:
        lines.append((outcome.splits_set_aside, "splits and dividends set aside"))
    for count, title in lines:
        print(f"  {count:>11,}  {title}", file=out)
    _doubts(outcome.doubts, out)
    print(
        f"  cells: {cells.read:,} = {cells.stored:,} kept + {cells.set_aside:,} set aside + "
        f"{cells.unused:,} not used",
        file=out,
    )
    _who_is_who(outcome.told, out)
    if file.days not in USUAL:
        print(f"  dates: {file.days}", file=out)
    _details(file, out)


def render_check(name: str, checked: Checked, out: TextIO) -> None:
    """What an import would do with a file."""
    file = checked.file
    print(f"{name}: {_recognised(file)}", file=out)
    first = file.rows.row(0, named=True) if file.rows.height else {}
    print(f"  {'here':<10} {'in the file':<22} first", file=out)
    for ours, theirs in file.columns.items():
        print(f"  {ours:<10} {printable(theirs)[:22]:<22} {_cell(first.get(ours))}", file=out)
    days = file.rows["date"].drop_nulls()
    span = (
        f"{days.min()!s} to {days.max()!s}, {counted(days.n_unique(), 'day')}"
        if len(days)
        else "none"
    )
    print(f"  dates: {file.days}; {span}", file=out)
    print(f"  prices: {KINDS[checked.adjusted]}", file=out)
    _details(file, out)
    kept = f"{checked.judged.good.height:,} of {counted(file.rows.height, 'row')} would be kept"
    twice = f", {checked.judged.repeated:,} stand there twice" if checked.judged.repeated else ""
    print(f"  {kept}{twice}", file=out)
    for reason in checked.judged.bad["reason"].unique(maintain_order=True):
        rows = checked.judged.bad.filter(pl.col("reason") == reason)
        print(f"  {rows.height:,} would be set aside: {REASONS[reason]}", file=out)
        for place in checked.places:
            if place.reason == reason:
                _place(place, out)
    for reason, count in file.strange.items():
        print(f"  {count:,} would be set aside: {REASONS[reason]}", file=out)
    _doubts(checked.doubts, out)
    _who_is_who(checked.told, out)
    if checked.judged.good.height:
        print("  first and last rows:", file=out)
        ordered = checked.judged.good.sort("date", "symbol")
        _rows(ordered, out, SHOWN)
        if ordered.height > SHOWN:
            _rows(ordered.tail(min(SHOWN, ordered.height - SHOWN)), out, SHOWN)
    if checked.refusal:
        print(f"  it would be refused: {printable(checked.refusal)}", file=out)


def as_dict(name: str, checked: Checked) -> dict[str, object]:
    """The same for a program."""
    file = checked.file
    days = file.rows["date"].drop_nulls()
    reasons = dict(checked.judged.bad.group_by("reason").len().sort("reason").iter_rows())
    return {
        "file": name,
        "layouts": file.layouts,
        "columns": file.columns,
        "dates": file.days,
        "first": str(days.min()) if len(days) else None,
        "last": str(days.max()) if len(days) else None,
        "adjusted": checked.adjusted,
        "rows": file.rows.height,
        "kept": checked.judged.good.height,
        "repeated": checked.judged.repeated,
        "set_aside": {**reasons, **file.strange},
        "unused": file.unused,
        "unreadable": file.unreadable,
        "left_out": file.left_out,
        "refused": file.refused,
        "places": [
            {"where": place.where, "reason": place.reason, "cells": place.cells}
            for place in checked.places
        ],
        "doubts": list(checked.doubts),
        "told": list(checked.told),
        "refusal": checked.refusal or None,
    }


def _who_is_who(told: Sequence[str], out: TextIO) -> None:
    for text in told[:LISTED]:
        print(f"  {printable(text)}", file=out)
    if len(told) > LISTED:
        print(f"  and {counted(len(told) - LISTED, 'more line')} on who is who", file=out)


def _recognised(file: BarFile) -> str:
    """The layouts, with how many files each has where there are several."""
    several = sum(file.layouts.values()) > 1
    return ", ".join(f"{n:,} × {name}" if several else name for name, n in file.layouts.items())


def _details(file: BarFile, out: TextIO) -> None:
    """What was not used, what could not be read, what was left out."""
    by_reason: dict[str, list[str]] = {}
    for column, why in file.unused.items():
        by_reason.setdefault(why, []).append(column)
    for why, columns in by_reason.items():
        print(f"  not used: {named(columns)}: {why}", file=out)
    for column, (count, example) in file.unreadable.items():
        print(
            f"  not readable: {counted(count, 'cell')} of {column}, such as {printable(example)!r}",
            file=out,
        )
    for name in file.refused:
        print(f"  refused: {printable(name)}: {printable(file.left_out[name])}", file=out)
    others = [name for name in file.left_out if name not in set(file.refused)]
    for name in others[:LISTED]:
        print(f"  left out: {printable(name)}: {printable(file.left_out[name])}", file=out)
    if len(others) > LISTED:
        print(f"  left out: {counted(len(others) - LISTED, 'more file')}", file=out)
    for note in file.notes:
        print(f"  note: {note}", file=out)


def _doubts(lines: Sequence[str], out: TextIO) -> None:
    """What contradicts the store, or prices."""
    for line in lines[:DOUBTS]:
        print(f"  {printable(line)}", file=out)
    if len(lines) > DOUBTS:
        print(f"  and {len(lines) - DOUBTS:,} more such lines", file=out)


def _rows(rows: pl.DataFrame, out: TextIO, count: int) -> None:
    names = [n for n in rows.columns if n in COLUMNS]
    for row in rows.head(count).select(names).iter_rows():
        print("    " + "  ".join(_cell(value) for value in row), file=out)


def _place(place: RowPlace, out: TextIO) -> None:
    """Where a row stands, what of it speaks against it, and the row as it was read."""
    told = ", ".join(f"{name} {printable(text)[:WIDEST]!r}" for name, text in place.cells.items())
    where = f"{printable(place.where)}: " if place.where else ""
    row = "  ".join(_cell(place.row[name]) for name in COLUMNS if name in place.row)
    print(f"    {where}{told}{'   ' if told else ''}{row}", file=out)


COLUMNS = ("symbol", "date", "open", "high", "low", "close", "volume", "split", "dividend")


def _cell(value: object) -> str:
    if value is None:
        return "–"
    return f"{value:.10g}" if isinstance(value, float) else printable(str(value))[:WIDEST]
