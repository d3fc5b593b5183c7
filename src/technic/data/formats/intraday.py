"""Bars of hours and minutes, known by several of one symbol on one day at different times."""

from __future__ import annotations

import polars as pl

from technic.data.formats import dates
from technic.errors import SchemaError

TIMES = ("time", "<time>", "hour")  # columns of a time beside that of the day
MOSTLY = 0.5  # of the days of symbols have several bars
HOUR, DAY = 60.0, 1440.0  # minutes


def refuse_intraday(
    table: pl.DataFrame, mapping: dict[str, str], days: dates.Stamps, order: str | None, name: str
) -> None:
    """Refuse bars that are not of a day.

    Parameters
    ----------
    table : as the file has it, rows in the order of `days`
    mapping : its name of each of our columns
    days : its column of dates, as days
    order : of day and month between slashes
    name : of the file

    Raises
    ------
    SchemaError
        If most days of symbols have several bars at different times.
    """
    at = _times(table, mapping["date"], days, order)
    if at is None:
        return
    rows = pl.DataFrame(
        {"symbol": table[mapping["symbol"]].cast(pl.String), "day": days.values, "at": at}
    ).drop_nulls(["day", "at"])
    each = rows.group_by("symbol", "day").agg(pl.col("at").n_unique())
    several = each.filter(pl.col("at") > 1)
    if several.height <= MOSTLY * each.height:
        return
    apart = (
        rows.unique()
        .sort("symbol", "day", "at")
        .select(pl.col("at").diff().over("symbol", "day").dt.total_seconds().median() / 60.0)
    )
    first = several.sort("day", "symbol").row(0, named=True)
    raise SchemaError(
        f"{name}: intraday bars, {_in_words(apart.item())} apart: {first['at']:,} of {first['symbol']} on "
        f"{first['day']}. Bars of a day are read: make days of them (first open, highest high, lowest low, "
        "last close, sum of volume), or export daily bars. Nothing was imported"
    )


def _times(
    table: pl.DataFrame, column: str, days: dates.Stamps, order: str | None
) -> pl.Series | None:
    """The instant of each row, as far as the file tells one; None if it tells days alone."""
    if days.how.startswith("instants"):
        return dates.as_instants(table[column], order).values
    beside = next((name for name in TIMES if name in table.columns and name != column), None)
    if beside is None:
        return None
    digits = table[beside].cast(pl.String).str.replace_all(r"[^0-9]", "").str.zfill(4)
    of_day = pl.duration(
        hours=pl.col("t").str.slice(0, 2).cast(pl.Int64, strict=False),
        minutes=pl.col("t").str.slice(2, 2).cast(pl.Int64, strict=False),
    )
    frame = pl.DataFrame({"t": digits, "day": days.values})
    return frame.select(pl.col("day").cast(pl.Datetime("us")) + of_day).to_series()


def _in_words(minutes: float | None) -> str:
    """A stretch of time.

    Examples
    --------
    >>> _in_words(60.0), _in_words(5.0), _in_words(120.0)
    ('an hour', '5 minutes', '2 hours')
    """
    if minutes is None or not 0.0 < minutes < DAY:
        return "less than a day"
    if minutes % HOUR == 0.0:
        return "an hour" if minutes == HOUR else f"{minutes / HOUR:g} hours"
    return "a minute" if minutes == 1.0 else f"{minutes:g} minutes"
