"""Listings from the user's files: names, types and classes of companies.

A name and a type describe a listing for all time, unless the file says since when. A sector and
a market value do not: they are known from the night the column `as_of` says, or from the import
on. A scan as of an earlier session knows nothing of them.

Every line is kept, or set aside with a reason; who of those kept has no bars is told.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from technic.data.formats.listings import ListingFile, read_listings
from technic.data.ingest.filers import spelt_as_ours
from technic.data.ingest.identity import Stretch, read_lives
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
BAD_SYMBOL = "no symbol of any exchange"
TWICE = "stands there twice"
OTHERWISE = "another line of the same security is newer, or came first"
BACKWARDS = "its last day is before its first"
MOST_ALIKE = 200_000  # pairs of symbols that are compared letter by letter


@dataclass(frozen=True, slots=True)
class TakenListings:
    """What became of a file of listings: every line is kept or set aside.

    Attributes
    ----------
    lines : in the file
    rows : lines that were kept
    set_aside : lines that were not, by reason
    new : how many securities are new or have something new said of them
    strange : sectors that are none of the eleven, and were left unknown
    aliases : our name of a sector, by the name that the file has for it
    without_bars : symbols of the file of which the store has no bars; none where it has none at all
    alike : symbols with bars and no listing that look like one of those, by it
    told : what was learnt of who is who
    types : how many of the kept are of each type, most first; "unknown" where nobody tells
    file : what was recognised, and what of it was not used
    """

    lines: int
    rows: int
    set_aside: dict[str, int]
    new: int
    strange: tuple[str, ...]
    aliases: dict[str, str]
    without_bars: tuple[str, ...] = ()
    alike: dict[str, str] = field(default_factory=dict)
    told: tuple[str, ...] = ()
    types: dict[str, int] = field(default_factory=dict)
    file: ListingFile | None = None


def take_listings(
    store: Store,
    source: Path | pl.DataFrame,
    seen: datetime,
    order: str | None = None,
    *,
    keep: bool = True,
) -> TakenListings:
    """Import a file of listings; all that can be read, or nothing.

    Parameters
    ----------
    seen : the instant from which classes without a date of their own are known
    order : of day and month between slashes, "dmy" or "mdy"
    keep : whether it is stored; otherwise it is only found out what would become of it

    Raises
    ------
    SchemaError
        If it has no readable symbol.
    """
    before = store.version()
    file = read_listings(source, order)
    set_aside = dict(file.strange)
    raw = _believed(spelt_as_ours(store, file.rows, before), set_aside)
    if raw.is_empty():
        told = "; ".join(f"{count:,}: {reason}" for reason, count in set_aside.items())
        raise SchemaError(
            f"no listing with a readable symbol{f' ({told})' if told else ''}; nothing was imported"
        )
    joined, tickers, notes = _identified(store, _with_classes(raw), before, seen, set_aside)
    listings = _listings(store, joined, before, seen)
    classes = _classes(store, joined, before, seen)
    without, alike = _without_bars(store, joined)
    if keep and not (listings.is_empty() and classes.is_empty() and tickers.is_empty()):
        after = store.commit({"listings": listings, "classifications": classes, "tickers": tickers})
        if after.last is not None:
            store.panel()
    sectors = raw["sector"].drop_nulls().unique().sort().to_list()
    ours = {name: canonical_sector(name) for name in sectors}
    return TakenListings(
        lines=file.lines,
        rows=joined.height,
        set_aside=set_aside,
        new=pl.concat([listings["security_id"], classes["security_id"]]).n_unique(),
        strange=tuple(name for name, canonical in ours.items() if canonical is None),
        aliases={n: canonical for n, canonical in ours.items() if canonical not in {None, n}},
        without_bars=without,
        alike=alike,
        told=tuple(notes),
        types=_types(joined),
        file=file,
    )


def _believed(raw: pl.DataFrame, set_aside: dict[str, int]) -> pl.DataFrame:
    """The lines that can be believed, each once; the others are counted."""
    strange = pl.col("symbol").str.contains(SYMBOL_PATTERN).fill_null(value=False)
    backwards = (pl.col("from") > pl.col("to")).fill_null(value=False)
    for reason, keeps in ((BAD_SYMBOL, strange), (BACKWARDS, ~backwards)):
        kept = raw.filter(keeps)
        _count(set_aside, reason, raw.height - kept.height)
        raw = kept
    once = raw.unique(keep="first", maintain_order=True)
    _count(set_aside, TWICE, raw.height - once.height)
    return once


def _count(set_aside: dict[str, int], reason: str, lines: int) -> None:
    if lines:
        set_aside[reason] = set_aside.get(reason, 0) + lines


def _identified(
    store: Store,
    lines: pl.DataFrame,
    version: StoreVersion,
    seen: datetime,
    set_aside: dict[str, int],
) -> tuple[pl.DataFrame, pl.DataFrame, list[str]]:
    """Lines with `security_id`, one for each; new rows of the tickers table; and what to tell.

    A listing that ended before the bars of a symbol begin is another security's; the end of one
    that still traded later is not believed.
    """
    placed = read_lives(store, lines["symbol"].unique().to_list(), version)
    fallback = version.first or seen.date()
    late = pl.coalesce("until", pl.lit(date.max))
    ordered = lines.with_row_index("line").sort(late, "since", "line", nulls_last=False)
    ids: list[tuple[int, int, date | None]] = []
    for k, symbol, since, until in ordered.select("line", "symbol", "since", "until").iter_rows():
        life = placed.describe(Stretch(symbol, since, until), fallback)
        end = until
        if until is not None and life.last is not None and life.last > until:
            end = None
            placed.notes.append(
                f"{symbol}: its listing ended on {until}, and it traded until {life.last}: the end "
                "is not believed"
            )
        ids.append((k, life.security_id, end))
    schema = {"line": pl.UInt32, "security_id": pl.Int64, "until": pl.Date}
    found = pl.DataFrame(ids, schema=schema, orient="row")
    joined = lines.with_row_index("line").drop("until").join(found, on="line")
    # Of several lines of one security the one that goes on counts, then the newest, then the first.
    still = pl.col("until").is_null()
    newest = pl.col("as_of").rank("dense", descending=True)
    once = joined.sort(~still, newest, "line", nulls_last=True).unique(
        "security_id", keep="first", maintain_order=True
    )
    _count(set_aside, OTHERWISE, joined.height - once.height)
    return once.sort("line").drop("line"), placed.tickers(), placed.notes


def _types(listings: pl.DataFrame) -> dict[str, int]:
    kinds = (
        listings["type"]
        .fill_null("unknown")
        .value_counts()
        .sort("count", "type", descending=[True, False])
    )
    return dict(kinds.iter_rows())


def _without_bars(store: Store, joined: pl.DataFrame) -> tuple[tuple[str, ...], dict[str, str]]:
    """Symbols without bars, and those with bars and no listing that look like them."""
    version = store.version()
    if version.last is None:
        return (), {}
    view = store.panel()
    traded = view.who.filter(pl.Series(view.bars.lengths > 0))
    ids = traded["security_id"].implode()
    ended = pl.col("until") < version.first
    lacking = joined.filter(~pl.col("security_id").is_in(ids), ~ended.fill_null(value=False))
    without = sorted(lacking["symbol"].unique())
    unlisted = pl.col("name").is_null() & ~pl.col("symbol").is_in(joined["symbol"].implode())
    nameless = sorted(traded.filter(unlisted)["symbol"].unique())
    by_letters = {re.sub(r"[^A-Z0-9]", "", symbol): symbol for symbol in nameless}
    alike: dict[str, str] = {}
    for symbol in without:
        same = by_letters.get(re.sub(r"[^A-Z0-9]", "", symbol))
        close = [same] if same else []
        if not close and len(without) * len(nameless) <= MOST_ALIKE:
            close = get_close_matches(symbol, nameless, n=1, cutoff=0.75)
        if close:
            alike[symbol] = close[0]
    return tuple(without), alike


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
    known_at = classified["as_of"].fill_null(seen)
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
