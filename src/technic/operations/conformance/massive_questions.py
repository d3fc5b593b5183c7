"""What Massive is asked: our own questions, small."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from technic.data.providers import massive_snapshot
from technic.data.providers.http import SECRETS
from technic.data.providers.massive import request_of
from technic.data.providers.source import Ask
from technic.market.sessions import nyse
from technic.operations.conformance.table import Known, Path, VendorQuestion

FEW = "5"  # rows of a page
NOBODY = "ZZZZZZZZ"  # a symbol that nobody has
LARGE = 1.4  # a split by as much, either way, shows in prices
RANGE = 19  # sessions of a range before the last


def session_back(known: Known, back: int) -> date:
    """The session so many before the one that is asked for."""
    return nyse().day(nyse().ordinal(known.session) - back)


def _few(path: Path, limit: str = FEW) -> Path:
    return path[0], {**path[1], "limit": limit}


def _day(known: Known) -> Path:
    return request_of(Ask("day", known.session, known.session))


def _closed(known: Known) -> Path:
    saturday = known.session - timedelta(days=(known.session.weekday() + 2) % 7)
    return request_of(Ask("day", saturday, saturday))


def busiest(known: Known) -> str | None:
    """The symbol of which most shares changed hands."""
    day = known.replies.get("a day")
    rows = [r for r in (day.rows() if day else []) if isinstance(r.get("T"), str)]
    best = max(rows, key=lambda row: as_float(row.get("v")) or 0.0, default=None)
    return None if best is None else str(best["T"])


def _range(known: Known) -> Path | None:
    symbol = busiest(known)
    if symbol is None:
        return None
    return request_of(Ask("run", session_back(known, RANGE), known.session, (symbol,)))


def _nobody(known: Known) -> Path:
    return request_of(Ask("run", session_back(known, 4), known.session, (NOBODY,)))


def _more_listings(known: Known) -> Path | None:
    """The next page, as the first one names it."""
    _, host, path, asked, _ = urlsplit(str(known.replies["listings"].get("next_url") or ""))
    if not host or not asked:
        return None
    return path, {k: v for k, v in parse_qsl(asked) if k.lower() not in SECRETS}


def _spread(known: Known, kind: str, days: int) -> Path:
    return request_of(Ask(kind, known.session - timedelta(days=days), known.session))


def _snapshot(known: Known) -> Path | None:
    symbol = busiest(known)
    params = {"include_otc": "false", "tickers": symbol or ""}
    return (massive_snapshot.PATH, params) if symbol else None


def newest_split(known: Known) -> tuple[str, date, float] | None:
    """The newest large split with sessions on both sides: symbol, ex-date, new shares per old."""
    last, found = session_back(known, 3), []
    for row in known.replies["splits"].rows():
        day, low, high = row.get("execution_date"), row.get("split_from"), row.get("split_to")
        ratio = (as_float(high) or 0.0) / (as_float(low) or 1.0)
        if isinstance(row.get("ticker"), str) and ratio > 0.0 and max(ratio, 1 / ratio) >= LARGE:
            on = as_day(day)
            if on is not None and on <= last:
                found.append((str(row["ticker"]), on, ratio))
    return max(found, key=lambda split: split[1], default=None)


def _around_split(known: Known, adjusted: str) -> Path | None:
    split = newest_split(known)
    if split is None:
        return None
    symbol, day, _ = split
    path, params = request_of(
        Ask("run", day - timedelta(days=12), day + timedelta(days=2), (symbol,))
    )
    return path, {**params, "adjusted": adjusted}


def _bad_day(known: Known) -> Path:
    path, params = request_of(Ask("run", known.session, known.session, ("SPY",)))
    return path.replace(f"{known.session}/", "not-a-day/", 1), params


def as_float(value: Any) -> float | None:
    """A number, also one written as text."""
    try:
        return float(value)
    except (TypeError, ValueError):
        return None


def as_day(value: Any) -> date | None:
    """A day written YYYY-MM-DD, perhaps with a time behind it; None if it is none."""
    try:
        return date.fromisoformat(str(value)[:10])
    except ValueError:
        return None


QUESTIONS = (
    VendorQuestion("the clock", lambda _known: ("/v1/marketstatus/now", {})),
    VendorQuestion("a day", _day),
    VendorQuestion("a closed day", _closed),
    VendorQuestion("a range", _range),
    VendorQuestion("a symbol nobody has", _nobody),
    VendorQuestion("listings", lambda _known: _few(request_of(Ask("tickers")))),
    VendorQuestion("more listings", _more_listings),
    VendorQuestion(
        "listings by change", lambda _known: _few(request_of(Ask("tickers", newest=True)))
    ),
    VendorQuestion(
        "listings that ended", lambda _known: _few(request_of(Ask("tickers", active=False)))
    ),
    VendorQuestion("splits", lambda known: _spread(known, "splits", 600)),
    VendorQuestion("dividends", lambda known: _few(_spread(known, "dividends", 60), "1000")),
    VendorQuestion("a split, as traded", lambda known: _around_split(known, "false")),
    VendorQuestion("a split, adjusted", lambda known: _around_split(known, "true")),
    VendorQuestion("income statements", lambda known: _few(_spread(known, "income", 90))),
    VendorQuestion("news", lambda known: _few(_spread(known, "news", 7))),
    VendorQuestion("a snapshot", _snapshot),
    VendorQuestion("no key", lambda _known: ("/v1/marketstatus/now", {}), keyless=True, wrong=True),
    VendorQuestion("a day that is none", _bad_day, wrong=True),
    VendorQuestion(
        "a ticker that is none", lambda _known: (f"/v3/reference/tickers/{NOBODY}", {}), wrong=True
    ),
)
