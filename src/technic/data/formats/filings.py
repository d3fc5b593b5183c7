"""Filings from the user's own files: one row per filing, numbers as columns.

Text is read as text and cast here: every cell that cannot be read is counted by its column,
with an example, and nothing is guessed from the first rows.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from technic.data.formats.dates import as_days, as_instants, counts_from_1904, from_1904
from technic.data.formats.dialects import bare_name
from technic.data.formats.numbers import NO, NOTHING, YES, as_numbers, mark_of
from technic.data.formats.parquet_table import read_parquet
from technic.data.formats.parts import FilePart, parts_of
from technic.data.formats.text_table import LINE, read_text
from technic.errors import SchemaError, counted
from technic.market.filings import are_dollars
from technic.market.nulls import emptied

REQUIRED = ("symbol", "as_of", "period_end", "form", "period")
OPTIONAL = ("fiscal_year", "period_start", "currency", "amended")
# Names that other tools write, in small letters; blanks, underscores and capitals do not count.
ALIASES = {
    "ticker": "symbol",
    "filed": "as_of",
    "filing_date": "as_of",
    "known_at": "as_of",
    "end_date": "period_end",
    "start_date": "period_start",
    "start": "period_start",
    "doc_type": "form",
    "period_focus": "period",
    "fiscal_period": "period",
    "unit": "currency",
    "units": "currency",
    "ccy": "currency",
    "iso4217": "currency",
    "amend": "amended",
    "revenues": "revenue",
    "op_income": "operating_income",
    "eps_diluted": "eps",
    "dividend": "dividend_per_share",
    "cur_assets": "current_assets",
    "cur_liab": "current_liabilities",
}
# Of amounts, as vendors call it. A translation of currencies is an item, and an id no code.
CURRENCY = re.compile(
    r"(reported|reporting|report|filing|statement|financial|fiscal|base|trading|price|quote)?"
    r"(currency|ccy|curr)(code|symbol|name|iso|iso4217)?"
)
YEARS = (1900, 2200)  # of nights and periods; others are slips of the pen


@dataclass(frozen=True, slots=True)
class FilingRows:
    """Filings as a file has them, under our names.

    Attributes
    ----------
    table : `symbol`, `known_at` (Datetime in UTC), `period_start` (null where it is not told),
        `period_end`, `form`, `period` (Q1 to Q3, FY), `fiscal_year`, `currency` and `amended`
        (both null where they are not told), and what there is of the items, float64
    unreadable : how many cells of a column hold something that was not read, and one of them
    unused : columns of the file that mean nothing here
    """

    table: pl.DataFrame
    unreadable: dict[str, tuple[int, str]]
    unused: tuple[str, ...] = ()


def read_filings(
    source: FilePart | Path | pl.DataFrame, items: tuple[str, ...], dates: str | None = None
) -> FilingRows:
    """Read filings as a file has them, under our names.

    Parameters
    ----------
    items : names of the numbers to read; those that the file lacks are left out
    dates : order of day and month between slashes, "dmy" or "mdy"; None to let each column decide

    Raises
    ------
    SchemaError
        If the file cannot be read, lacks a column that names a filing, or has a column of dates
        that mean two days.
    """
    told, what, separator = _open(source)
    table, unused = _renamed(told, (*REQUIRED, *OPTIONAL, *items))
    columns = [name for name in items if name in table.columns]
    missing = [name for name in REQUIRED if name not in table.columns]
    if missing or not columns:
        lacks = ", ".join(missing) or "with a number of a statement"
        raise SchemaError(
            f"{what}: no column {lacks}; it has {', '.join(told.columns)}. One row per filing is "
            "expected: symbol, as_of, period_end, form, period and numbers; nothing was imported"
        )
    reader = _CellReader(table, what, dates, separator)
    made = [
        reader.words("symbol"),
        reader.stamps("as_of", instants=True).alias("known_at"),
        reader.stamps("period_start"),
        reader.stamps("period_end"),
        reader.words("form").str.to_uppercase(),
        reader.words("period").str.to_uppercase(),
        reader.numbers("fiscal_year").cast(pl.Int64, strict=False),
        reader.words("currency"),
        reader.flags("amended"),
        *(reader.numbers(name) for name in columns),
    ]
    return FilingRows(pl.DataFrame(made), reader.unreadable, unused)


class _CellReader:
    """Columns of a table, cell by cell; what was not read is kept in `unreadable`."""

    def __init__(self, table: pl.DataFrame, what: str, dates: str | None, separator: str) -> None:
        self._table, self._what, self._dates = table, what, dates
        text = [table[name] for name, dtype in table.schema.items() if dtype == pl.String]
        numbers = [cells for cells in text if cells.name not in {*REQUIRED, *OPTIONAL}]
        self._mark = mark_of(numbers, separator)
        self._from_1904 = False  # days of a spreadsheet, as the first column of nights shows
        self.unreadable: dict[str, tuple[int, str]] = {}

    def words(self, name: str) -> pl.Series:
        """Text without blanks around it; null where nothing stands."""
        cells = self._column(name).cast(pl.String).str.strip_chars()
        return emptied(cells, cells == "")

    def numbers(self, name: str) -> pl.Series:
        """Numbers, float64."""
        read = as_numbers(self._column(name), self._mark)
        self._count(name, read.unreadable, read.example)
        return read.values.alias(name)

    def stamps(self, name: str, *, instants: bool = False) -> pl.Series:
        """Days, or the instants at which something became known."""
        cells = self._column(name)
        try:
            read = (as_instants if instants else as_days)(cells, self._dates)
        except SchemaError as error:
            raise SchemaError(
                f"{self._what}: column {name}: {error}. Nothing was imported"
            ) from error
        self._from_1904 |= instants and counts_from_1904(read)
        values = from_1904(read).values if self._from_1904 else read.values
        strange = (~values.dt.year().is_between(*YEARS)).fill_null(value=False)
        lost = cells.filter(strange).cast(pl.String)
        self._count(name, read.unreadable + len(lost), read.example or next(iter(lost), None))
        return emptied(values, strange).alias(name)

    def flags(self, name: str) -> pl.Series:
        """Yes or no; null where neither is said."""
        cells = self._column(name)
        if cells.dtype == pl.Boolean:
            return cells
        plain = cells.cast(pl.String).str.strip_chars().str.to_lowercase()
        read = pl.select(
            pl.when(plain.is_in(list(YES))).then(True).when(plain.is_in(list(NO))).then(False)
        ).to_series()
        lost = read.is_null() & plain.is_not_null() & ~plain.is_in(list(NOTHING))
        self._count(name, int(lost.sum()), next(iter(cells.cast(pl.String).filter(lost)), None))
        return read.alias(name)

    def _column(self, name: str) -> pl.Series:
        if name in self._table.columns:
            return self._table[name]
        return pl.Series(name, [None] * self._table.height, dtype=pl.String)

    def _count(self, name: str, lost: int, example: str | None) -> None:
        if lost and example is not None:
            self.unreadable[name] = (lost, example[:40])


def _open(source: FilePart | Path | pl.DataFrame) -> tuple[pl.DataFrame, str, str]:
    """A table, all text where the file is text; what to call it; and what separates its cells."""
    if isinstance(source, pl.DataFrame):
        return source, "the frame", ""
    part = source if isinstance(source, FilePart) else _only_part(source)
    if part.refusal:
        raise part.refusal
    if part.kind == "parquet":
        return read_parquet(part), part.name, ""
    if part.kind != "text":
        raise SchemaError(
            f"{part.name}: no table of filings ({part.kind}); Parquet and CSV are read, and the "
            "SEC's company facts and data sets. Nothing was imported"
        )
    text = read_text(part)
    if text.ragged:
        raise SchemaError(
            f"{part.name}: line {text.ragged[0]} has more cells than the header has names; "
            "nothing was imported. Put numbers that hold commas in quotes"
        )
    names = [str(cell or "").strip() for cell in text.rows.drop(LINE).row(0)]
    names = [name or f"column {k + 1}" for k, name in enumerate(names)]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise SchemaError(f"{part.name}: two columns are called {twice[0]}; nothing was imported")
    cells = text.rows[1:].drop(LINE)
    return cells.rename(dict(zip(cells.columns, names, strict=True))), part.name, text.separator


def _only_part(path: Path) -> FilePart:
    """What a path holds, where it is one file."""
    parts = parts_of(path)
    if len(parts) > 1:
        raise SchemaError(
            f"{path}: {counted(len(parts), 'file')}, and none of the SEC's layouts: company facts "
            "(CIK##########.json) or a data set (sub.txt and num.txt). Import tables of filings one "
            "by one; nothing was imported"
        )
    return parts[0]


def _renamed(table: pl.DataFrame, known: tuple[str, ...]) -> tuple[pl.DataFrame, tuple[str, ...]]:
    """The columns that are ours under our names, and the names of the others.

    Where two would get the same name, the first keeps it.
    """
    ours_by_bare = {
        **{bare_name(theirs): ours for theirs, ours in ALIASES.items()},
        **{bare_name(name): name for name in known},
    }
    names: dict[str, str] = {}
    currencies = list[str]()
    # A column that bears our own name is meant before one that is called so by others.
    for column in sorted(table.columns, key=lambda name: name.strip().lower() not in known):
        ours = ours_by_bare.get(bare_name(column), "")
        if ours == "currency" or CURRENCY.fullmatch(bare_name(column)):
            currencies.append(column)
        elif ours in known and ours not in names.values():
            names[column] = ours
    unused = tuple(column for column in table.columns if column not in {*names, *currencies})
    renamed = table.select(list(names)).rename(names)
    if currencies:
        renamed = renamed.with_columns(_currency(table, currencies))
    return renamed, unused


def _currency(table: pl.DataFrame, columns: list[str]) -> pl.Series:
    """The currency that columns tell of each row; of several the one that is not ours."""
    cells = [table[name].cast(pl.String) for name in columns]
    foreign = [emptied(cell, are_dollars(cell)) for cell in cells]
    return pl.select(pl.coalesce(*foreign, *cells).alias("currency")).to_series()
