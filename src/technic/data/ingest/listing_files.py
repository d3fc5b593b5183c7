"""Listings from the user's files: names, types and classes of companies.

A name and a type describe a listing for all time, unless the file says since when. A sector and
a market value do not: they are known from the night the column `as_of` says, or from the import
on. A scan as of an earlier session knows nothing of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from technic.data.ingest.filers import identify_symbols, spelt_as_ours
from technic.data.ingest.merge import stated_instants
from technic.data.providers.files import read_listings
from technic.data.store.rows import dated_after, newest_per
from technic.errors import SchemaError
from technic.market.industries import sector_of
from technic.market.listing_types import listing_type
from technic.market.schema import (
    CLASSIFICATIONS,
    INSTANT,
    LISTINGS,
    SYMBOL_PATTERN,
    canonical_sector,
    conform,
)

if TYPE_CHECKING:
    from technic.data.store import Store, StoreVersion

ALWAYS = datetime(1990, 1, 1, tzinfo=UTC)
CLASS = ("sector", "industry", "sic", "market_cap")


@dataclass(frozen=True, slots=True)
class TakenListings:
    """What became of a file of listings.

    Attributes
    ----------
    rows : listings with a readable symbol
    new : how many securities are new or have something new said of them
    strange : sectors that are none of the eleven, and were left unknown
    aliases : our name of a sector, by the name that the file has for it
    """

    rows: int
    new: int
    strange: tuple[str, ...]
    aliases: dict[str, str]


def take_listings(store: Store, source: Path | pl.DataFrame, seen: datetime) -> TakenListings:
    """Import a file of listings; all that can be read, or nothing.

    Parameters
    ----------
    seen : the instant from which classes without a date of their own are known

    Raises
    ------
    SchemaError
        If it has no readable symbol.
    """
    before = store.version()
    raw = spelt_as_ours(store, read_listings(source), before)
    raw = raw.filter(pl.col("symbol").str.contains(SYMBOL_PATTERN))
    if raw.is_empty():
        raise SchemaError("no listing with a readable symbol; nothing was imported")
    rows = _with_classes(raw.unique("symbol", keep="first", maintain_order=True))
    dated = rows.with_columns(
        since_any=pl.coalesce("since", pl.lit(before.first), pl.lit(seen.date()))
    )
    named = dated.select("symbol", date="since_any")
    ids, tickers = identify_symbols(store, named, named.clear(), before)
    joined = dated.join(ids.select("symbol", "security_id"), on="symbol")
    listings = _listings(store, joined, before, seen)
    classes = _classes(store, joined, before, seen)
    if not (listings.is_empty() and classes.is_empty()):
        after = store.commit({"listings": listings, "classifications": classes, "tickers": tickers})
        if after.last is not None:
            store.panel()
    sectors = raw["sector"].drop_nulls().unique().sort().to_list()
    ours = {name: canonical_sector(name) for name in sectors}
    changed = pl.concat([listings["security_id"], classes["security_id"]]).n_unique()
    return TakenListings(
        raw.height,
        changed,
        tuple(name for name, canonical in ours.items() if canonical is None),
        {name: canonical for name, canonical in ours.items() if canonical not in {None, name}},
    )


def _listings(
    store: Store, joined: pl.DataFrame, version: StoreVersion, seen: datetime
) -> pl.DataFrame:
    """Rows of the listings table that say something new."""
    known_at = pl.coalesce(pl.col("since").cast(INSTANT), pl.lit(ALWAYS).cast(INSTANT))
    table = conform(
        joined.with_columns(
            known_at=known_at,
            assumed=pl.lit(value=True),
            figi=pl.lit(None, dtype=pl.String),
        ),
        LISTINGS,
        "listings",
    )
    return _new_rows(table, store.table("listings", version).collect(), seen)


def _classes(
    store: Store, joined: pl.DataFrame, version: StoreVersion, seen: datetime
) -> pl.DataFrame:
    """Rows of the classifications table that say something new; none for securities without a class."""
    classified = joined.filter(pl.any_horizontal(pl.col(*CLASS).is_not_null()))
    known_at = stated_instants(classified, "as_of").fill_null(seen)
    table = conform(
        classified.with_columns(known_at=known_at, source=pl.lit("file")),
        CLASSIFICATIONS,
        "classifications",
    )
    return _new_rows(table, store.table("classifications", version).collect(), seen)


def _new_rows(table: pl.DataFrame, stored: pl.DataFrame, seen: datetime) -> pl.DataFrame:
    """Rows that differ from the newest stored ones; corrections are known from now on."""
    about = [name for name in table.columns if name not in {"known_at", "assumed", "source"}]
    newest = newest_per(stored.lazy(), "security_id").collect()
    new = table.join(newest.select(about), on=about, how="anti", nulls_equal=True)
    is_stored = pl.col("security_id").is_in(newest["security_id"].implode())
    instant = pl.when(is_stored).then(pl.lit(seen).cast(INSTANT)).otherwise("known_at")
    dated = new.with_columns(known_at=instant.cast(INSTANT))
    return dated_after(dated, stored, seen, "security_id")


def _with_classes(raw: pl.DataFrame) -> pl.DataFrame:
    """Listings with our sectors and types; what we cannot place is null.

    A sector that is told counts; where none is, the SIC code's does.
    """
    records = raw.select("sector", "sic", "cik", "type", "name", "symbol").iter_rows()
    classes = [
        (canonical_sector(sector) or sector_of(sic, cik), listing_type(kind, name, symbol))
        for sector, sic, cik, kind, name, symbol in records
    ]
    return raw.with_columns(
        pl.Series("sector", [sector for sector, _ in classes], dtype=pl.String),
        pl.Series("type", [kind for _, kind in classes], dtype=pl.String),
    ).rename({"from": "since", "to": "until"})
