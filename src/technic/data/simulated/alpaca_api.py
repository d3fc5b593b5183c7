"""The dialect of Alpaca: bars of many symbols in one request."""

from __future__ import annotations

from base64 import b64decode, b64encode
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import orjson

from technic.data.simulated.actions_api import fraction
from technic.data.simulated.bars_api import aggregates, holders
from technic.data.simulated.dialect import Answer, Request
from technic.data.simulated.publications import EPOCH, Publications
from technic.market.sessions import NEW_YORK
from technic.market.symbols import canonical_symbol, vendor_symbol

PATH = "/v2/stocks/bars"
ACTIONS_PATH = "/v1/corporate-actions"
PATHS = (PATH, ACTIONS_PATH)
MOST_BARS = 10_000


def answer(tape: Publications, request: Request) -> Answer:
    """What Alpaca answers to a request.

    Bars come by symbol, then by time; `limit` counts the bars of all symbols of a page.
    """
    if request.path == ACTIONS_PATH:
        return corporate_actions(tape, request)
    query = request.params
    symbols = sorted({s for s in query.get("symbols", "").split(",") if s})
    text = query.get("limit", "1000")
    limit = int(text) if text.isdecimal() else 0
    if not symbols or query.get("timeframe") not in {"1Day", "1D"}:
        return Answer(400, orjson.dumps({"message": "ask for symbols and timeframe=1Day"}))
    if not 1 <= limit <= MOST_BARS:
        return Answer(400, orjson.dumps({"message": f"limit must be between 1 and {MOST_BARS}"}))
    try:
        bounds = _bound(query.get("start"), request), _bound(query.get("end"), request)
        token = b64decode(query["page_token"]).decode() if query.get("page_token") else ""
    except ValueError:
        return Answer(400, orjson.dumps({"message": "invalid start, end or page_token"}))
    return _page(tape, request, symbols, bounds, limit, token)


def _page(
    tape: Publications,
    request: Request,
    symbols: list[str],
    bounds: tuple[date, date],
    limit: int,
    token: str,
) -> Answer:
    """Bars from where the token left off, until the page is full."""
    after_symbol, _, after_time = token.partition("|")
    bars: dict[str, list[dict[str, Any]]] = {}
    count, next_token = 0, None
    for symbol in symbols:
        if symbol < after_symbol:
            continue
        rows = _rows(tape, request, symbol, *bounds)
        if symbol == after_symbol:
            rows = [row for row in rows if row["t"] > after_time]
        taken = rows[: limit - count]
        if taken:
            bars[symbol] = taken
            count += len(taken)
        if len(taken) < len(rows):
            stamp = taken[-1]["t"] if taken else (after_time if symbol == after_symbol else "")
            next_token = b64encode(f"{symbol}|{stamp}".encode()).decode()
            break
    return Answer(200, orjson.dumps({"bars": bars, "next_page_token": next_token}))


def corporate_actions(tape: Publications, request: Request) -> Answer:
    """Splits and cash dividends by ex-date, all on one page."""
    first, last = (
        _bound(request.params.get("start"), request),
        _bound(request.params.get("end"), request),
    )
    kinds = request.params.get("types", "").split(",")
    groups: dict[str, list[dict[str, Any]]] = {}
    for listing, ex, ratio in tape.splits:
        kind = "forward_split" if ratio > 1.0 else "reverse_split"
        symbol = tape.listings[listing].symbol(ex)
        if symbol and kind in kinds and first <= ex <= last:
            old, new = fraction(ratio)
            spelt = vendor_symbol(symbol, "alpaca")
            row = {"symbol": spelt, "ex_date": f"{ex}", "old_rate": old, "new_rate": new}
            groups.setdefault(f"{kind}s", []).append(row)
    for listing, ex, cash in tape.dividends:
        symbol = tape.listings[listing].symbol(ex)
        if symbol and "cash_dividend" in kinds and first <= ex <= last:
            spelt = vendor_symbol(symbol, "alpaca")
            row = {"symbol": spelt, "ex_date": f"{ex}", "rate": cash, "special": False}
            groups.setdefault("cash_dividends", []).append(row)
    return Answer(200, orjson.dumps({"corporate_actions": groups, "next_page_token": None}))


def _bound(text: str | None, request: Request) -> date:
    if not text:
        return request.now.astimezone(NEW_YORK).date()
    return date.fromisoformat(text[:10])


def _rows(
    tape: Publications, request: Request, symbol: str, first: date, last: date
) -> list[dict[str, Any]]:
    adjusted = request.params.get("adjustment", "raw") in {"split", "all"}
    bars = []
    for listing, since, until in holders(tape, canonical_symbol(symbol), first, last):
        rows = tape.run_of(
            listing, max(first, since or first), min(last, until or last), request.now
        )
        if not len(rows):
            continue
        table = aggregates(tape, rows, request, adjusted=adjusted).drop("t")
        for session, bar in zip(rows.session.tolist(), table.rows(named=True), strict=True):
            midnight = datetime.combine(EPOCH + timedelta(days=session), time(), NEW_YORK)
            stamp = datetime.fromtimestamp(midnight.timestamp(), tz=UTC)
            bars.append({"t": f"{stamp:%Y-%m-%dT%H:%M:%SZ}", **bar, "v": int(bar["v"])})
    return bars
