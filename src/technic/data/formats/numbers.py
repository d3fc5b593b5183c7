"""Numbers as people and vendors write them: each cell is read with certainty, or not at all."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

# What stands for nothing: an empty cell is missing, not unreadable.
NOTHING = ("", "-", "--", "—", ".", "na", "n/a", "#n/a", "nan", "null", "none", "nil")
YES, NO = ("true", "t", "yes", "y", "1", "1.0"), ("false", "f", "no", "n", "0", "0.0")
SCALES = {"k": 1e3, "m": 1e6, "b": 1e9, "t": 1e12}
GROUPED = r"^[+-]?\d{1,3}(,\d{3})+(\.\d+)?$"  # commas are certainly of thousands, or ambiguous
POINTED = r"^[+-]?\d{1,3}(\.\d{3})+(,\d+)?$"  # the same where the comma is the decimal sign
ONE_GROUP = r"^[+-]?\d{1,3}[,.]\d{3}$"  # 1,234: a thousand, or one and a bit
# Blanks or apostrophes between thousands, three digits behind each.
SPACED = r"^\(?[+-]?\d{1,3}([\s\u00a0\u202f'’]\d{3})+([.,]\d+)?\s?[kKmMbBtT]?\)?$"
PLAIN = r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$"
MARKS = ("point", "comma")


@dataclass(frozen=True, slots=True)
class Numbers:
    """A column of numbers, and what of it could not be read.

    Attributes
    ----------
    values : float64; null where a cell is empty or unreadable
    unreadable : how many cells hold something that is no number
    example : one of them, as it stands in the file; None if there is none
    lost : whether each cell is one of them; None if there is none
    """

    values: pl.Series
    unreadable: int = 0
    example: str | None = None
    lost: pl.Series | None = None


def as_numbers(cells: pl.Series, mark: str | None = None) -> Numbers:
    """Read a column as numbers.

    `$50.02`, `1,671,786`, `(12.5)` and `2.5B` are read; `4%`, `€5` and `12 shares` are not.

    Parameters
    ----------
    cells : of any type; text is read cell by cell
    mark : the decimal sign of the file, "point" or "comma"; None if nothing says it, and then
        `1,234` is read only where other cells of the column say what its comma is
    """
    if cells.dtype in (pl.Categorical, pl.Enum):
        cells = cells.cast(pl.String)
    if cells.dtype == pl.Null:
        return Numbers(cells.cast(pl.Float64))
    if _is_no_number(cells.dtype):
        return _counted(cells, pl.Series(cells.name, [None] * len(cells), dtype=pl.Float64))
    if cells.dtype != pl.String:
        if cells.dtype == pl.Float32:  # 10.1 is meant, and not the double nearest to its single
            cells = cells.cast(pl.String)
        return _counted(cells, cells.cast(pl.Float64, strict=False))
    # Nearly every cell is plain; the rules below are for the rest, each different text once.
    plain = (cells if mark != "comma" else _whole(cells)).cast(pl.Float64, strict=False)
    plain = plain.fill_nan(None)
    odd = cells.filter(plain.is_null() & cells.is_not_null()).unique()
    if odd.is_empty():
        return Numbers(plain)
    if mark is None and _sign_of(cells) == "comma":
        return as_numbers(cells, "comma")
    rules = _read_odd(odd, mark or _sign_of(cells))
    other = cells.replace_strict(
        rules["text"], rules["value"], default=None, return_dtype=pl.Float64
    )
    values = plain.zip_with(plain.is_not_null(), other).alias(cells.name)
    nothing = rules.filter(pl.col("nothing"))["text"]
    return _counted(cells, values, nothing)


def _is_no_number(dtype: pl.DataType) -> bool:
    """Whether nothing of a type is a number: truths, days, lists, bytes."""
    return dtype in (pl.Boolean, pl.Binary) or dtype.is_temporal() or dtype.is_nested()


def mark_of(columns: list[pl.Series], separator: str) -> str | None:
    """The decimal sign that the columns of a file agree on; None if nothing says it.

    Parameters
    ----------
    columns : of text that should be numbers
    separator : between the cells of a row; a comma there is rarely a decimal sign as well
    """
    found = {sign for cells in columns if (sign := _sign_of(cells))}
    if separator == "," and found == {"comma"} and _mostly_grouped(columns):
        return "point"  # one odd cell among thousands with commas
    if len(found) == 1:
        return found.pop()
    return "point" if separator == "," and not found else None


def _mostly_grouped(columns: list[pl.Series]) -> bool:
    """Whether more commas stand before three digits than before other numbers of them."""
    text = _bare(pl.concat([cells.cast(pl.String) for cells in columns]).drop_nulls())
    thousands = text.str.contains(r"^[+-]?\d{1,3}(,\d{3})+$")
    return int(thousands.sum()) > int(text.str.contains(r",(\d{1,2}|\d{4,})$").sum())


def _sign_of(cells: pl.Series) -> str | None:
    """What the cells of one column prove of the decimal sign."""
    text = _bare(cells.drop_nulls().unique())
    both = text.str.contains(",", literal=True) & text.str.contains(".", literal=True)
    # A sign that is there once, with other than three digits behind it, is a decimal sign.
    point = text.str.contains(r"^[+-]?\d*\.(\d{1,2}|\d{4,})$") | (both & text.str.contains(GROUPED))
    comma = text.str.contains(r"^[+-]?\d*,(\d{1,2}|\d{4,})$") | (both & text.str.contains(POINTED))
    several = text.str.contains(r"^[+-]?\d{1,3}(,\d{3}){2,}$")
    dotted = text.str.contains(r"^[+-]?\d{1,3}(\.\d{3}){2,}$")
    says = {"point": bool((point | several).any()), "comma": bool((comma | dotted).any())}
    proven = [sign for sign in MARKS if says[sign]]
    return proven[0] if len(proven) == 1 else None


def _read_odd(odd: pl.Series, sign: str | None) -> pl.DataFrame:
    """Texts that are no plain numbers: `text`, `value` (null if unreadable) and `nothing`."""
    body = _bare(odd)
    negative = body.str.contains(r"^\([^()+-]*\)$")
    body = body.str.replace(r"^\(([^()+-]*)\)$", "$1")
    unit = body.str.extract(r"\d\s?([kKmMbBtT])$").str.to_lowercase()
    body = body.str.replace(r"\s?[kKmMbBtT]$", "")
    decimal = _decimal(body, sign)
    number = decimal.cast(pl.Float64, strict=False)
    scale = unit.replace_strict(SCALES, default=None, return_dtype=pl.Float64).fill_null(1.0)
    return pl.DataFrame(
        {
            "text": odd,
            "value": number
            * scale
            * negative.fill_null(value=False).replace_strict(
                {True: -1.0, False: 1.0}, return_dtype=pl.Float64
            ),
            "nothing": odd.str.strip_chars().str.to_lowercase().is_in(NOTHING),
        }
    )


def _bare(text: pl.Series) -> pl.Series:
    """Texts without blanks around them, blanks between thousands, and a dollar sign in front."""
    signs = text.str.replace_all("\u2212", "-").str.strip_chars()
    signs = signs.str.replace(r"^([+-]?\(?[+-]?)(US)?\$\s?", "$1")
    grouped = signs.str.contains(SPACED).fill_null(value=False)
    return signs.zip_with(~grouped, signs.str.replace_all(r"[\s\u00a0\u202f'’]", ""))


def _decimal(body: pl.Series, sign: str | None) -> pl.Series:
    """Texts as the machine writes numbers; null where it is not certain what they mean."""
    table = pl.DataFrame({"b": body})
    b = pl.col("b")
    grouped = b.str.replace_all(",", "", literal=True)
    turned = b.str.replace_all(".", "", literal=True).str.replace(",", ".", literal=True)
    certain = pl.lit(sign == "point") | ~b.str.contains(ONE_GROUP)
    if sign == "comma":
        chain = (
            pl.when(b.str.contains(POINTED) | b.str.contains(r"^[+-]?\d+(,\d+)?$"))
            .then(turned)
            .when(b.str.contains(r"^[+-]?\d+(,\d+)?[eE][+-]?\d+$"))
            .then(turned)
        )
    else:
        chain = (
            pl.when(b.str.contains(GROUPED) & certain)
            .then(grouped)
            .when(b.str.contains(PLAIN))
            .then(b)
        )
    return table.select(chain.otherwise(None)).to_series()


def _whole(cells: pl.Series) -> pl.Series:
    """Whole numbers alone: in a file of decimal commas, 1.234 is more than a thousand."""
    whole = cells.str.contains(r"^\s*[+-]?\d+\s*$").fill_null(value=False)
    return cells.zip_with(whole, pl.Series([None], dtype=pl.String))


def _counted(cells: pl.Series, values: pl.Series, nothing: pl.Series | None = None) -> Numbers:
    """With how many cells hold something that was not read."""
    lost = values.is_null() & cells.is_not_null()
    if nothing is not None and len(nothing):
        lost = lost & ~cells.is_in(nothing.implode())
    bad = cells.filter(lost)
    return Numbers(values, len(bad), str(bad[0])[:40], lost) if len(bad) else Numbers(values)
