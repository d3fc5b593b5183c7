"""Order, in SQL: an index of who is who, and what only a database can keep.

`securities`, `tickers` and `listings` mirror the newest store version and can be rebuilt from
it at any time; `quarantine`, `watchlists` and `calls` live only here. All statements are SQLAlchemy
Core with bound parameters.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from hashlib import blake2b
from pathlib import Path
from typing import Any

import orjson
import polars as pl
from sqlalchemy import (
    Column,
    Date,
    DateTime,
    Float,
    Integer,
    MetaData,
    String,
    Table,
    create_engine,
    delete,
    event,
    func,
    insert,
    select,
)

METADATA = MetaData()

SECURITIES = Table("securities", METADATA, Column("security_id", Integer, primary_key=True))
TICKERS = Table(
    "tickers",
    METADATA,
    Column("security_id", Integer, index=True, nullable=False),
    Column("symbol", String(24), index=True, nullable=False),
    Column("since", Date, nullable=False),
    Column("until", Date),
)
LISTINGS = Table(
    "listings",
    METADATA,
    Column("security_id", Integer, index=True, nullable=False),
    Column("name", String),
    Column("type", String(16)),
    Column("exchange", String(8)),
    Column("sector", String(32)),
    Column("industry", String),
    Column("sic", String(8)),
    Column("market_cap", Float),
    Column("since", Date),
    Column("until", Date),
)
QUARANTINE = Table(
    "quarantine",
    METADATA,
    Column("digest", String(32), primary_key=True),
    Column("symbol", String, index=True),
    Column("session", Date),
    Column("reason", String(32), index=True, nullable=False),
    Column("source", String, nullable=False),
    Column("row", String, nullable=False),
    Column("seen_at", DateTime, nullable=False),
)
WATCHLISTS = Table(
    "watchlists",
    METADATA,
    Column("name", String(64), primary_key=True),
    Column("symbol", String(24), primary_key=True),
    Column("added_at", DateTime, nullable=False),
)
CALLS = Table(
    "calls",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("at", DateTime, index=True, nullable=False),
    Column("provider", String(16), nullable=False),
    Column("endpoint", String, nullable=False),
    Column("status", Integer, nullable=False),
    Column("bytes", Integer, nullable=False),
    Column("ms", Float, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("outcome", String(32), nullable=False),
    Column("quota_left", Integer),
)
MIRROR = Table("mirror", METADATA, Column("version", Integer, primary_key=True))


class Catalog:
    """The SQL side of one store."""

    def __init__(self, url: str) -> None:
        self._engine = create_engine(url)
        if url.startswith("sqlite"):
            event.listen(self._engine, "connect", _prefer_safety)
        METADATA.create_all(self._engine)

    @classmethod
    def beside(cls, folder: Path) -> Catalog:
        """The catalog of the store at `folder`: a SQLite file."""
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        return cls(f"sqlite:///{folder / 'catalog.sqlite'}")

    def mirror(self, version: int, tickers: pl.DataFrame, listings: pl.DataFrame) -> None:
        """Replace the index by what store version `version` says."""
        ids = tickers.select("security_id").unique()
        parts = ((SECURITIES, ids), (TICKERS, tickers), (LISTINGS, listings))
        with self._engine.begin() as connection:
            for table, frame in parts:
                connection.execute(delete(table))
                names = [column.name for column in table.columns]
                if not frame.is_empty():
                    connection.execute(insert(table), frame.select(names).to_dicts())
            connection.execute(delete(MIRROR))
            connection.execute(insert(MIRROR).values(version=version))

    def mirrors(self) -> int:
        """The store version that the index was made from; 0 if none."""
        with self._engine.connect() as connection:
            return connection.execute(select(func.max(MIRROR.c.version))).scalar() or 0

    def quarantine(self, rows: pl.DataFrame, source: str, seen_at: datetime) -> None:
        """Keep rows that were set aside, with their reasons; the same row is kept once."""
        records = []
        for row in rows.iter_rows(named=True):
            text = orjson.dumps(row, default=str).decode()
            content = f"{source}\0{text}".encode()
            records.append(
                {
                    "digest": blake2b(content, digest_size=16).hexdigest(),
                    "symbol": row.get("symbol"),
                    "session": row.get("date"),
                    "reason": row["reason"],
                    "source": source,
                    "row": text,
                    "seen_at": seen_at.astimezone(UTC).replace(tzinfo=None),
                }
            )
        unique = {record["digest"]: record for record in records}
        with self._engine.begin() as connection:
            known = _present(connection, list(unique))
            new = [record for digest, record in unique.items() if digest not in known]
            if new:
                connection.execute(insert(QUARANTINE), new)

    def quarantined(self) -> dict[str, int]:
        """How many rows were set aside, by reason."""
        query = select(QUARANTINE.c.reason, func.count()).group_by(QUARANTINE.c.reason)
        with self._engine.connect() as connection:
            return {str(reason): int(n) for reason, n in connection.execute(query)}

    def log_call(self, row: Mapping[str, Any], at: datetime) -> None:
        """Write down one request to a vendor."""
        stamp = at.astimezone(UTC).replace(tzinfo=None)
        with self._engine.begin() as connection:
            connection.execute(insert(CALLS).values(at=stamp, **row))

    def calls(self, since: datetime | None = None) -> list[dict[str, Any]]:
        """Requests to vendors, oldest first."""
        query = select(CALLS).order_by(CALLS.c.id)
        if since is not None:
            query = query.where(CALLS.c.at >= since.astimezone(UTC).replace(tzinfo=None))
        with self._engine.connect() as connection:
            rows = connection.execute(query).mappings()
            return [{str(name): value for name, value in row.items()} for row in rows]

    def watch(self, name: str, symbols: Iterable[str], at: datetime) -> int:
        """Add symbols to a watch-list; returns how many were new."""
        stamp = at.astimezone(UTC).replace(tzinfo=None)
        new = sorted(set(symbols) - set(self.watched(name)))
        with self._engine.begin() as connection:
            if new:
                rows = [{"name": name, "symbol": symbol, "added_at": stamp} for symbol in new]
                connection.execute(insert(WATCHLISTS), rows)
        return len(new)

    def unwatch(self, name: str, symbols: Iterable[str]) -> int:
        """Remove symbols from a watch-list; returns how many were there."""
        with self._engine.begin() as connection:
            statement = delete(WATCHLISTS).where(
                WATCHLISTS.c.name == name, WATCHLISTS.c.symbol.in_(sorted(set(symbols)))
            )
            return connection.execute(statement).rowcount

    def watched(self, name: str) -> list[str]:
        """The symbols of a watch-list, in order; empty if there is none."""
        query = select(WATCHLISTS.c.symbol).where(WATCHLISTS.c.name == name)
        with self._engine.connect() as connection:
            return sorted(str(symbol) for (symbol,) in connection.execute(query))

    def watchlists(self) -> dict[str, int]:
        """Every watch-list and how many symbols it holds."""
        query = select(WATCHLISTS.c.name, func.count()).group_by(WATCHLISTS.c.name)
        with self._engine.connect() as connection:
            return {str(name): int(n) for name, n in connection.execute(query)}


def _present(connection: Any, digests: list[str]) -> set[str]:
    """Which of `digests` are in quarantine already; asked for in portions SQLite can take."""
    found: set[str] = set()
    for start in range(0, len(digests), 500):
        portion = digests[start : start + 500]
        query = select(QUARANTINE.c.digest).where(QUARANTINE.c.digest.in_(portion))
        found.update(digest for (digest,) in connection.execute(query))
    return found


def _prefer_safety(connection: Any, _record: Any) -> None:
    """Readers beside a writer, and commits that survive a power cut."""
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "busy_timeout=5000"):
        connection.execute(f"PRAGMA {pragma}")
