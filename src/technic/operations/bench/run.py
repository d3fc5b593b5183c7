"""A whole bench: figures, ladder, baseline, pools, levers, checks and targets, step by step."""

from __future__ import annotations

import platform
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from os import cpu_count
from statistics import median
from typing import Any

from technic.compute.kernel import ensure_compiled
from technic.compute.parallel import spread
from technic.data.store import Store
from technic.errors import ConfigError, install_hint
from technic.indicators.define import every_series
from technic.indicators.kernel.program import compile_program
from technic.indicators.kernel.run import advance
from technic.operations.bench import baseline, baseline_symbol
from technic.operations.bench.checks import Check, checks
from technic.operations.bench.ladder import SIZES, ladder
from technic.operations.bench.levers import filter_three_ways, levers
from technic.operations.bench.markets import Bench, Market, sample
from technic.operations.bench.pools import pools
from technic.operations.bench.ratios import ROUNDS
from technic.operations.bench.targets import Measurement, Measurements, targets
from technic.operations.bench.timing import (
    Figure,
    busy,
    cpu_share,
    milliseconds,
    run_in_process,
    time_once,
)
from technic.operations.bench.versus import (
    card_against_processor,
    compiled_against_plain,
    database_against_csv,
    hits_of_a_mix,
    older_against_ours,
    ray_against_threads,
    shared_values,
)
from technic.runtime.executors import open_executor
from technic.runtime.settings import Settings
from technic.runtime.version import __version__
from technic.scanner.scan import scan

SAMPLED = 300  # symbols of a baseline that would take over 5 s
B0_PEAK = """
import technic as tc
from technic.operations.bench import baseline
view = tc.open_store({store!r}).panel()
symbols = view.who["symbol"].to_list()
cache = baseline.market_cache(view.panel, symbols)
result = len(baseline.scan(cache, {chosen!r}))
"""
Tell = Callable[[int, int, str], None]


def run(
    store: Store | None,
    settings: Settings,
    *,
    full: bool = False,
    runs: int = 5,
    size: int = 5_800,
    sessions: int = 504,
    progress: Tell = lambda _done, _total, _what: None,
) -> dict[str, Any]:
    """Run everything that `technic bench` measures.

    Parameters
    ----------
    store : the user's own; None for a simulated market
    settings : folders and numbers of threads; caches are the bench's own
    full : the baseline on every symbol, rather than on some drawn by seed
    runs : how often a figure is repeated
    size, sessions : of the simulated market, listings and sessions
    progress : is told how far the work is

    Returns
    -------
    dict
        What JSON holds: `about` the machine and the market, and a part for each step.
    """
    ensure_compiled(settings.kernels)
    steps = 7
    others = [busy()]
    progress(0, steps, "the market")
    with Bench(store, settings, size, sessions) as market:
        progress(1, steps, "figures")
        figures = _figures(market, runs)
        progress(2, steps, "the ladder")
        rungs = ladder(market, SIZES, runs)
        progress(3, steps, "the baseline")
        compared = _baseline(market, full=full, runs=runs)
        progress(4, steps, "pools and levers")
        pooled = pools(market, runs=3)
        lost = levers(market)
        progress(5, steps, "checks")
        results = checks(market, rungs, lambda what: progress(5, steps, what))
        progress(6, steps, "targets")
        held = targets(_findings(market, rungs, results, pooled, compared))
        filters = filter_three_ways()
    others.append(busy())
    progress(steps, steps, "")
    return {
        "about": {**machine(), "market": market.source, "symbols": len(market.symbols)},
        "others_cpu_pct": others,
        "checks": [check.as_dict() for check in results],
        "speedup": None if compared is None else compared["speedup"],
        "ladder": rungs,
        "levers": lost,
        "figures": [figure.as_dict() for figure in figures],
        "baseline": compared,
        "pools": pooled,
        "filters": filters,
        "targets": held,
    }


def _findings(
    market: Market,
    rungs: list[dict[str, Any]],
    results: list[Check],
    pooled: list[dict[str, Any]],
    compared: dict[str, Any] | None,
) -> Measurements:
    calls = next(check for check in results if check.name == "call reduction")
    share = _cpu(market)
    return Measurements(
        rungs=rungs,
        calls=Measurement(calls.figure, calls.value),
        hits=hits_of_a_mix(market),
        cpu=Measurement(f"{share:.0f} % in a full-history run", share),
        loop=compiled_against_plain(market),
        ray=ray_against_threads(pooled),
        database=database_against_csv(market),
        total=_total(compared),
        card=card_against_processor(),
    )


def _total(compared: dict[str, Any] | None) -> Measurement:
    if compared is None:
        return Measurement(f"no pandas here: {install_hint('bench')}")
    return Measurement(compared["verdict"], compared["speedup"])


def machine() -> dict[str, Any]:
    """When and where the bench ran, and with which versions."""
    return {
        "version": __version__,
        "at": f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "cores": cpu_count(),
    }


def _figures(market: Market, runs: int) -> list[Figure]:
    panel, roots = market.view.panel, every_series(benchmark=False)
    program = compile_program(roots)
    kernels, bare = market.settings.kernels, market.settings.uncached()
    threads = market.settings.threads
    history = compile_program(roots[:60], every_bar=True)
    figures = [
        Figure.of(
            f"{len(roots)} last-bar features of {len(panel):,} symbols",
            "ms",
            milliseconds(lambda: advance(program, panel, kernels, threads=threads), runs),
        ),
        Figure.of(
            "scan, warm process, nothing cached",
            "ms",
            milliseconds(lambda: scan(market.store, settings=bare), runs),
        ),
    ]
    for workers in sorted({1, cpu_count() or 1}):
        with closing(open_executor(f"processes:{workers}")) as runner:
            taken = milliseconds(lambda r=runner: spread(history, panel, kernels, r), 2)  # type: ignore[misc]
        figures.append(Figure.of(f"full history of 60 features, {workers} processes", "ms", taken))
    return figures


def _baseline(market: Market, *, full: bool, runs: int) -> dict[str, Any] | None:
    """B0 and B1 on the same bars, beside ours; None without pandas."""
    try:
        baseline_symbol.pandas_or_refuse()
    except ConfigError:
        return None
    making, cache = time_once(lambda: baseline.market_cache(market.view.panel, market.symbols))
    chosen = market.symbols if full else sample(market.symbols, SAMPLED)
    bare = market.settings.uncached()
    rows, per_symbol = {}, []
    for name, rounds in (("B1", 1), ("B0", ROUNDS)):
        for _ in range(rounds):
            taken, table = time_once(
                lambda i=name == "B1": baseline.scan(cache, chosen, intended=i)  # type: ignore[misc]
            )
            ours = median(milliseconds(lambda: scan(market.store, settings=bare), runs))
            per_symbol.append((1e6 * taken / len(chosen), 1e3 * ours / len(market.symbols)))
        rows[name] = {
            "seconds": round(taken, 2),
            "us_per_symbol": round(per_symbol[-1][0], 1),
            "rows": len(table),
        }
    values, differing = shared_values(market, cache)
    total = older_against_ours(per_symbol[-ROUNDS:], values, differing)
    code = B0_PEAK.format(store=str(market.store.folder), chosen=sample(market.symbols, SAMPLED))
    peak = run_in_process(code, market.environment())["peak_mb"]
    return {
        "symbols": len(chosen),
        "sampled": not full,
        "cache_seconds": round(making, 2),
        **rows,
        "b0_peak_mb": round(peak),
        "ours_us_per_symbol": round(per_symbol[-1][1], 2),
        "speedup": None if total.value is None else round(total.value, 1),
        "equal": bool(values) and not differing,
        "verdict": total.text,
    }


def _cpu(market: Market) -> float:
    """Share of all cores that a full-history run uses, in percent."""
    program = compile_program(every_series(benchmark=False)[:60], every_bar=True)
    panel, kernels = market.view.panel, market.settings.kernels
    shares = [cpu_share(lambda: advance(program, panel, kernels)) for _ in range(3)]
    return median(shares)
