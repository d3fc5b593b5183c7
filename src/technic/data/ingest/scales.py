"""One scale per security: prices of a file are held against those that the store has.

Whoever adjusts prices divides the whole past again at each split. Rows that are told again on
another scale, or that go on behind a split which the stored ones do not know, would stand beside
the old ones as a fall that never was. They are refused with their symbol, and its whole history
is asked for; where the file holds it, it takes the place of what is stored.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import exp
from typing import Any

import polars as pl

from technic.data.ingest.actions import bars_around
from technic.data.ingest.overlaps import FEW, KEY, SOME, other_ratios
from technic.data.store import Store, StoreVersion
from technic.errors import SchemaError
from technic.market.action_rules import APART, judge_actions, steps_over

REASON = "another_scale"


@dataclass(frozen=True, slots=True)
class OneScale:
    """Rows of a file that stand on the scale of the store.

    Attributes
    ----------
    good : rows to keep
    bad : rows set aside, with `reason`
    told : splits and dividends, with `reason` where their symbol was set aside, else null
    notes : a line for each symbol that was set aside or taken anew
    """

    good: pl.DataFrame
    bad: pl.DataFrame
    told: pl.DataFrame
    notes: list[str] = field(default_factory=list)


def one_scale(
    store: Store,
    version: StoreVersion,
    good: pl.DataFrame,
    told: pl.DataFrame,
    *,
    as_traded: bool,
    label: str,
) -> OneScale:
    """Set symbols aside whose prices are on another scale than the stored ones.

    Parameters
    ----------
    good : rows that are believed, with `security_id`
    told : splits and dividends of the file, as `file_actions.told_by_rows` gives them
    as_traded : whether the prices of file and store are; adjusted ones otherwise
    label : the file, for the message

    Raises
    ------
    SchemaError
        If it is so for every symbol, or for most of those that the store has, or if prices that
        are called adjusted show most of the splits that the file lists.
    """
    retold = _retold(store, version, good, as_traded=as_traded)
    seams = told.clear() if as_traded else _seams(store, version, good, told, label)
    if retold.is_empty() and seams.is_empty():
        return OneScale(good, good.clear(), told)
    names = dict(good.select("security_id", "symbol").unique("security_id").iter_rows())
    refused = _refusals(retold, seams, names, as_traded=as_traded)
    ids = pl.col("security_id").is_in(list(refused))
    kept = good.filter(~ids)
    most = 2 * len(refused) > len(names) and len(refused) >= SOME
    if refused and (most or kept.is_empty()):
        many = (
            f"{len(refused):,} of {len(names):,} symbols are told on another scale; "
            if most
            else ""
        )
        raise SchemaError(f"{label}: {many}{next(iter(refused.values()))}. Nothing was imported")
    anew = [
        f"{_differs(row, names)}; the file holds its whole history, which is taken anew"
        for row in retold.filter("anew").iter_rows(named=True)
    ]
    return OneScale(
        good=kept,
        bad=good.filter(ids).with_columns(reason=pl.lit(REASON)),
        told=told.with_columns(reason=pl.when(ids).then(pl.lit(REASON))),
        notes=[*refused.values(), *anew],
    )


def _refusals(
    retold: pl.DataFrame, seams: pl.DataFrame, names: dict[int, str], *, as_traded: bool
) -> dict[int, str]:
    """Why each security is refused, and what to do."""
    refused = {
        row["security_id"]: f"{_differs(row, names)}: {_remedy(row['first'], as_traded=as_traded)}"
        for row in retold.filter(~pl.col("anew")).iter_rows(named=True)
    }
    for row in seams.iter_rows(named=True):
        about = (
            f"{row['symbol']}: prices before {row['date']} are on another scale than those since, "
            f"by a split of {row['value']:g}"
        )
        own = "are they as traded? Then import them with --adjusted none, into a store of their own"
        remedy = _remedy(row["first"], as_traded=as_traded) if row["first"] else own
        refused.setdefault(row["security_id"], f"{about}: {remedy}")
    return refused


def _differs(row: dict[str, Any], names: dict[int, str]) -> str:
    return (
        f"{names[row['security_id']]}: {row['differing']:,} of {row['overlap']:,} sessions that the "
        f"store has differ by a steady ratio, {exp(row['ratio']):.4g} to 1"
    )


def _remedy(first: object, *, as_traded: bool) -> str:
    since = f" from {first}" if first else ""
    if as_traded:
        return (
            "are they adjusted, and the stored prices as traded? Then they need a store of their "
            f"own: --adjusted splits --store DIR; or import its whole history{since}"
        )
    return (
        f"none of it was taken, lest two scales stand side by side; import its whole history{since}"
    )


def _retold(
    store: Store, version: StoreVersion, good: pl.DataFrame, *, as_traded: bool
) -> pl.DataFrame:
    """Securities that are told on another scale, and whether their history can be taken anew."""
    ratios = other_ratios(store, version, good)
    if ratios.is_empty():
        return ratios.with_columns(anew=pl.lit(value=False), first=pl.lit(None, dtype=pl.Date))
    counts = _stored_sessions(store, version, ratios["security_id"])
    found = ratios.join(counts, on="security_id").sort("security_id")
    whole = found.filter(pl.col("overlap") == pl.col("stored"))["security_id"]
    if as_traded:
        whole = _without_contradiction(store, version, good, whole)
    return found.with_columns(anew=pl.col("security_id").is_in(whole.implode()))


def _stored_sessions(store: Store, version: StoreVersion, ids: pl.Series) -> pl.DataFrame:
    """How many sessions of some securities are stored, and the first of them."""
    return (
        store.table("bars", version)
        .filter(pl.col("security_id").is_in(ids.to_list()))
        .group_by("security_id")
        .agg(stored=pl.col("session").n_unique(), first=pl.col("session").min())
        .collect()
    )


def _without_contradiction(
    store: Store, version: StoreVersion, good: pl.DataFrame, ids: pl.Series
) -> pl.Series:
    """Of securities told anew as traded, those whose prices show the splits that are stored.

    Adjusted prices do not: taken for traded ones they would be adjusted twice.
    """
    splits = (
        store.table("actions", version)
        .filter(
            pl.col("security_id").is_in(ids.to_list()),
            pl.col("kind") == "split",
            pl.col("value") != 1.0,
        )
        .select("security_id", "kind", "value", date="session", symbol=pl.lit(""))
        .collect()
    )
    bars = good.filter(pl.col("security_id").is_in(ids.implode())).rename({"date": "session"})
    wrong = judge_actions(splits, bars).bad["security_id"]
    return ids.filter(~ids.is_in(wrong.implode()))


def _seams(
    store: Store, version: StoreVersion, good: pl.DataFrame, told: pl.DataFrame, label: str
) -> pl.DataFrame:
    """Splits at which adjusted prices change their scale, with `first`, the first stored session.

    Raises
    ------
    SchemaError
        If that holds for most splits of the file: its prices are as traded.
    """
    splits = told.filter(
        pl.col("kind") == "split",
        pl.col("security_id").is_not_null(),
        pl.col("date").is_not_null(),
        pl.col("value").log().abs() > APART,
        pl.col("value").is_finite(),
    ).unique(["security_id", "date"], maintain_order=True)
    if splits.is_empty():
        return splits
    new = good.rename({"date": "session"})
    steps = steps_over(splits, bars_around(store, version, splits, new))
    stored = _stored_sessions(store, version, splits["security_id"].unique())
    inside = new.group_by("security_id").agg(held=pl.col("session").n_unique())
    table = splits.join(steps, on=KEY, how="left")
    for counts in (inside, stored):
        table = table.join(counts, on="security_id", how="left")
    told_log, seen = pl.col("value").log(), pl.col("seen").log()
    shown = ((seen - told_log).abs() < seen.abs()).fill_null(value=False)
    blind = pl.col("seen").is_null() & (pl.col("first") < pl.col("date")).fill_null(value=False)
    behind = blind & (pl.col("held").fill_null(0) < pl.col("stored"))
    own = shown & pl.col("first").is_null()
    n_own, judged = table.filter(own).height, table.filter(pl.col("seen").is_not_null()).height
    if n_own >= FEW and 2 * n_own > judged:
        row = table.filter(own).row(0, named=True)
        raise SchemaError(
            f"{label}: prices show {n_own:,} of {judged:,} splits ({row['symbol']} {row['value']:g} on "
            f"{row['date']}): they are as traded; nothing was imported. Import them with --adjusted "
            "none, into a store of their own"
        )
    return table.filter(shown | behind).select("security_id", "symbol", "date", "value", "first")
