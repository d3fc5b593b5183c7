"""Rows that were set aside, with their reasons; the same row is kept once."""

from __future__ import annotations

from datetime import datetime
from hashlib import blake2b
from typing import Any

import orjson
import polars as pl
from sqlalchemy import Connection, func, insert, select

from technic.data.store.catalog.tables import QUARANTINE, naive, without_nul

PORTION = 500  # digests in one question


def records_of(rows: pl.DataFrame, source: str, seen_at: datetime) -> list[dict[str, Any]]:
    """Rows as the table of quarantine holds them, each once.

    Parameters
    ----------
    rows : with `reason`, and `symbol` and `date` where there are such
    source : a file or a vendor
    """
    records = {}
    for row in rows.iter_rows(named=True):
        text = orjson.dumps(row, default=str).decode()
        digest = blake2b(f"{source}\0{text}".encode(), digest_size=16).hexdigest()
        symbol = row.get("symbol")  # the row itself is kept escaped
        records[digest] = {
            "digest": digest,
            "symbol": None if symbol is None else without_nul(symbol),
            "session": row.get("date"),
            "reason": row["reason"],
            "source": source,
            "row": text,
            "seen_at": naive(seen_at),
        }
    return list(records.values())


def set_aside(connection: Connection, records: list[dict[str, Any]]) -> None:
    """Keep those of some records that are not kept yet."""
    present = _present(connection, [record["digest"] for record in records])
    new = [record for record in records if record["digest"] not in present]
    if new:
        connection.execute(insert(QUARANTINE), new)


def count_by_reason(connection: Connection) -> dict[str, int]:
    """How many rows were set aside, by reason."""
    query = select(QUARANTINE.c.reason, func.count()).group_by(QUARANTINE.c.reason)
    rows = connection.execute(query).fetchall()
    return {str(reason): int(n) for reason, n in sorted(rows)}


def _present(connection: Connection, digests: list[str]) -> set[str]:
    """Which of `digests` are in quarantine already; asked for in portions SQLite can take."""
    present: set[str] = set()
    for start in range(0, len(digests), PORTION):
        portion = digests[start : start + PORTION]
        query = select(QUARANTINE.c.digest).where(QUARANTINE.c.digest.in_(portion))
        present.update(digest for (digest,) in connection.execute(query))
    return present
