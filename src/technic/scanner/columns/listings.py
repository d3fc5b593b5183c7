"""Listings on a session: who was listed, where a symbol stands, and a source of their columns."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from technic.data.store.mapped_panel import MappedPanel
from technic.errors import UnlistedError
from technic.market.listing_types import LISTING_TYPES, OTC, issuer_of
from technic.market.sessions import nyse
from technic.market.symbols import alike_hint, known_symbol
from technic.market.typing import BoolArray, FloatArray
from technic.query.names import ATTRIBUTES
from technic.scanner.columns.source import LoadedColumns, SymbolView

DayArray = npt.NDArray[np.datetime64]


TEXTS = ("symbol", "name", "type", "exchange", "sector", "industry", "sic")
LATELY = np.timedelta64(10, "D")  # a stock with a bar in these days trades
KINDS = tuple(kind for kind in LISTING_TYPES if f"is_{kind}" in ATTRIBUTES)
LISTING_NAMES = frozenset(
    {*TEXTS, *(f"is_{kind}" for kind in KINDS), "is_fund", "is_otc", "issuer", "market_cap_told"}
)


class Listings:
    """What vendors say of each listing: names, types, sectors, and the claims made of them."""

    is_cacheable = False  # at hand with the panel

    def gives(self, name: str) -> bool:
        """Return whether a name is a column of the listings."""
        return name in LISTING_NAMES

    def load(self, names: Sequence[str], view: SymbolView) -> LoadedColumns:
        """Load texts (objects, None for unknown) and claims (1, 0, NaN for unknown)."""
        return LoadedColumns({name: view.listing(name) for name in names})


def listed_on(view: MappedPanel) -> BoolArray:
    """Return who was listed on the session of a view; bool, shape (n_symbols,)."""
    since, until = days_of(view.who, "since"), days_of(view.who, "until")
    return listed_between(since, until, view.as_of, _days_traded(view.bars.newest))


def _days_traded(ordinals: FloatArray) -> DayArray:
    """The days of sessions by their ordinals; NaT where there is none."""
    days = np.full(len(ordinals), np.datetime64("NaT"), dtype="datetime64[D]")
    there = ~np.isnan(ordinals)
    days[there] = nyse().dates[ordinals[there].astype(np.int64)]
    return days


def listed_between(
    since: DayArray, until: DayArray, day: date, traded: DayArray | None = None
) -> BoolArray:
    """Return who was listed on a day: not before the first of a listing, not after its last.

    What trades is listed: a listing that has ended before a bar of these days, or begins only after
    one, hides nobody.

    Parameters
    ----------
    since, until : datetime64[D], shape (n_symbols,); NaT where a listing has no known end
    day : the day in question
    traded : datetime64[D], shape (n_symbols,); the newest bar until that day, NaT without one;
        by default nobody has any
    """
    today = np.datetime64(day, "D")
    newest = (
        np.full(len(since), np.datetime64("NaT"), "datetime64[D]") if traded is None else traded
    )
    early = ~np.isnat(since) & (since > today) & np.isnat(newest)
    trades = (newest > until) & (newest >= today - LATELY)
    late = ~np.isnat(until) & (until < today) & ~trades
    listed: BoolArray = ~(early | late)
    return listed


def days_of(who: pl.DataFrame, name: str) -> DayArray:
    """Return a column of dates as datetime64[D]; NaT where it is null."""
    return who[name].cast(pl.Date).to_numpy().astype("datetime64[D]")


def position_of(view: MappedPanel, symbol: str) -> int:
    """Return the position of a symbol in a view on whose session it is listed.

    Raises
    ------
    UnlistedError
        If it is not listed then; the message says until when it was, or which symbols are close.
    """
    symbols, listed = view.who["symbol"].to_list(), listed_on(view)
    now = {name: i for i, name in enumerate(symbols) if listed[i]}
    name = known_symbol(symbol, now)
    if name is not None:
        return now[name]
    last = _last_listed(view, known_symbol(symbol, set(symbols)) or symbol)
    hint = alike_hint([symbol], list(now))
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
    """Return the session ordinal of each symbol's newest bar; NaN where there is none."""
    return view.bars.newest


@lru_cache(maxsize=4)
def listings_of(view: MappedPanel) -> dict[str, Any]:
    """Return the columns of the listings of a view, by name; shape (n_symbols,) each."""
    return listing_columns(view.who)


def listing_columns(who: pl.DataFrame) -> dict[str, Any]:
    """Return what rows of a directory say, by the names that questions use.

    Parameters
    ----------
    who : one row per symbol, see `technic.data.store.tickers.directory`

    Returns
    -------
    dict
        Every one of `LISTING_NAMES`: texts as objects with None, claims and USD as float64 with
        NaN for unknown; shape (n_rows,) each.
    """
    columns: dict[str, Any] = {name: np.array(who[name].to_list(), dtype=object) for name in TEXTS}
    columns["market_cap_told"] = who["market_cap"].fill_null(float("nan")).to_numpy()
    owners = who.select("name", "cik").iter_rows()
    columns["issuer"] = np.array([issuer_of(name, cik) for name, cik in owners], dtype=object)
    for kind in KINDS:
        columns[f"is_{kind}"] = _truth(who["type"].is_in([kind]))
    columns["is_fund"] = _truth(who["type"].is_in(["etf", "fund"]))
    columns["is_otc"] = _truth(who["exchange"].str.to_uppercase().is_in(OTC))
    return columns


def _truth(claim: pl.Series) -> FloatArray:
    """1 where a claim holds, 0 where it does not, NaN where nobody told us."""
    return claim.cast(pl.Float64).fill_null(float("nan")).to_numpy()
