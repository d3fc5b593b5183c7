"""A whole bench: figures, ladder, baseline, pools, levers, checks and targets, step by step."""

from __future__ import annotations

import platform
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from os import cpu_count
from statistics import median
from typing import Any

import polars as pl

from technic.compute.kernel import ensure_compiled
from technic.compute.parallel import spread
from technic.data.store import Store
from technic.errors import ConfigError, install_hint
from technic.indicators.define import every_series
from technic.indicators.kernel.program import compile_program
from technic.indicators.kernel.run import advance
from technic.operations.bench import baseline, baseline_symbol
from technic.operations.bench.checks import checks
from technic.operations.bench.ladder import SIZES, ladder
from technic.operations.bench.levers import filter_three_ways, levers
from technic.operations.bench.markets import Bench, Market, sample
from technic.operations.bench.pools import best, pools
from technic.operations.bench.targets import targets
from technic.operations.bench.timing import (
    Figure,
    cpu_share,
    milliseconds,
    run_in_process,
    time_once,
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
    steps = 6
    progress(0, steps, "the market")
    with Bench(store, settings, size, sessions) as market:
        progress(1, steps, "figures")
        figures = _figures(market, runs)
        progress(2, steps, "the ladder")
        rungs = ladder(market, SIZES, runs)
        progress(3, steps, "the baseline")
        compared = _baseline(market, full=full, scan_ms=figures[1].median)
        progress(4, steps, "pools and levers")
        pooled = pools(market, runs=3)
        lost = levers(market)
        progress(5, steps, "checks")
        results = checks(market, rungs, lambda what: progress(5, steps, what))
        cpu = _cpu(market)
        calls = next(check.figure for check in results if check.name == "call reduction")
        speedup = None if compared is None else float(compared["speedup"])
        progress(steps, steps, "")
        return {
            "about": {**machine(), "market": market.source, "symbols": len(market.symbols)},
            "checks": [check.as_dict() for check in results],
            "speedup": speedup,
            "ladder": rungs,
            "levers": lost,
            "figures": [figure.as_dict() for figure in figures],
            "baseline": compared,
            "pools": pooled,
            "filters": filter_three_ways(),
            "targets": targets(
                rungs,
                speedup,
                best(pooled, 100),
                calls,
                cpu,
                _kernel(market, figures[0].median),
                _database(market),
            ),
        }


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


def _baseline(market: Market, *, full: bool, scan_ms: float) -> dict[str, Any] | None:
    """B0 and B1 on the same bars; None without pandas."""
    try:
        baseline_symbol.pandas_or_refuse()
    except ConfigError:
        return None
    making, cache = time_once(lambda: baseline.market_cache(market.view.panel, market.symbols))
    chosen = market.symbols if full else sample(market.symbols, SAMPLED)
    rows = {}
    for name, intended in (("B0", False), ("B1", True)):
        taken, table = time_once(lambda i=intended: baseline.scan(cache, chosen, intended=i))  # type: ignore[misc]
        rows[name] = {
            "seconds": round(taken, 2),
            "us_per_symbol": round(1e6 * taken / len(chosen), 1),
            "rows": len(table),
        }
    code = B0_PEAK.format(store=str(market.store.folder), chosen=sample(market.symbols, SAMPLED))
    peak = run_in_process(code, market.environment())["peak_mb"]
    per_symbol = 1e3 * scan_ms / len(market.symbols)
    return {
        "symbols": len(chosen),
        "sampled": not full,
        "cache_seconds": round(making, 2),
        **rows,
        "b0_peak_mb": round(peak),
        "ours_us_per_symbol": round(per_symbol, 2),
        "speedup": round(rows["B0"]["us_per_symbol"] / per_symbol, 1),
    }


def _kernel(market: Market, features_ms: float) -> str:
    """The compiled features of a symbol beside the same kind of features in pandas."""
    try:
        pd = baseline_symbol.pandas_or_refuse()
    except ConfigError:
        return f"not run: {install_hint('bench')}"
    panel = market.view.panel
    chosen = [i for i, n in enumerate(panel.lengths) if n >= baseline.SNAPSHOTS][:40]
    if not chosen:
        return "not run: no symbol has enough bars"
    names = ("open", "high", "low", "close", "volume")
    frames = [pd.DataFrame({n.title(): panel.run(i, n) for n in names}) for i in chosen]
    taken, tables = time_once(lambda: [baseline_symbol.features(frame) for frame in frames])
    pandas_s, compiled_s = taken / len(frames), 1e-3 * features_ms / len(market.symbols)
    return (
        f"{pandas_s / compiled_s:,.0f} × pandas: {1e6 * pandas_s:,.0f} µs a symbol for {len(tables[0])} values, "
        f"{1e6 * compiled_s:.1f} for {len(every_series(benchmark=False))}"
    )


def _database(market: Market) -> str:
    """Symbols with some volume: from the catalog, and from a CSV file row by row."""
    sql_ms = milliseconds(lambda: market.store.load_universe(min_volume=100_000.0), 5)
    try:
        pd = baseline_symbol.pandas_or_refuse()
    except ConfigError:
        return f"{median(sql_ms):.1f} ms; CSV not run: {install_hint('bench')}"
    rows = market.store.load_universe()
    volumes = market.bars.group_by("symbol").agg(pl.col("volume").tail(20).mean())
    path = market.folder / "universe.csv"
    rows.join(volumes, on="symbol", how="left").write_csv(path)

    def read() -> list[str]:
        table = pd.read_csv(path)
        return [row["symbol"] for _, row in table.iterrows() if row["volume"] >= 100_000.0]

    taken = milliseconds(read, 2)
    return f"{median(sql_ms):.1f} ms of SQL, {median(taken):.0f} ms of a CSV row by row"


def _cpu(market: Market) -> float:
    """Share of all cores that a full-history run uses, in percent."""
    program = compile_program(every_series(benchmark=False)[:60], every_bar=True)
    panel, kernels = market.view.panel, market.settings.kernels
    shares = [cpu_share(lambda: advance(program, panel, kernels)) for _ in range(3)]
    return median(shares)
