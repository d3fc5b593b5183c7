"""How long the stretches of filings are, and where they end on a calendar of even quarters.

Lengths come from days, never from the label of a report: a transition period is no year. Years
of 52 or 53 weeks end a few days around the same date; some divide into quarters of 12 and 16
weeks, whose ends stray up to a month from a calendar of even quarters, and are put back on it.
"""

from __future__ import annotations

import polars as pl

YEAR = 12
SPANS = ((3, 80, 100), (6, 170, 192), (9, 260, 285), (12, 350, 380))  # months, days from and to
# Whole weeks may be quarters of 12 or 16 of them: 24, 36, 28 and 40 weeks, and one week more.
WEEKS = ((3, 84, 119), (6, 168, 196), (9, 252, 287), (12, 357, 378))
SAME_END = 20  # days: two reports of one period, whose end was told a little differently
LONGEST = 380  # days: since then, a year's report is missing and its end says nothing


def months_in(days: pl.Expr) -> pl.Expr:
    """How many months a stretch of days covers.

    Parameters
    ----------
    days : first and last included

    Returns
    -------
    Expr
        Int8: 3, 6, 9 or 12; null if it is no number of quarters.
    """
    whole_weeks = days % 7 == 0
    branches = [(days.is_between(low, high), months) for months, low, high in SPANS]
    branches += [(whole_weeks & days.is_between(low, high), months) for months, low, high in WEEKS]
    return pl.coalesce(
        pl.when(test).then(pl.lit(months, dtype=pl.Int8)) for test, months in branches
    )


def month_of_end(end: pl.Expr) -> pl.Expr:
    """Months since year 0 of the month that a period's end belongs to.

    One in the first half of a month belongs to the month before.
    """
    shifted = end.dt.offset_by("-16d")
    return shifted.dt.year() * 12 + shifted.dt.month().cast(pl.Int32) - 1


def end_of_month(month: pl.Expr) -> pl.Expr:
    """The last day of a month, counted since year 0."""
    return pl.date(month // 12, month % 12 + 1, 1).dt.month_end()


def even_end(start: pl.Expr, end: pl.Expr, months: pl.Expr) -> pl.Expr:
    """Where a stretch since the start of a fiscal year ends on a calendar of even quarters.

    Parameters
    ----------
    start, end : first and last day
    months : of `months_in`

    Returns
    -------
    Expr
        Date; null where the end's own month says it, and where nothing does.
    """
    first = month_of_end(start.dt.offset_by("-1d"))
    strays = (month_of_end(end) - first != months) & (months < YEAR)
    in_weeks = ((end - start).dt.total_days() + 1) % 7 == 0
    return pl.when(strays & in_weeks).then(end_of_month(first + months.cast(pl.Int32)))


def is_even(start: pl.Expr, end: pl.Expr, months: pl.Expr) -> pl.Expr:
    """Whether a stretch is the quarters it is taken for, at both of its ends."""
    apart = month_of_end(end) - month_of_end(start.dt.offset_by("-1d"))
    return (apart == months) | (((end - start).dt.total_days() + 1) % 7 == 0)


def with_lengths(filings: pl.DataFrame, before: pl.DataFrame) -> pl.DataFrame:
    """Reports with how long they are, as their own dates and the year's report before say.

    Parameters
    ----------
    filings : `symbol`, `form`, `period`, `period_start` (null where it is not told),
        `period_end` and `known_at`
    before : years' ends that are known: `symbol`, `year_end`, `year_known`

    Returns
    -------
    DataFrame
        The rows in their order, with `since_start`, months from the start that is told;
        `since_year`, months from the end of the fiscal year before, both Int8; `stub`, whether
        days or the form contradict the label; and `calendar_end` of `even_end`.
    """
    years = filings.filter(pl.col("period") == "FY").select(
        "symbol", year_end="period_end", year_known="known_at"
    )
    ends = pl.concat([years, before.select(years.columns)], how="vertical_relaxed").drop_nulls()
    newest = _year_before(filings.with_row_index("row"), ends)
    table = filings.with_row_index("row").join(newest, on="row", how="left", maintain_order="left")
    start, end, year = pl.col("period_start"), pl.col("period_end"), pl.col("year_end")
    told = (end - start).dt.total_days() + 1
    gap = (end - year).dt.total_days()
    return (
        table.with_columns(since_start=months_in(told), since_year=months_in(gap))
        .with_columns(
            stub=pl.when(pl.col("period") != "FY")
            .then(pl.col("form").str.contains("QT", literal=True))
            .when(start.is_not_null())
            .then(pl.col("since_start").ne_missing(YEAR))
            .when(gap < SPANS[-1][1])
            .then(pl.col("since_year").ne_missing(YEAR))
            .otherwise(pl.col("form").str.contains("KT", literal=True)),
            calendar_end=even_end(
                pl.coalesce(
                    pl.when(pl.col("since_year") > 3).then(year.dt.offset_by("1d")),
                    start,
                    year.dt.offset_by("1d"),
                ),
                end,
                pl.coalesce("since_year", "since_start"),
            ),
        )
        .drop("row", "year_end")
    )


def _year_before(filings: pl.DataFrame, ends: pl.DataFrame) -> pl.DataFrame:
    """The end of the newest fiscal year before each row's period that was known by its night."""
    age = (pl.col("period_end") - pl.col("year_end")).dt.total_days()
    return (
        filings.select("row", "symbol", "period_end", "known_at")
        .join(ends, on="symbol")
        .filter(age.is_between(SAME_END, LONGEST), pl.col("year_known") <= pl.col("known_at"))
        .group_by("row")
        .agg(pl.col("year_end").max())
    )
