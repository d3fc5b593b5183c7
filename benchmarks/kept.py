"""Figures of the market as it is kept: calls, carried state, caches, the twin."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from datetime import timedelta
from statistics import median
from time import perf_counter

import polars as pl

import technic as tc
from technic.data.ingest.planning import Wish
from technic.data.ingest.sync import SyncRequest, sync
from technic.data.providers.alpaca import Alpaca
from technic.data.providers.http import Endpoint, Http
from technic.data.providers.massive import HOSTS, Massive
from technic.data.simulated.dialect import Request
from technic.data.simulated.massive_api import answer
from technic.data.simulated.publications import evening
from technic.data.simulated.server import serving
from technic.data.simulated.tape import record
from technic.data.simulated.twin import Twin
from technic.runtime.settings import Setting
from technic.scanner.spec.scan_file import ScanFile

FIRST = """
import time
import technic as tc, polars, numpy, lark, orjson, llvmlite.binding
from technic import answers, scanning
from technic.runtime.settings import Settings
import technic.query.resolve
store = tc.open_store({store!r})
since = time.perf_counter()
report = scanning.scan(store)
print(1e3 * (time.perf_counter() - since), report.work.get("files hits", 0))
"""


def kept_rows(frame, adjusted, home, settings, runs, spread, env):
    """Rows of the table: what, on, measured, must, aim."""
    return [
        *_calls(home, spread),
        *_nights(frame, adjusted, home, settings, runs, spread),
        *_caches(home, settings, runs, spread, env),
        *_twin(spread),
    ]


def _calls(home, spread):
    market = record(3, 400, 300)
    twin = Twin(market)
    calls = []
    daily = []
    with serving(twin) as served:
        source = Massive(
            Http(
                Endpoint("massive", served.url, {"Authorization": "Bearer k"}, hosts=HOSTS),
                log=calls.append,
            )
        )
        other = Alpaca(
            Http(Endpoint("alpaca", served.url, {"APCA-API-KEY-ID": "k"}), log=calls.append)
        )
        store = tc.open_store(home / "nightly")
        for night in range(270, 282):
            twin.clock.set(evening(market.sessions[night]) + timedelta(hours=1))
            calls.clear()
            done = _sync(store, {"massive": source}, market.sessions[255], twin)
            weekly = any(s.ask.kind == "tickers" and not s.ask.newest for s in done.plan.steps)
            if night > 270 and not weekly:
                daily.append(len(calls))
        calls.clear()
        _sync(store, {"massive": source}, market.sessions[255], twin)
        idle = len(calls)
        names = tuple(sorted(s for s in market.symbols(market.sessions[281]) if s))[:100]
        first = market.sessions[32]
        calls.clear()
        _sync(tc.open_store(home / "a"), {"alpaca": other}, first, twin, names)
        alpaca = len(calls)
        calls.clear()
        _sync(tc.open_store(home / "m"), {"massive": source}, first, twin, names)
        massive = len(calls)
        source.close()
        other.close()
    return [
        ("calls of a daily update, whole market", f"{len(daily)} nights", f"{median(daily):.0f} ({min(daily)} – {max(daily)})", "≤ 6", "≤ 4"),
        ("calls of a first scan, 100 symbols × 250 sessions", "Alpaca", f"{alpaca}", "≤ 30", "5"),
        ("the same", "Massive: 100 ranges, splits, dividends, listings", f"{massive}", "the cover's minimum", ""),
        ("calls of a sync of an up-to-date store", "", f"{idle}", "0", ""),
    ]  # fmt: skip


def _sync(store, sources, first, twin, names=None):
    return sync(
        store,
        SyncRequest(
            sources, Wish(first, twin.clock.now(), names), simulated={"vendor": "the twin"}
        ),
        clock=twin.clock.now,
    )


def _nights(frame, adjusted, home, settings, runs, spread):
    days = frame["date"].unique().sort()
    store = tc.open_store(home / "nights")
    store.import_bars(frame.filter(pl.col("date") <= days[-runs - 2]), adjusted)
    given = Setting("cache", f"memory,file://{home}/values", "bench")
    own = replace(settings, given={**settings.given, "cache": given})
    file = ScanFile.preset("momentum-leaders")
    tc.scan(store, file=file, settings=own)
    fresh = []
    for day in days[-runs - 1 :]:
        store.import_bars(frame.filter(pl.col("date") == day), adjusted)
        store.panel()
        since = perf_counter()
        report = tc.scan(store, file=file, settings=own)
        fresh.append(1e3 * (perf_counter() - since))
        assert report.work["advanced"] > report.work["refolded"]
    tc.scan(store, settings=own)
    asked = []
    for k in range(runs + 1):
        since = perf_counter()
        report = tc.scan(store, where=f"rsi(14) < {30 + k} and close > sma(200)", settings=own)
        asked.append(1e3 * (perf_counter() - since))
        assert k == 0 or report.work["computed"] == 0
    again = []
    for _ in range(runs):
        since = perf_counter()
        tc.scan(store, settings=own)
        again.append(1e3 * (perf_counter() - since))
    size = f"{len(store.panel().panel):,} symbols × 800"
    return [
        ("new session to new report, warm process", size, spread(fresh[1:]), "≤ 60 ms", "≤ 15 ms"),
        ("a new question over known features, warm", size, spread(asked[1:]), "≤ 40 ms", "≤ 15 ms"),
        ("the same scan again, from the report cache", size, spread(again), "≤ 5 ms", ""),
    ]


def _caches(home, settings, runs, spread, env):
    program = FIRST.format(store=str(home / "nights"))
    took, hits = [], []
    for _ in range(runs + 1):
        done = subprocess.run(
            [sys.executable, "-c", program], env=env, capture_output=True, text=True, check=True
        )
        ms, hit = done.stdout.split()
        took.append(float(ms))
        hits.append(float(hit))
    rate = 100 * sum(h > 0 for h in hits[1:]) / len(hits[1:])
    return [
        (
            "first tc.scan of a new process, imports excluded",
            f"hit rate {rate:.0f} %",
            spread(took[1:]),
            "≤ 40 ms, ≥ 90 %",
            "",
        )
    ]


def _twin(spread):
    market = record(7, 12_000, 40)
    took = []
    for session in market.sessions[-10:]:
        path = f"/v2/aggs/grouped/locale/us/market/stocks/{session}"
        request = Request(path, {"adjusted": "false"}, evening(market.sessions[-1]))
        answer(market, request)
        since = perf_counter()
        body = answer(market, request).body
        took.append(1e3 * (perf_counter() - since))
    rows = body.count(b'"T":')
    return [("the twin answers a whole-market day", f"{rows:,} rows", spread(took), "≤ 25 ms", "")]
