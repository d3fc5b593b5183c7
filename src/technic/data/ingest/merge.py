"""What rows become on their way into a store, whoever they come from."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

import polars as pl

from technic.data.store import Store, StoreVersion
from technic.market.schema import BARS, INSTANT, conform
from technic.market.sessions import nyse

VALUES = ("open", "high", "low", "close", "volume")
KEY = ("security_id", "session")


@dataclass(frozen=True, slots=True)
class News:
    """Bars that a store does not have yet.

    Attributes
    ----------
    bars : rows to add
    edits : of them those that revise a stored bar, with the close and volume before
    known : how many bars the store already had, word for word
    """

    bars: pl.DataFrame
    edits: pl.DataFrame
    known: int

    @property
    def revised(self) -> int:
        """How many rows revise a stored one."""
        return self.edits.height


def news(
    store: Store,
    version: StoreVersion,
    bars: pl.DataFrame,
    seen: datetime,
    *,
    current: bool = False,
) -> News:
    """What of `bars` is new to a store version.

    Parameters
    ----------
    bars : rows of the bars table, perhaps with a column `seen` of their own
    seen : the instant at which a correction without a later date of its own became known
    current : whether `bars` say what holds now, rather than what once held: a vendor may
        return to an earlier value, a file that is read again must not
    """
    nothing = bars.clear().select(*KEY, close_before="close", volume_before="volume")
    if bars.is_empty() or version.last is None:
        return News(conform(bars, BARS, "bars"), nothing, 0)
    low, high = bars["session"].min(), bars["session"].max()
    stored = (
        store.table("bars", version)
        .filter(pl.col("session").is_between(low, high))
        .select(*KEY, *VALUES, "vwap", "known_at")
        .collect()
    )
    about = [*KEY, *VALUES, "vwap"]
    newest = stored.sort("known_at", maintain_order=True).unique(
        [*KEY], keep="last", maintain_order=True
    )
    known = newest if current else stored
    same = bars.join(known, on=about, how="semi", nulls_equal=True)
    differing = bars.join(known, on=about, how="anti", nulls_equal=True)
    before = newest.select(*KEY, stored_at="known_at", close_before="close", volume_before="volume")
    matched = differing.join(before, on=[*KEY], how="left", maintain_order="left")
    is_revision = pl.col("stored_at").is_not_null()
    instant = pl.col("seen") if "seen" in bars.columns else pl.lit(seen)
    late = is_revision & (pl.col("known_at") <= pl.col("stored_at"))
    dated = matched.with_columns(
        known_at=pl.when(late).then(instant.cast(INSTANT)).otherwise("known_at"),
        assumed=pl.when(late).then(statement=False).otherwise("assumed"),
    )
    edits = dated.filter(is_revision).select(
        *KEY, "close", "volume", "close_before", "volume_before"
    )
    return News(conform(dated, BARS, "bars"), edits, same.height)


def closes(rows: pl.DataFrame) -> pl.Series:
    """The instant each row's session closed; null for dates that are none."""
    return _by_session(rows, lambda ordinal: nyse().closes(ordinal))


def next_opens(rows: pl.DataFrame) -> pl.Series:
    """The instant the session after each row's opened; null for dates that are none."""
    return _by_session(rows, lambda ordinal: nyse().opens(ordinal + 1))


def _by_session(rows: pl.DataFrame, instant: object) -> pl.Series:
    sessions = nyse()
    dates: list[date] = rows["date"].unique().drop_nulls().to_list()
    covered = [day for day in dates if sessions.first <= day <= sessions.last]
    at = [instant(sessions.last_until(day)) for day in covered]  # type: ignore[operator]
    table = pl.DataFrame(
        {"date": covered, "known_at": at}, schema={"date": pl.Date, "known_at": INSTANT}
    )
    return rows.select("date").join(table, on="date", how="left", maintain_order="left")["known_at"]


def as_bars(good: pl.DataFrame, *more: str) -> pl.DataFrame:
    """Good rows as rows of the bars table; `more` columns stay behind them."""
    vwap = pl.col("vwap") if "vwap" in good.columns else pl.lit(None, dtype=pl.Float64)
    table = good.select(
        "security_id",
        pl.col("date").alias("session"),
        *VALUES,
        vwap.alias("vwap"),
        "known_at",
        "assumed",
        pl.col("date").dt.year().alias("year"),
        *more,
    )
    bars = conform(table, BARS, "bars")
    return bars.with_columns(table[name] for name in more)


def as_source(source: Any) -> Path | pl.DataFrame:
    """A path or a Polars frame; pandas and Arrow frames are converted."""
    if isinstance(source, str | Path):
        return Path(source)
    if isinstance(source, pl.DataFrame):
        return source
    if hasattr(source, "__arrow_c_stream__"):
        return pl.DataFrame(source)
    return pl.from_pandas(source)


def told_instants(rows: pl.DataFrame, column: str) -> pl.Series:
    """When each row became known, as a column tells: a date means that night in New York."""
    told, dtype = pl.col(column), rows.schema[column]
    if dtype == pl.Null:
        told, dtype = told.cast(pl.Datetime("us")), pl.Datetime("us")
    if dtype == pl.String:
        told, dtype = told.str.to_datetime(strict=False), pl.Datetime("us")
    if dtype == pl.Date:  # the last second of the day
        told = told.cast(pl.Datetime("us")).dt.offset_by("1d").dt.offset_by("-1s")
    if not (isinstance(dtype, pl.Datetime) and dtype.time_zone):
        told = told.dt.replace_time_zone("America/New_York", ambiguous="earliest")
    return rows.select(told=told.dt.convert_time_zone("UTC").cast(INSTANT))["told"]
