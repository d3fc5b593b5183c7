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
        tickers.filter(pl.col("since") <= as_of)
        .sort("since")
        .group_by("security_id", maintain_order=True)
        .agg(pl.col("symbol").last())
    )
    known = listings if cutoff is None else listings.filter(pl.col("known_at") < cutoff)
    newest = known.sort("known_at").group_by("security_id", maintain_order=True).last()
    columns = ["security_id", *ATTRIBUTES, "since", "until"]
    about = newest.select(columns) if not newest.is_empty() else _nobody().select(columns)
    return named.join(about, on="security_id", how="left").sort("security_id")


def _nobody() -> pl.DataFrame:
    return pl.DataFrame(schema=LISTINGS)
