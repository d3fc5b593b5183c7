"""The dialect of Massive: listings, splits and dividends, statements and news.

Handlers as in `massive_api`: each gets the publications, the request, and what the pattern of its
path has caught.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from hashlib import blake2b
from typing import Any

import numpy as np

from technic.data.simulated.dialect import (
    Answer,
    Refusal,
    Request,
    envelope,
    page_of,
    sort_rows,
    within,
)
from technic.data.simulated.publications import ListedSpan, Listing, Publications
from technic.market.sessions import NEW_YORK

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
INCOME = {
    "revenue": 1.0,
    "cost_of_revenue": 0.6,
    "gross_profit": 0.4,
    "operating_income": 0.15,
    "income_before_income_taxes": 0.13,
    "income_taxes": 0.03,
    "net_income_loss_attributable_common_shareholders": 0.1,
    "ebitda": 0.2,
    "interest_expense": 0.02,
    "research_development": 0.05,
}
BALANCE = {
    "total_assets": 6.0,
    "total_current_assets": 2.0,
    "total_current_liabilities": 1.2,
    "total_liabilities": 3.2,
    "total_equity": 2.8,
    "cash_and_equivalents": 0.7,
    "long_term_debt_and_capital_lease_obligations": 1.5,
    "debt_current": 0.2,
    "receivables": 0.5,
    "inventories": 0.3,
    "retained_earnings_deficit": 1.1,
}
CASH = {
    "net_cash_from_operating_activities": 0.14,
    "net_cash_from_investing_activities": -0.06,
    "net_cash_from_financing_activities": -0.05,
    "purchase_of_property_plant_and_equipment": -0.05,
    "dividends": -0.02,
    "net_income": 0.1,
    "change_in_cash_and_equivalents": 0.03,
}


def tickers(tape: Publications, request: Request, _parts: tuple[str, ...]) -> Answer:
    """Securities that are listed, on a date or now; or, with `active=false`, that no longer are."""
    day = request.day("date") or _today(request)
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
    day = request.day("date") or _today(request)
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
    today = _today(request)
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


def splits(tape: Publications, request: Request, parts: tuple[str, ...]) -> Answer:
    """Splits; from the new endpoint with adjustment factors, from the old one without."""
    new = parts[0] == "stocks/v1"
    today, rows = _today(request), []
    for listing, ex, ratio in tape.splits:
        symbol = tape.listings[listing].symbol(ex)
        low, high = fraction(ratio)
        row: dict[str, Any] = {
            "execution_date": ex.isoformat(),
            "split_from": low,
            "split_to": high,
            "ticker": symbol,
            "id": _id("split", listing, ex),
        }
        if new:
            row["adjustment_type"] = "forward_split" if ratio > 1 else "reverse_split"
            factor = tape.factor(listing, ex - timedelta(days=1), today)
            row["historical_adjustment_factor"] = 1.0 / factor
        if _chosen(request, row, "execution_date") and ex <= today + timedelta(days=14):
            rows.append(row)
    limit = request.whole("limit", 100 if new else 10, 5000 if new else 1000)
    return page_of(request, sort_rows(rows, request, "execution_date", descending=True), limit)


def dividends(tape: Publications, request: Request, parts: tuple[str, ...]) -> Answer:
    """Dividends; amounts as paid."""
    new = parts[0] == "stocks/v1"
    today, rows = _today(request), []
    for listing, ex, cash in tape.dividends:
        row: dict[str, Any] = {
            "cash_amount": cash,
            "currency": "USD",
            "ex_dividend_date": ex.isoformat(),
            "declaration_date": (ex - timedelta(days=20)).isoformat(),
            "frequency": 4,
            "record_date": ex.isoformat(),
            "pay_date": (ex + timedelta(days=15)).isoformat(),
            "ticker": tape.listings[listing].symbol(ex),
            "id": _id("dividend", listing, ex),
        }
        if new:
            factor = tape.factor(listing, ex - timedelta(days=1), today)
            row |= {
                "distribution_type": "recurring",
                "historical_adjustment_factor": 1.0,
                "split_adjusted_cash_amount": cash / factor,
            }
        else:
            row["dividend_type"] = "CD"
        if _chosen(request, row, "ex_dividend_date") and ex <= today + timedelta(days=14):
            rows.append(row)
    limit = request.whole("limit", 100 if new else 10, 5000 if new else 1000)
    return page_of(request, sort_rows(rows, request, "ex_dividend_date", descending=True), limit)


def statements(tape: Publications, request: Request, parts: tuple[str, ...]) -> Answer:
    """Quarterly statements of companies, visible from the day they were filed."""
    items = {"income-statements": INCOME, "balance-sheets": BALANCE, "cash-flow-statements": CASH}
    today, rows = _today(request), []
    for i, listing in enumerate(tape.listings):
        for end, filed in statement_days(tape, i, today):
            symbol = listing.symbol(filed) or ""
            row: dict[str, Any] = {
                "tickers": [symbol],
                "cik": listing.cik,
                "period_end": end.isoformat(),
                "filing_date": filed.isoformat(),
                "fiscal_year": float(end.year),
                "fiscal_quarter": float((end.month - 1) // 3 + 1),
                "timeframe": "quarterly",
            }
            if within(request, "filing_date", row["filing_date"]) and _is_asked(request, symbol):
                rows.append(row | {"at": (i, end)})

    def finish(row: dict[str, Any]) -> dict[str, Any]:
        i, end = row.pop("at")
        return row | _figures(i, end, items[parts[0]], tape.listings[i].shares)

    rows = sort_rows(rows, request, "filing_date")
    return page_of(request, rows, request.whole("limit", 100, 50_000), finish)


def shorts(tape: Publications, request: Request, parts: tuple[str, ...]) -> Answer:
    """Short interest or free float: one row per listing."""
    today, rows = _today(request), []
    for i, symbol in enumerate(tape.symbols(today)):
        if symbol is None or not within(request, "ticker", symbol):
            continue
        shares = tape.listings[i].shares
        rows.append(
            {
                "ticker": symbol,
                "settlement_date": today.replace(day=1).isoformat(),
                "short_interest": int(shares * 0.03),
                "avg_daily_volume": int(shares * 0.005),
                "days_to_cover": 6.0,
            }
            if parts[0] == "v1/short-interest"
            else {
                "ticker": symbol,
                "effective_date": today.replace(day=1).isoformat(),
                "free_float": int(shares * 0.8),
                "free_float_percent": 80.0,
            }
        )
    return page_of(request, sort_rows(rows, request, "ticker"), request.whole("limit", 10, 50_000))


def news(tape: Publications, request: Request, _parts: tuple[str, ...]) -> Answer:
    """One article per ticker asked for; without one, some every day, about who is listed."""
    if "ticker" in request.params:
        stamp = f"{request.now:%Y-%m-%dT%H:00:00Z}"
        return page_of(request, [_article(request.params["ticker"], stamp)], 10)
    rows = []
    today = _today(request)
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
        "id": _id(f"news{ticker}{published}", 0, date(2000, 1, 1)),
        "title": f"{ticker} <img src=x onerror=alert(1)> simulated",
        "author": "=cmd|' /C calc'!A0",
        "published_utc": published,
        "tickers": [ticker],
        "article_url": "https://example.com/simulated",
        "description": "\u202esimulated",
        "keywords": ["simulated"],
        "publisher": {"name": "Simulated", "homepage_url": "https://example.com"},
    }


def fraction(ratio: float) -> tuple[float, float]:
    """New shares per old one as (old, new) in whole numbers, where that is possible.

    Examples
    --------
    >>> fraction(1.5), fraction(0.05)
    ((2, 3), (20, 1))
    """
    for low in (1, 2, 3, 4, 5, 10, 20, 25, 50, 100):
        if abs(ratio * low - round(ratio * low)) < 1e-9:
            return low, round(ratio * low)
    return 1, ratio


def _today(request: Request) -> date:
    return request.now.astimezone(NEW_YORK).date()


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


def _chosen(request: Request, row: dict[str, Any], day: str) -> bool:
    return (
        row["ticker"] is not None
        and within(request, day, row[day])
        and within(request, "ticker", row["ticker"])
    )


def _is_asked(request: Request, symbol: str) -> bool:
    wanted = request.params.get("tickers") or request.params.get("tickers.any_of")
    return wanted is None or symbol in wanted.split(",")


def _quarters(first: date, last: date) -> list[date]:
    ends = [(3, 31), (6, 30), (9, 30), (12, 31)]
    return [
        day
        for year in range(first.year - 3, last.year + 1)
        for day in (date(year, m, d) for m, d in ends)
        if first - timedelta(days=850) <= day <= last
    ]


def statement_days(tape: Publications, i: int, today: date) -> list[tuple[date, date]]:
    """Ends of the quarters that a listing has reported by today, and when it filed each."""
    listing = tape.listings[i]
    if listing.type != "CS" or listing.cik is None:
        return []
    days = [(end, end + timedelta(days=25 + i % 20)) for end in _quarters(tape.sessions[0], today)]
    return [
        (end, filed) for end, filed in days if filed <= today and listing.symbol(filed) is not None
    ]


def figures(tape: Publications, i: int, end: date) -> dict[str, float]:
    """Every number of a listing's three statements for a quarter, by the vendor's name of it.

    Parameters
    ----------
    i : position of the listing
    end : last day of the quarter
    """
    shares = tape.listings[i].shares
    numbers: dict[str, float] = {}
    for items in (INCOME, BALANCE, CASH):
        numbers |= _figures(i, end, items, shares)
    return numbers


def _figures(i: int, end: date, items: dict[str, float], shares: float) -> dict[str, float]:
    rng = np.random.default_rng([i, end.toordinal()])
    scale = float(shares * np.random.default_rng(i).uniform(0.5, 20.0))
    values: dict[str, float] = {
        name: round(scale * share * float(rng.normal(1.0, 0.08))) for name, share in items.items()
    }
    if "revenue" in values:
        values["diluted_earnings_per_share"] = round(
            values["net_income_loss_attributable_common_shareholders"] / shares, 2
        )
        values["basic_shares_outstanding"] = int(shares)
        values["diluted_shares_outstanding"] = int(shares)
    return values


def _id(kind: str, listing: int, day: date) -> str:
    return "E" + blake2b(f"{kind}{listing}{day}".encode(), digest_size=16).hexdigest()


Handler = Callable[[Publications, Request, tuple[str, ...]], Answer]
REFERENCE: list[tuple[str, Handler]] = [
    (r"/v3/reference/tickers", tickers),
    (r"/v3/reference/tickers/types", types),
    (r"/v3/reference/tickers/([^/]+)", details),
    (r"/v3/reference/exchanges", exchanges),
    (r"/vX/reference/tickers/([^/]+)/events", events),
    (r"/(v3/reference|stocks/v1)/splits", splits),
    (r"/(v3/reference|stocks/v1)/dividends", dividends),
    (r"/stocks/financials/v1/(income-statements|balance-sheets|cash-flow-statements)", statements),
    (r"/stocks/(v1/short-interest|vX/float)", shorts),
    (r"/v2/reference/news", news),
]
