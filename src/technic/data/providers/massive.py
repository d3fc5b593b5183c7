"""Massive, formerly Polygon: the whole US market, one request per session.

Bars are always asked for as traded. The session of a whole-market bar is the day that was
asked for; its stamp says the end of the session there and midnight in ranges, and only
serves to find bars of another day.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime
from typing import Any
from urllib.parse import quote

import polars as pl

from technic.data.providers import massive_filings, massive_snapshot
from technic.data.providers.answers import strict_json
from technic.data.providers.http import MOST_PAGES, Client
from technic.data.providers.source import (
    ACTION_COLUMNS,
    BAR_COLUMNS,
    TICKER_COLUMNS,
    Ask,
    Pace,
    Reading,
    VendorProfile,
    number,
    text,
)
from technic.errors import PageError
from technic.market.sessions import NEW_YORK
from technic.market.symbols import vendor_symbol

BASE = "https://api.massive.com"
HOSTS = frozenset({"api.massive.com", "api.polygon.io"})
GOOD = {"OK", "DELAYED"}  # statuses of an answer
PAGE = 1_000  # listings
LISTING_PAGES = 12  # of them, where nobody has counted yet
PLANS = {
    "basic": Pace(5, 60.0, 730, today=False),
    "starter": Pace(80, 1.0, 1_826),
    "developer": Pace(80, 1.0, 3_652),
    "advanced": Pace(80, 1.0),
    "unlimited": Pace(),
}
ABOUT = VendorProfile(
    "massive",
    ("MASSIVE_API_KEY", "POLYGON_API_KEY"),
    "free to 199 USD a month",
    "2 years free, all on the dearest plan",
    "5 calls a minute free, else unlimited",
    "for your own use; not to be passed on",
)


class Massive(Client):
    """Bars, actions, listings, statements, news and snapshots from Massive: a `source.Source`."""

    about = ABOUT
    kinds = frozenset(
        {
            "day",
            "run",
            "splits",
            "dividends",
            "tickers",
            *massive_filings.STATEMENTS,
            "news",
            "snapshot",
        }
    )

    def clock(self) -> datetime:
        """What time the vendor has; a simulated one has a clock of its own."""
        body = self._http.get("/v1/marketstatus/now", {}, _status)
        return _status(body)

    def calls_for(self, ask: Ask, rows: int | None = None) -> int:
        """One; one for each thousand listings, of which there are about twelve thousand."""
        if ask.kind != "tickers" or ask.newest:
            return 1
        return LISTING_PAGES if rows is None else max(1, -(-rows // PAGE))

    def fetch(self, ask: Ask) -> list[bytes]:
        """Every page; each whole, none twice. See `Source.fetch`."""
        path, params = request_of(ask)
        if ask.kind == "day":
            return [self._http.get(path, params, lambda body: self._bars_page(body, ask))]
        if ask.kind == "snapshot":
            return [self._http.get(path, params, massive_snapshot.check)]
        if ask.kind == "run":
            empty = b'{"status":"OK","resultsCount":0}'
            return self._pages(
                path, params, lambda body: self._bars_page(body, ask), _stamp_of, empty=empty
            )
        key = _ticker_of if ask.kind == "tickers" else None
        if ask.newest:
            return [self._http.get(path, params, self._rows_page)]
        return self._pages(path, params, self._rows_page, key)

    def read(self, ask: Ask, pages: list[bytes]) -> Reading:
        """Rows under our names; see `Source.read`."""
        contents = [strict_json(page, "massive") for page in pages]
        rows = [row for content in contents for row in content.get("results") or ()]
        if ask.kind in {"day", "run"}:
            delayed = any(content.get("status") == "DELAYED" for content in contents)
            return Reading(_bars(rows, ask), delayed)
        if ask.kind == "tickers":
            return Reading(_tickers(rows))
        if ask.kind == "snapshot":
            return Reading(massive_snapshot.bars(contents))
        if ask.kind == "news":
            return Reading(massive_filings.news(rows))
        if ask.kind in massive_filings.STATEMENTS:
            return Reading(massive_filings.facts(rows))
        return Reading(_actions(rows, ask.kind))

    def _pages(
        self,
        path: str,
        params: dict[str, str],
        check: Callable[[bytes], dict[str, Any]],
        key: Callable[[dict[str, Any]], Any] | None,
        empty: bytes | None = None,
    ) -> list[bytes]:
        """Follow `next_url` to the end; a page must go on where the one before ended."""
        pages: list[bytes] = []
        newest: Any = None
        seen = {(path, tuple(sorted(params.items())))}
        for _ in range(MOST_PAGES):
            proof: dict[str, Any] = {}

            def whole(body: bytes, newest: Any = newest, proof: dict[str, Any] = proof) -> None:
                proof.clear()
                content = check(body)
                rows = content.get("results") or []
                keys = [key(row) for row in rows] if key else []
                if newest is not None and keys and min(keys) <= newest:
                    raise PageError("massive: a page that repeats the one before")
                following = content.get("next_url")
                if following:
                    step = self._http.next_page(following)
                    if (step[0], tuple(sorted(step[1].items()))) in seen:
                        raise PageError("massive: a page whose next page is itself")
                    if not rows:
                        raise PageError("massive: an empty page that is not the last")
                    proof["next"] = step
                proof["newest"] = max(keys, default=newest)

            pages.append(self._http.get(path, params, whole, absent_is_empty=empty))
            if "next" not in proof:
                return pages
            path, params = proof["next"]
            newest = proof["newest"]
            seen.add((path, tuple(sorted(params.items()))))
        raise PageError(f"massive: over {MOST_PAGES} pages; given up")

    def _bars_page(self, body: bytes, ask: Ask) -> dict[str, Any]:
        """An envelope whose count is the number of its bars."""
        content = _parse_envelope(body)
        rows = content.get("results", [])
        if not isinstance(rows, list) or content.get("resultsCount") != len(rows):
            raise PageError(f"massive: {ask}: says {content.get('resultsCount')} bars, has others")
        if content.get("adjusted") not in {False, None}:
            raise PageError(f"massive: {ask}: adjusted bars, where bars as traded were asked for")
        if not all(isinstance(row, dict) for row in rows):
            raise PageError(f"massive: {ask}: a bar that is none")
        return content

    def _rows_page(self, body: bytes) -> dict[str, Any]:
        content = _parse_envelope(body)
        rows = content.get("results")
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            raise PageError("massive: a page without results")
        if content.get("count", len(rows)) != len(rows):
            raise PageError(
                f"massive: a page that says {content['count']} rows and has {len(rows)}"
            )
        return content


def _status(body: bytes) -> datetime:
    content = strict_json(body, "massive")
    try:
        return datetime.fromisoformat(content["serverTime"]).astimezone(UTC)
    except (TypeError, KeyError, ValueError) as error:
        raise PageError("massive: a market status without a time") from error


def _parse_envelope(body: bytes) -> dict[str, Any]:
    content = strict_json(body, "massive")
    if not isinstance(content, dict) or content.get("status") not in GOOD:
        raise PageError("massive: an answer whose status is neither OK nor DELAYED")
    return content


def request_of(ask: Ask) -> tuple[str, dict[str, str]]:
    """Path and parameters of the request that asks it."""
    if ask.kind == "day":
        path = f"/v2/aggs/grouped/locale/us/market/stocks/{ask.first}"
        return path, {"adjusted": "false", "include_otc": "false"}
    if ask.kind == "snapshot":
        return massive_snapshot.PATH, {"include_otc": "false"}
    if ask.kind == "run":
        symbol = quote(vendor_symbol(ask.symbols[0], "massive"), safe="")
        path = f"/v2/aggs/ticker/{symbol}/range/1/day/{ask.first}/{ask.last}"
        return path, {"adjusted": "false", "sort": "asc", "limit": "50000"}
    if ask.kind == "news" or ask.kind in massive_filings.STATEMENTS:
        return massive_filings.request(ask)
    if ask.kind in {"splits", "dividends"}:
        day = "execution_date" if ask.kind == "splits" else "ex_dividend_date"
        params = {f"{day}.gte": f"{ask.first}", f"{day}.lte": f"{ask.last}"}
        return f"/stocks/v1/{ask.kind}", {**params, "sort": f"{day}.asc", "limit": "5000"}
    params = {"market": "stocks", "active": str(ask.active).lower(), "limit": f"{PAGE}"}
    if ask.on is not None:
        params["date"] = f"{ask.on}"
    order = (
        {"sort": "last_updated_utc", "order": "desc"}
        if ask.newest
        else {"sort": "ticker", "order": "asc"}
    )
    return "/v3/reference/tickers", {**params, **order}


def _ticker_of(row: dict[str, Any]) -> str:
    return str(row.get("ticker"))


def _stamp_of(row: dict[str, Any]) -> float:
    return number(row.get("t")) or 0.0


def _bars(rows: list[dict[str, Any]], ask: Ask) -> pl.DataFrame:
    letters = {"open": "o", "high": "h", "low": "l", "close": "c", "volume": "v", "vwap": "vw"}
    stamps = [row.get("t") for row in rows]
    days = {stamp: _day(stamp) for stamp in _plain(stamps)}
    named = ask.symbols[0] if ask.kind == "run" else None
    columns: dict[str, list[Any]] = {
        "symbol": [named or text(row.get("T")) for row in rows],
        "date": [days.get(s) if isinstance(s, int | float) else None for s in stamps],
    }
    for name, letter in letters.items():
        columns[name] = [number(row.get(letter)) for row in rows]
    return pl.DataFrame(columns, schema=BAR_COLUMNS)


def _plain(stamps: Iterable[Any]) -> set[Any]:
    return {s for s in stamps if type(s) in {int, float}}


def _day(stamp: float) -> date | None:
    """The New York date of milliseconds since 1970; None if there is no such date."""
    try:
        return datetime.fromtimestamp(stamp / 1000.0, UTC).astimezone(NEW_YORK).date()
    except (ValueError, OverflowError, OSError):
        return None


def _actions(rows: list[dict[str, Any]], kind: str) -> pl.DataFrame:
    """Splits or dividends; where a row has no id, its type tells two of one day apart."""
    day = "execution_date" if kind == "splits" else "ex_dividend_date"
    actions = []
    for row in rows:
        sort = None
        if kind == "splits":
            low, high = number(row.get("split_from")), number(row.get("split_to"))
            value = high / low if low and high else None
        else:
            value = number(row.get("cash_amount"))
            sort = text(row.get("dividend_type")) or text(row.get("distribution_type"))
        about = (text(row.get("ticker")), _iso(row.get(day)), value)
        actions.append((*about, text(row.get("id")) or sort, text(row.get("currency"))))
    return pl.DataFrame(actions, schema=ACTION_COLUMNS, orient="row")


def _tickers(rows: list[dict[str, Any]]) -> pl.DataFrame:
    listings = [
        (
            text(row.get("ticker")),
            text(row.get("name")),
            text(row.get("type")),
            text(row.get("primary_exchange")),
            text(row.get("cik")),
            text(row.get("composite_figi")),
            bool(row.get("active", True)),
            _iso(row.get("delisted_utc")),
            _iso(row.get("last_updated_utc")),
        )
        for row in rows
    ]
    return pl.DataFrame(listings, schema=TICKER_COLUMNS, orient="row")


def _iso(value: Any) -> date | None:
    """A date written YYYY-MM-DD, perhaps with a time behind it."""
    try:
        return date.fromisoformat(str(value)[:10])
    except ValueError:
        return None
