"""What is read of files of bars, and what a user may say of them."""

from __future__ import annotations

from dataclasses import dataclass, field

import polars as pl


@dataclass(frozen=True, slots=True)
class FileHints:
    """What a user says of files that they do not say themselves.

    Attributes
    ----------
    symbol : of a file that names none
    dates : order of day and month between slashes, "dmy" or "mdy"
    decimal : the decimal sign, "point" or "comma"
    placed : whether it is also told where each row stands, which takes room
    """

    symbol: str | None = None
    dates: str | None = None
    decimal: str | None = None
    placed: bool = False


@dataclass(frozen=True, slots=True)
class Place:
    """Where rows of one file stand in it.

    Attributes
    ----------
    name : of the file
    lines : the number of each row's line in it; of a table that has none, of the row, from 1
    cells : what stands there, under our names
    has_lines : whether it is a file of lines
    """

    name: str
    lines: pl.Series
    cells: pl.DataFrame
    has_lines: bool


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
    refused : of those, the ones that seem to be meant as bars
    notes : what a user should know
    fits_both : whether its prices are the same as traded and adjusted, as the file shows
    places : of each file, if they were asked for; their rows in order are `rows`
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
    refused: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    places: tuple[Place, ...] = ()
    fits_both: bool = False
