"""Splits that a file does not tell, though its prices step as if there were one: said, not mended."""

from __future__ import annotations

from datetime import date, timedelta

import polars as pl

from technic.data.store import Store, StoreVersion
from technic.data.store.rows import newest_per
from technic.data.store.tickers import eras
from technic.market.action_rules import REACH
from technic.market.untold_splits import USUAL, as_ratio, untold_splits

COLUMNS = ("security_id", "session", "open", "high", "low", "close", "volume", "known_at")
LINES = 5  # nights that are named; the others are counted
PAST = timedelta(days=REACH + 2 * USUAL)  # enough for the usual volume
NEXT = timedelta(days=REACH)


def untold_in_file(
    store: Store,
    version: StoreVersion,
    bars: pl.DataFrame,
    told: pl.DataFrame,
    words: pl.DataFrame,
    names: dict[int, str],
    *,
    as_traded: bool,
) -> list[str]:
    """Lines for the nights of a file that look like a split which neither it nor the store tells.

    Parameters
    ----------
    bars : rows of the bars table: what is good in the file
    told : the columns of `told_actions.TOLD`: splits and dividends of the file
    words : rows that the file adds to the actions table; one that takes a split back tells none
    names : symbols by security
    as_traded : whether prices are; adjusted for splits otherwise

    Returns
    -------
    list of str
        One for each of the first few nights, and one that counts the others.
    """
    if bars.is_empty():
        return []
    around = _stored_around(store, version, bars)
    every = bars.select(COLUMNS) if around.is_empty() else pl.concat([bars.select(COLUMNS), around])
    in_file = told.filter(pl.col("kind") == "split", pl.col("value") != 1.0).select(
        "security_id", session="date"
    )
    known = pl.concat([in_file, _stored_splits(store, version, words)]).drop_nulls()
    found = untold_splits(every, known)
    if not around.is_empty():  # what the store has by itself was said when it came
        rows = bars.select("security_id", "session")
        later = found.join(rows, on=["security_id", "session"], how="semi")
        first = ["security_id", "before_session"]
        earlier = found.join(rows, left_on=first, right_on=rows.columns, how="semi")
        found = pl.concat([later, earlier]).unique().sort("security_id", "session")
    return untold_lines(found, names, as_traded=as_traded)


def untold_in_store(store: Store, version: StoreVersion) -> list[str]:
    """The same for every night that a store holds."""
    bars = newest_per(
        store.table("bars", version).select(COLUMNS), "security_id", "session"
    ).collect()
    named = eras(store.table("tickers", version).collect()).unique("security_id", keep="last")
    names = dict(named.select("security_id", "symbol").iter_rows())
    found = untold_splits(bars, _stored_splits(store, version))
    return untold_lines(found, names, as_traded=version.adjustment == "none")


def untold_lines(found: pl.DataFrame, names: dict[int, str], *, as_traded: bool) -> list[str]:
    """One line for each of the first few nights, and one that counts the others."""
    why = "with no split told" if as_traded else "though prices count as adjusted for splits"
    lines = [
        f"{names.get(row['security_id'], '')}: {row['before']:.10g} to {row['close']:.10g} on "
        f"{row['session']} {why}; about {as_ratio(row['ratio'])}?"
        for row in found.head(LINES).iter_rows(named=True)
    ]
    more = found.height - LINES
    return [*lines, f"and {more:,} more such nights, {why}"] if more > 0 else lines


def _stored_around(store: Store, version: StoreVersion, bars: pl.DataFrame) -> pl.DataFrame:
    """Stored bars of a file's securities, in and around its span, that it does not tell itself."""
    nothing = bars.clear().select(COLUMNS)
    if version.last is None or version.first is None:
        return nothing
    low: date = bars["session"].min() - PAST  # type: ignore[operator, assignment]
    high: date = bars["session"].max() + NEXT  # type: ignore[operator, assignment]
    if low > version.last or high < version.first:
        return nothing
    ids = bars["security_id"].unique().implode()
    return (
        store.table("bars", version)
        .filter(pl.col("session").is_between(low, high), pl.col("security_id").is_in(ids))
        .select(COLUMNS)
        .join(bars.lazy().select(COLUMNS[:2]), on=list(COLUMNS[:2]), how="anti")
        .collect()
    )


def _stored_splits(
    store: Store, version: StoreVersion, words: pl.DataFrame | None = None
) -> pl.DataFrame:
    """`security_id` and `session` of every split that is stored and not taken back.

    Parameters
    ----------
    words : rows of the actions table that are about to be added
    """
    stored = store.table("actions", version)
    rows = stored if words is None else pl.concat([stored, words.lazy()], how="diagonal")
    newest = newest_per(rows, "security_id", "session", "kind")
    splits = newest.filter(pl.col("kind") == "split", pl.col("value") != 1.0)
    return splits.select("security_id", "session").collect()
