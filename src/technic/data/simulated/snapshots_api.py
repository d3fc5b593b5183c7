"""The dialect of Massive: a day that is not over, in snapshots and in the stream of minutes.

Handlers as in `massive_api`.
"""

from __future__ import annotations

from datetime import datetime, time, timedelta
from typing import Any

from technic.data.simulated.bars_api import aggregates, milliseconds
from technic.data.simulated.dialect import Answer, Refusal, Request, envelope
from technic.data.simulated.publications import Publications
from technic.market.sessions import NEW_YORK, nyse

MOVERS = 20


def snapshot(tape: Publications, request: Request, parts: tuple[str, ...]) -> Answer:
    """Today so far and the session before: of all symbols, of some, or of one."""
    wanted = {t for t in request.params.get("tickers", "").split(",") if t} | set(parts)
    tickers = [t for t in _snapshots(tape, request.now) if not wanted or t["ticker"] in wanted]
    if not parts:
        return envelope(request, tickers=tickers, count=len(tickers))
    if not tickers:
        raise Refusal(404, {"status": "NotFound", "message": "Ticker not found."})
    return envelope(request, ticker=tickers[0])


def minutes(
    tape: Publications, now: datetime, before: dict[str, dict[str, Any]]
) -> tuple[list[dict[str, Any]], dict[str, dict[str, Any]]]:
    """What a stream of minutes says at an instant, of symbols that have traded since.

    Parameters
    ----------
    before : bars of the day by symbol, as they were when it last said something

    Returns
    -------
    messages : list of dict
    days : dict
        Bars of the day by symbol, for the next call.
    """
    days = {t["ticker"]: t["day"] for t in _snapshots(tape, now) if t["day"]["v"]}
    end = milliseconds(now)
    bars = [
        {
            "ev": "AM",
            "sym": symbol,
            "v": day["v"] - before.get(symbol, {"v": 0.0})["v"],
            "av": day["v"],
            "op": day["o"],
            "vw": day["vw"],
            "o": day["o"],
            "c": day["c"],
            "h": day["h"],
            "l": day["l"],
            "a": day["vw"],
            "z": 100,
            "s": end - 60_000,
            "e": end,
        }
        for symbol, day in days.items()
        if before.get(symbol) != day
    ]
    return bars, days


def movers(tape: Publications, request: Request, parts: tuple[str, ...]) -> Answer:
    """The twenty that rose, or fell, most."""
    down = parts[0] == "losers"
    tickers = sorted(
        _snapshots(tape, request.now),
        key=lambda t: (t["todaysChangePerc"] * (1 if down else -1), t["ticker"]),
    )
    return envelope(request, tickers=tickers[:MOVERS])


def _snapshots(tape: Publications, now: datetime) -> list[dict[str, Any]]:
    """Today and the session before, of every symbol that has one; cleared at 03:30."""
    local = now.astimezone(NEW_YORK)
    today = local.date() if local.time() >= time(3, 30) else local.date() - timedelta(days=1)
    before = nyse().day(nyse().last_until(today - timedelta(days=1)))
    request = Request("", {}, now)
    days = {}
    for day in (today, before):
        rows = tape.bars_of(day, now)
        bars = aggregates(tape, rows, request, adjusted=True).drop("t", "n").rows(named=True)
        days[day] = dict(zip(rows.listing.tolist(), bars, strict=True))
    empty = dict.fromkeys(("c", "h", "l", "o", "v", "vw"), 0)
    snapshots = []
    for i, symbol in enumerate(tape.symbols(today)):
        if symbol is None or not (i in days[today] or i in days[before]):
            continue
        day, last = days[today].get(i, empty), days[before].get(i, empty)
        change = day["c"] - last["c"] if day["c"] and last["c"] else 0.0
        snapshots.append(
            {
                "ticker": symbol,
                "day": day,
                "prevDay": last,
                "min": {**empty, "av": 0, "t": 0, "n": 0},
                "todaysChange": round(change, 4),
                "todaysChangePerc": round(100 * change / last["c"], 4) if last["c"] else 0.0,
                "updated": milliseconds(now) * 1_000_000,
            }
        )
    return snapshots
