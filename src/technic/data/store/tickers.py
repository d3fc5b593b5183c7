"""Which securities were listed on a session, under which symbols and as what."""

from __future__ import annotations

from datetime import date, datetime

import polars as pl

from technic.data.store.rows import newest_per
from technic.market.symbols import type_of_symbol

ABOUT = ("name", "type", "exchange", "cik")
CLASS = ("sector", "industry", "sic", "market_cap")
ATTRIBUTES = (*ABOUT, *CLASS)


def directory(
    tickers: pl.DataFrame,
    listings: pl.DataFrame,
    classifications: pl.DataFrame,
    as_of: date,
    cutoff: datetime | None,
) -> pl.DataFrame:
    """One row per security that had a ticker on or before `as_of`, by security.

    Parameters
    ----------
    tickers, listings, classifications : all rows of these tables
    cutoff : only what was known before this instant; None for everything

    Returns
    -------
    DataFrame
        `security_id`, `symbol`, `since`, `until` (of the listing; null if unknown) and
        `ATTRIBUTES`, the newest known before `cutoff`, null where nobody told.
    """
    named = (
        eras(tickers, cutoff)
        .filter(pl.col("since") <= as_of)
        .sort("since")
        .group_by("security_id", maintain_order=True)
        .agg(pl.col("symbol").last(), ended=pl.col("until").last())
    )
    about = newest_per(listings.lazy(), "security_id", before=cutoff).collect()
    classes = newest_per(classifications.lazy(), "security_id", before=cutoff).collect()
    joined = named.join(
        about.select("security_id", *ABOUT, "since", "until"), on="security_id", how="left"
    ).join(classes.select("security_id", *CLASS), on="security_id", how="left")
    # A ticker that has ended ends the listing, unless the security goes on under another.
    told = {s: said for s in joined["symbol"] if (said := type_of_symbol(s)) is not None}
    by_symbol = pl.col("symbol").replace_strict(told, default=None, return_dtype=pl.String)
    kind = pl.when(by_symbol == "test").then(by_symbol).otherwise(pl.coalesce("type", by_symbol))
    return (
        joined.with_columns(until=pl.coalesce("until", "ended"), type=kind)
        .drop("ended")
        .select("security_id", "symbol", *ATTRIBUTES, "since", "until")
        .sort("security_id")
    )


def highest_number(tickers: pl.DataFrame, gone: int) -> int:
    """The highest number that a security has, or ever had; 0 if there was none.

    Parameters
    ----------
    tickers : all rows of the tickers table, or its eras
    gone : the highest of those that turned out to be others: `StoreVersion.gone`
    """
    highest = tickers["security_id"].max()
    return max(gone, highest) if isinstance(highest, int) else gone


def eras(tickers: pl.DataFrame, cutoff: datetime | None = None) -> pl.DataFrame:
    """Which security bore which symbol when: one row per security and era.

    The first day of an era turns up when older bars are brought in, and counts from then on for
    all times; that it has ended counts from when it was known.

    Parameters
    ----------
    tickers : all rows of the tickers table
    cutoff : only ends known before this instant count; None for all

    Returns
    -------
    DataFrame
        `security_id`, `era`, `symbol`, `since`, `until` (null while it lasts) and `known_at`.
    """
    ordered = tickers.with_columns(pl.col("era").fill_null(0)).sort(
        "known_at", nulls_last=False, maintain_order=True
    )
    is_known = (
        pl.lit(value=True) if cutoff is None else pl.col("known_at").fill_null(cutoff) < cutoff
    )
    if cutoff is not None:
        is_known = is_known | pl.col("known_at").is_null()
    return ordered.group_by("security_id", "era", maintain_order=True).agg(
        pl.col("symbol").last(),
        pl.col("since").last(),
        pl.col("until").filter(is_known).last(),
        pl.col("known_at").last(),
    )
