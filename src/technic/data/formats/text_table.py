"""A part as a table of text: every cell as it stands in the file, every line accounted for."""

from __future__ import annotations

import csv
import io
from collections import Counter
from dataclasses import dataclass

import polars as pl

from technic.data.formats.panics import panics_as_errors
from technic.data.formats.parts import FilePart, text_of
from technic.errors import SchemaError

SEPARATORS = ",;\t|"
LINES_ABOVE = 20  # a title or a disclaimer may stand above the header
MOST_COLUMNS = 20_000
LINE = "line"  # column of every table: the row's number in the file, from 1


@dataclass(frozen=True, slots=True)
class TextTable:
    """What a file of text holds.

    Attributes
    ----------
    rows : text columns named "0", "1", …, and `line`, the number of the row in the file (a row
        whose cells run over several lines counts as one); blank lines are left out. The header,
        if there is one, is the first row
    separator : between the cells of a row; "" where there is one column
    ragged : line numbers of rows with more cells than the first row; they are not in `rows`
    """

    rows: pl.DataFrame
    separator: str
    ragged: tuple[int, ...] = ()

    @property
    def width(self) -> int:
        """How many columns there are."""
        return self.rows.width - 1


def read_text(part: FilePart) -> TextTable:
    """Read a file of text, whatever separates its cells.

    Raises
    ------
    SchemaError
        If it is no table: a quote is never closed, or no line has several cells.
    """
    data = text_of(part.read())
    above, separator = _head(data, part.name)
    end = b"\n" if b"\n" in data[: 1 << 16] else b"\r"
    try:
        with panics_as_errors():
            rows, ragged = _quickly(data, separator, end, above), list[int]()
    except pl.exceptions.PolarsError:
        rows, ragged = _line_by_line(data, separator, part.name, above)
    del data
    blank = pl.all_horizontal(pl.exclude(LINE).is_null())
    rows = rows.filter(~blank)
    if rows.is_empty():
        raise SchemaError(f"{part.name}: holds no rows; nothing was imported")
    return TextTable(rows, separator, tuple(ragged))


def header_of(table: TextTable) -> list[str]:
    """The cells of the first row, bare and in lower case."""
    first = table.rows.drop(LINE).row(0)
    return [" ".join(str(cell or "").split()).lower() for cell in first]


def _quickly(data: bytes, separator: str, end: bytes, above: int) -> pl.DataFrame:
    rows = pl.read_csv(
        data,
        separator=separator or ",",
        has_header=False,
        infer_schema=False,
        skip_lines=above,
        eol_char=end.decode(),
    )
    if rows.width > MOST_COLUMNS:
        raise SchemaError(f"a table of {rows.width:,} columns; at most {MOST_COLUMNS:,} are read")
    names = {name: str(k) for k, name in enumerate(rows.columns)}
    return rows.rename(names).with_row_index(LINE, offset=above + 1)


def _line_by_line(
    data: bytes, separator: str, name: str, above: int
) -> tuple[pl.DataFrame, list[int]]:
    """The same where a row is longer than the first, or a quote stands where none should."""
    csv.field_size_limit(1 << 20)
    text = io.StringIO(data.decode(errors="replace"), newline="")
    for _ in range(above):
        text.readline()
    reader = csv.reader(text, delimiter=separator or ",", strict=True)
    rows: list[list[str | None]] = []
    ragged: list[int] = []
    width, lines = 0, []
    try:
        for row in reader:
            line = above + reader.line_num
            if not row:
                continue
            width = width or len(row)
            if len(row) > width and any(cell.strip() for cell in row[width:]):
                ragged.append(line)
                continue
            padded = row[:width] + [""] * (width - len(row))
            rows.append([cell or None for cell in padded])
            lines.append(line)
    except csv.Error as error:
        raise SchemaError(
            f"{name}: line {above + reader.line_num}: a quote is not closed, or text stands behind "
            "it; nothing was imported"
        ) from error
    schema = {str(k): pl.String for k in range(width)}
    table = pl.DataFrame(rows, schema=schema, orient="row")
    return table.insert_column(0, pl.Series(LINE, lines, dtype=pl.UInt32)), ragged


def _head(data: bytes, name: str) -> tuple[int, str]:
    """How many lines stand above the table, and what separates its cells."""
    lines = data[: 1 << 16].decode(errors="replace").splitlines()[: LINES_ABOVE + 6]
    if lines and lines[0].lower().startswith("sep=") and len(lines[0]) == 5:
        return 1, lines[0][4]
    for above, line in enumerate(lines[: LINES_ABOVE + 1]):
        if line.startswith("#"):
            continue
        counts = {sign: _cells(line, sign) for sign in SEPARATORS}
        sign = max(counts, key=lambda s: counts[s])
        follows = [_cells(other, sign) for other in lines[above + 1 : above + 6] if other.strip()]
        alike = not follows or Counter(follows).most_common(1)[0][0] >= min(counts[sign], 2)
        if counts[sign] > 1 and alike and (counts[sign] > 2 or above == 0 or not follows):
            return above, sign
    if len(lines) > 1 or (lines and lines[0].isprintable()):
        return 0, ""
    raise SchemaError(f"{name}: no table of text; nothing was imported")


def _cells(line: str, separator: str) -> int:
    """How many cells a line has, quotes considered."""
    try:
        return len(next(csv.reader([line], delimiter=separator), []))
    except csv.Error:
        return 0
