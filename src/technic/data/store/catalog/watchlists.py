"""Watch-lists: names under which a user keeps symbols."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, delete, func, insert, select

from technic.data.store.catalog.tables import WATCHLISTS, naive


def add_symbols(connection: Connection, name: str, symbols: Iterable[str], at: datetime) -> int:
    """Add symbols to a watch-list; returns how many were new."""
    present = {symbol for (symbol,) in connection.execute(_on_list(name))}
    rows = [
        {"name": name, "symbol": symbol, "added_at": naive(at)}
        for symbol in sorted(set(symbols))
        if symbol not in present
    ]
    if rows:
        connection.execute(insert(WATCHLISTS), rows)
    return len(rows)


def remove_symbols(connection: Connection, name: str, symbols: Iterable[str]) -> int:
    """Remove symbols from a watch-list; returns how many were there."""
    statement = delete(WATCHLISTS).where(
        WATCHLISTS.c.name == name, WATCHLISTS.c.symbol.in_(sorted(set(symbols)))
    )
    return connection.execute(statement).rowcount


def symbols_on(connection: Connection, name: str) -> list[str]:
    """The symbols of a watch-list, in order; empty if there is none."""
    return sorted(str(symbol) for (symbol,) in connection.execute(_on_list(name)).fetchall())


def count_by_list(connection: Connection) -> dict[str, int]:
    """Every watch-list and how many symbols it holds."""
    query = select(WATCHLISTS.c.name, func.count()).group_by(WATCHLISTS.c.name)
    rows = connection.execute(query).fetchall()
    return {str(name): int(n) for name, n in sorted(rows)}


def _on_list(name: str) -> Select[Any]:
    return select(WATCHLISTS.c.symbol).where(WATCHLISTS.c.name == name)
