"""What rows become on their way into a store, whoever they come from."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

import polars as pl

from technic.market.schema import BARS, INSTANT, LISTING_TYPES, conform
from technic.market.sessions import nyse
from technic.store import Store, StoreVersion

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


def listing_type(text: str | None) -> str | None:
    """Our word for a vendor's security type.

    Examples
    --------
    >>> listing_type("CS"), listing_type("Common Stock"), listing_type("ETF"), listing_type(None)
    ('common', 'common', 'etf', None)
    """
    if text is None:
        return None
    plain = text.strip().lower()
    codes = {
        "cs": "common", "common stock": "common", "stock": "common", "etf": "etf",
        "etv": "etf", "etn": "note", "etp": "etf", "fund": "etf", "pfd": "preferred",
        "preferred stock": "preferred", "warrant": "warrant", "right": "right",
        "unit": "unit", "adrc": "adr", "adr": "adr",
    }  # fmt: skip
    if plain in LISTING_TYPES:
        return plain
    return codes.get(plain, "other" if plain else None)
