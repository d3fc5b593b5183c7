"""Figures of scale: executors, Ray, long spans, the scan before this one; and a whole bench."""

from __future__ import annotations

from contextlib import closing
from datetime import date
from statistics import median

import numpy as np

from technic.compute.parallel import spread
from technic.indicators.define import every_series
from technic.indicators.kernel.program import compile_program
from technic.indicators.kernel.run import advance
from technic.interfaces.render.bench import cell, sections
from technic.market.panel import pack
from technic.operations.bench import milliseconds
from technic.operations.bench.markets import Bench
from technic.operations.bench.pools import _timed, work_of
from technic.operations.bench.run import run
from technic.operations.bench.timing import cpu_share
from technic.runtime.executors import open_executor
from technic.scanner.scan_sessions import scan_sessions
from technic.scanner.spec.question import resolve_question
from technic.scanner.spec.scan_file import ScanFile, presets

GIL_SYMBOLS = 1_000


def scale_rows(store, traded, settings, runs, spread_of):
    """Rows of the table: what, on, measured, must, aim."""
    panel = store.panel().panel
    return [
        *_histories(panel, settings),
        *_gil(store, settings),
        *_large(panel, settings, runs, spread_of),
        *_span(traded, settings),
    ]


def _histories(panel, settings):
    """Two workers against one, and how busy all cores are."""
    program = compile_program(every_series(benchmark=False)[:60], every_bar=True)
    size = f"{len(panel):,} symbols, {panel.n_bars:,} bars"
    taken = {}
    for _ in range(3):  # in turns: how quickly large memory is given varies by the minute
        for url in ("processes:1", "processes:2", "threads:1", "threads:2"):
            with closing(open_executor(url)) as runner:
                work = lambda r=runner: spread(program, panel, settings.kernels, r)  # noqa: E731
                taken.setdefault(url, []).extend(milliseconds(work, 2))
    rows = []
    for kind in ("processes", "threads"):
        one, two = (median(taken[f"{kind}:{n}"]) for n in (1, 2))
        rows.append(
            (f"full history of 60 features, 2 {kind} against 1", f"{size}; {one / 1e3:.2f} s and {two / 1e3:.2f} s",
             f"{one / two:.2f} ×", "≥ 1.7 ×", "1.9 ×")
        )  # fmt: skip
    shares = [cpu_share(lambda: advance(program, panel, settings.kernels)) for _ in range(5)]
    rows.append(
        (
            "CPU use during a full-history run on all cores",
            size,
            f"{median(shares):.0f} %",
            "≥ 90 %",
            "",
        )
    )
    return rows


def _gil(store, settings):
    """pandas work on Ray, in threads, one after another; interleaved."""
    with Bench(store, settings, 0, 0) as market:
        work = work_of(market, GIL_SYMBOLS)
        taken, made = {}, set()
        for _ in range(2):
            for url in ("inline:", "threads:2", "processes:2", "ray://local:2"):
                with closing(open_executor(url)) as runner:
                    some, content = _timed(runner, work, GIL_SYMBOLS, 3)
                    taken.setdefault(url, []).extend(some)
                    made.add(content)
    assert len(made) == 1
    alone, threads, processes, ray = (median(taken[u]) for u in ("inline:", "threads:2", "processes:2", "ray://local:2"))  # fmt: skip
    on = f"{GIL_SYMBOLS:,} symbols of pandas work, 2 workers, panel put once"
    return [
        ("Ray against a thread pool", on, f"{threads / ray:.2f} ×", "≥ 2.5 ×", "3.3 ×"),
        ("Ray against one after another", on, f"{alone / ray:.2f} ×", "≥ 1.6 ×", ""),
        ("processes against a thread pool", on, f"{threads / processes:.2f} ×", "", ""),
        ("a thread pool against one after another", on, f"{alone / threads:.2f} ×", "", ""),
    ]


def _large(panel, settings, runs, spread_of):
    """11,000 symbols × 1,260 sessions, runs repeated and tiled from the real bars."""
    rng = np.random.default_rng(1)
    full = np.flatnonzero(panel.lengths >= 504)
    chosen = rng.choice(full, 11_000)
    columns = {
        name: np.concatenate([np.tile(panel.run(i, name), 3)[-1_260:] for i in chosen])
        for name in panel.fields[:6]
    }
    big = pack(np.arange(11_000), np.full(11_000, 1_260), columns)
    every = dict.fromkeys(
        s for name in presets() for s in resolve_question(ScanFile.preset(name)).series
        if "benchmark" not in repr(s)
    )  # fmt: skip
    rows = []
    for what, series in (
        ("of the default scan", resolve_question(ScanFile()).series),
        ("of all presets together", list(every)),
        ("there are", every_series(benchmark=False)),
    ):
        program = compile_program(list(series))
        taken = milliseconds(lambda p=program: advance(p, big, settings.kernels), runs)
        rows.append(
            (f"the {len(list(series))} features {what}, last bar, panel mapped", "11,000 symbols × 1,260 sessions",
             spread_of(taken), "≤ 100 ms", "≤ 25 ms")
        )  # fmt: skip
    return rows


def _span(traded, settings):
    """One question on every session of fifteen months, bars as traded with their revisions."""
    first = date(2015, 4, 1)
    asked = ScanFile.preset("momentum-leaders")
    rows, seals = [], set()
    for url in ("inline:", "processes:2"):
        with closing(open_executor(url)) as runner:
            since = milliseconds(lambda r=runner: seals.add(scan_sessions(traded, first, file=asked, settings=settings, executor=r).seal), 1)  # fmt: skip
            found = scan_sessions(traded, first, file=asked, settings=settings, executor=runner)
        count = found.sessions.height
        rows.append(
            (f"one question on every session, {url.strip(':')}", f"{count} sessions of 2015 and 2016, as known then",
             f"{since[0] / 1e3:.1f} s, {since[0] / count:.0f} ms a session", "", "")
        )  # fmt: skip
    assert len(seals) == 1
    return rows


def bench_lines(store, settings, runs):
    """A whole `technic bench --full`, as tables."""
    found = run(store, settings, full=True, runs=runs)
    old = found["baseline"]
    rows = [
        ("scan, against the one before it (B0), per symbol", f"{old['symbols']:,} symbols, same bars, same run",
         old["verdict"], "≥ 500 ×", "≥ 2,000 ×"),
        ("that scan before, B0 / as intended, B1", "µs a symbol", f"{old['B0']['us_per_symbol']:,.0f} / {old['B1']['us_per_symbol']:,.0f}", "", ""),
        ("ours", "µs a symbol, everything to the manifest", f"{old['ours_us_per_symbol']:.2f}", "", ""),
        ("peak memory of B0 beside ours", "a process", f"{old['b0_peak_mb']} MB beside {next(r['peak_mb'] for r in found['ladder'] if r['symbols'] == 5277)} MB", "", ""),
    ]  # fmt: skip
    return rows, _tables(found)


def _tables(found):
    out = ["## technic bench", "", f"{found['about']['market']}; all symbols in the baseline.", ""]
    for title, columns, rows in sections(found):
        if not rows:
            continue
        out += [
            f"### {title}",
            "",
            "| " + " | ".join(columns.values()) + " |",
            "|" + "---|" * len(columns),
        ]
        out += [
            "| " + " | ".join(cell(name, row.get(name)) for name in columns) + " |" for row in rows
        ]
        out.append("")
    return out
