"""Who was listed on a day, by what was known of them then: one bound statement over one table.

Joining dated tables costs three look-ups a security; the mirror does that once, and keeps one row
for every stretch over which nothing about a security changed.
"""

from __future__ import annotations

from collections.abc import Collection
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


def universe_query(
    day: date,
    known: date,
    *,
    sectors: Collection[str] = (),
    types: Collection[str] = (),
    exchanges: Collection[str] = (),
    min_market_cap: float | None = None,
    min_volume: float | None = None,
) -> tuple[Select[Any], dict[str, Any]]:
    """A statement for the securities listed on `day` by what was known on `known`; its values."""
    values: dict[str, Any] = {"day": day, "known": known}
    lists = {"sector": sectors, "type": types, "exchange": exchanges}
    values |= {
        name: sorted(text.replace("\0", "\ufffd") for text in wanted)  # PostgreSQL knows no NUL
        for name, wanted in lists.items()
        if wanted
    }
    least = {"market_cap": min_market_cap, "volume": min_volume}
    values |= {name: float(number) for name, number in least.items() if number is not None}
    return _statement(frozenset(values)), values


@lru_cache(maxsize=64)
def _statement(asked: frozenset[str]) -> Select[Any]:
    """The statement for a set of filters; made once."""
    u = UNIVERSE.c
    query = select(*(u[name] for name in SCHEMA)).where(
        u.told <= bindparam("known"),
        u.untold > bindparam("known"),
        u.since <= bindparam("day"),
        or_(u.until.is_(None), u.until >= bindparam("day")),
    )
    for name in ("sector", "type", "exchange"):
        if name in asked:
            query = query.where(u[name].in_(bindparam(name, expanding=True)))
    if "market_cap" in asked:
        query = query.where(u.market_cap >= bindparam("market_cap"))
    if "volume" in asked:
        v = VOLUMES.c
        measured = (v.security_id == u.security_id) & (v.session == bindparam("day"))
        query = query.join(VOLUMES, measured).where(v.volume >= bindparam("volume"))
    return query.order_by(u.symbol)
