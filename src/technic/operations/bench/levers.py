"""Levers: each thing that makes scans fast switched off alone, and what a scan loses without it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from statistics import median
from typing import Any

import numpy as np

from technic.data.store import Store
from technic.data.store.rows import adjusted_bars, columns_of_rows, fields_of
from technic.indicators.define import every_series
from technic.indicators.kernel.program import compile_program
from technic.indicators.kernel.run import Continuation, advance
from technic.market.panel import pack
from technic.operations.bench.ladder import ASKED
from technic.operations.bench.markets import Market
from technic.operations.bench.timing import milliseconds, time_once
from technic.runtime.executors import Work, open_executor, spans
from technic.runtime.executors.protocol import Shared
from technic.scanner.scan import scan

SIZES = (100, 5_277)


def levers(market: Market, sizes: Sequence[int] = SIZES, runs: int = 3) -> list[dict[str, Any]]:
    """Measure what each lever is worth.

    Parameters
    ----------
    sizes : numbers of symbols
    runs : how often a figure is repeated; medians are given

    Returns
    -------
    list
        One row for each lever and size: the `lever`, the number of `symbols`, what is measured
        `with_ms` and `without_ms` it, milliseconds, and the seconds that are `lost_s` without.
    """
    rows = []
    calls = _calls(max(sizes))
    for size in sizes:
        store = market.sized(size)
        for lever, (held, lost) in {
            "batching: one call for a whole session (40 others, scaled)": (
                calls["day"],
                calls["run"] * size,
            ),
            "static cache: columns of a view are kept": _static(store, market, runs),
            "incremental: state carried over a session": _incremental(market, size, runs),
            "threads: all cores": _threads(store, market, runs),
            "fused kernel: one pass for all features": _fused(store, market, runs),
            "mapped panel: bars are mapped, not read": _mapped(store, market),
        }.items():
            rows.append(
                {
                    "lever": lever,
                    "symbols": size,
                    "with_ms": round(held, 2),
                    "without_ms": round(lost, 2),
                    "lost_s": round((lost - held) / 1e3, 4),
                }
            )
    return rows


def _calls(size: int) -> dict[str, float]:
    """Milliseconds of a call for a whole session, and of one for one symbol, to the twin."""
    from technic.data.providers.http import Endpoint, Http  # heavy, and used here alone
    from technic.data.providers.massive import HOSTS, Massive
    from technic.data.providers.source import Ask
    from technic.data.simulated.publications import evening
    from technic.data.simulated.server import serving
    from technic.data.simulated.tape import record
    from technic.data.simulated.twin import Twin

    tape = record(3, size, 30)
    twin = Twin(tape)
    day = tape.sessions[-2]
    twin.clock.set(evening(day) + timedelta(hours=2))
    with serving(twin) as served:
        http = Http(Endpoint("massive", served.url, {"Authorization": "Bearer k"}, hosts=HOSTS))
        source = Massive(http)
        symbols = [s for s in tape.symbols(day) if s][:40]
        whole = milliseconds(lambda: source.fetch(Ask("day", first=day, last=day)), 3)
        each = [
            1e3
            * time_once(lambda s=s: source.fetch(Ask("run", first=day, last=day, symbols=(s,))))[0]  # type: ignore[misc]
            for s in symbols
        ]
        source.close()
    return {"day": median(whole), "run": median(each)}


def _static(store: Store, market: Market, runs: int) -> tuple[float, float]:
    """A new question over known features, with and without what is kept."""
    bare, number = market.settings.uncached(), iter(range(10_000))

    def asked(settings: Any) -> None:
        scan(
            store,
            where=f"close > sma(50) and rsi(14) > {next(number) / 1000}",
            rank=ASKED.rank,
            settings=settings,
        )

    return (
        median(milliseconds(lambda: asked(market.settings), runs)),
        median(milliseconds(lambda: asked(bare), runs)),
    )


def _incremental(market: Market, size: int, runs: int) -> tuple[float, float]:
    """Features after one new session: state carried on, against every bar again."""
    panel = market.sized(size).panel().panel
    program = compile_program(every_series(benchmark=False))
    kernels = market.settings.kernels
    ones = np.minimum(panel.lengths, 1)
    since = Continuation(advance(program, panel, kernels).state, ones)
    held = milliseconds(lambda: advance(program, panel, kernels, since=since), runs)
    lost = milliseconds(lambda: advance(program, panel, kernels), runs)
    return median(held), median(lost)


def _threads(store: Store, market: Market, runs: int) -> tuple[float, float]:
    panel, program = store.panel().panel, compile_program(every_series(benchmark=False))
    kernels = market.settings.kernels
    held = milliseconds(lambda: advance(program, panel, kernels), runs)
    lost = milliseconds(lambda: advance(program, panel, kernels, threads=1), runs)
    return median(held), median(lost)


def _fused(store: Store, market: Market, runs: int) -> tuple[float, float]:
    """One program for all features, against a program and a pass for each."""
    panel, roots = store.panel().panel, every_series(benchmark=False)
    kernels = market.settings.kernels
    fused, single = compile_program(roots), [compile_program([root]) for root in roots]
    held = milliseconds(lambda: advance(fused, panel, kernels), runs)
    lost = milliseconds(lambda: [advance(p, panel, kernels) for p in single], runs)
    return median(held), median(lost)


def _mapped(store: Store, market: Market) -> tuple[float, float]:
    """A scan over the mapped panel, against one that first makes it from the tables."""
    bare, version = market.settings.uncached(), store.require()
    held = median(milliseconds(lambda: scan(store, file=ASKED, settings=bare), 3))
    assert version.last is not None
    last = version.last

    def made() -> None:
        rows = adjusted_bars(store.tables, version, last)
        ids, lengths = np.unique(rows["security_id"].to_numpy(), return_counts=True)
        fields = fields_of(rows)
        columns = dict(zip(fields, columns_of_rows(rows, fields), strict=True))
        pack(ids, lengths.astype(np.int64), columns)

    return held, held + 1e3 * time_once(made)[0]


def filter_three_ways(count: int = 5_277) -> list[dict[str, Any]]:
    """Filter a universe by a loop, in a pool of processes, and at once.

    Returns
    -------
    list
        One row for each: `how`, the number of `symbols`, whether all results are `equal`, and if
        they are, `ms`.
    """
    rng = np.random.default_rng(1)
    close, volume = rng.lognormal(3.0, 1.0, count), rng.lognormal(13.0, 2.0, count)
    kinds = rng.integers(0, 4, count).astype(np.float64)
    work = Work(
        "technic.operations.bench.levers:filter_part",
        {},
        {"close": close, "volume": volume, "kind": kinds},
    )
    shared = Shared({}, work.arrays)
    loop = milliseconds(lambda: filter_part(shared, 0, count), 3)
    at_once = milliseconds(lambda: filter_whole(close, volume, kinds), 3)
    pool = open_executor("processes")
    try:
        parts = spans(count, -(-count // pool.workers))
        pooled = milliseconds(lambda: list(pool.map(work, parts)), 3)
        pooled_result = np.concatenate(
            [d.answer["kept"] for d in pool.map(work, parts) if d.answer]
        )
    finally:
        pool.close()
    wanted = filter_part(shared, 0, count)["kept"]
    equal = bool(
        (pooled_result == wanted).all() and (filter_whole(close, volume, kinds) == wanted).all()
    )
    return [
        {
            "how": how,
            "symbols": count,
            "ms": round(median(taken), 3) if equal else None,
            "equal": equal,
        }
        for how, taken in (("a loop", loop), ("processes", pooled), ("vectorised", at_once))
    ]


def filter_part(shared: Shared, first: int, last: int) -> dict[str, Any]:
    """Three filters, symbol by symbol, over a stretch of symbols."""
    close, volume, kind = (shared.arrays[name] for name in ("close", "volume", "kind"))
    passes = np.zeros(last - first, dtype=bool)
    for i in range(first, last):
        if kind[i] == 0.0 and close[i] >= 5.0 and close[i] * volume[i] >= 1e6:
            passes[i - first] = True
    return {"kept": passes}


def filter_whole(close: np.ndarray, volume: np.ndarray, kind: np.ndarray) -> np.ndarray:
    """The same three filters at once."""
    passes: np.ndarray = (kind == 0.0) & (close >= 5.0) & (close * volume >= 1e6)
    return passes
