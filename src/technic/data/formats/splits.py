"""Splits as people and vendors write them: new shares for an old one."""

from __future__ import annotations

import polars as pl

from technic.data.formats.numbers import Numbers, as_numbers
from technic.market.nulls import emptied

# 4:1, 4/1, 4-for-1, 4 for 1, 4x1, "1 per 10", "4 new for 1 old": new shares first.
RATIO = (
    r"^(\d+(?:\.\d+|,\d{1,2})?)(?:\s*new)?\s*(?::|/|-?\s*for\s*-?|-?\s*per\s*-?)\s*"
    r"(\d+(?:\.\d+|,\d{1,2})?)(?:\s*old)?(?:\s*split)?$"
)


def as_splits(cells: pl.Series, mark: str | None = None) -> Numbers:
    """Read a column as split ratios: new shares for an old one.

    `4:1`, `4/1`, `4-for-1` and `4 for 1` are 4, and `1:10` is 0.1; what is a number is read as
    one, 0 included, which means that there is no split.

    Parameters
    ----------
    cells : of any type
    mark : the decimal sign of the file, as `as_numbers` takes it

    Returns
    -------
    Numbers
        Null where a cell is empty, or cannot be read; the latter are counted, with an example.
    """
    if cells.dtype in (pl.Categorical, pl.Enum):
        cells = cells.cast(pl.String)
    if cells.dtype != pl.String:
        return as_numbers(cells, mark)
    sides = pl.DataFrame({"text": cells.str.strip_chars().str.to_lowercase()}).select(
        new=pl.col("text").str.extract(RATIO, 1), old=pl.col("text").str.extract(RATIO, 2)
    )
    ratios = sides.select(
        pl.col(name).str.replace(",", ".", literal=True).cast(pl.Float64, strict=False)
        for name in ("new", "old")
    )
    # A side of zero is no ratio: 0:1 would be a split into nothing.
    real = (ratios["new"] > 0.0) & (ratios["old"] > 0.0)
    ratio = emptied(ratios["new"] / ratios["old"], ~real.fill_null(value=False))
    # `4 1` is a ratio whose sign is lost, and not forty-one.
    torn = cells.str.contains(r"\d\s+\d").fill_null(value=False) & ratio.is_null()
    read = as_numbers(emptied(cells, ratio.is_not_null() | torn), mark)
    values = ratio.zip_with(ratio.is_not_null(), read.values).alias(cells.name)
    if not torn.any():
        return Numbers(values, read.unreadable, read.example, read.lost)
    lost = torn if read.lost is None else torn | read.lost
    return Numbers(values, int(lost.sum()), str(cells.filter(lost)[0])[:40], lost)
