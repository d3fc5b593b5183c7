"""Which securities were listed on a day, by what was known then: one statement over one table.

Joining dated tables costs three look-ups a security; the mirror does that once, and keeps one row
for every stretch over which nothing about a security changed.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Any

import polars as pl
from sqlalchemy import Connection, Select, bindparam, delete, or_, select

from technic.data.store.catalog.mirror import fill
from technic.data.store.catalog.tables import UNIVERSE, VOLUMES, without_nul

SCHEMA = {
    "security_id": pl.Int64,
    "symbol": pl.String,
    "name": pl.String,
    "type": pl.String,
    "exchange": pl.String,
    "sector": pl.String,
    "market_cap": pl.Float64,
}


@dataclass(frozen=True, slots=True)
class UniverseFilter:
    """Which of the listed securities are wanted; by default all.

    Attributes
    ----------
    sectors, types, exchanges : any of these; none means any, the unknown included
    min_market_cap : USD; None for no bound
    min_volume : mean shares a day; None for no bound
    """

    sectors: Collection[str] = ()
    types: Collection[str] = ()
    exchanges: Collection[str] = ()
    min_market_cap: float | None = None
    min_volume: float | None = None


def read_universe(
    connection: Connection, day: date, known_on: date, wanted: UniverseFilter
) -> pl.DataFrame:
    """Securities listed on a day, described by what was known on another.

    See `Store.load_universe` for what comes back. A bound on volumes needs those of `day`:
    `replace_volumes`.
    """
    query, values = _query(day, known_on, wanted)
    # The driver's own rows: wrapping fifteen hundred of them takes longer than finding them.
    rows = connection.execute(query, values).cursor.fetchall()
    columns = zip(*rows, strict=True) if rows else ([] for _ in SCHEMA)
    return pl.DataFrame(dict(zip(SCHEMA, map(list, columns), strict=True)), schema=SCHEMA)


def has_volumes(connection: Connection, session: date) -> bool:
    """Whether mean volumes of a session are indexed."""
    query = select(VOLUMES.c.session).where(VOLUMES.c.session == session).limit(1)
    return connection.execute(query).first() is not None


def replace_volumes(connection: Connection, session: date, volumes: pl.DataFrame) -> None:
    """Index mean volumes of a session.

    Parameters
    ----------
    volumes : `security_id` and `volume`, mean shares a day
    """
    connection.execute(delete(VOLUMES).where(VOLUMES.c.session == session))
    fill(connection, VOLUMES, volumes.with_columns(session=pl.lit(session)))


def _query(day: date, known_on: date, wanted: UniverseFilter) -> tuple[Select[Any], dict[str, Any]]:
    """A statement for the securities listed on a day, and the values bound in it."""
    values: dict[str, Any] = {"day": day, "known": known_on}
    lists = {"sector": wanted.sectors, "type": wanted.types, "exchange": wanted.exchanges}
    values |= {
        name: sorted(without_nul(text) for text in texts) for name, texts in lists.items() if texts
    }
    least = {"market_cap": wanted.min_market_cap, "volume": wanted.min_volume}
    values |= {name: float(number) for name, number in least.items() if number is not None}
    return _statement(frozenset(values)), values


@lru_cache(maxsize=64)
def _statement(filters: frozenset[str]) -> Select[Any]:
    """The statement for a set of filters; made once."""
    u = UNIVERSE.c
    query = select(*(u[name] for name in SCHEMA)).where(
        u.told <= bindparam("known"),
        u.untold > bindparam("known"),
        u.since <= bindparam("day"),
        or_(u.until.is_(None), u.until >= bindparam("day")),
    )
    for name in ("sector", "type", "exchange"):
        if name in filters:
            query = query.where(u[name].in_(bindparam(name, expanding=True)))
    if "market_cap" in filters:
        query = query.where(u.market_cap >= bindparam("market_cap"))
    if "volume" in filters:
        v = VOLUMES.c
        measured = (v.security_id == u.security_id) & (v.session == bindparam("day"))
        query = query.join(VOLUMES, measured).where(v.volume >= bindparam("volume"))
    return query.order_by(u.symbol)
