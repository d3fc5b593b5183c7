"""Splits and dividends from a vendor: checked against prices, never made up, never mended."""

from __future__ import annotations

from datetime import datetime, timedelta
from math import log

import polars as pl

from technic.data.store import Store, StoreVersion
from technic.data.store.rows import newest_per
from technic.market.schema import ACTIONS, conform

ASKED_AGAIN = timedelta(days=4)  # how far from the first day asked for silence means nothing
APART = log(1.25)  # how far, as a ratio, prices may be from a split before it is doubted


def judge_actions(events: pl.DataFrame, bars: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Actions that can stand, and those that prices contradict.

    A split is set aside if the step from the close before to the open of its day is over 25 %
    away from it and nearer to no split, or to its inverse. Where there is no such pair of bars,
    nothing speaks against it.

    Parameters
    ----------
    events : as told by the vendor: `security_id`, `symbol`, `date`, `kind`, `value`
    bars : `security_id`, `session`, `open`, `close`, as traded, around the dates

    Returns
    -------
    tuple
        Good rows; bad rows with `reason` and `seen`, the step that prices show.
    """
    positive = (pl.col("value") > 0.0) & pl.col("value").is_finite()
    sane = positive & pl.col("symbol").is_not_null() & pl.col("date").is_not_null()
    bad_values = events.filter(~sane.fill_null(value=False)).with_columns(
        reason=pl.lit("action_not_positive"), seen=pl.lit(None, dtype=pl.Float64)
    )
    readable = events.filter(sane.fill_null(value=False)).unique(maintain_order=True)
    key = ["security_id", "date", "kind"]
    contradicted = _contradicted_splits(readable.filter(pl.col("kind") == "split"), bars)
    clashing = (
        readable.group_by(key)
        .agg(pl.col("value").n_unique().alias("ways"))
        .filter((pl.col("ways") > 1) & (pl.col("kind") == "dividend"))
        .select(key)
    )
    good = readable.join(contradicted.select(key), on=key, how="anti").join(
        clashing, on=key, how="anti"
    )
    unclear = readable.join(clashing, on=key, how="semi").with_columns(
        reason=pl.lit("conflicting_duplicate"), seen=pl.lit(None, dtype=pl.Float64)
    )
    columns = ["security_id", "symbol", "date", "kind", "value", "reason", "seen"]
    bad = pl.concat([part.select(columns) for part in (bad_values, contradicted, unclear)])
    return good, bad


def _contradicted_splits(splits: pl.DataFrame, bars: pl.DataFrame) -> pl.DataFrame:
    """Splits that prices contradict, with `reason` and `seen`."""
    steps = (
        bars.join(splits.select("security_id").unique(), on="security_id", how="semi")
        .sort("security_id", "session")
        .with_columns(before=pl.col("close").shift(1).over("security_id"))
        .select("security_id", date="session", seen=pl.col("before") / pl.col("open"))
    )
    judged = splits.join(steps, on=["security_id", "date"], how="left").with_columns(
        miss=(pl.col("seen").log() - pl.col("value").log()).abs(),
        flat=pl.col("seen").log().abs(),
        turned=(pl.col("seen").log() + pl.col("value").log()).abs(),
    )
    doubted = (pl.col("miss") > APART) & (pl.min_horizontal("flat", "turned") < pl.col("miss"))
    return judged.filter(doubted.fill_null(value=False)).with_columns(
        reason=pl.lit("split_contradicted")
    )


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
    whole = (
        good.group_by("security_id", "date", "kind", maintain_order=True)
        .agg(pl.col("value").product(), pl.col("symbol").first())
        .rename({"date": "session"})
    )
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
