"""Quarters that are told as sums since the start of the year, where nothing says so but the sums.

Three quarters whose revenue is more than the whole year's are none, if each adds its share to the
one before and the year to the last: they are sums of three, six and nine months.
"""

from __future__ import annotations

from itertools import pairwise

import polars as pl

AGES = {"Q1": (240, 320), "Q2": (150, 230), "Q3": (60, 140)}  # days from its end to the year's
ABOVE = 1.001  # times the year's: rounding explains less
SHARE = 0.15  # of the year's revenue is the least that a quarter of it is taken to have


def above_their_year(filings: pl.DataFrame) -> list[str]:
    """Symbols of which three quarters have more revenue than their year, and are no sums either.

    Parameters
    ----------
    filings : as in `told_as_sums`
    """
    years = _years(filings).filter(pl.col("more") & ~pl.col("possible"))
    return years["symbol"].unique().sort().to_list()


def told_as_sums(filings: pl.DataFrame) -> pl.Series:
    """Whether each report of a quarter tells flows since the start of its year.

    A year shows it where its three quarters and itself are known. What one year of a company
    shows holds for its others too, unless one of them can only be of quarters.

    Parameters
    ----------
    filings : `symbol`, `period` (Q1 to Q3, FY), `period_start` (null where it is not told: else
        it says what the flows are of), `period_end`, `known_at` and `revenue`, USD

    Returns
    -------
    Series
        Boolean, one for each row.
    """
    years = _years(filings)
    shown = years.filter("sums").select("symbol").unique()
    quarterly = years.filter(~pl.col("possible")).select("symbol").unique()
    own = years.filter("sums").select("symbol", "year_end", own=pl.lit(value=True))
    every = shown.join(quarterly, on="symbol", how="anti").with_columns(every=pl.lit(value=True))
    rows = filings.select("symbol", "period", "period_start", "period_end").with_row_index("row")
    near = (
        rows.join(own, on="symbol")
        .filter(_age().is_between(AGES["Q3"][0], AGES["Q1"][1]))
        .group_by("row")
        .agg(pl.col("own").any())
    )
    told = rows.join(near, on="row", how="left", maintain_order="left").join(
        every, on="symbol", how="left", maintain_order="left"
    )
    is_open = pl.col("period").is_in(list(AGES)) & pl.col("period_start").is_null()
    sums = is_open & pl.coalesce("own", "every", pl.lit(value=False))
    return told.select(sums.fill_null(value=False).alias("sums")).to_series()


def _age() -> pl.Expr:
    return (pl.col("year_end") - pl.col("period_end")).dt.total_days()


def _years(filings: pl.DataFrame) -> pl.DataFrame:
    """Fiscal years of which all is known: whether they can be of `sums`, and whether they must.

    Returns
    -------
    DataFrame
        `symbol`, `year_end`, `possible`, `sums`, and `more`: whether three quarters are more than
        the year.
    """
    first = filings.drop_nulls(["revenue", "period_end"]).sort("known_at", maintain_order=True)
    first = first.unique(["symbol", "period", "period_end"], keep="first", maintain_order=True)
    years = first.filter(pl.col("period") == "FY").select(
        "symbol", year_end="period_end", year="revenue"
    )
    for name, (low, high) in AGES.items():
        quarters = first.filter(pl.col("period") == name, pl.col("period_start").is_null())
        pairs = years.join(quarters.select("symbol", "period_end", "revenue"), on="symbol")
        found = pairs.filter(_age().is_between(low, high)).group_by("symbol", "year_end")
        years = years.join(
            found.agg(pl.col("revenue").first().alias(name)), on=["symbol", "year_end"]
        )
    names = ["Q1", "Q2", "Q3", "year"]
    added = [pl.col(name) - pl.col(before) for before, name in pairwise(names)]
    possible = pl.min_horizontal("Q1", *added) >= SHARE * pl.col("year")
    more = pl.sum_horizontal("Q1", "Q2", "Q3") > ABOVE * pl.col("year")
    return years.select("symbol", "year_end", possible=possible, more=more, sums=possible & more)
