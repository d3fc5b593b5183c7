"""Which splits and dividends can be believed: one judge for files and vendors.

A split is held against the step of prices over its night, a dividend against the price. What
cannot stand is set aside with a reason and what prices show; nothing is mended, and of every
event that was told it is known whether it was kept, set aside, or told twice.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import log

import numpy as np
import polars as pl

from technic.market.nulls import emptied
from technic.market.typing import IntArray

APART = log(1.25)  # how far, as a ratio, prices may be from a split before it is doubted
FAR = log(1.9)  # no night explains more: beyond it a split is wrong whatever it is nearest to
LARGE = 1.0 / 3.0  # of the price: a dividend above it is a mistake more often than it is one
SAME_SPLIT = 1e-3  # vendors round: 7 and 6.999997 are the same split
NEAR_DAYS = 5  # two of the same ratio so close are one split told twice
REACH = 15  # days: bars farther away say nothing about a night
HOLE = 366  # days: over a hole so long prices still say something of a split, the less the longer
CURRENCY = "USD"
EVENT = ("security_id", "symbol", "date", "kind", "value")
_KEY = ("security_id", "date", "kind")


@dataclass(frozen=True, slots=True)
class JudgedActions:
    """Splits and dividends that were told, sorted.

    Attributes
    ----------
    good : one row per security, date, kind and `known_at`; of several dividends their sum, of
        several splits their product
    bad : rows set aside, with `reason`, and `seen`: the step that prices show, or the close before
        a dividend; null where there is none
    repeated : how many rows told what another row had told
    merged : how many rows went into a sum or a product beside the first
    flat : splits set aside where prices show no step at all: adjusted prices look like that
    judged : splits that there were bars to hold against
    """

    good: pl.DataFrame
    bad: pl.DataFrame
    repeated: int
    merged: int
    flat: int
    judged: int


def judge_actions(
    events: pl.DataFrame, bars: pl.DataFrame, *, as_traded: bool = True
) -> JudgedActions:
    """Sort splits and dividends into those that can stand and those that cannot.

    A split is set aside if the step from the close before to the open of its day is over 25 %
    away from it and nearer to no split, or to its inverse; or if it is so far away that the
    price would have had to halve or double beside it. Over a hole of weeks and months prices
    move by themselves: both bounds widen with the root of its length, and only prices that show no
    split, or its inverse, speak against it. Several splits of one hole
    are held against it together. Where there is no such pair of bars, nothing speaks against it.

    Parameters
    ----------
    events : `security_id`, `symbol`, `date`, `kind`, `value`; perhaps `known_at`, and from
        vendors `id` (equal ones are one event) and `currency` (null is that of the prices)
    bars : `security_id`, `session`, `open`, `close`, around the dates
    as_traded : whether the bars are; adjusted ones show no split, and none is held against them

    Returns
    -------
    JudgedActions
        Told = good + merged + bad + repeated.
    """
    rows = _complete(events)
    invalid, rest = _parted(rows, _invalid())
    once = rest.unique([*EVENT, "id", "known_at", "currency"], maintain_order=True)
    unclear, clear = _clashing(once)
    steps = steps_over(clear, bars)
    large, clear = _large_dividends(clear, steps)
    again, clear = _repeated_dividends(clear)
    wrong = _wrong_splits(clear, steps) if as_traded else _no_reasons(clear)
    good = clear.join(wrong, on=[*_KEY, "known_at", "id"], how="anti", nulls_equal=True)
    parts = [invalid, unclear, large, again, wrong]
    bad = pl.concat([_told(part, steps) for part in parts])
    bad = bad.sort("symbol", "date", "kind", maintain_order=True)
    whole = _whole(good)
    shown = steps.filter(pl.col("seen").is_not_null())
    splits = clear.filter(pl.col("kind") == "split").join(shown, on=_KEY[:2])
    flat = wrong.filter(pl.col("reason") == "split_contradicted").join(shown, on=_KEY[:2])
    return JudgedActions(
        good=whole,
        bad=bad,
        repeated=rest.height - once.height,
        merged=good.height - whole.height,
        flat=flat.filter(pl.col("seen").log().abs() < APART).height,
        judged=splits.height,
    )


def steps_over(events: pl.DataFrame, bars: pl.DataFrame) -> pl.DataFrame:
    """What prices show over the night before each event.

    Parameters
    ----------
    events : `security_id` and `date`
    bars : `security_id`, `session`, `open`, `close`; of several of one session the one with the
        latest `known_at` counts, of those with one instant the last

    Returns
    -------
    DataFrame
        `security_id`, `date`, `before` (the last close before that date), `opened` (the first open
        from that date on), `seen`, that close over that open: 4 if prices fell to a quarter, and
        `across`, the same where a hole of up to a year lies between the two; `hole`, the days
        between them, and `gap`, a number of the hole. Each is null where there is none; but for
        `across`, bars more than 15 days away say nothing.
    """
    nights = events.select("security_id", "date").unique().drop_nulls()
    keys = _key_of(bars["security_id"], bars["session"])
    order = np.argsort(keys, kind="stable")
    ordered = keys[order]
    if "known_at" in bars.columns and (np.diff(ordered) == 0).any():
        order = np.lexsort((bars["known_at"].to_physical().to_numpy(), keys))
    wanted = _key_of(nights["security_id"], nights["date"])
    before = np.searchsorted(ordered, wanted, "left") - 1
    after = np.clip(before + 1, 0, max(len(ordered) - 1, 0))
    if len(ordered):  # the last of those with one session
        after = np.searchsorted(ordered, ordered[after], "right") - 1

    def column(name: str, at: IntArray, reach: int) -> pl.Series:
        """Values of the bars at some places; null beyond the reach of a night."""
        if bars.is_empty():
            return pl.Series([None] * len(at), dtype=bars.schema[name])
        row = order[np.clip(at, 0, len(order) - 1)]
        days = keys[row] - wanted
        right = days >= 0 if at is after else (days < 0) & (at >= 0)
        within = pl.Series(right & (np.abs(days) <= reach))
        return emptied(bars[name][row], ~within)

    columns = {"before": ("close", before), "opened": ("open", after)}
    near = {name: column(*about, REACH) for name, about in columns.items()}
    far = {f"{name} far": column(*about, HOLE) for name, about in columns.items()}
    days = column("session", after, HOLE) - column("session", before, HOLE)
    return (
        nights.with_columns(**near, **far, hole=days.dt.total_days(), gap=pl.Series(before))
        .with_columns(pl.when(pl.col(n) > 0.0).then(n) for n in (*near, *far))
        .with_columns(
            seen=pl.col("before") / pl.col("opened"),
            across=pl.when(pl.col("hole") <= HOLE).then(
                pl.col("before far") / pl.col("opened far")
            ),
        )
        .drop(*far)
    )


def _key_of(ids: pl.Series, days: pl.Series) -> IntArray:
    """Security and day as one integer: days since 1970 take 24 bits, so that 15 days reach no
    other security.
    """
    numbers = days.cast(pl.Date).to_physical().cast(pl.Int64)
    key: IntArray = (ids.cast(pl.Int64) * (1 << 24) + numbers).to_numpy()
    return key


def contradicted(value: pl.Expr, seen: pl.Expr, slack: pl.Expr | None = None) -> pl.Expr:
    """Whether a step of prices contradicts a split; null where there is no step.

    Parameters
    ----------
    value, seen : new shares for an old one, as told and as prices show them
    slack : how many times farther prices may be than over a night, see `shown_by`
    """
    told, shown = value.log(), seen.log()
    wide = pl.lit(1.0) if slack is None else slack
    miss = (shown - told).abs()
    other = pl.min_horizontal(shown.abs(), (shown + told).abs())
    unlike = miss > APART * wide
    # Over a hole another split may hide, which nobody has told yet: only prices that show no split,
    # or its inverse, speak against it.
    over_a_hole = (wide > 1.0) & (other > APART * wide)
    return unlike & ((other < miss) | (miss > FAR * wide)) & ~over_a_hole


def shown_by() -> dict[str, pl.Expr]:
    """Of `steps_over`: what prices show of a split, and how much slack they need for it.

    Returns
    -------
    dict of Expr
        `seen`, over a night or else over a hole, and `slack`: 1, or more for a long hole.
    """
    over_a_hole = (pl.col("hole") / REACH).sqrt()
    slack = pl.when(pl.col("seen").is_null()).then(over_a_hole).otherwise(1.0)
    return {"seen": pl.coalesce("seen", "across"), "slack": pl.max_horizontal(slack, 1.0)}


def _complete(events: pl.DataFrame) -> pl.DataFrame:
    """With the columns that not everybody tells; two splits of one day differ in their ratio."""
    absent = {
        "id": pl.String(),
        "currency": pl.String(),
        "known_at": pl.Datetime("us", "UTC"),
    }
    rows = events.with_columns(
        pl.lit(None, dtype=dtype).alias(name)
        for name, dtype in absent.items()
        if name not in events.columns
    )
    ratio = pl.when(pl.col("kind") == "split").then(pl.col("value").cast(pl.String))
    return rows.with_columns(id=pl.coalesce("id", ratio))


def _invalid() -> pl.Expr:
    """Why a row can be no event at all; null where it can."""
    sane = (pl.col("value") > 0.0) & pl.col("value").is_finite()
    named = pl.all_horizontal(pl.col(n).is_not_null() for n in ("symbol", "date"))
    dollars = pl.col("currency").str.strip_chars().str.to_uppercase().fill_null(CURRENCY)
    return (
        pl.when(~(sane & named).fill_null(value=False))
        .then(pl.lit("action_not_positive"))
        .when((pl.col("kind") == "dividend") & (dollars != CURRENCY) & (dollars != ""))
        .then(pl.lit("foreign_currency"))
    )


def _parted(rows: pl.DataFrame, reason: pl.Expr | pl.Series) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Rows that have a reason to be set aside, with it; and the others."""
    judged = rows.with_columns(reason=reason)
    return (
        judged.filter(pl.col("reason").is_not_null()),
        judged.filter(pl.col("reason").is_null()).drop("reason"),
    )


def _clashing(rows: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Events told in two ways, which one is right nobody knows; and the others.

    Two of one id that differ clash; dividends without an id do if they share their day.
    """
    about = [*_KEY, "known_at", "id"]
    ways = pl.len().over(about)
    return _parted(rows, pl.when(ways > 1).then(pl.lit("conflicting_duplicate")))


def _large_dividends(rows: pl.DataFrame, steps: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Dividends above a third of the close before, alone or with others of their day.

    The first bar of a security has none before it: its open and the dividend together are that
    price, as far as anybody knows.
    """
    priced = rows.join(steps, on=_KEY[:2], how="left", maintain_order="left", nulls_equal=True)
    most = pl.coalesce(pl.col("before") * LARGE, pl.col("opened") * LARGE / (1.0 - LARGE))
    paid = pl.col("kind") == "dividend"
    alone = paid & (pl.col("value") > most)
    rest = pl.when(alone.fill_null(value=False)).then(0.0).otherwise("value")
    together = paid & (rest.sum().over([*_KEY, "known_at"]) > most)
    doubted = pl.when(alone | together).then(pl.lit("dividend_too_large"))
    bad, good = _parted(priced, doubted)
    return bad.select(*rows.columns, "reason"), good.select(rows.columns)


def _repeated_dividends(rows: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Dividends of the same amount within a few days of each other, and the others.

    No share pays so often. Two are one that was told twice, and the first stands; of three and
    more in a row, such as a yearly rate beside every price, nobody knows which was paid.
    """
    paid = rows.filter(pl.col("kind") == "dividend").sort("security_id", "date")
    days = paid.select("security_id", "date", "value").unique(maintain_order=True)
    of = "security_id"
    apart = pl.col("date").diff().over(of).dt.total_days() > NEAR_DAYS
    other = (pl.col("value").diff().over(of).abs() > SAME_SPLIT * pl.col("value")).fill_null(
        value=True
    )
    begins = days.with_columns(begins=apart.fill_null(value=True) | other)
    runs = begins.with_columns(run=pl.col("begins").cum_sum().over(of))
    length, place = pl.len().over(of, "run"), pl.int_range(pl.len()).over(of, "run")
    doubted = runs.filter((length > 2) | (place > 0)).select(
        "security_id", "date", "value", reason=pl.lit("dividend_repeated")
    )
    kind = pl.lit("dividend")
    marked = rows.join(
        doubted.with_columns(kind=kind),
        on=["security_id", "date", "value", "kind"],
        how="left",
        maintain_order="left",
    )
    return _parted(marked.drop("reason"), marked["reason"])


def _wrong_splits(rows: pl.DataFrame, steps: pl.DataFrame) -> pl.DataFrame:
    """Splits that prices contradict, with `reason`: told twice, or not there."""
    splits = rows.filter(pl.col("kind") == "split")
    twice = _told_twice(splits, steps)
    rest = splits.join(twice, on=[*_KEY, "known_at", "id"], how="anti", nulls_equal=True)
    night = [*_KEY, "known_at"]
    seen, slack = pl.col("seen"), pl.col("slack")
    miss = (seen.log() - pl.col("value").log()).abs()
    together = contradicted(pl.col("value").product().over(night), seen, slack)
    # Where several of a night do not fit together, the nearest may still stand alone.
    second = miss.rank("ordinal").over(night) > 1
    shown = rest.join(steps, on=_KEY[:2], how="left", maintain_order="left").with_columns(
        **shown_by()
    )
    judged = shown.filter(
        together & (second | contradicted(pl.col("value"), seen, slack)) & ~_fit_as_one(shown)
    )
    columns = [*rows.columns, "reason"]
    return pl.concat(
        [
            twice.with_columns(reason=pl.lit("split_repeated")).select(columns),
            judged.with_columns(reason=pl.lit("split_contradicted")).select(columns),
        ]
    )


def _fit_as_one(splits: pl.DataFrame) -> pl.Series:
    """Whether each split lies in a hole with others, and all of them together make its step."""
    hole = ["security_id", "gap"]
    nights = splits.unique(["security_id", "date"], maintain_order=True)
    whole = nights.group_by(hole).agg(pl.col("value").product().alias("whole"), n=pl.len())
    table = splits.select(*hole, "seen", "slack").join(
        whole, on=hole, how="left", maintain_order="left"
    )
    wrong = contradicted(pl.col("whole"), pl.col("seen"), pl.col("slack"))
    return table.select(((pl.col("n") > 1) & ~wrong).fill_null(value=False)).to_series()


def _told_twice(splits: pl.DataFrame, steps: pl.DataFrame) -> pl.DataFrame:
    """Splits that one of the same ratio, a few days away, fits better than they do."""
    if splits.height < 2:
        return splits.clear()
    fits = splits.join(steps, on=_KEY[:2], how="left").with_columns(
        miss=(pl.col("seen").log() - pl.col("value").log()).abs().fill_null(float("inf"))
    )
    others = fits.select("security_id", other="value", day="date", better="miss")
    # A large one that its own night shows is a split of its own, whatever came days before.
    shown = (pl.col("miss") <= APART) & (pl.col("value").log().abs() > APART)
    return (
        fits.filter(~shown)
        .join(others, on="security_id")
        .filter(
            (pl.col("value") / pl.col("other") - 1.0).abs() < SAME_SPLIT,
            pl.col("date") != pl.col("day"),
            (pl.col("date") - pl.col("day")).dt.total_days().abs() <= NEAR_DAYS,
            pl.col("better") < pl.col("miss"),
        )
        .select(splits.columns)
        .unique(maintain_order=True)
    )


def _no_reasons(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.clear().with_columns(reason=pl.lit(None, dtype=pl.String))


def _told(rows: pl.DataFrame, steps: pl.DataFrame) -> pl.DataFrame:
    """Rows set aside, as the quarantine keeps them: with what prices show."""
    shown = rows.join(steps, on=_KEY[:2], how="left", maintain_order="left")
    step = pl.coalesce("seen", "across")
    seen = pl.when(pl.col("kind") == "split").then(step).otherwise("before")
    return shown.with_columns(seen=seen).select(*EVENT, "currency", "reason", "seen")


def _whole(good: pl.DataFrame) -> pl.DataFrame:
    """One row per night: dividends are added up, splits multiplied."""
    names = [n for n in good.columns if n not in {*_KEY, "known_at", "value", "id", "currency"}]
    paid = pl.col("kind").first() == "dividend"
    value = pl.when(paid).then(pl.col("value").sum()).otherwise(pl.col("value").product())
    return good.group_by(*_KEY, "known_at", maintain_order=True).agg(
        value, *(pl.col(name).first() for name in names)
    )
