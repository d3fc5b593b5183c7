"""Splits and dividends on their way into a store: what they are held against, and what is new.

`market.action_rules` is the judge, of files (`file_actions`) and of vendors (`commit`) alike.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from math import log

import polars as pl

from technic.data.store import Store, StoreVersion
from technic.data.store.rows import newest_per
from technic.market.action_rules import (
    APART,
    CURRENCY,
    HOLE,
    NEAR_DAYS,
    SAME_SPLIT,
    steps_over,
)
from technic.market.quality import REASONS
from technic.market.schema import ACTIONS, BARS, conform

AROUND = {"split": range(-15, 16), "dividend": range(-5, 1)}  # days whose bars are looked at
ASKED_AGAIN = timedelta(days=4)  # how far from the first day asked for silence means nothing


def bars_around(
    store: Store, version: StoreVersion, events: pl.DataFrame, new: pl.DataFrame
) -> pl.DataFrame:
    """Bars that events are held against: stored ones of the days around them, then new ones.

    Parameters
    ----------
    events : `security_id`, `date` and `kind`
    new : rows of the bars table that are about to be stored; may be empty

    Returns
    -------
    DataFrame
        `security_id`, `session`, `open`, `close` and `known_at`: every version of each bar.
    """
    columns = ["security_id", "session", "open", "close", "known_at"]
    parts = [] if new.is_empty() else [new.select(columns)]
    if version.last is not None and not events.is_empty():
        days = pl.DataFrame(
            [(kind, day) for kind, reach in AROUND.items() for day in reach],
            schema={"kind": pl.String, "off": pl.Int64},
            orient="row",
        )
        wanted = (
            events.select("security_id", "date", "kind")
            .unique()
            .join(days, on="kind")
            .select("security_id", session=pl.col("date") + pl.duration(days="off"))
            .unique()
        )
        near = _stored(store, version, wanted["session"]).join(
            wanted.lazy(), on=["security_id", "session"], how="semi"
        )
        parts.insert(0, near.select(columns).collect())
        splits = events.filter(pl.col("kind") == "split")
        if not (alone := _alone(splits, pl.concat(parts))).is_empty():
            reach = alone["date"].dt.offset_by(f"-{HOLE}d"), alone["date"].dt.offset_by(f"{HOLE}d")
            ids = pl.col("security_id").is_in(alone["security_id"].unique().implode())
            far = _stored(store, version, pl.concat(reach)).filter(ids)
            parts.insert(0, far.select(columns).collect())
    schema = {name: BARS[name] for name in columns}
    return pl.concat(parts) if parts else pl.DataFrame(schema=schema)


def _stored(store: Store, version: StoreVersion, days: pl.Series) -> pl.LazyFrame:
    """Stored bars from the first to the last of some days."""
    between = pl.col("session").is_between(days.min(), days.max())
    return store.table("bars", version).filter(between)


def _alone(splits: pl.DataFrame, bars: pl.DataFrame) -> pl.DataFrame:
    """Splits that have no pair of bars around them, not even over a hole."""
    if splits.is_empty():
        return splits
    return steps_over(splits, bars).filter(pl.col("across").is_null())


def doubts(bad: pl.DataFrame, more: str = "") -> list[str]:
    """One line for each split or dividend that is set aside.

    Parameters
    ----------
    bad : as `judge_actions` gives it
    more : what a user could do about a split where prices show none
    """
    lines = []
    # What has no value at all, and what is older than the calendar, is counted by its reason alone.
    named = bad.drop_nulls(["value", "date"]).filter(pl.col("reason") != "before_calendar")
    for row in named.iter_rows(named=True):
        what = f"{row['symbol']}: a {row['kind']} of {row['value']:g} on {row['date']} is set aside"
        seen = row["seen"]
        if row["reason"] == "split_contradicted":
            lines.append(f"{what}: prices show {seen:.3f}{_guess(row['value'], seen, more)}")
        elif row["reason"] == "split_overruled":
            lines.append(f"{what}: prices show {seen:.3f}, and another word on it agrees better")
        elif row["reason"] == "dividend_too_large":
            lines.append(f"{what}: {_price_of(row)}")
        elif row["reason"] == "without_bars":
            lines.append(f"{what}: its symbol has no bar yet, and it waits for one")
        elif row["reason"] == "foreign_currency":
            lines.append(f"{what}: it is in {row['currency'][:8]}, and prices are in {CURRENCY}")
        elif row["reason"] == "split_shown":
            lines.append(f"{what}: it would take back the split that prices show")
        elif row["reason"] == "no_session":
            lines.append(
                f"{what}: the market was closed; tell it for the session it took effect on"
            )
        else:
            lines.append(f"{what}: {REASONS[row['reason']]}")
    return lines


def _price_of(row: dict[str, object]) -> str:
    """The price that a dividend was held against: the close before, or that of its own day."""
    if row["seen"] is None:
        return "that is above a third of the price of its own day, the first there is"
    return f"the close before was {row['seen']:g}"


def _guess(value: float, seen: float, more: str) -> str:
    """What may be behind a split that prices contradict."""
    if abs(log(seen * value)) < APART:
        return "; its ratio is upside down"
    return more if abs(log(seen)) < APART else ""


def told_elsewhere(good: pl.DataFrame, standing: pl.DataFrame) -> pl.DataFrame:
    """Dividends that stand already, of the same amount, a few days away: told twice.

    Which day is right nobody knows; the one that was there first stands.

    Parameters
    ----------
    good : splits and dividends that can stand by themselves
    standing : `security_id`, `date` and `value` of dividends that are stored and not taken back

    Returns
    -------
    DataFrame
        Rows of `good`, with `reason`.
    """
    paid = good.filter(pl.col("kind") == "dividend")
    night = ["security_id", "date"]
    new = paid.join(standing, on=[*night, "value"], how="anti")
    known = standing.select(*night, "value").join(new, on="security_id", how="semi")
    days = [day for day in range(-NEAR_DAYS, NEAR_DAYS + 1) if day]
    around = pl.concat(
        [
            known.select(*night[:1], pl.col("date").dt.offset_by(f"{day}d"), was="value")
            for day in days
        ]
    )
    same = (pl.col("value") / pl.col("was") - 1.0).abs() <= SAME_SPLIT
    pairs = new.join(around, on=night).filter(same).select(night).unique()
    return new.join(pairs, on=night, how="semi").with_columns(reason=pl.lit("dividend_repeated"))


def action_changes(
    store: Store,
    version: StoreVersion,
    good: pl.DataFrame,
    bad: pl.DataFrame,
    asked: pl.DataFrame,
    at: datetime,
    source: str,
) -> tuple[pl.DataFrame, list[str]]:
    """Rows for the actions table: what is new, and what the vendor has taken back.

    Parameters
    ----------
    good, bad : as `judge_actions` gives them; what is doubted was told all the same
    asked : `kind`, `first`, `last`: what the vendor was asked for, so that silence means no
    """
    whole = good.rename({"date": "session"})
    every_row = store.table("actions", version)
    stored = newest_per(every_row, "security_id", "session", "kind").collect()
    about = ["security_id", "session", "kind"]
    new = whole.join(stored.select(*about, "value"), on=[*about, "value"], how="anti")
    gone = (
        stored.filter(
            pl.col("source") == source,
            pl.col("value") != pl.when(pl.col("kind") == "split").then(1.0).otherwise(0.0),
        )
        .join(asked, on="kind")
        # Only where the next syncs ask again: one answer may lack a row by mistake.
        .filter(pl.col("session").is_between(pl.col("first") + ASKED_AGAIN, pl.col("last")))
        .join(whole, on=about, how="anti")
        .join(bad.select("security_id", "kind", session="date"), on=about, how="anti")
        .with_columns(value=pl.when(pl.col("kind") == "split").then(1.0).otherwise(0.0))
    )
    notes = [
        f"{kind} of security {i} on {day}: no longer told by {source}; taken back"
        for i, day, kind in gone.select(about).iter_rows()
    ]
    rows = pl.concat([new.select(*about, "value"), gone.select(*about, "value")]).with_columns(
        known_at=pl.lit(at), assumed=pl.lit(value=False), source=pl.lit(source)
    )
    return conform(rows, ACTIONS, "actions"), notes
