"""Which security a symbol of a file stands for."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta

import polars as pl

from technic.data.ingest.identity import GAP, TICK, Placed, Stretch, read_lives
from technic.data.ingest.joining import join_up
from technic.data.store import Store, StoreVersion
from technic.data.store.rows import newest_per
from technic.data.store.tickers import eras, highest_number
from technic.market.schema import INSTANT, TICKERS, conform
from technic.market.sessions import nyse
from technic.market.symbols import canonical_symbols

HOLLOW = 240  # sessions without a bar between the first and the last: perhaps two securities


def spelt_as_ours(store: Store, rows: pl.DataFrame, version: StoreVersion) -> pl.DataFrame:
    """Rows with their symbols in our spelling, or in the one that the store has.

    Parameters
    ----------
    rows : with `symbol`, as a file spells it
    """
    known = set(store.table("tickers", version).select("symbol").collect()["symbol"])
    return rows.with_columns(canonical_symbols(rows["symbol"], known).alias("symbol"))


@dataclass(frozen=True, slots=True)
class Identified:
    """Rows with the securities that they are of.

    Attributes
    ----------
    rows : as they were, with `security_id`
    tickers : new rows of the tickers table
    notes : what a user should know: symbols that two securities had
    joined : stored securities that are others now, and which
    """

    rows: pl.DataFrame
    tickers: pl.DataFrame
    notes: list[str]
    joined: dict[int, int] = field(default_factory=dict)


def identify_symbols(store: Store, rows: pl.DataFrame, version: StoreVersion) -> Identified:
    """Find the security of each row: who bore its symbol on its day; strangers get a number.

    Parameters
    ----------
    rows : `symbol`, `date`, `open` and `close` of bars that can be believed: others neither
        create a security nor date one
    """
    spans = rows.group_by("symbol").agg(
        low=pl.col("date").min(), high=pl.col("date").max(), bars=pl.len()
    )
    ordinals = [nyse().ordinals(spans[name].to_numpy()) for name in ("low", "high")]
    hollow = ordinals[1] - ordinals[0] + 1 - spans["bars"].to_numpy() >= HOLLOW
    spans = spans.with_columns(hollow=pl.Series(hollow)).sort("symbol")
    named = eras(store.table("tickers", version).collect())
    simple, odd = _simple(store, version, spans, named)
    placed = read_lives(store, odd, version)
    joined: dict[int, int] = {}
    top = highest_number(named, version.gone)
    fresh = simple.filter(pl.col("security_id").is_null()).with_row_index("new", offset=top + 1)
    placed.top += fresh.height
    known = simple.filter(pl.col("security_id").is_not_null())
    widened = known.filter(pl.col("low") < pl.col("since")).with_columns(
        since="low", known_at=pl.col("known_at") + TICK
    )
    begun = fresh.with_columns(
        security_id=pl.col("new").cast(pl.Int64),
        since="low",
        era=pl.lit(0),
        known_at=pl.col("low").cast(INSTANT),
    )
    whose = pl.concat([t.select("symbol", "security_id") for t in (known, begun)])
    # Only the symbols are joined: a join copies every column that takes part in it.
    ids = rows.select("symbol").join(whose, on="symbol", how="left", maintain_order="left")
    found = rows.with_columns(ids["security_id"])
    if odd:
        found, joined = _by_stretch(found, odd, placed)
    source = pl.lit("file").alias("source")
    parts = [conform(t.with_columns(source), TICKERS, "tickers") for t in (begun, widened)]
    stored = {older: newer for older, newer in joined.items() if older <= top}
    return Identified(found, pl.concat([*parts, placed.tickers()]), placed.notes, stored)


def _simple(
    store: Store, version: StoreVersion, spans: pl.DataFrame, named: pl.DataFrame
) -> tuple[pl.DataFrame, list[str]]:
    """Symbols that are one security's on all days, and those that have to be looked at.

    A symbol is simple if nobody ever bore it, or one security does, never called otherwise, which
    no listing says to have ended, and which has bars near by.
    """
    ours = named.filter(pl.col("symbol").is_in(spans["symbol"].implode()))
    own = named.group_by("security_id").agg(names=pl.len())
    bearers = ours.with_columns(bearers=pl.len().over("symbol")).join(own, on="security_id")
    listings = newest_per(store.table("listings", version), "security_id")
    ended = listings.filter(pl.col("until").is_not_null()).select("security_id").collect()
    bounds = spans.select(low=pl.col("low").min() - GAP, high=pl.col("high").max() + GAP).row(0)
    near = (
        store.table("bars", version)
        .filter(pl.col("session").is_between(*bounds))
        .group_by("security_id")
        .agg(first=pl.col("session").min(), last=pl.col("session").max())
        .collect()
    )
    table = spans.join(bearers, on="symbol", how="left").join(near, on="security_id", how="left")
    touched = (pl.col("first") <= pl.col("high") + GAP) & (pl.col("last") >= pl.col("low") - GAP)
    lone = (pl.col("bearers") == 1) & (pl.col("names") == 1) & pl.col("until").is_null()
    goes_on = lone & touched & ~pl.col("security_id").is_in(ended["security_id"].implode())
    goes_on = goes_on.fill_null(value=False)
    is_simple = ~pl.col("hollow") & (pl.col("security_id").is_null() | goes_on)
    odd = table.filter(~is_simple)["symbol"].unique().sort().to_list()
    return table.filter(is_simple).sort("symbol"), odd


def _by_stretch(
    rows: pl.DataFrame, odd: list[str], placed: Placed
) -> tuple[pl.DataFrame, dict[int, int]]:
    """Rows with the securities of some symbols too, found stretch by stretch; who was joined."""
    cuts = [
        (symbol, day + timedelta(days=after))
        for symbol, lives in placed.lives.items()
        for life in lives
        for day, after in ((life.began, 0), (life.ended, 1), (life.since, 0), (life.until, 1))
        if day is not None
    ]
    marks = pl.DataFrame(cuts, schema={"symbol": pl.String, "mark": pl.Date}, orient="row")
    numbered = rows.with_row_index("row")
    days = (
        numbered.filter(pl.col("symbol").is_in(odd))
        .select("row", "symbol", "date", "open", "close")
        .sort("date")
        .join_asof(
            marks.unique().sort("mark"),
            left_on="date",
            right_on="mark",
            by="symbol",
            check_sortedness=False,
        )
        .sort("symbol", "date")
    )
    begins = (pl.col("date").diff() > GAP) | pl.col("mark").ne_missing(pl.col("mark").shift())
    days = days.with_columns(at=begins.fill_null(value=True).cum_sum().over("symbol"))
    stretches = days.group_by("symbol", "at", maintain_order=True).agg(
        low=pl.col("date").first(),
        high=pl.col("date").last(),
        opened=pl.col("open").first(),
        closed=pl.col("close").last(),
    )
    ids = [
        placed.place(Stretch(symbol, low, high, opened, closed))
        for symbol, _, low, high, opened, closed in stretches.iter_rows()
    ]
    joined = join_up(placed, odd)
    ids = [joined.get(security_id, security_id) for security_id in ids]
    whose = stretches.select("symbol", "at").with_columns(found=pl.Series(ids, dtype=pl.Int64))
    found = days.join(whose, on=["symbol", "at"]).select("row", "found")
    complete = (
        numbered.join(found, on="row", how="left", maintain_order="left")
        .with_columns(security_id=pl.coalesce("security_id", "found"))
        .drop("row", "found")
    )
    return complete, joined


def holders(store: Store, rows: pl.DataFrame, day: str, version: StoreVersion) -> pl.DataFrame:
    """Rows with `security_id`, the security that bore the row's symbol on a day.

    A symbol that only one security ever bore is that security's on every day.

    Parameters
    ----------
    rows : with `symbol` and the column `day`
    day : name of the column of dates

    Returns
    -------
    DataFrame
        The rows in their order, with `security_id`; null where the store knows no such symbol.
    """
    names = eras(store.table("tickers", version).collect()).select(
        "security_id", "symbol", "since", "until"
    )
    rows = rows.with_columns(canonical_symbols(rows["symbol"], set(names["symbol"])))
    single = names.group_by("symbol").agg(
        pl.col("security_id").n_unique().alias("bearers"), only=pl.col("security_id").first()
    )
    numbered = rows.with_row_index("row")
    covering = (
        numbered.select("row", "symbol", day)
        .join(names, on="symbol")
        .filter(
            pl.col("since") <= pl.col(day),
            pl.col("until").is_null() | (pl.col("until") >= pl.col(day)),
        )
        .unique("row", keep="last")
        .select("row", "security_id")
    )
    return (
        numbered.join(covering, on="row", how="left", maintain_order="left")
        .join(single, on="symbol", how="left", maintain_order="left")
        .with_columns(
            security_id=pl.coalesce(
                "security_id", pl.when(pl.col("bearers") == 1).then("only").otherwise(None)
            )
        )
        .drop("row", "bearers", "only")
    )
