"""The dialect of Massive: listings and what they were called, kinds, exchanges, hours, and news.

Handlers as in `massive_api`.
"""

from __future__ import annotations

from datetime import date, time, timedelta
from typing import Any

import numpy as np
import orjson

from technic.data.simulated.dialect import (
    Answer,
    Refusal,
    Request,
    envelope,
    event_id,
    page_of,
    sort_rows,
    within,
)
from technic.data.simulated.publications import ListedSpan, Listing, Publications, traded_share
from technic.market.sessions import NEW_YORK, nyse

SICS = {
    "Communication Services": ("4841", "CABLE & OTHER PAY TELEVISION SERVICES"),
    "Consumer Discretionary": ("5651", "RETAIL-FAMILY CLOTHING STORES"),
    "Consumer Staples": ("2000", "FOOD AND KINDRED PRODUCTS"),
    "Energy": ("1311", "CRUDE PETROLEUM & NATURAL GAS"),
    "Financials": ("6022", "STATE COMMERCIAL BANKS"),
    "Health Care": ("2834", "PHARMACEUTICAL PREPARATIONS"),
    "Industrials": ("3560", "GENERAL INDUSTRIAL MACHINERY & EQUIPMENT"),
    "Information Technology": ("7372", "SERVICES-PREPACKAGED SOFTWARE"),
    "Materials": ("1040", "GOLD AND SILVER ORES"),
    "Real Estate": ("6798", "REAL ESTATE INVESTMENT TRUSTS"),
    "Utilities": ("4911", "ELECTRIC SERVICES"),
}
TYPES = {
    "CS": "Common Stock",
    "ETF": "Exchange Traded Fund",
    "WARRANT": "Warrant",
    "PFD": "Preferred Stock",
    "ADRC": "American Depository Receipt Common",
    "UNIT": "Unit",
    "RIGHT": "Rights",
    "FUND": "Fund",
}
EXCHANGES = (
    (1, "NYSE American, LLC", "AMEX", "XASE", "A"),
    (10, "New York Stock Exchange", "NYSE", "XNYS", "N"),
    (12, "Nasdaq", None, "XNAS", "T"),
)


def tickers(tape: Publications, request: Request, _parts: tuple[str, ...]) -> Answer:
    """Securities that are listed, on a date or now; or, with `active=false`, that no longer are."""
    day = request.day("date") or request.today
    active = request.flag("active", default=True)
    rows = []
    for listing in tape.listings:
        era = _era(listing, day, active=active)
        if era is None:
            continue
        row = _ticker(listing, era, day, active=active)
        fields = ("ticker", "type", "primary_exchange", "cik")
        names = ("ticker", "type", "exchange", "cik")
        if all(within(request, n, row.get(f)) for n, f in zip(names, fields, strict=True)):
            rows.append(row)
    text = request.params.get("search", "").lower()
    rows = [r for r in rows if text in f"{r['ticker']} {r['name']}".lower()]
    return page_of(request, sort_rows(rows, request, "ticker"), request.whole("limit", 100, 1000))


def details(tape: Publications, request: Request, parts: tuple[str, ...]) -> Answer:
    """One ticker, with what is known of its company."""
    day = request.day("date") or request.today
    holder = tape.holder(parts[0], day)
    if holder is None:
        raise Refusal(404, {"status": "NOT_FOUND", "message": "Ticker not found."})
    listing = tape.listings[holder]
    era = _era(listing, day, active=True)
    assert era is not None
    rows = tape.run_of(holder, day - timedelta(days=30), day, request.now)
    close = float(rows.values[-1, 3]) if len(rows) else None
    sic = SICS.get(listing.sector or "")
    content = _ticker(listing, era, day, active=True) | {
        "description": f"{listing.name} is simulated.",
        "ticker_root": parts[0],
        "market_cap": None if close is None else close * listing.shares,
        "share_class_shares_outstanding": int(listing.shares),
        "weighted_shares_outstanding": int(listing.shares),
        "round_lot": 100,
        "list_date": (listing.since or date(2010, 1, 4)).isoformat(),
    }
    if sic:
        content |= {"sic_code": sic[0], "sic_description": sic[1]}
    return envelope(request, results={k: v for k, v in content.items() if v is not None})


def types(_tape: Publications, request: Request, _parts: tuple[str, ...]) -> Answer:
    """The kinds of security that there are."""
    rows = [
        {"code": code, "description": text, "asset_class": "stocks", "locale": "us"}
        for code, text in TYPES.items()
    ]
    return envelope(request, results=rows, count=len(rows))


def exchanges(_tape: Publications, request: Request, _parts: tuple[str, ...]) -> Answer:
    """The exchanges that there are."""
    rows = [
        {
            "id": id_,
            "type": "exchange",
            "asset_class": "stocks",
            "locale": "us",
            "name": name,
            "acronym": acronym,
            "mic": mic,
            "operating_mic": mic,
            "participant_id": letter,
            "url": "https://example.com",
        }
        for id_, name, acronym, mic, letter in EXCHANGES
    ]
    return envelope(request, results=rows, count=len(rows))


def events(tape: Publications, request: Request, parts: tuple[str, ...]) -> Answer:
    """What a security was called, newest first; asked for by ticker or identifier."""
    today = request.today
    for listing in tape.listings:
        eras = [e for e in listing.eras if e.since is None or e.since <= today]
        names = {listing.figi, listing.share_figi, *(e.symbol for e in eras[-1:])}
        if eras and parts[0] in names - {None}:
            changes = [
                {
                    "ticker_change": {"ticker": era.symbol},
                    "type": "ticker_change",
                    "date": (era.since or date(2010, 1, 4)).isoformat(),
                }
                for era in reversed(eras)
            ]
            about = {"name": listing.name, "composite_figi": listing.figi, "cik": listing.cik}
            present = {k: v for k, v in about.items() if v is not None}
            return envelope(request, results={**present, "events": changes})
    raise Refusal(404, {"status": "NOT_FOUND", "message": "Entity not found."})


def news(tape: Publications, request: Request, _parts: tuple[str, ...]) -> Answer:
    """One article per ticker asked for; without one, some every day, about who is listed."""
    if "ticker" in request.params:
        stamp = f"{request.now:%Y-%m-%dT%H:00:00Z}"
        return page_of(request, [_article(request.params["ticker"], stamp)], 10)
    rows = []
    today = request.today
    for k, day in enumerate(tape.sessions):
        if day > today or not within(request, "published_utc", f"{day}T14:30:00Z"):
            continue
        symbols = tape.symbols(day)
        named = [symbol for symbol in symbols[k % 7 :: 97] if symbol is not None]
        rows += [_article(symbol, f"{day}T14:30:00Z") for symbol in named]
    return page_of(request, rows, request.whole("limit", 10, 1000))


def _article(ticker: str, published: str) -> dict[str, Any]:
    """An article, with text as hostile as vendors' text can be."""
    return {
        "id": event_id(f"news{ticker}{published}", 0, date(2000, 1, 1)),
        "title": f"{ticker} <img src=x onerror=alert(1)> simulated",
        "author": "=cmd|' /C calc'!A0",
        "published_utc": published,
        "tickers": [ticker],
        "article_url": "https://example.com/simulated",
        "description": "\u202esimulated",
        "keywords": ["simulated"],
        "publisher": {"name": "Simulated", "homepage_url": "https://example.com"},
    }


def _era(listing: Listing, day: date, *, active: bool) -> ListedSpan | None:
    """The era to show: the one of the day, or the last of a listing that has ended by then."""
    ended = listing.until is not None and listing.until < day
    if ended == active:
        return None
    if ended:
        return listing.eras[-1]
    return next((era for era in listing.eras if era.covers(day)), None)


def _ticker(listing: Listing, era: ListedSpan, day: date, *, active: bool) -> dict[str, Any]:
    changed = [d for d in (era.since, listing.until) if d is not None and d <= day]
    updated = max(changed, default=date(2015, 1, 2))
    row = {
        "ticker": era.symbol,
        "name": listing.name,
        "market": "stocks",
        "locale": "us",
        "primary_exchange": listing.exchange,
        "type": listing.type,
        "active": active,
        "currency_name": "usd",
        "cik": listing.cik,
        "composite_figi": listing.figi,
        "share_class_figi": listing.share_figi,
        "last_updated_utc": f"{updated}T00:00:00Z",
    }
    if not active:
        row["delisted_utc"] = f"{listing.until}T04:00:00Z"
    return {k: v for k, v in row.items() if v is not None}


def market_now(_tape: Publications, request: Request, _parts: tuple[str, ...]) -> Answer:
    """Whether the market is open."""
    local = request.now.astimezone(NEW_YORK)
    share = traded_share(local.date(), request.now)
    is_session = nyse().ordinals(np.array([local.date()], dtype="datetime64[D]"))[0] >= 0
    early = bool(is_session) and time(4) <= local.time() < time(9, 30)
    after = share == 1.0 and local.time() < time(20)
    state = "open" if share is not None and share < 1.0 else "closed"
    state = "extended-hours" if early or after else state
    content = {
        "market": state,
        "earlyHours": early,
        "afterHours": after,
        "serverTime": local.replace(microsecond=0).isoformat(),
        "exchanges": dict.fromkeys(("nyse", "nasdaq", "otc"), state),
        "currencies": {"fx": "open", "crypto": "open"},
    }
    return Answer(200, orjson.dumps(content))


def market_upcoming(_tape: Publications, request: Request, _parts: tuple[str, ...]) -> Answer:
    """Closures and early closes of the next year: a bare array."""
    sessions, today = nyse(), request.today
    end = min(today + timedelta(days=365), sessions.last)
    days = [today + timedelta(days=k) for k in range((end - today).days + 1)]
    open_days = set(sessions.dates.astype(object))
    closures = []
    for day in days:
        for exchange in ("NYSE", "NASDAQ"):
            about = {"exchange": exchange, "name": "Holiday", "date": day.isoformat()}
            if day.weekday() < 5 and day not in open_days:
                closures.append({**about, "status": "closed"})
            elif day in sessions.early:
                at = sessions.ordinal(day)
                bounds = {
                    "open": f"{sessions.opens(at):%Y-%m-%dT%H:%M:%S.000Z}",
                    "close": f"{sessions.closes(at):%Y-%m-%dT%H:%M:%S.000Z}",
                }
                closures.append({**about, "status": "early-close", **bounds})
    return Answer(200, orjson.dumps(closures))
