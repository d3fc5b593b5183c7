"""The tables technic speaks: column names, types and units, written once.

Every table carries `known_at`, the instant its row became known; where there is `assumed`, it
says whether that instant is our assumption (the session's close) or was given. Columns that
came later are null in rows that were written before.
"""

from __future__ import annotations

from typing import TypeAlias

import polars as pl

from technic.errors import SchemaError, first_line

Schema: TypeAlias = dict[str, pl.DataType]

INSTANT = pl.Datetime("us", "UTC")
SYMBOL_PATTERN = r"^[A-Za-z0-9.\-/+^ ]{1,24}$"
PRICES = ("open", "high", "low", "close")

BARS: Schema = {
    "security_id": pl.Int64(),
    "session": pl.Date(),
    "open": pl.Float64(),  # USD per share, as traded unless the store says otherwise
    "high": pl.Float64(),
    "low": pl.Float64(),
    "close": pl.Float64(),
    "volume": pl.Float64(),  # shares
    "vwap": pl.Float64(),  # USD per share; null where the vendor gives none
    "known_at": INSTANT,
    "assumed": pl.Boolean(),
    "year": pl.Int32(),  # of the session; the table is partitioned by it
}
ACTIONS: Schema = {
    "security_id": pl.Int64(),
    "session": pl.Date(),  # the first that trades without the right: the ex-date
    "kind": pl.String(),  # split: new shares per old one; dividend: USD per share
    "value": pl.Float64(),  # a split of 1 takes an earlier one back, a dividend of 0 too
    "known_at": INSTANT,
    "assumed": pl.Boolean(),
    "source": pl.String(),  # who said so
}
WAITING: Schema = {
    "symbol": pl.String(),
    "session": pl.Date(),  # the ex-date
    "kind": pl.String(),  # split or dividend
    "value": pl.Float64(),  # as in actions
    "known_at": INSTANT,
    "assumed": pl.Boolean(),
}
TICKERS: Schema = {
    "security_id": pl.Int64(),
    "symbol": pl.String(),
    "since": pl.Date(),
    "until": pl.Date(),  # null while it trades under this symbol
    "era": pl.Int32(),  # the security's first name, its second, …; null is the first
    "known_at": INSTANT,  # the newest row per security and era counts
    "source": pl.String(),  # who said so, or "bars" where only bars showed it
}
LISTINGS: Schema = {
    "security_id": pl.Int64(),
    "name": pl.String(),
    "type": pl.String(),  # of listing_types.LISTING_TYPES
    "exchange": pl.String(),  # market identifier code: XNYS, XNAS, …
    "since": pl.Date(),
    "until": pl.Date(),
    "known_at": INSTANT,
    "assumed": pl.Boolean(),
    "figi": pl.String(),  # names the security for ever, where the vendor knows it
    "cik": pl.String(),  # names the company at the SEC
}
CLASSIFICATIONS: Schema = {  # what a company was said to be, and to be worth; the newest row counts
    "security_id": pl.Int64(),
    "sector": pl.String(),  # of the eleven GICS sectors
    "industry": pl.String(),
    "sic": pl.String(),  # standard industrial classification
    "market_cap": pl.Float64(),  # USD
    "known_at": INSTANT,  # nothing is known of the time before it
    "source": pl.String(),
}
FILINGS: Schema = {
    "security_id": pl.Int64(),
    "accession": pl.String(),  # names the filing: the SEC's number, or one of ours
    "form": pl.String(),  # 10-Q, 10-K, 20-F, …; with /A if it amends one
    "period_end": pl.Date(),
    "filed": pl.Date(),
    "known_at": INSTANT,
    "assumed": pl.Boolean(),
    "source": pl.String(),
}
FACTS: Schema = {  # single numbers of filings; a restatement is a new row
    "security_id": pl.Int64(),
    "item": pl.String(),  # of items.ITEMS
    "period_end": pl.Date(),
    "months": pl.Int8(),  # the stretch it covers: 3, 6, 9 or 12; 0 is a balance on the day
    "value": pl.Float64(),  # USD, USD per share or shares, as filed
    "known_at": INSTANT,
    "accession": pl.String(),
    "calendar_end": pl.Date(),  # its end if quarters of 12 and 16 weeks were even ones
}
NEWS: Schema = {
    "security_id": pl.Int64(),
    "key": pl.String(),  # of the article, where it came from
    "title": pl.String(),  # as told: untrusted text
    "known_at": INSTANT,  # published
    "source": pl.String(),
}
ASKED: Schema = {  # what a vendor was asked for and answered
    "kind": pl.String(),  # day, run, many, splits, dividends, listings, changes, news, key, …
    "first": pl.Date(),  # sessions, both included
    "last": pl.Date(),
    "symbol": pl.String(),  # null for the whole market; of kind key, a digest of key and plan
    "provider": pl.String(),
    "settled": pl.Boolean(),  # whether the sessions were final by then
    "rows": pl.Int64(),  # bars that were answered
    "bad": pl.Int64(),  # of them set aside
    "volume": pl.Float64(),  # shares of all bars together
    "known_at": INSTANT,
}
TABLES: dict[str, Schema] = {
    "bars": BARS,
    "actions": ACTIONS,
    "waiting": WAITING,
    "tickers": TICKERS,
    "listings": LISTINGS,
    "classifications": CLASSIFICATIONS,
    "filings": FILINGS,
    "facts": FACTS,
    "news": NEWS,
    "asked": ASKED,
}

SECTORS = (
    "Communication Services",
    "Consumer Discretionary",
    "Consumer Staples",
    "Energy",
    "Financials",
    "Health Care",
    "Industrials",
    "Information Technology",
    "Materials",
    "Real Estate",
    "Utilities",
)
SECTOR_ALIASES = {
    "basic materials": "Materials",
    "communication": "Communication Services",
    "communications": "Communication Services",
    "consumer cyclical": "Consumer Discretionary",
    "consumer defensive": "Consumer Staples",
    "consumer non-cyclical": "Consumer Staples",
    "finance": "Financials",
    "financial": "Financials",
    "financial services": "Financials",
    "healthcare": "Health Care",
    "industrial": "Industrials",
    "industrial goods": "Industrials",
    "it": "Information Technology",
    "tech": "Information Technology",
    "technology": "Information Technology",
    "telecommunications": "Communication Services",
}


def canonical_sector(text: str | None) -> str | None:
    """The GICS name meant by `text`; None if it means none of them.

    Examples
    --------
    >>> canonical_sector("Technology"), canonical_sector("health care"), canonical_sector("Misc")
    ('Information Technology', 'Health Care', None)
    """
    if text is None:
        return None
    plain = " ".join(text.lower().split())
    by_lower_case = {name.lower(): name for name in SECTORS}
    return by_lower_case.get(plain) or SECTOR_ALIASES.get(plain)


def sector_named(text: str) -> str:
    """The sector meant by `text`.

    Raises
    ------
    SchemaError
        If it is none of the eleven; lists them.
    """
    sector = canonical_sector(text)
    if sector is None:
        raise SchemaError(f"{text!r} is no sector; the sectors are {', '.join(SECTORS)}")
    return sector


def conform(table: pl.DataFrame, schema: Schema, what: str) -> pl.DataFrame:
    """Exactly the columns of `schema`, in order and cast.

    Parameters
    ----------
    table : may have more columns
    schema : one of `TABLES`
    what : the table is, for the message

    Returns
    -------
    DataFrame
        As many rows as `table`.

    Raises
    ------
    SchemaError
        If a column is missing or cannot be cast; names `what` the table is.
    """
    if missing := [name for name in schema if name not in table.columns]:
        raise SchemaError(f"{what}: no column {', '.join(missing)}; it has {table.columns}")
    try:
        return table.select(pl.col(name).cast(dtype) for name, dtype in schema.items())
    except pl.exceptions.InvalidOperationError as error:
        raise SchemaError(f"{what}: {first_line(error)}") from error
