"""Figures of models and backtests, on real bars: one row of RESULTS.md each.

    python benchmarks/learning.py [--train] [--worlds 200]

Reads TECHNIC_TEST_DATA; its stores go to a folder that is thrown away. `--train` learns from three
million rows too, which takes a minute and two gigabytes.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
from contextlib import closing
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from statistics import median
from time import perf_counter

import numpy as np
import polars as pl

import technic as tc
from technic.market.sessions import nyse
from technic.operations.bench import milliseconds
from technic.operations.bench.card import FEATURES, random_forest
from technic.research.backtest.run import backtest
from technic.research.learning import world_canaries
from technic.research.learning.dataset import dataset
from technic.research.learning.store_canaries import served_rows, truncated_histories
from technic.research.learning.train import train
from technic.research.learning.train_file import TrainFile
from technic.runtime.executors import open_executor
from technic.runtime.settings import Setting, Settings
from technic.scanner.alpha.forest import predict
from technic.scanner.alpha.registry import use_model
from technic.scanner.spec.backtest_rules import BacktestRules
from technic.scanner.spec.scan_file import ScanFile

DATA = Path(os.environ.get("TECHNIC_TEST_DATA", "../shared/data"))
REAL = DATA / "bars/us_2021_2024_split_adjusted.parquet"
SYMBOLS, SESSIONS = 5_277, 1_260
ROWS = 3_000_000


def row(what, on, measured, must="", aim=""):
    print(f"| {what} | {on} | {measured} | {must} | {aim} |", flush=True)


def spread(taken):
    return f"{median(taken):.1f} ms ({min(taken):.1f} – {max(taken):.1f})"


def five_years(folder):
    """5,277 symbols × 1,260 sessions: runs of real bars, the older part the same runs again."""
    bars = pl.read_parquet(REAL).drop_nulls("close")
    long = bars.group_by("symbol").len().filter(pl.col("len") >= 690)["symbol"].sort()
    chosen = long.gather(np.random.default_rng(1).permutation(len(long))[:SYMBOLS])
    last = nyse().last_until(date(2024, 3, 8))
    days = nyse().dates[last - SESSIONS + 1 : last + 1]
    parts = []
    for _, run in bars.filter(pl.col("symbol").is_in(chosen.implode())).sort("symbol", "date").group_by("symbol", maintain_order=True):  # fmt: skip
        twice = pl.concat([run, run])[-SESSIONS:]
        factor = np.where(
            np.arange(twice.height) < SESSIONS - run.height, run["close"][0] / run["close"][-1], 1.0
        )  # the older part ends where the newer begins
        parts.append(
            twice.with_columns(
                *(pl.col(name) * factor for name in ("open", "high", "low", "close")),
                date=pl.Series(days[-twice.height :]).cast(pl.Date),
            )
        )
    store = tc.open_store(folder)
    store.import_bars(pl.concat(parts), adjusted="splits")
    return store


def scoring():
    forest, rng = random_forest(), np.random.default_rng(2)
    rows = (rng.random((6_717, FEATURES), dtype=np.float32) - np.float32(0.5)).astype(np.float32)
    taken = milliseconds(lambda: predict(forest, rows), 15)
    row("scoring with trees, warm", "6,717 symbols, 300 trees × 60 features", spread(taken), "≤ 40 ms", "≤ 20 ms")  # fmt: skip


def of_market(store, settings):
    """Data, a model, scans with it, and its canaries that need a store."""
    file = TrainFile.of({"model": "ridge"}, "bench")
    since = perf_counter()
    samples = dataset(store, file, settings)
    row("dataset, 60 features", f"{samples.n_rows:,} rows of 800 sessions × 6,717 symbols", f"{perf_counter() - since:.1f} s")  # fmt: skip
    found = truncated_histories(store, file, settings)
    row("look-ahead: values that change without their future", found.said.split(":")[0], f"{found.found:.0f}", "0")  # fmt: skip
    found = served_rows(store, file, samples, settings)
    row("learned from against asked with: values that differ", "6 sessions, every member", f"{found.found:.0f}", "0")  # fmt: skip
    del samples
    trained = train(store, TrainFile.of({"xgboost": {"trees": 300}, "spans": {"train": 300, "step": 100, "vault": 100}}, "bench"), settings=settings)  # fmt: skip
    use_model(store, trained.card.sha256, datetime.now(UTC))
    tc.scan(store, rank="alpha", settings=settings)
    count = iter(range(10_000))
    new = milliseconds(lambda: tc.scan(store, rank=f"alpha + 0 * {next(count)}", columns=["alpha", "alpha_rank"], settings=settings), 15)  # fmt: skip
    row("scan with alpha, warm", "6,717 symbols × 800, a new question", spread(new), "≤ 200 ms", "≤ 100 ms")  # fmt: skip
    uncached = settings.uncached()
    taken = milliseconds(lambda: tc.scan(store, rank="alpha", settings=uncached), 7)
    row("the same, nothing cached: 60 features, places, trees", "6,717 symbols × 800", spread(taken))  # fmt: skip


def training():
    from technic.research.learning.boosted_learner import BoostedLearner

    rng = np.random.default_rng(0)
    x = rng.random((ROWS, FEATURES), dtype=np.float32) - np.float32(0.5)
    label = (0.1 * x[:, 0] + rng.standard_normal(ROWS)).astype(np.float32)
    names = tuple(f"f{k}" for k in range(FEATURES))
    since = perf_counter()
    BoostedLearner().fit(names, x, label, 0)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    row("training, 300 trees of depth 6", f"{ROWS:,} rows × {FEATURES}, peak {peak:.1f} GB", f"{perf_counter() - since:.0f} s", "≤ 5 min")  # fmt: skip


def backtests(store, settings):
    file = replace(ScanFile.preset("momentum-leaders"), backtest=BacktestRules())
    seals = set()
    for url in ("inline:", "processes:2"):
        with closing(open_executor(url)) as runner:
            since = perf_counter()
            found = backtest(store, file, settings=settings, executor=runner)
            row(f"weekly backtest of five years, {url}", f"{SESSIONS:,} sessions × {SYMBOLS:,} symbols, {found.decisions} scans", f"{perf_counter() - since:.1f} s", "≤ 60 s", "≤ 15 s")  # fmt: skip
            seals.add(found.manifest["seal"])
    row("the same backtest on 1 and on 2 workers", "seals", "the same bytes" if len(seals) == 1 else "OTHER BYTES", "the same bytes")  # fmt: skip


def worlds(count):
    since = perf_counter()
    found = world_canaries.random_walks(count, lambda *_: None)
    each = (perf_counter() - since) / count
    row("random walks that pass the gate", f"{count} worlds of 200 symbols × 1,000 sessions, {each:.1f} s each", f"{found.found:.0f}", "≤ 5 of 200")  # fmt: skip
    found = world_canaries.planted_worlds(1_000)
    row("intervals that cover a planted rank IC, h = 1", "1,000 worlds", f"{found.found:.1%}", "93 – 97 %")  # fmt: skip


def peak_of_dataset(folder, home):
    """The memory of a process that only makes the dataset of everybody."""
    program = (
        "import resource, sys, technic as tc; from technic.runtime.settings import Settings;"
        "from technic.research.learning.dataset import dataset; from technic.research.learning.train_file import TrainFile;"
        "d = dataset(tc.open_store(sys.argv[1]), TrainFile.of({'universe': ''}, 'x'), Settings.load());"
        "print(d.n_rows, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(folder)], capture_output=True, text=True, check=True,
        env={**os.environ, "TECHNIC_HOME": str(home)},
    )  # fmt: skip
    rows, peak = done.stdout.split()
    row("peak memory of making and reading a dataset", f"{int(rows):,} rows × 60 features", f"{float(peak):.1f} GB", "≤ 4 GB")  # fmt: skip


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--train", action="store_true")
    parser.add_argument("--worlds", type=int, default=200)
    asked = parser.parse_args()
    print("| what | on | measured | must | aim |\n|---|---|---|---|---|")
    scoring()
    if asked.train:
        training()
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        (home / "cache").mkdir(parents=True)
        (home / "cache/kernels").symlink_to(Settings.load().kernels)
        settings = Settings({"home": Setting("home", str(home), "bench")})
        store = tc.open_store(Path(folder) / "market")
        store.import_bars(REAL, adjusted="splits")
        of_market(store, settings)
        peak_of_dataset(store.folder, home)
        backtests(five_years(Path(folder) / "years"), settings)
    worlds(asked.worlds)


if __name__ == "__main__":
    main()
