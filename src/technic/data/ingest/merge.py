"""What becomes of rows on their way into a store, whatever file or vendor they come from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

import polars as pl

from technic.data.store import Store, StoreVersion
from technic.data.store.rows import newest_per, right_after
from technic.errors import SchemaError, StoreError
from technic.market.instants import instant_given
from technic.market.schema import BARS, INSTANT, conform
from technic.market.sessions import nyse

ADJUSTMENTS = {"none": "as traded", "splits": "adjusted for splits by the vendor"}
VALUES = ("open", "high", "low", "close", "volume")
KEY = ("security_id", "session")
UNTIL = 9_000  # a clock may be ahead; what reaches the last year of calendars cannot be added to


@dataclass(frozen=True, slots=True)
class NewBars:
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


def refuse_mixture(
    store: Store, undone: str, *, simulated: bool, adjustment: str | None = None
) -> None:
    """Keep real and simulated markets, raw and adjusted bars, from sharing a store.

    Parameters
    ----------
    undone : what was not done, for the message: imported, asked or stored
    simulated : whether what comes is of a simulated market
    adjustment : of the bars that come; None if none come

    Raises
    ------
    StoreError
        If the store holds the other kind.
    """
    version = store.version()
    if version.last is None:
        return
    end = f"the two are never mixed and nothing was {undone}. Use another store: --store DIR"
    if adjustment is not None and version.adjustment != adjustment:
        raise StoreError(
            f"{store.folder}: holds bars {ADJUSTMENTS[version.adjustment]}, and these are "
            f"{ADJUSTMENTS[adjustment]}; {end}"
        )
    if version.is_simulated != simulated:
        held, new = ("simulated", "real") if version.is_simulated else ("real", "simulated")
        raise StoreError(f"{store.folder}: holds a {held} market, and this is a {new} one; {end}")


def checked_instant(given: datetime | None, store: Store) -> datetime:
    """The instant, in UTC, at which something becomes known.

    Parameters
    ----------
    given : as the user says it; None for now
    store : which learns nothing before what it holds

    Raises
    ------
    SchemaError
        If it is no instant, has no time zone, or lies where there are no sessions.
    """
    if given is None:
        return store.learned_at()
    first = nyse().first
    try:
        instant = instant_given(given)
    except ValueError as error:
        raise SchemaError(f"seen_at: {error}") from error
    if not (first <= instant.date() and instant.year < UNTIL):
        raise SchemaError(
            f"seen_at: {given} is no time at which something was learned; sessions begin on {first}"
        )
    return instant


def new_bars(
    store: Store,
    version: StoreVersion,
    bars: pl.DataFrame,
    seen: datetime,
    *,
    current: bool = False,
) -> NewBars:
    """The bars that are new to a store version: unknown ones, and corrections of stored ones.

    Parameters
    ----------
    bars : rows of the bars table, perhaps with a column `seen` of their own
    seen : the instant at which a correction without a later date of its own became known
    current : whether `bars` say what holds now, rather than what once held: a vendor may
        return to an earlier value, a file that is read again must not
    """
    nothing = bars.clear().select(*KEY, close_before="close", volume_before="volume")
    if bars.is_empty() or version.last is None:
        return NewBars(conform(bars, BARS, "bars"), nothing, 0)
    low, high = bars["session"].min(), bars["session"].max()
    stored = (
        store.table("bars", version)
        .filter(pl.col("session").is_between(low, high))
        .select(*KEY, *VALUES, "vwap", "known_at")
        .collect()
    )
    about = [*KEY, *VALUES, "vwap"]
    newest = newest_per(stored.lazy(), *KEY).collect()
    words = newest if current else stored
    bars = _with_known_vwap(bars, newest)
    same = bars.join(words, on=about, how="semi", nulls_equal=True)
    differing = bars.join(words, on=about, how="anti", nulls_equal=True)
    before = newest.select(*KEY, stored_at="known_at", close_before="close", volume_before="volume")
    matched = differing.join(before, on=[*KEY], how="left", maintain_order="left")
    is_revision = pl.col("stored_at").is_not_null()
    instant = pl.col("seen") if "seen" in bars.columns else pl.lit(seen)
    # A file that states an earlier instant tells what was believed before, and stays behind.
    restated = pl.lit(current) | pl.col("assumed") | (pl.col("known_at") == pl.col("stored_at"))
    late = is_revision & (pl.col("known_at") <= pl.col("stored_at")) & restated
    dated = matched.with_columns(
        known_at=pl.when(late)
        .then(right_after(instant, pl.col("stored_at")))
        .otherwise("known_at"),
        assumed=pl.when(late).then(statement=False).otherwise("assumed"),
    )
    edits = dated.filter(is_revision).select(
        *KEY, "close", "volume", "close_before", "volume_before"
    )
    return NewBars(conform(dated, BARS, "bars"), edits, same.height)


def _with_known_vwap(bars: pl.DataFrame, newest: pl.DataFrame) -> pl.DataFrame:
    """Bars whose average is not told keep the stored one: silence is no correction."""
    if bars["vwap"].null_count() == 0 or newest["vwap"].null_count() == newest.height:
        return bars
    known = newest.select(*KEY, known_vwap="vwap")
    return (
        bars.join(known, on=[*KEY], how="left", maintain_order="left")
        .with_columns(vwap=pl.coalesce("vwap", "known_vwap"))
        .drop("known_vwap")
    )


def session_closes(rows: pl.DataFrame) -> pl.Series:
    """The instant at which each row's session closed: Datetime in UTC, null where `date` is none."""
    return _by_session(rows, nyse().closes)


def next_opens(rows: pl.DataFrame) -> pl.Series:
    """The instant at which the session after each row's opened: Datetime in UTC, or null."""
    return _by_session(rows, lambda ordinal: nyse().opens(ordinal + 1))


def _by_session(rows: pl.DataFrame, instant: Callable[[int], datetime]) -> pl.Series:
    sessions = nyse()
    dates: list[date] = rows["date"].unique().drop_nulls().to_list()
    covered = [day for day in dates if sessions.first <= day <= sessions.last]
    at = [instant(sessions.last_until(day)) for day in covered]
    table = pl.DataFrame(
        {"date": covered, "known_at": at}, schema={"date": pl.Date, "known_at": INSTANT}
    )
    return rows.select("date").join(table, on="date", how="left", maintain_order="left")["known_at"]


def as_bars(good: pl.DataFrame, *more: str) -> pl.DataFrame:
    """Good rows as rows of the bars table.

    Parameters
    ----------
    good : with `security_id`, `date`, prices, `known_at` and `assumed`
    more : columns of `good` that stay, behind those of the table
    """
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
    """What a user names as a source, as a path or a Polars frame.

    Parameters
    ----------
    source : a path or its text, or a frame of Polars, Arrow or pandas
    """
    if isinstance(source, str | Path):
        return Path(source)
    if isinstance(source, pl.DataFrame):
        return source
    if hasattr(source, "__arrow_c_stream__"):
        return pl.DataFrame(source)
    return pl.from_pandas(source)


def stated_instants(rows: pl.DataFrame, column: str) -> pl.Series:
    """When each row became known, as a column states.

    Parameters
    ----------
    column : of instants, dates or text; a date means the end of that day in New York, and an
        instant without a time zone is one of New York

    Returns
    -------
    Series
        Datetime in UTC; null where the column states nothing that can be read.
    """
    instants, dtype = pl.col(column), rows.schema[column]
    if dtype == pl.Null:
        instants, dtype = instants.cast(pl.Datetime("us")), pl.Datetime("us")
    if dtype == pl.String:
        instants, dtype = instants.str.to_datetime(strict=False), pl.Datetime("us")
    if dtype == pl.Date:  # the last second of the day
        instants = instants.cast(pl.Datetime("us")).dt.offset_by("1d").dt.offset_by("-1s")
    if not (isinstance(dtype, pl.Datetime) and dtype.time_zone):
        instants = instants.dt.replace_time_zone("America/New_York", ambiguous="earliest")
    return rows.select(told=instants.dt.convert_time_zone("UTC").cast(INSTANT))["told"]
