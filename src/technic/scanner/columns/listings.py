"""Who was listed on a session, and what is known of them: columns for a question."""

from __future__ import annotations

from datetime import date
from difflib import get_close_matches
from functools import lru_cache
from typing import Any

import numpy as np
import polars as pl

from technic.data.store.panels import MappedPanel
from technic.errors import UnlistedError
from technic.market.listing_types import LISTING_TYPES, OTC, issuer_of
from technic.market.sessions import nyse
from technic.market.typing import BoolArray, FloatArray
from technic.query.names import ATTRIBUTES


def listed_on(view: MappedPanel) -> BoolArray:
    """Who was listed on the session: not before its first day, not after its last."""
    who = view.who
    since, until = who["since"].to_numpy(), who["until"].to_numpy()
    day = np.datetime64(view.as_of, "D")
    early = ~np.isnat(since) & (since > day) if since.dtype.kind == "M" else False
    late = ~np.isnat(until) & (until < day) if until.dtype.kind == "M" else False
    listed: BoolArray = ~(np.zeros(len(who), dtype=bool) | early | late)
    return listed


def position_of(view: MappedPanel, symbol: str) -> int:
    """Where a symbol stands in a view on whose session it is listed.

    Raises
    ------
    UnlistedError
        If it is not; says until when it was, or names those that are close.
    """
    symbols, listed = view.who["symbol"].to_list(), listed_on(view)
    for i, name in enumerate(symbols):
        if name == symbol and listed[i]:
            return i
    last = _last_listed(view, symbol)
    close = get_close_matches(
        symbol.upper(), [s for s, on in zip(symbols, listed, strict=True) if on], n=3
    )
    hint = f"; did you mean {', '.join(close)} ?" if close else ""
    if last is not None:
        hint = f"; it was until {last}: ask as of that session"
    raise UnlistedError(f"{symbol} is not listed on {view.as_of}{hint}", last)


def _last_listed(view: MappedPanel, symbol: str) -> date | None:
    """The last session of the store on which a symbol was listed that no longer is."""
    gone = pl.col("symbol") == symbol, pl.col("until") < view.as_of
    ends: list[date] = view.who.filter(*gone)["until"].to_list()
    if not ends:
        return None
    session = nyse().day(nyse().last_until(max(ends)))
    first = view.version.first
    return session if first is not None and session >= first else None


@lru_cache(maxsize=4)
def last_sessions(view: MappedPanel) -> FloatArray:
    """Ordinal of each symbol's newest bar; NaN where there is none."""
    return view.panel.last("session")


@lru_cache(maxsize=4)
def attributes_of(view: MappedPanel) -> dict[str, Any]:
    """What is known of each listing of a view, by name; shape (n_symbols,) each."""
    found = attributes_of_listings(view.who)
    found["bars"] = view.panel.lengths.astype(np.float64)
    return found


def attributes_of_listings(who: pl.DataFrame) -> dict[str, Any]:
    """What rows of a directory say, by the names of questions."""
    found: dict[str, Any] = {
        name: np.array(who[name].to_list(), dtype=object)
        for name in ("symbol", "name", "type", "exchange", "sector", "industry", "sic")
    }
    found["market_cap_told"] = who["market_cap"].fill_null(float("nan")).to_numpy()
    told = who.select("name", "cik").iter_rows()
    found["issuer"] = np.array([issuer_of(name, cik) for name, cik in told], dtype=object)
    kinds, exchange = who["type"], who["exchange"]
    for kind in LISTING_TYPES:
        if f"is_{kind}" in ATTRIBUTES:
            found[f"is_{kind}"] = _truth(kinds.is_in([kind]))
    found["is_fund"] = _truth(kinds.is_in(["etf", "fund"]))
    found["is_otc"] = _truth(exchange.str.to_uppercase().is_in(OTC))
    return found


def _truth(claim: pl.Series) -> FloatArray:
    """1 where it holds, 0 where it does not, NaN where nobody told us."""
    return claim.cast(pl.Float64).fill_null(float("nan")).to_numpy()
