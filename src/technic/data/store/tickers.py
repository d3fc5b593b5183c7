"""Who was listed, under which symbol and as what, at a session."""

from __future__ import annotations

from datetime import date, datetime

import polars as pl

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

    Returns
    -------
    DataFrame
        `security_id`, `symbol`, `since`, `until` (of the listing; null if unknown) and
        `ATTRIBUTES`, the newest known before `cutoff`, null where nobody told us.
    """
    named = (
        eras(tickers, cutoff)
        .filter(pl.col("since") <= as_of)
        .sort("since")
        .group_by("security_id", maintain_order=True)
        .agg(pl.col("symbol").last(), ended=pl.col("until").last())
    )
    about = _newest(listings, [*ABOUT, "since", "until"], cutoff)
    classes = _newest(classifications, [*CLASS], cutoff)
    joined = named.join(about, on="security_id", how="left").join(
        classes, on="security_id", how="left"
    )
    # A ticker that has ended ends the listing, unless the security goes on under another.
    return (
        joined.with_columns(until=pl.coalesce("until", "ended"))
        .drop("ended")
        .select("security_id", "symbol", *ATTRIBUTES, "since", "until")
        .sort("security_id")
    )


def _newest(table: pl.DataFrame, columns: list[str], cutoff: datetime | None) -> pl.DataFrame:
    """Of each security the newest row known before `cutoff`."""
    known = table if cutoff is None else table.filter(pl.col("known_at") < cutoff)
    return (
        known.sort("known_at", maintain_order=True)
        .group_by("security_id", maintain_order=True)
        .last()
        .select("security_id", *columns)
    )


def eras(tickers: pl.DataFrame, cutoff: datetime | None = None) -> pl.DataFrame:
    """Who was called what and when: one row per security and era.

    The first day of an era is found when older bars are brought in, and counts from then on for
    all times; that it has ended counts from when it was known.
    """
    ordered = tickers.with_columns(pl.col("era").fill_null(0)).sort(
        "known_at", nulls_last=False, maintain_order=True
    )
    known = pl.lit(value=True) if cutoff is None else pl.col("known_at").fill_null(cutoff) < cutoff
    if cutoff is not None:
        known = known | pl.col("known_at").is_null()
    return ordered.group_by("security_id", "era", maintain_order=True).agg(
        pl.col("symbol").last(),
        pl.col("since").last(),
        pl.col("until").filter(known).last(),
        pl.col("known_at").last(),
    )
