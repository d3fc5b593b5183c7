"""Who was listed on a session, and what is known of them: columns for a question."""

from __future__ import annotations

from difflib import get_close_matches
from functools import lru_cache
from typing import Any

import numpy as np
import polars as pl

from technic.errors import StoreError
from technic.market.listing_types import LISTING_TYPES, OTC, issuer_of
from technic.query.names import ATTRIBUTES
from technic.store.panels import MappedPanel
from technic.typing import BoolArray, FloatArray


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
    StoreError
        If it is not; names those that are close.
    """
    symbols, listed = view.who["symbol"].to_list(), listed_on(view)
    for i, name in enumerate(symbols):
        if name == symbol and listed[i]:
            return i
    close = get_close_matches(symbol.upper(), symbols, n=3)
    hint = f"; did you mean {', '.join(close)} ?" if close else ""
    raise StoreError(f"{symbol} is not listed on {view.as_of}{hint}")


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
