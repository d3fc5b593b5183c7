"""Alpaca: bars of many symbols per request, the best free way to fill a store."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import polars as pl

from technic.data.providers.answers import strict_json
from technic.data.providers.http import MOST_PAGES, Client, Http
from technic.data.providers.source import (
    ACTION_COLUMNS,
    BAR_COLUMNS,
    Ask,
    Pace,
    Reading,
    VendorProfile,
    number,
    text,
)
from technic.errors import PageError
from technic.market.sessions import NEW_YORK, nyse
from technic.market.symbols import vendor_symbol

BASE = "https://data.alpaca.markets"
PATH = "/v2/stocks/bars"
ACTIONS_PATH = "/v1/corporate-actions"
ACTIONS = ("splits", "dividends")
BARS_A_PAGE = 10_000
PLANS = {"free": Pace(190, 60.0), "plus": Pace(9_500, 60.0), "unlimited": Pace()}
ABOUT = VendorProfile(
    "alpaca",
    ("APCA_API_KEY_ID", "APCA_API_SECRET_KEY"),
    "free, or 99 USD a month",
    "since 2016",
    "200 calls a minute free, 10,000 bars each",
    "for your own use; not to be passed on",
)


class Alpaca(Client):
    """Bars of chosen symbols, splits and dividends from Alpaca: a `source.Source`.

    Parameters
    ----------
    feed : sip for all exchanges, iex for one
    """

    about = ABOUT
    kinds = frozenset({"run", "many", "splits", "dividends"})

    def __init__(self, http: Http, feed: str = "sip") -> None:
        super().__init__(http)
        self._feed = feed

    def calls_for(self, ask: Ask, _rows: int | None = None) -> int:
        """One per ten thousand bars; one for actions."""
        if ask.kind in ACTIONS:
            return 1
        assert ask.first is not None
        assert ask.last is not None
        sessions = nyse().last_until(ask.last) - nyse().last_until(ask.first - timedelta(1))
        return max(1, -(-len(ask.symbols) * sessions // BARS_A_PAGE))

    def fetch(self, ask: Ask) -> list[bytes]:
        """Every page; each goes on where the one before ended. See `Source.fetch`."""
        path, params = request_of(ask, self._feed)
        pages: list[bytes] = []
        newest: tuple[str, str] = ("", "")
        tokens: set[str] = set()
        for _ in range(MOST_PAGES):
            proof: dict[str, Any] = {}

            def whole(
                body: bytes, newest: tuple[str, str] = newest, proof: dict[str, Any] = proof
            ) -> None:
                proof.clear()
                content = _page(body, ask.kind)
                keys = _keys(content) if ask.kind not in ACTIONS else []
                if keys and min(keys) <= newest:
                    raise PageError("alpaca: a page that repeats the one before")
                token = content.get("next_page_token")
                if token is not None and (token in tokens or not (keys or ask.kind in ACTIONS)):
                    raise PageError("alpaca: a page whose next page is itself, or nothing")
                proof.update(token=token, newest=max(keys, default=newest))

            pages.append(self._http.get(path, params, whole))
            if proof["token"] is None:
                return pages
            newest = proof["newest"]
            tokens.add(proof["token"])
            params = {**params, "page_token": proof["token"]}
        raise PageError(f"alpaca: over {MOST_PAGES} pages; given up")

    def read(self, ask: Ask, pages: list[bytes]) -> Reading:
        """Rows under our names; see `Source.read`. Symbols that were not asked for are a failure."""
        if ask.kind in ACTIONS:
            told = [row for page in pages for row in _actions(_page(page, ask.kind), ask.kind)]
            return Reading(pl.DataFrame(told, schema=ACTION_COLUMNS, orient="row"))
        rows: list[tuple[str | date | float | None, ...]] = []
        asked = {vendor_symbol(symbol, "alpaca"): symbol for symbol in ask.symbols}
        for page in pages:
            for symbol, bars in _page(page, ask.kind)["bars"].items():
                if symbol not in asked:
                    raise PageError(f"alpaca: bars of {symbol[:24]!r}, which was not asked for")
                rows += [
                    (
                        asked[symbol],
                        _day(bar.get("t")),
                        *(number(bar.get(k)) for k in "ohlcv"),
                        number(bar.get("vw")),
                    )
                    for bar in bars
                ]
        return Reading(pl.DataFrame(rows, schema=BAR_COLUMNS, orient="row"))


def request_of(ask: Ask, feed: str = "sip") -> tuple[str, dict[str, str]]:
    """Path and parameters of the request that asks it.

    Parameters
    ----------
    feed : sip for all exchanges, iex for one
    """
    if ask.kind in ACTIONS:
        kinds = "cash_dividend" if ask.kind == "dividends" else "forward_split,reverse_split"
        params = {"types": kinds, "start": f"{ask.first}", "end": f"{ask.last}", "limit": "1000"}
        return ACTIONS_PATH, {**params, "sort": "asc"}
    assert ask.last is not None
    end = datetime.combine(ask.last, time(23, 59), NEW_YORK).astimezone(UTC)
    return PATH, {
        "symbols": ",".join(vendor_symbol(symbol, "alpaca") for symbol in ask.symbols),
        "timeframe": "1Day",
        "start": f"{ask.first}",
        "end": f"{end:%Y-%m-%dT%H:%M:%SZ}",
        "limit": f"{BARS_A_PAGE}",
        "adjustment": "raw",
        "feed": feed,
        "sort": "asc",
    }


def _page(body: bytes, kind: str) -> dict[str, Any]:
    content = strict_json(body, "alpaca")
    if not isinstance(content, dict) or "next_page_token" not in content:
        raise PageError("alpaca: a page without an end")
    groups = content.get("corporate_actions" if kind in ACTIONS else "bars")
    if not isinstance(groups, dict) or not all(
        isinstance(rows, list) and all(isinstance(row, dict) for row in rows)
        for rows in groups.values()
    ):
        raise PageError("alpaca: a page without rows")
    return content


def _keys(content: dict[str, Any]) -> list[tuple[str, str]]:
    """Symbol and instant of every bar: pages go through them in order."""
    return [(symbol, str(bar.get("t"))) for symbol, bars in content["bars"].items() for bar in bars]


def _actions(
    content: dict[str, Any], kind: str
) -> list[tuple[str | None, date | None, float | None, str | None, None]]:
    """Symbol, ex-date, value and id of each; the vendor tells no currency."""
    actions = []
    for rows in content["corporate_actions"].values():
        for row in rows:
            if kind == "splits":
                new, old = number(row.get("new_rate")), number(row.get("old_rate"))
                value = new / old if new and old else None
            else:
                value = number(row.get("rate"))
            about = (text(row.get("symbol")), _date(row.get("ex_date")), value)
            actions.append((*about, text(row.get("id")), None))
    return actions


def _date(value: Any) -> date | None:
    try:
        return date.fromisoformat(str(value))
    except ValueError:
        return None


def _day(stamp: Any) -> date | None:
    """The New York date of an instant; None if it is none."""
    stamp_text = text(stamp)
    try:
        return datetime.fromisoformat(stamp_text or "").astimezone(NEW_YORK).date()
    except ValueError:
        return None
