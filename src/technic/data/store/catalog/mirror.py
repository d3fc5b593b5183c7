"""The index of a catalog made from the tables of a store version, dated.

What became known on a day counts from that day until something newer about the same security
did; a question about a past day finds what was known then.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from importlib import import_module
from typing import TypeAlias

import polars as pl
from sqlalchemy import Connection, Table, delete, insert, select, text

from technic.data.store.catalog import tables
from technic.data.store.rows import newest_per
from technic.data.store.tickers import eras
from technic.data.store.version import StoreVersion
from technic.market.listing_types import issuer_of

Read: TypeAlias = Callable[[str], pl.DataFrame]

# Index tables, and the Delta tables that each is made from.
SOURCES: Mapping[str, tuple[str, ...]] = {
    "securities": ("tickers", "listings"),
    "tickers": ("tickers",),
    "listings": ("listings",),
    "classifications": ("classifications",),
    "universe": ("tickers", "listings", "classifications"),
    "actions": ("actions",),
    "filings": ("filings", "facts"),
    "volumes": ("bars",),
}
STORE = "store"  # the row of `mirror` that holds the version of the whole
NEW_YORK = "America/New_York"


def mirrored_versions(connection: Connection) -> dict[str, int]:
    """What the index was made from: Delta versions by table, and the store's own."""
    query = select(tables.MIRROR.c.name, tables.MIRROR.c.version)
    return {str(name): int(version) for name, version in connection.execute(query)}


def mirror(connection: Connection, version: StoreVersion, read: Read) -> None:
    """Make what differs from the tables of a version anew, within one transaction.

    Parameters
    ----------
    read : gives all rows of a Delta table at that version, by its name
    """
    before = mirrored_versions(connection)
    now = {**version.tables, STORE: version.number}
    for name, sources in SOURCES.items():
        if any(before.get(source, -1) != now.get(source, -1) for source in sources):
            table = tables.METADATA.tables[name]
            connection.execute(delete(table))
            if name != "volumes":  # made for the days that are asked for
                fill(connection, table, TABLE_MAKERS[name](read))
    connection.execute(delete(tables.MIRROR))
    fill(
        connection, tables.MIRROR, pl.DataFrame({"name": list(now), "version": list(now.values())})
    )


def fill(connection: Connection, table: Table, rows: pl.DataFrame) -> None:
    """Add rows to a table, the quickest way its database has.

    Parameters
    ----------
    rows : with the columns of the table
    """
    if rows.is_empty():
        return
    names = [column.name for column in table.columns]
    chosen = rows.select(names)
    if connection.dialect.name == "postgresql":
        postgres = import_module("technic.data.store.catalog.postgres")
        postgres.copy_rows(connection, table, names, chosen.rows())
        connection.execute(text("ANALYZE"))  # the planner guesses wildly about a new table
    else:
        connection.execute(insert(table), chosen.to_dicts())


def _securities(read: Read) -> pl.DataFrame:
    newest = newest_per(read("listings").lazy(), "security_id").collect()
    about = (
        read("tickers")
        .select("security_id")
        .unique(maintain_order=True)
        .join(newest.select("security_id", "name", "cik", "figi"), on="security_id", how="left")
    )
    issuers = [issuer_of(name, cik) for name, cik in about.select("name", "cik").iter_rows()]
    return about.with_columns(issuer=pl.Series(issuers, dtype=pl.String))


def _tickers(read: Read) -> pl.DataFrame:
    return eras(read("tickers"))


def _with_days(table: pl.DataFrame) -> pl.DataFrame:
    """Rows with the days from and until which each is what is known."""
    told_on = pl.col("known_at").dt.convert_time_zone(NEW_YORK).dt.date()
    return (
        newest_per(table.lazy().with_columns(told=told_on), "security_id", "told")
        .collect()
        .sort("security_id", "told")
        .with_columns(untold=pl.col("told").shift(-1).over("security_id"))
    )


def _universe(read: Read) -> pl.DataFrame:
    """Symbols, listings and classes side by side, cut wherever one of them changes."""
    names = eras(read("tickers")).select(
        "security_id", "symbol", told="since", named_since="since", named_until="until"
    )
    listings = _with_days(read("listings")).drop("untold")
    classes = _with_days(read("classifications")).drop("untold")
    parts = (names, listings, classes)
    cuts = pl.concat([part.select("security_id", "told") for part in parts]).unique()
    rows = cuts.sort("told")
    for part in parts:
        own = [name for name in part.columns if name not in rows.columns]
        rows = rows.join_asof(
            part.select("security_id", "told", *own).sort("told"),
            on="told",
            by="security_id",
            check_sortedness=False,
        ).sort("told")
    return (
        rows.filter(pl.col("symbol").is_not_null())
        .sort("security_id", "told")
        .with_columns(
            untold=pl.col("told").shift(-1).over("security_id").fill_null(date.max),
            since=pl.max_horizontal("since", "named_since"),
            until=pl.coalesce("until", "named_until"),
        )
    )


def _actions(read: Read) -> pl.DataFrame:
    newest = newest_per(read("actions").lazy(), "security_id", "session", "kind").collect()
    return newest.with_columns(pl.col("known_at").dt.replace_time_zone(None))


def _filings(read: Read) -> pl.DataFrame:
    key = ["security_id", "accession"]
    counts = read("facts").group_by(key).agg(facts=pl.len().cast(pl.Int64))
    return (
        read("filings")
        .join(counts, on=key, how="left", maintain_order="left")
        .with_columns(
            pl.col("facts").fill_null(0),
            first_seen=pl.col("known_at").dt.replace_time_zone(None),
        )
    )


TABLE_MAKERS: Mapping[str, Callable[[Read], pl.DataFrame]] = {
    "securities": _securities,
    "tickers": _tickers,
    "listings": lambda read: _with_days(read("listings")),
    "classifications": lambda read: _with_days(read("classifications")),
    "universe": _universe,
    "actions": _actions,
    "filings": _filings,
}
