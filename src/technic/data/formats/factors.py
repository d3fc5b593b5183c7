"""LEAN's factor files: what prices are multiplied by, and until when.

A file has a row for every last session before a split or a dividend: the day, the factor of
dividends, the factor of splits, and the close of that day. The factors of a row hold for all
earlier days; what changes from one row to the next went ex on the session after the row's day.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction

import polars as pl

from technic.data.formats.numbers import as_numbers
from technic.data.formats.text_table import LINE, TextTable
from technic.errors import SchemaError

WIDTHS = (3, 4)
CENTS = 4  # decimals of a dividend: factors are rounded to seven
PARTS_OF_SPLIT = 1_000  # the largest side of a ratio that is taken to be meant
NEAR = 1e-4
LAYOUT = "LEAN factor file"


@dataclass(frozen=True, slots=True)
class Factors:
    """A factor file.

    Attributes
    ----------
    events : `symbol`, `until` (the last session before), `split`, `share` (of that session's close
        that was paid) and `reference` (that close; null if the file has none)
    rows, width : of the file
    """

    events: pl.DataFrame
    rows: int
    width: int


def is_factors(text: TextTable) -> bool:
    """Whether a table without a header is a factor file."""
    return text.width in WIDTHS and _all(text, r"\d{8}", *[r"\d*\.?\d+([eE]-?\d+)?"] * 2)


def is_map(text: TextTable) -> bool:
    """Whether a table without a header is a map file: from when a security bore which ticker."""
    return text.width in {2, 3} and _all(text, r"\d{8}", r"[A-Za-z][A-Za-z0-9.\- ]*")


def _all(text: TextTable, *patterns: str) -> bool:
    """Whether every row begins with cells of these patterns."""
    rows = text.rows.drop(LINE)
    return all(
        all(re.fullmatch(pattern, (cell or "").strip()) for cell in rows[str(k)])
        for k, pattern in enumerate(patterns)
    )


def read_factors(text: TextTable, symbol: str, name: str) -> Factors:
    """Read a factor file as splits and dividends.

    Parameters
    ----------
    symbol : whose it is
    name : of the file, for the message

    Raises
    ------
    SchemaError
        If a factor is zero, or days are no days, or stand twice.
    """
    cells = [text.rows[str(k)].str.strip_chars() for k in range(text.width)]
    table = pl.DataFrame(
        {
            "until": cells[0].str.to_date("%Y%m%d", strict=False),
            "price": as_numbers(cells[1], "point").values,
            "scale": as_numbers(cells[2], "point").values,
            "reference": as_numbers(cells[3], "point").values if text.width > 3 else None,
        },
        schema_overrides={"reference": pl.Float64},
    ).sort("until")
    right = table["until"].null_count() == 0 and table["until"].is_unique().all()
    if not (right and (table["price"] > 0.0).all() and (table["scale"] > 0.0).all()):
        raise SchemaError(
            f"{name}: a {LAYOUT} with a factor of zero, or a day that is none or twice"
        )
    ratio = table.select(pl.col("scale").shift(-1) / pl.col("scale")).to_series()
    events = table.select(
        "until",
        symbol=pl.lit(symbol),
        split=ratio.map_elements(_meant, return_dtype=pl.Float64),
        share=1.0 - pl.col("price") / pl.col("price").shift(-1),
        reference=pl.when(pl.col("reference") > 0.0).then("reference"),
    )
    return Factors(events.head(-1), table.height, text.width)


def _meant(ratio: float) -> float:
    """The ratio of small whole numbers that a rounded one stands for; itself if there is none."""
    near = Fraction(ratio).limit_denominator(20 if ratio >= 1.0 else PARTS_OF_SPLIT)
    if ratio < 1.0:  # 1 for 10 is a tenth: the new side is the small one
        turned = Fraction(1.0 / ratio).limit_denominator(20)
        near = 1 / turned if turned else near
    return float(near) if near and abs(float(near) / ratio - 1.0) < NEAR else ratio


def with_factors(rows: pl.DataFrame, files: list[Factors]) -> tuple[pl.DataFrame, int]:
    """Bars as traded with the splits and dividends of factor files.

    Parameters
    ----------
    rows : bars under our names, with `cells`; a split or dividend that a row has stays

    Returns
    -------
    rows : DataFrame
        With `split` and `dividend`; `cells` counts the factor files' too.
    unused : int
        Cells of factor files that say nothing of these bars.
    """
    blank = {
        n: pl.lit(None, dtype=pl.Float64) for n in ("split", "dividend") if n not in rows.columns
    }
    rows = rows.with_columns(**blank)
    tables = [f.events.with_columns(width=pl.lit(f.width, dtype=pl.UInt16)) for f in files]
    days = rows.select("symbol", "date", "close").drop_nulls().sort("date")
    options = {"by": "symbol", "on": "date", "check_sortedness": False}
    events = (
        pl.concat(tables)
        .with_columns(date=pl.col("until").cast(pl.Date))
        .sort("date")
        .join_asof(days.rename({"close": "before"}), strategy="backward", **options)  # type: ignore[arg-type]
        .with_columns(date=pl.col("until").dt.offset_by("1d"))
        .sort("date")
        .join_asof(days.with_columns(ex="date").drop("close"), strategy="forward", **options)  # type: ignore[arg-type]
        .filter(pl.col("before").is_not_null(), pl.col("ex").is_not_null())
        .with_columns(paid=pl.coalesce("reference", "before") * pl.col("share") / pl.col("split"))
    )
    told = (
        events.group_by("symbol", date="ex")
        .agg(
            told_split=pl.col("split").product(),
            told_dividend=pl.col("paid").sum().round(CENTS),
            more=pl.col("width").sum(),
        )
        .with_columns(told_dividend=pl.when(pl.col("told_dividend") != 0.0).then("told_dividend"))
    )
    joined = rows.join(told, on=["symbol", "date"], how="left", maintain_order="left")
    out = joined.with_columns(
        split=pl.coalesce("split", "told_split"),
        dividend=pl.coalesce("dividend", "told_dividend"),
        cells=(pl.col("cells") + pl.col("more").fill_null(0)).cast(pl.UInt16),
    ).select(rows.columns)
    spoken = int(out["cells"].sum()) - int(rows["cells"].sum())
    return out, sum(f.rows * f.width for f in files) - spoken
