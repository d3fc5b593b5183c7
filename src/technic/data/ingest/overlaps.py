"""Sessions that a file tells again: which securities differ in them by a steady ratio."""

from __future__ import annotations

from datetime import timedelta
from math import log

import polars as pl

from technic.data.store import Store, StoreVersion
from technic.data.store.rows import newest_per
from technic.market.action_rules import REACH
from technic.market.schema import PRICES
from technic.market.untold_splits import near_ratio

ROUNDED = 0.002  # how far, as a ratio, one and the same price may be from itself
CENT = 0.011  # USD: prices are rounded to cents
ALIKE = 0.8  # of the neighbouring rows that differ do so by the same ratio
LARGE = log(1.2)  # a ratio that no correction of two rows in turn has by chance
FINE = 1e-4  # the same of all four prices of a bar, which do not differ alike by chance
FEW, SOME = 2, 5  # rows that must differ alike: by a large ratio, by a small one
KEY = ["security_id", "date"]
RATIO = {
    "security_id": pl.Int64,
    "overlap": pl.UInt32,
    "differing": pl.UInt32,
    "ratio": pl.Float64,
}


def other_ratios(store: Store, version: StoreVersion, good: pl.DataFrame) -> pl.DataFrame:
    """Securities of which rows that are told again differ by one ratio, or by steps of ratios.

    Returns
    -------
    DataFrame
        `security_id`, `overlap` (sessions in both), `differing`, and `ratio`: the logarithm of the
        stored price over the new one in the middle of those that differ.
    """
    empty = pl.DataFrame(schema=RATIO)
    low, high = good["date"].min(), good["date"].max()
    if version.last is None or version.first is None or good.is_empty():
        return empty
    if high < version.first:  # type: ignore[operator]
        return empty
    stored = (
        store.table("bars", version)
        .filter(pl.col("session").is_between(low, high))
        .select("security_id", date="session", was="close")
        .collect()
    )
    both = good.select(*KEY, "close").join(stored, on=KEY)
    both = both.with_columns(off=_off("close", "was"), rounding=_rounding("close", "was"))
    changed = both.filter(pl.col("off").abs() > _fine("close", "was"))["security_id"].unique()
    if changed.is_empty():
        return empty
    both = both.filter(pl.col("security_id").is_in(changed.implode()))
    found = pl.concat([_alike(both), _by_one(store, version, good, both)])
    whole = _by_whole_bars(store, version, good, both)
    return pl.concat([found, whole.join(found, on="security_id", how="anti")])


def _off(now: str, was: str) -> pl.Expr:
    return (pl.col(was) / pl.col(now)).log()


def _rounding(now: str, was: str) -> pl.Expr:
    """How far one and the same price may be from itself."""
    return ROUNDED + CENT / pl.min_horizontal(now, was)


def _fine(now: str, was: str) -> pl.Expr:
    """The same, where all four prices of a bar say so."""
    return FINE + 2.0 * CENT / pl.min_horizontal(now, was)


def _nearest(both: pl.DataFrame) -> pl.DataFrame:
    """Of several words on a session the nearest: a file may tell an older one again."""
    return both.sort(*KEY, pl.col("off").abs()).unique(KEY, keep="first", maintain_order=True)


def _alike(both: pl.DataFrame) -> pl.DataFrame:
    """Of sessions that are told again, the securities that differ by a steady ratio."""
    pairs = _nearest(both)
    other = pairs.filter(pl.col("off").abs() > pl.col("rounding")).with_columns(
        same=(pl.col("off").diff().abs() <= pl.col("rounding")).over("security_id")
    )
    figures = other.group_by("security_id").agg(
        differing=pl.len(), alike=pl.col("same").sum(), ratio=pl.col("off").median()
    )
    overlap = pairs.group_by("security_id").agg(overlap=pl.len())
    n, many = pl.col("differing"), pl.col("ratio").abs() > LARGE
    enough = (n >= SOME) | (many & (n >= FEW) & (2 * n >= pl.col("overlap")))
    return (
        figures.join(overlap, on="security_id")
        .filter(enough, pl.col("alike") >= ALIKE * (n - 1))
        .select("security_id", "overlap", "differing", "ratio")
    )


def _by_one(
    store: Store, version: StoreVersion, good: pl.DataFrame, both: pl.DataFrame
) -> pl.DataFrame:
    """Securities of which a single session is told again, on the scale of a split.

    Evidence that it is no correction: all four prices differ by one ratio, near that of a split;
    the file goes on with other sessions; and the session steps away by that ratio from the stored
    one before it, which was on one scale with what was stored of it.
    """
    once = both.filter(pl.col("date").n_unique().over("security_id") == 1)
    rows = _going_on(good, once).select(*KEY, *PRICES)
    if rows.is_empty():
        return pl.DataFrame(schema=RATIO)
    was = _stored_with_close_before(store, version, rows)
    table = rows.join(was, on=KEY).with_columns(
        *(_off(name, f"{name} then").alias(f"{name} off") for name in PRICES),
        ratio=_off("close", "close then"),
    )
    same = pl.all_horizontal(
        (pl.col(f"{name} off") - pl.col("ratio")).abs() <= 2.0 * _rounding(name, f"{name} then")
        for name in PRICES
    )
    _, far = near_ratio(table["ratio"].exp().to_numpy())
    near = pl.Series(far) <= 2.0 * table.select(_rounding("close", "close then")).to_series()
    step = (pl.col("before") / pl.col("open")).log()
    stands_off = (step - pl.col("ratio")).abs() < step.abs()
    found = table.filter(same & pl.lit(near) & stands_off)
    one = pl.lit(1, dtype=pl.UInt32)
    return found.select("security_id", overlap=one, differing=one, ratio="ratio")


def _going_on(good: pl.DataFrame, told: pl.DataFrame) -> pl.DataFrame:
    """Rows that are told again, of securities of which the file has others too."""
    rows = good.join(told.select(KEY).unique(), on=KEY, how="semi")
    again = rows["security_id"].value_counts(name="again")
    more = good.join(rows, on="security_id", how="semi")["security_id"].value_counts()
    others = more.join(again, on="security_id").filter(pl.col("count") > pl.col("again"))
    return rows.join(others, on="security_id", how="semi")


def _by_whole_bars(
    store: Store, version: StoreVersion, good: pl.DataFrame, both: pl.DataFrame
) -> pl.DataFrame:
    """Securities of which whole bars differ by small ratios: adjusted anew for a dividend.

    No correction moves all four prices of a bar by one ratio and leaves its volume alone. It is a
    scale if it holds from the first session that is told again up to some other, and the file has
    more than those; one session between others that agree is a correction.
    """
    pairs = _nearest(both)
    small = pl.col("off").abs().is_between(3.0 * _fine("close", "was"), LARGE)
    told = pairs.filter(small)
    rows = _going_on(good, pairs).join(told.select(KEY), on=KEY, how="semi")
    if rows.is_empty():
        return pl.DataFrame(schema=RATIO)
    was = _stored_with_close_before(store, version, rows)
    table = rows.join(was, on=KEY).with_columns(ratio=_off("close", "close then"))
    alike = pl.all_horizontal(
        (_off(name, f"{name} then") - pl.col("ratio")).abs() <= _fine(name, f"{name} then")
        for name in PRICES
    )
    a_range = (pl.col("high") / pl.col("low")).log() > 2.0 * _fine("low", "low then")
    same_volume = (pl.col("volume") / pl.col("volume then") - 1.0).abs() <= FINE
    whole = table.filter(alike & a_range & same_volume)
    figures = whole.group_by("security_id").agg(
        differing=pl.len(), ratio=pl.col("ratio").median(), until=pl.col("date").max()
    )
    counts = pairs.join(figures, on="security_id").group_by("security_id", maintain_order=True)
    overlap = counts.agg(overlap=pl.len(), before=(pl.col("date") <= pl.col("until")).sum())
    return (
        figures.join(overlap, on="security_id")
        .filter(pl.col("differing") >= ALIKE * pl.col("before"))
        .select(pl.col(name).cast(dtype) for name, dtype in RATIO.items())
    )


def _stored_with_close_before(
    store: Store, version: StoreVersion, rows: pl.DataFrame
) -> pl.DataFrame:
    """Stored prices of some sessions, with ` then` behind their names, and the close before each."""
    ids = rows["security_id"].unique().implode()
    low, high = rows["date"].min() - timedelta(days=REACH), rows["date"].max()  # type: ignore[operator]
    bars = store.table("bars", version).filter(
        pl.col("security_id").is_in(ids), pl.col("session").is_between(low, high)
    )
    stored = newest_per(bars, "security_id", "session").collect().sort("security_id", "session")
    return stored.select(
        "security_id",
        *(pl.col(name).alias(f"{name} then") for name in (*PRICES, "volume")),
        date="session",
        before=pl.col("close").shift().over("security_id"),
    )
