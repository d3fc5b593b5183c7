"""Twelve checks of a bench: each says whether it holds, by which figure, and what was asked."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import closing
from dataclasses import asdict, dataclass
from datetime import timedelta
from importlib.util import find_spec
from statistics import median
from typing import Any

import numpy as np
import polars as pl

from technic.compute.parallel import spread
from technic.data.ingest import FileStore
from technic.errors import TechnicError, install_hint
from technic.indicators.define import every_series
from technic.indicators.kernel.program import Program, compile_program
from technic.market.typing import FloatArray
from technic.operations.bench.cache_server import cache_server
from technic.operations.bench.ladder import ASKED, plain_seal
from technic.operations.bench.levers import filter_three_ways
from technic.operations.bench.markets import Market
from technic.operations.bench.timing import milliseconds, run_in_process, time_once
from technic.operations.spot_check import count_off_reference
from technic.runtime.executors import Executor, open_executor
from technic.runtime.settings import Setting, Settings
from technic.scanner.scan import scan

WHOLE = """
import technic as tc
from technic.scanner.scan import scan
result = scan(tc.open_store({store!r})).manifest["seal"]
"""


@dataclass(frozen=True, slots=True)
class Check:
    """One check: what was seen beside what was asked.

    Attributes
    ----------
    name : what is checked
    holds : whether it is as it should be; None where it could not be run
    figure : what was seen, in words
    target : what was asked, in words
    value : the number behind the figure, where a target is held against it
    """

    name: str
    holds: bool | None
    figure: str
    target: str
    value: float | None = None

    def as_dict(self) -> dict[str, Any]:
        """As JSON holds it; `holds` is null where it could not be run."""
        return asdict(self)


def checks(
    market: Market, rungs: list[dict[str, Any]], progress: Callable[[str], None]
) -> list[Check]:
    """Run all twelve checks.

    Parameters
    ----------
    rungs : rows of `ladder`, one of them of 100 symbols
    progress : is told which check runs
    """
    hundred = next(rung for rung in rungs if rung["symbols"] == 100)
    steps: list[Callable[[], Check]] = [
        lambda: _cold(hundred),
        lambda: _warm(hundred),
        lambda: _speedup(hundred),
        _universe,
        lambda: _parallel(market),
        lambda: _memory(market),
        lambda: _errors(market),
        lambda: _invalidation(market),
        lambda: _calls(market),
        lambda: _quality(market),
        lambda: _server(market),
        lambda: _consistency(market),
    ]
    results: list[Check] = []
    for step in steps:
        progress(f"check {len(results) + 1} of {len(steps)}")
        results.append(step())
    return results


def _cold(rung: dict[str, Any]) -> Check:
    seconds, peak = rung["cold_s"], rung["peak_mb"]
    figure = f"{seconds:.2f} s and {peak} MB for 100 symbols, {rung['ranked']} ranked"
    holds = seconds <= 15.0 and peak <= 500 and rung["errors"] == 0
    return Check("cold scan", holds, figure, "≤ 15 s, ≤ 500 MB, every symbol accounted for")


def _warm(rung: dict[str, Any]) -> Check:
    figure = f"{rung['warm_ms']:.1f} ms, hit rate {rung['hit_rate']} %"
    holds = rung["warm_ms"] <= 500 and (rung["hit_rate"] or 0.0) >= 70
    return Check("warm scan", holds, figure, "≤ 500 ms, hits ≥ 70 %, the same seal")


def _speedup(rung: dict[str, Any]) -> Check:
    ratio = 1e3 * rung["cold_s"] / max(rung["warm_ms"], 1e-6)
    return Check("cache speed-up", ratio >= 3.0, f"{ratio:,.0f} × from cold to warm", "≥ 3 ×")


def _universe() -> Check:
    rows = {row["how"]: row for row in filter_three_ways()}
    if not all(row["equal"] for row in rows.values()):
        return Check("universe filtering", False, "the three ways differ", "equal, and quicker")
    loop, at_once = rows["a loop"]["ms"], rows["vectorised"]["ms"]
    figure = f"5,277 in {at_once:.3f} ms, {loop / at_once:,.0f} × a loop, equal"
    return Check("universe filtering", at_once < loop, figure, "equal, and quicker")


def _parallel(market: Market) -> Check:
    program = compile_program(every_series(benchmark=False)[:40], every_bar=True)
    answers: dict[str, bytes] = {}
    taken: dict[str, float] = {}
    cores = min(os.cpu_count() or 1, 4)
    for url in ("threads:1", f"threads:{cores}", "processes:1", f"processes:{cores}"):
        with closing(open_executor(url)) as runner:
            _spread(program, market, runner)
            seconds, values = _spread(program, market, runner)
            taken[url], answers[url] = seconds, np.ascontiguousarray(values[:, ::131]).tobytes()
            del values
    equal = len(set(answers.values())) == 1
    gain = taken["processes:1"] / taken[f"processes:{cores}"]
    wanted = 1.0 + 0.5 * (cores - 1) if cores > 1 else 0.0
    figure = f"equal: {equal}; {cores} processes {gain:.2f} × one"
    return Check(
        "parallel equality and speed", equal and gain >= wanted, figure, f"≥ {wanted:.1f} ×"
    )


def _spread(program: Program, market: Market, runner: Executor) -> tuple[float, FloatArray]:
    panel, kernels = market.view.panel, market.settings.kernels
    return time_once(lambda: spread(program, panel, kernels, runner))


def _memory(market: Market) -> Check:
    child = run_in_process(WHOLE.format(store=str(market.store.folder)), market.environment())
    figure = f"{child['peak_mb']:,.0f} MB at the peak, {len(market.symbols):,} symbols"
    return Check("memory", child["peak_mb"] <= 500, figure, "≤ 500 MB")


def _errors(market: Market) -> Check:
    """Wrong questions: each is one clear line, and the store is as it was."""
    version = market.store.require()
    before, first = version.name, version.first
    assert first is not None
    empty = FileStore(market.folder / "nothing")
    wrong: list[Callable[[], object]] = [
        lambda: scan(market.store, where="rsi(14 < 30"),
        lambda: scan(market.store, where="nonesuch > 1"),
        lambda: scan(market.store, where="sector == 'Tecnology'"),
        lambda: scan(market.store, where="close > 'five'"),
        lambda: scan(market.store, as_of=first - timedelta(days=400)),
        lambda: scan(empty),
        lambda: scan(market.store, rank="sma(99999)"),
    ]
    clear = 0
    for work in wrong:
        try:
            work()
        except TechnicError as error:
            clear += bool(str(error)) and "Traceback" not in str(error)
    holds = clear == len(wrong) and market.store.version().name == before
    return Check(
        "error handling",
        holds,
        f"{clear} of {len(wrong)} told in a line",
        "all, and the store unchanged",
    )


def _invalidation(market: Market) -> Check:
    """A revision must be seen at once, by who has cached everything."""
    store = market.sized(100)
    settings = market.settings
    before = scan(store, file=ASKED, settings=settings)
    newest = market.bars["date"].max()
    chosen = before.shown[0].symbol if before.shown else market.symbols[0]
    row = market.bars.filter(pl.col("symbol") == chosen, pl.col("date") == newest)
    revised = row.with_columns(pl.col("high", "close") * 1.01)
    store.import_bars(revised, "splits", simulated=store.require().simulated)
    after = scan(store, file=ASKED, settings=settings)
    fresh = scan(store, file=ASKED, settings=settings.uncached())
    same, differs = (
        after.manifest["seal"] == fresh.manifest["seal"],
        after.manifest["seal"] != before.manifest["seal"],
    )
    figure = f"a revision of {chosen} changed the answer: {differs}; as computed anew: {same}"
    return Check("cache invalidation", same and differs, figure, "nothing stale is reachable")


def _calls(market: Market) -> Check:
    """Calls to the twin: for a first scan of 100 symbols × 250 sessions, and for the next night."""
    from technic.data.ingest.planning import Wish
    from technic.data.ingest.sync import SyncRequest, sync
    from technic.data.providers.alpaca import Alpaca  # used here alone
    from technic.data.providers.http import Endpoint, Http
    from technic.data.simulated.publications import evening
    from technic.data.simulated.server import serving
    from technic.data.simulated.tape import record
    from technic.data.simulated.twin import Twin

    tape = record(3, 300, 260)
    twin = Twin(tape)
    names = tuple(sorted(s for s in tape.symbols(tape.sessions[-3]) if s))[:100]
    calls: list[Any] = []
    counts: list[int] = []
    with serving(twin) as served:
        source = Alpaca(
            Http(Endpoint("alpaca", served.url, {"APCA-API-KEY-ID": "k"}), log=calls.append)
        )
        store = FileStore(market.folder / "called")
        for last in tape.sessions[-3:-1]:
            twin.clock.set(evening(last) + timedelta(hours=1))
            wish = Wish(first=tape.sessions[4], symbols=names, now=twin.clock.now())
            asked = SyncRequest({"alpaca": source}, wish, simulated={"vendor": "the twin"})
            sync(store, asked, clock=twin.clock.now)
            counts.append(len(calls) - sum(counts))
        source.close()
    first, night = counts
    held = store.version().last == tape.sessions[-2]
    figure = f"{first} calls for {len(names)} symbols × 250 sessions, {night} for the next night"
    return Check("call reduction", held and first <= 30, figure, "≤ 30", first)


def _quality(market: Market) -> Check:
    report = scan(market.store, file=ASKED, settings=market.settings.uncached())
    off = count_off_reference(market.store, report, 50)
    count = min(50, len(report.shown)) * len(report.asked["columns"])
    compiled, plain = plain_seal(market)
    same = compiled == plain
    figure = (
        f"{off} of {count} values off the slow reference; in plain Python the same seal: {same}"
    )
    return Check("result quality", off == 0 and count > 0 and same, figure, "0, the same seal")


def _server(market: Market) -> Check:
    """A cache server that is killed between two scans, and in the middle of them."""
    if find_spec("redis") is None:
        return Check(
            "cache server optional",
            None,
            f"not run: {install_hint('redis')}",
            "the same seal without it",
        )
    store = market.sized(500)
    wanted = scan(store, file=ASKED, settings=market.settings.uncached()).manifest["seal"]
    with cache_server() as (port, stop, what):
        os.environ["TECHNIC_CACHE_SECRET"] = os.environ.get("TECHNIC_CACHE_SECRET", "bench")
        url = f"redis://127.0.0.1:{port}/0"
        settings = Settings({**market.settings.given, "cache": Setting("cache", url, "bench")})
        first = scan(store, file=ASKED, settings=settings)
        stop()
        second = scan(store, file=ASKED, settings=settings)
    same = {first.manifest["seal"], second.manifest["seal"]} == {wanted}
    return Check(
        "cache server optional", same, f"{what}; the same seal: {same}", "the same seal without it"
    )


def _consistency(market: Market) -> Check:
    """Five scans with other threads and caches: every value, not a count."""
    given = market.settings.given
    seals = set()
    for threads, cache in (
        ("1", "none"),
        ("2", "none"),
        ("3", "memory"),
        ("1", "memory"),
        ("2", "memory,files"),
    ):
        more = {
            "threads": Setting("threads", threads, "bench"),
            "cache": Setting("cache", cache, "bench"),
        }
        seals.add(
            scan(market.store, file=ASKED, settings=Settings({**given, **more})).manifest["seal"]
        )
    spread_ms = median(
        milliseconds(lambda: scan(market.store, file=ASKED, settings=market.settings), 3)
    )
    figure = (
        f"{len(seals)} answer in 5 scans of {len(market.symbols):,} symbols ({spread_ms:.1f} ms)"
    )
    return Check("consistency", len(seals) == 1, figure, "one seal")
