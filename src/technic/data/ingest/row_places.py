"""Where rows that would be set aside stand in their files, and what stands there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import polars as pl

from technic.data.formats.bar_file import BarFile, Place
from technic.data.formats.dialects import OPTIONAL, REQUIRED

VALUES = ("open", "high", "low", "close", "volume")
PRICES = VALUES[:4]
# The columns that speak against a row, by the reason for which it is set aside.
SPEAKS: dict[str, tuple[str, ...]] = {
    "bad_symbol": ("symbol",),
    "before_calendar": ("date",),
    "no_session": ("date",),
    "in_future": ("date",),
    "known_later": ("as_of",),
    "outside_range": PRICES,
    "price_not_positive": PRICES,
    "negative_volume": ("volume",),
    "not_finite": VALUES,
}


@dataclass(frozen=True, slots=True)
class RowPlace:
    """Where a row stands.

    Attributes
    ----------
    row : as it was read
    reason : why it would be set aside
    where : "line 4", or "row 4" of a table without lines; the file's name before it if there are
        several; empty where nobody can say
    cells : what stands in the columns that speak against it, as it is in the file
    """

    row: dict[str, object]
    reason: str
    where: str
    cells: dict[str, str]


def places_of(file: BarFile, bad: pl.DataFrame, most: int) -> tuple[RowPlace, ...]:
    """The first rows set aside for each reason, with where they stand.

    Parameters
    ----------
    file : read with places
    bad : rows of it, with `reason`
    most : rows of each reason
    """
    first = bad.group_by("reason", maintain_order=True).head(most)
    names = [n for n in (*REQUIRED, *OPTIONAL) if n in first.columns and n in file.rows.columns]
    numbered = file.rows.select(names).with_row_index("at")
    wanted = first.select(*names, "reason").with_row_index("k")
    found = wanted.join(numbered, on=names, how="left", nulls_equal=True).unique(
        "k", keep="first", maintain_order=True
    )
    return tuple(_placed(file, row) for row in found.sort("k").iter_rows(named=True))


def _placed(file: BarFile, row: dict[str, object]) -> RowPlace:
    at, reason = row.pop("at"), str(row.pop("reason"))
    row.pop("k")
    begin = 0
    for place in file.places:
        if isinstance(at, int) and at < begin + place.lines.len():
            where = f"{'line' if place.has_lines else 'row'} {place.lines[at - begin]:,}"
            where = where if len(file.places) == 1 else f"{place.name}: {where}"
            return RowPlace(row, reason, where, dict(_told(place, at - begin, row, reason)))
        begin += place.lines.len()
    return RowPlace(row, reason, "", {})


def _told(place: Place, at: int, row: dict[str, object], reason: str) -> Iterator[tuple[str, str]]:
    """The cells that speak against a row; of one with a cell that cannot be read, that cell."""
    lacking = tuple(name for name in (*REQUIRED, "as_of") if name in row and row[name] is None)
    for name in lacking if reason == "null_value" else SPEAKS.get(reason, ()):
        if name in place.cells.columns:
            cell = place.cells[name][at]
            if reason != "price_not_positive" or _not_positive(row[name]):
                yield name, "" if cell is None else str(cell)


def _not_positive(value: object) -> bool:
    return isinstance(value, float) and value <= 0.0
