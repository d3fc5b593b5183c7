"""Who was listed on a session, and what is known of them: columns for a question."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import polars as pl

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


@lru_cache(maxsize=4)
def last_sessions(view: MappedPanel) -> FloatArray:
    """Ordinal of each symbol's newest bar; NaN where there is none."""
    return view.panel.last("session")


@lru_cache(maxsize=4)
def attributes_of(view: MappedPanel) -> dict[str, Any]:
    """What is known of each listing, by name; shape (n_symbols,) each."""
    who = view.who
    found: dict[str, Any] = {
        name: np.array(who[name].to_list(), dtype=object)
        for name in ("symbol", "name", "type", "exchange", "sector", "industry", "sic")
    }
    found["market_cap"] = who["market_cap"].fill_null(float("nan")).to_numpy()
    found["bars"] = view.panel.lengths.astype(np.float64)
    kinds, exchange = who["type"], who["exchange"]
    for claim in ATTRIBUTES:
        if claim.startswith("is_") and claim != "is_otc":
            names = ["etf"] if claim == "is_etf" else [claim.removeprefix("is_")]
            names += ["etf", "fund"] if claim == "is_fund" else []
            found[claim] = _truth(kinds.is_in(names))
    found["is_otc"] = _truth(exchange.str.to_uppercase().is_in(["OTC", "OTCM", "OOTC", "PINX"]))
    return found


def _truth(claim: pl.Series) -> FloatArray:
    """1 where it holds, 0 where it does not, NaN where nobody told us."""
    return claim.cast(pl.Float64).fill_null(float("nan")).to_numpy()
