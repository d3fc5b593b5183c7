"""Statements whose numbers are in thousands, shares and all.

Profit over earnings per share then agrees with the count of shares, as both are too small alike.
Volume does not: where more than twice all shares there are were traded on a usual day, the count is
too small; where none is told, profit over earnings per share says it. Such numbers are
set aside, all of the filing but for those per share: which are as they should be, nobody says.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, cast

import polars as pl

from technic.data.store.rows import newest_per
from technic.market.items import ITEMS

if TYPE_CHECKING:
    from technic.data.store import Store, StoreVersion

FILING = ["symbol", "known_at", "period_end"]
TURNED = 2.0  # of all shares on a usual day: no company's trade so much, in thousands most seem to
FEW = 25e6  # shares: counts in thousands are fewer, as nobody has 25 billion
RECENT = timedelta(days=5 * 366)  # before the newest session: older volumes are adjusted too often
NEAR = timedelta(days=200)  # of a filing lie the sessions whose volume is looked at
SESSIONS = 3  # fewer say nothing of a usual day
THIN = 0.003  # of revenue: a profit below it is in other units than the revenue
LEAST = 0.02  # USD a share: rounded earnings below it say little of a count
PER_SHARE = [name for name, item in ITEMS.items() if item.per_share]
REASON = "in_thousands"


def without_thousands(
    store: Store, version: StoreVersion, facts: pl.DataFrame, doubted: pl.DataFrame
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The facts without those of statements in thousands, and these with a `reason`.

    Parameters
    ----------
    facts : `security_id`, `symbol`, `item`, `months`, `value`, `period_end`, `filed`, `known_at`
    doubted : rows set aside already, which may say how many shares there are
    """
    counts = _counts(facts, doubted)
    small = counts.filter(pl.coalesce("told", "implied") < FEW)
    if small.is_empty():
        return facts, facts.clear().with_columns(reason=pl.lit(REASON))
    table = small.join(_usual_volumes(store, version, small), on=["security_id", "filed"])
    # Nobody's share earns more than it costs in most years: such earnings are wrong themselves.
    sane = pl.when(pl.col("eps") <= pl.col("close")).then("implied")
    too_few = pl.col("volume") > TURNED * pl.coalesce("told", sane)
    # A count alone that profit and earnings per share contradict is in thousands by itself.
    alone = (pl.col("volume") <= pl.col("implied")).fill_null(value=False)
    marked = facts.with_row_index("row").join(
        table.filter(too_few).select(*FILING, "security_id", "thin", alone=alone),
        on=[*FILING, "security_id"],
        nulls_equal=True,
    )
    item = pl.col("item")
    of_all = pl.when("alone").then(item == "shares").when("thin").then(item == "net_income")
    gone = marked.filter(~item.is_in(PER_SHARE), of_all.otherwise(statement=True))["row"]
    is_wrong = pl.Series(range(facts.height)).is_in(gone.implode())
    return facts.filter(~is_wrong), facts.filter(is_wrong).with_columns(reason=pl.lit(REASON))


def thousands_line(wrong: pl.DataFrame) -> str:
    """What a user is told of statements that were set aside.

    Parameters
    ----------
    wrong : as `without_thousands` gives them, not empty
    """
    first = wrong.sort("symbol", "period_end").row(0, named=True)
    filings = wrong.select(FILING).n_unique()
    others = f", and {filings - 1:,} more" if filings > 1 else ""
    what = "profit" if set(wrong["item"]) == {"net_income"} else "statement"
    return (
        f"{first['symbol']}: the {what} of {first['period_end']}{others} is set aside: more than twice all of its "
        "shares, told or by profit over earnings per share, would be traded on a usual day; is it in "
        "thousands? Write numbers whole"
    )


def _counts(facts: pl.DataFrame, doubted: pl.DataFrame) -> pl.DataFrame:
    """How many shares each filing has: as `told`, and `implied` by its profit and `eps`; null where
    unknown. And whether the profit is too `thin` to be in the units of the revenue.
    """
    items = pl.col("item").is_in(["shares", "net_income", "eps", "revenue"])
    columns = [*FILING, "item", "months", "value"]
    own = facts.filter(items)
    known = own.select(*FILING, "security_id", "filed").unique(FILING, maintain_order=True)
    parts = [own.select(columns)]
    if not doubted.is_empty() and "reason" in doubted.columns:
        apart = doubted.filter(items, pl.col("reason") == "shares_contradict_profit")
        parts.append(apart.select(columns))
    rows = pl.concat(parts, how="vertical_relaxed")
    told = rows.filter(pl.col("item") == "shares").group_by(FILING).agg(told=pl.col("value").min())
    profit, eps, revenue = (
        rows.filter(pl.col("item") == name).select(*FILING, "months", pl.col("value").alias(name))
        for name in ("net_income", "eps", "revenue")
    )
    key = [*FILING, "months"]
    flows = profit.join(eps.filter(pl.col("eps").abs() >= LEAST), on=key)
    flows = flows.join(revenue, on=key, how="left").filter(pl.col("net_income") != 0.0)
    implied = flows.group_by(FILING).agg(
        pl.col("eps").abs().max(),
        implied=(pl.col("net_income") / pl.col("eps")).abs().min(),
        thin=(pl.col("net_income").abs() < THIN * pl.col("revenue").abs()).any(),
    )
    joined = known.join(told, on=FILING, how="left").join(implied, on=FILING, how="left")
    # A count that is told says by itself what is wrong.
    return joined.with_columns(
        thin=pl.col("thin").fill_null(value=False) & pl.col("told").is_null()
    )


def _usual_volumes(store: Store, version: StoreVersion, asked: pl.DataFrame) -> pl.DataFrame:
    """The median `volume` and `close` of the sessions around each filing: `security_id`, `filed`.

    Without a row where too few sessions are near.
    """
    nights = asked.select("security_id", "filed").unique()
    first, last = cast("date", nights["filed"].min()), cast("date", nights["filed"].max())
    if version.adjustment == "splits" and version.last is not None:
        first = max(first, version.last - RECENT)
        nights = nights.filter(pl.col("filed") >= first)
    bars = store.table("bars", version).filter(
        pl.col("session").is_between(first - NEAR, last + NEAR),
        pl.col("security_id").is_in(nights["security_id"].unique().implode()),
    )
    volumes = newest_per(
        bars.select("security_id", "session", "close", "volume", "known_at"),
        "security_id",
        "session",
    ).collect()
    days = (pl.col("session") - pl.col("filed")).dt.total_days().abs()
    return (
        nights.join(volumes, on="security_id")
        .filter(days <= NEAR.days, pl.col("volume") > 0.0)
        .group_by("security_id", "filed")
        .agg(pl.col("volume", "close").median(), sessions=pl.len())
        .filter(pl.col("sessions") >= SESSIONS)
        .drop("sessions")
    )
