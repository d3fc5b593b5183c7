"""Who was listed, under which symbol and as what, at a session."""

from __future__ import annotations

from datetime import date, datetime

import polars as pl

from technic.market.schema import LISTINGS

ATTRIBUTES = ("name", "type", "exchange", "sector", "industry", "sic", "market_cap")


def directory(
    tickers: pl.DataFrame, listings: pl.DataFrame, as_of: date, cutoff: datetime | None
) -> pl.DataFrame:
    """One row per security that had a ticker on or before `as_of`, by security.

    Returns
    -------
    DataFrame
        `security_id`, `symbol`, `since`, `until` (of the listing; null if unknown) and
        `ATTRIBUTES`, the newest known before `cutoff`, null where nobody told us.
    """
    named = (
        eras(tickers if cutoff is None else _known(tickers, cutoff))
        .filter(pl.col("since") <= as_of)
        .sort("since")
        .group_by("security_id", maintain_order=True)
        .agg(pl.col("symbol").last(), ended=pl.col("until").last())
    )
    known = listings if cutoff is None else listings.filter(pl.col("known_at") < cutoff)
    newest = known.sort("known_at").group_by("security_id", maintain_order=True).last()
    columns = ["security_id", *ATTRIBUTES, "since", "until"]
    about = newest.select(columns) if not newest.is_empty() else _nobody().select(columns)
    joined = named.join(about, on="security_id", how="left")
    # A ticker that has ended ends the listing, unless the security goes on under another.
    return (
        joined.with_columns(until=pl.coalesce("until", "ended")).drop("ended").sort("security_id")
    )


def eras(tickers: pl.DataFrame) -> pl.DataFrame:
    """Who was called what and when: the newest row per security, symbol and first day."""
    key = ["security_id", "symbol", "since"]
    return tickers.sort("known_at", nulls_last=False).unique(key, keep="last", maintain_order=True)


def _known(tickers: pl.DataFrame, cutoff: datetime) -> pl.DataFrame:
    """What was known of tickers before an instant. A first row counts from its first day: it is
    found when older bars are brought in; only changes wait until they are known.
    """
    first = pl.col("known_at") == pl.col("known_at").min().over("security_id", "symbol", "since")
    return tickers.filter(pl.col("known_at").is_null() | (pl.col("known_at") < cutoff) | first)


def _nobody() -> pl.DataFrame:
    return pl.DataFrame(schema=LISTINGS)
