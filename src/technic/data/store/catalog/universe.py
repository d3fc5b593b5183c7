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
from sqlalchemy import Select, bindparam, or_, select

from technic.data.store.catalog.tables import UNIVERSE, VOLUMES

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


def universe_query(
    day: date, known_on: date, wanted: UniverseFilter
) -> tuple[Select[Any], dict[str, Any]]:
    """A statement for the securities listed on a day, and the values bound in it.

    Parameters
    ----------
    known_on : the day by whose knowledge they are described
    """
    values: dict[str, Any] = {"day": day, "known": known_on}
    lists = {"sector": wanted.sectors, "type": wanted.types, "exchange": wanted.exchanges}
    values |= {
        name: sorted(text.replace("\0", "\ufffd") for text in texts)  # PostgreSQL knows no NUL
        for name, texts in lists.items()
        if texts
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
