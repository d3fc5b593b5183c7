"""Every measured figure of the README, in one run, beside honest baselines.

    python benchmarks/run.py [--full] [--write] [--runs 7]

Works on the real bars named by TECHNIC_TEST_DATA; without them, on a simulated market of the
same size, and says so. Baselines that would take over 5 s run on 300 symbols drawn by seed and
are scaled; `--full` runs them on all. `--write` puts the tables into benchmarks/RESULTS.md.
"""

from __future__ import annotations

import argparse
import datetime as dt
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median
from time import perf_counter

import numpy as np
import polars as pl
from baselines import pandas_loop, polars_expressions, talib_loop
from fundamentals import evidence_table, fundamental_rows
from kept import kept_rows
from pages import page_rows
from scale import bench_lines, scale_rows

import technic as tc
from technic.compute.kernel import ensure_compiled
from technic.data.simulated import simulate
from technic.indicators.define import every_series
from technic.indicators.kernel.program import compile_program
from technic.indicators.kernel.run import advance, evaluate
from technic.market.panel import pack
from technic.operations.bench import milliseconds
from technic.runtime.settings import Settings

DATA = Path(os.environ.get("TECHNIC_TEST_DATA", "../shared/data"))
REAL = DATA / "bars/us_2021_2024_split_adjusted.parquet"
SESSIONS = 504
SAMPLE = 300


def bars():
    """The benchmark's bars, and what to call them."""
    if REAL.exists():
        return pl.read_parquet(REAL), f"{REAL.name} (real)", "splits"
    made = simulate(seed=7, size=6_700, sessions=800).bars
    return made.filter(pl.col("as_of") == pl.col("date")), "a simulated market", "none"


def timed(work):
    since = perf_counter()
    value = work()
    return 1e3 * (perf_counter() - since), value


def process(arguments, env, runs):
    """Wall milliseconds and peak MB of a command, median of `runs` after one."""
    walls, peaks = [], []
    program = (
        "import resource, subprocess, sys; "
        "r = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL); "
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss); sys.exit(r.returncode)"
    )
    command = [str(Path(sys.executable).parent / "technic"), *arguments]
    for _ in range(runs + 1):
        wall, _ = timed(lambda: subprocess.run(command, env=env, capture_output=True, check=True))
        walls.append(wall)
    done = subprocess.run(
        [sys.executable, "-c", program, *command],
        env=env,
        capture_output=True,
        text=True,
        check=True,
    )
    peaks.append(int(done.stdout) / (1024 if sys.platform == "linux" else 1 << 20))
    return walls[1:], peaks


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--full", action="store_true")
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    settings = Settings.load()
    ensure_compiled(settings.kernels)
    frame, source, adjusted = bars()
    home = Path(tempfile.mkdtemp(prefix="technic-bench-"))
    lines = [machine(), f"bars: {source}"]
    try:
        figures = measure(frame, adjusted, home, settings, options)
    finally:
        shutil.rmtree(home, ignore_errors=True)
    text = "\n".join([*(f"- {line}" for line in lines), "", *figures, ""])
    print(text)
    if options.write:
        target = Path(__file__).with_name("RESULTS.md")
        target.write_text(
            f"# Measured\n\nBy `make bench`; medians, minimum – maximum behind.\n\n{text}"
        )


def machine():
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False
    )
    model = platform.processor() or platform.machine()
    if Path("/proc/cpuinfo").exists():
        found = [
            x for x in Path("/proc/cpuinfo").read_text().splitlines() if x.startswith("model name")
        ]
        model = found[0].split(":")[1].strip() if found else model
    return (
        f"{dt.datetime.now(dt.UTC).date()}, commit {commit.stdout.strip() or 'unknown'}, {model}, {os.cpu_count()} cores, "
        f"Python {platform.python_version()}, {platform.system()}"
    )


def spread(values, unit="ms"):
    return f"{median(values):,.1f} {unit} ({min(values):,.1f} – {max(values):,.1f})"


def measure(frame, adjusted, home, settings, options):
    rows = []
    runs = options.runs
    env = {**os.environ, "TECHNIC_STORE": str(home / "store"), "NO_COLOR": "1"}

    imports = []
    for _ in range(3):
        shutil.rmtree(home / "store", ignore_errors=True)
        store = tc.open_store(home / "store")
        took, _ = timed(lambda s=store: s.import_bars(frame, adjusted))
        imports.append(took / 1e3)
    rows.append(
        (
            "import of all rows, panel built",
            f"{len(frame):,} rows",
            spread(imports, "s"),
            "≤ 15 s",
            "≤ 6 s",
        )
    )

    days = frame["date"].unique().sort()
    recent = tc.open_store(home / "recent")
    recent.import_bars(frame.filter(pl.col("date") >= days[-SESSIONS]), adjusted)
    panel = recent.panel().panel
    roots = every_series(benchmark=False)
    program = compile_program(roots)
    ours = milliseconds(lambda: advance(program, panel, settings.kernels), runs)
    size = f"{len(panel):,} symbols × {SESSIONS} sessions"
    rows.append(
        (f"{len(roots)} last-bar features, panel mapped", size, spread(ours), "≤ 60 ms", "≤ 10 ms")
    )

    rng = np.random.default_rng(0)
    traded = np.flatnonzero(panel.lengths > 260)
    baselines = []
    for name, work in (
        ("TA-Lib loop", talib_loop),
        ("pandas loop", pandas_loop),
        ("polars expressions", polars_expressions),
    ):
        scaled = not options.full and name != "polars expressions"
        chosen = rng.choice(traded, min(SAMPLE, len(traded)), replace=False) if scaled else traded
        work(panel, chosen[:3])
        took, outputs = timed(lambda w=work, c=chosen: w(panel, c))
        share = panel.lengths[chosen].sum() / panel.lengths.sum()
        total = took / share
        note = f"{outputs} outputs" + (f", {len(chosen)} symbols scaled" if scaled else "")
        baselines.append((name, note, total, total / median(ours)))

    bare = settings.uncached()
    warm = milliseconds(lambda: tc.scan(store, settings=bare), runs)
    rows.append(
        (
            "tc.scan, warm, everything to the manifest",
            f"{len(store.panel().panel):,} × 800",
            spread(warm),
            "≤ 100 ms",
            "≤ 25 ms",
        )
    )

    walls, peaks = process(["scan"], {**env, "TECHNIC_CACHE": "none"}, runs)
    rows.append(
        (
            "technic scan, as a process",
            "",
            spread([w / 1e3 for w in walls], "s"),
            "≤ 1.0 s",
            "≤ 0.7 s",
        )
    )
    rows.append(("peak memory of that process", "", spread(peaks, "MB"), "≤ 500 MB", "≤ 350 MB"))
    walls, _ = process(["--help"], env, runs)
    rows.append(("technic --help", "", spread([w / 1e3 for w in walls], "s"), "≤ 0.2 s", ""))

    sixty = roots[:60]
    history = [
        timed(lambda: evaluate(sixty, panel, settings.kernels, every_bar=True))[0] / 1e3
        for _ in range(3)
    ]
    rows.append(
        (
            "full history of 60 features",
            f"{panel.n_bars:,} bars",
            spread(history, "s"),
            "≤ 5 s",
            "≤ 2 s",
        )
    )

    fresh = {**env, "TECHNIC_HOME": str(home / "fresh")}
    program_text = "from technic.runtime.settings import Settings; from technic.compute.kernel import ensure_compiled; import time; t=time.perf_counter(); ensure_compiled(Settings.load().kernels); print(time.perf_counter()-t)"
    done = subprocess.run(
        [sys.executable, "-c", program_text], env=fresh, capture_output=True, text=True, check=True
    )
    rows.append(
        ("first compilation, once per machine", "", f"{float(done.stdout):.1f} s", "≤ 30 s", "")
    )

    rows += fundamental_rows(
        home, settings, runs, spread, {**env, "TECHNIC_CACHE": "none"}, process
    )
    rows += kept_rows(frame, adjusted, home, settings, runs, spread, env)
    traded = _as_traded(home)
    rows += scale_rows(store, traded, settings, runs, spread)
    rows += page_rows(store, runs)
    compared, tables = bench_lines(store, settings, runs)
    rows += compared

    out = ["| what | on | measured | must | aim |", "|---|---|---|---|---|"]
    out += [f"| {' | '.join(row)} |" for row in rows]
    out += ["", "| baseline, same bars, same run | | time | × ours |", "|---|---|---|---|"]
    out += [
        f"| {name} | {note} | {total / 1e3:,.2f} s | {ratio:,.0f} × |"
        for name, note, total, ratio in baselines
    ]
    out += ["", *growth(panel, settings, program, runs)]
    out += ["", *evidence_table(home, settings), "", *tables]
    return out


def _as_traded(home):
    """Bars as traded, with their revisions; a simulated market without the real file."""
    store = tc.open_store(home / "traded")
    path = DATA / "bars/us_2015_2016_as_traded.parquet"
    if path.exists():
        store.import_bars(path)
        store.import_listings(DATA / "reference/listings_2015_2016.parquet")
        return store
    made = simulate(seed=7, size=5_800, sessions=330)
    store.import_bars(made.bars, simulated=made.about)
    return store


def growth(panel, settings, program, runs):
    """Cost per symbol-bar as the market grows; runs are repeated and tiled from the real bars."""
    rng = np.random.default_rng(1)
    full = np.flatnonzero(panel.lengths >= SESSIONS)
    out = [
        "| last-bar features, ns per symbol-bar | 252 | 504 | 1,260 sessions |",
        "|---|---|---|---|",
    ]
    for count in (500, 2_648, 5_277, 11_000):
        cells = []
        for sessions in (252, 504, 1_260):
            chosen = rng.choice(full, count)
            columns = {}
            for name in panel.fields[:6]:
                runs_of = [
                    np.tile(panel.run(i, name), -(-sessions // SESSIONS))[-sessions:]
                    for i in chosen
                ]
                columns[name] = np.concatenate(runs_of)
            big = pack(np.arange(count), np.full(count, sessions), columns)
            took = milliseconds(
                lambda b=big: advance(program, b, settings.kernels), max(runs // 2, 3)
            )
            cells.append(f"{1e6 * median(took) / (count * sessions):.2f}")
        out.append(f"| {count:,} symbols | {' | '.join(cells)} |")
    return out


if __name__ == "__main__":
    main()
