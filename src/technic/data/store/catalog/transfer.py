"""What lives only in a catalog: all of it, read at one instant, moved whole, and its digest."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import blake2b
from typing import Any

import orjson
from sqlalchemy import Connection, insert, select

from technic.data.store.catalog.migrations import note_move, restart_sequences, was_moved
from technic.data.store.catalog.tables import KEPT, without_nul

Kept = Mapping[str, list[dict[str, Any]]]  # rows by table


def kept_rows(connection: Connection) -> Kept:
    """Every row of the tables that live only here, by table."""
    return {
        table.name: [dict(row) for row in connection.execute(select(table)).mappings()]
        for table in KEPT
    }


def insert_kept(connection: Connection, rows: Kept) -> None:
    """Add rows with the numbers they have; what comes next is numbered behind them."""
    is_postgres = connection.dialect.name == "postgresql"
    for table in KEPT:
        records = rows[table.name]
        if is_postgres:
            records = [{k: _holdable(v) for k, v in row.items()} for row in records]
        if records:
            connection.execute(insert(table), records)
    restart_sequences(connection)


def move_in(connection: Connection, rows: Kept) -> None:
    """Take rows over unless that was done, or there are some already; and note that it was done."""
    if was_moved(connection):
        return
    if not any(connection.execute(select(t).limit(1)).first() for t in KEPT):
        insert_kept(connection, rows)
    note_move(connection)


def digest_of_kept(rows: Kept) -> str:
    """A digest of rows: the same in either database."""
    digest = blake2b(digest_size=16)
    for name, records in rows.items():
        lines = sorted(orjson.dumps(list(row.values())) for row in records)
        digest.update(orjson.dumps([name, len(lines)]) + b"\n".join(lines))
    return digest.hexdigest()


def _holdable(value: Any) -> Any:
    return without_nul(value) if isinstance(value, str) else value
