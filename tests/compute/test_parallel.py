"""The same bytes wherever work runs: histories, files of features, spans of sessions, evidence."""

from __future__ import annotations

import os
import signal
import threading
from contextlib import closing
from hashlib import blake2b
from itertools import product

import numpy as np
import polars as pl
import pytest

import technic as tc
from technic.compute import parallel
from technic.compute.history import FeatureRequest, every_bar, store_features
from technic.compute.panel_series import PanelSeries
from technic.compute.parallel import spread
from technic.compute.parquet_export import write_features
from technic.data.simulated import simulate
from technic.errors import StoreError
from technic.indicators.define import every_series
from technic.indicators.kernel.program import compile_program
from technic.market.sessions import nyse
from technic.query.series import series_for
from technic.research.evaluation.evaluate import evaluate
from technic.runtime.executors import open_executor, spans
from technic.runtime.settings import Settings
from technic.scanner.scan_sessions import scan_sessions
from technic.scanner.spec.scan_file import ScanFile

EXECUTORS = ("inline:", "threads:1", "threads:2", "threads:3", "processes:1", "processes:2", "processes:3")  # fmt: skip
SIZES = (1, 2, 3, 5, 8, 13, 21, 1000)
TEXTS = ["rsi(14)", "sma(20)", "macd(12, 26, 9)", "obv"]


@pytest.fixture(scope="module")
def market():
    return simulate(seed=4, size=150, sessions=80)


@pytest.fixture(scope="module")
def store(market, tmp_path_factory):
    made = tc.open_store(tmp_path_factory.mktemp("spread") / "store")
    made.import_bars(market.bars, simulated=market.about)
    made.import_listings(market.listings)
    return made


@pytest.fixture(scope="module")
def executors():
    opened = {}

    def one(url):
        if url not in opened:
            opened[url] = open_executor(url)
        return opened[url]

    yield one
    for made in opened.values():
        made.close()


def digest(values):
    return blake2b(np.ascontiguousarray(values).tobytes()).hexdigest()


@pytest.fixture(scope="module")
def program_and_digest(store, kernels):
    program = compile_program(every_series(benchmark=False), every_bar=True)
    with closing(open_executor("inline:")) as runner:
        return program, digest(spread(program, store.panel().panel, kernels, runner))


@pytest.mark.parametrize(("url", "size"), list(product(EXECUTORS, SIZES)))
def test_every_executor_worker_count_and_chunk_gives_the_same_bytes(
    store, kernels, executors, program_and_digest, monkeypatch, url, size
):
    program, wanted = program_and_digest
    monkeypatch.setattr(parallel, "part_size", lambda *_: size)
    assert digest(spread(program, store.panel().panel, kernels, executors(url))) == wanted


def test_histories_of_split_symbols_are_the_same_everywhere(store, kernels, executors):
    view, (_, series) = store.panel(), series_for(TEXTS)
    wanted = digest(every_bar(PanelSeries(store, view, view.panel, tuple(series), kernels)))
    for url in ("inline:", "threads:2", "processes:2"):
        made = every_bar(
            PanelSeries(store, view, view.panel, tuple(series), kernels), executor=executors(url)
        )
        assert digest(made) == wanted
    assert store.table("actions").filter(pl.col("kind") == "split").collect().height > 0


def test_a_history_without_room_is_put_together_from_its_parts(store, kernels, monkeypatch):
    view, (_, series) = store.panel(), series_for(TEXTS)
    with closing(open_executor("inline:")) as runner:
        monkeypatch.setattr(runner, "room", lambda _shape: None, raising=False)
        monkeypatch.setattr(parallel, "part_size", lambda *_: 3)
        made = every_bar(
            PanelSeries(store, view, view.panel, tuple(series), kernels), executor=runner
        )
    assert digest(made) == digest(
        every_bar(PanelSeries(store, view, view.panel, tuple(series), kernels))
    )


def test_files_of_features_hold_what_the_frame_holds_and_are_the_same_everywhere(
    store, executors, tmp_path
):
    wanted = store_features(store, FeatureRequest(TEXTS)).sort("symbol", "session")
    seen = set()
    for url in ("inline:", "processes:2"):
        folder = tmp_path / url.strip(":")
        made = write_features(store, FeatureRequest(TEXTS), folder, executor=executors(url))
        table = pl.read_parquet(f"{folder}/**/*.parquet", hive_partitioning=False)
        assert table.sort("symbol", "session").equals(wanted)
        assert made.rows == wanted.height
        files = sorted(folder.rglob("*.parquet"))
        assert len(files) == made.files
        assert all(path.parent.name.startswith("year=") for path in files)
        seen.add(tuple((p.relative_to(folder).as_posix(), p.read_bytes()) for p in files))
    assert len(seen) == 1


def test_files_of_features_never_mix_with_others(store, tmp_path):
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "mine.txt").write_text("mine")
    with pytest.raises(StoreError, match="not empty"):
        write_features(store, FeatureRequest(["rsi(14)"]), tmp_path / "taken")
    assert [p.name for p in tmp_path.rglob("*")] == ["taken", "mine.txt"]


@pytest.mark.slow
def test_a_span_holds_what_a_scan_of_each_session_holds(store, executors):
    asked = ScanFile(where="close > sma(10)", rank="ret(20)", top=5, columns=("close", "rsi(7)"))
    version = store.version()
    first = nyse().day(nyse().ordinal(version.last) - 24)
    seals = set()
    for url in EXECUTORS:
        found = scan_sessions(store, first, file=asked, executor=executors(url))
        seals.add(found.seal)
        assert found.sessions.height == 25
    assert len(seals) == 1
    bare = Settings.load().uncached()
    for row in found.sessions.iter_rows(named=True):
        alone = tc.scan(store, file=asked, as_of=row["session"], settings=bare)
        assert row["seal"] == alone.manifest["seal"]
        mine = found.rows.filter(pl.col("session") == row["session"])
        assert mine["symbol"].to_list() == [r.symbol for r in alone.shown]
        assert mine["score"].to_list() == [r.score for r in alone.shown]


def test_a_span_outside_the_store_is_refused(store):
    with pytest.raises(StoreError, match="holds no session"):
        scan_sessions(store, nyse().day(10), nyse().day(20))


@pytest.mark.slow
def test_an_evaluation_is_the_same_everywhere(store, executors):
    columns = ["tech_rating", "ret(5)", "rsi(14)", "rsi(7)", "sma(5)", "sma(6)", "sma(7)", "sma(8)",
               "ema(5)", "ema(6)", "ema(7)", "ema(8)", "ema(9)", "atr(7)", "atr(9)"]  # fmt: skip
    found = [
        evaluate(store, columns, universe="", horizons=(1, 5), executor=runner).as_dict()
        for runner in (None, executors("inline:"), executors("threads:2"), executors("processes:2"))
    ]
    assert found[0].keys() == set(columns)
    assert all(one == found[0] for one in found[1:])


def test_workers_killed_while_they_write_lose_no_value(store, kernels, program_and_digest):
    program, wanted = program_and_digest
    stop = threading.Event()
    with closing(open_executor("processes:2")) as runner:

        def killer():
            while not stop.wait(0.02):
                for pid in runner.pids()[:1]:
                    os.kill(pid, signal.SIGKILL)

        thread = threading.Thread(target=killer)
        thread.start()
        try:
            made = spread(program, store.panel().panel, kernels, runner)
        finally:
            stop.set()
            thread.join()
    assert digest(made) == wanted


def test_a_worker_of_another_version_is_refused(store, kernels, monkeypatch, executors):
    program = compile_program(series_for(["rsi(14)"])[1], every_bar=True)
    monkeypatch.setattr(parallel, "kernel_digest", lambda: "another")
    with pytest.raises(StoreError, match="another version of technic"):
        spread(program, store.panel().panel, kernels, executors("processes:1"))


def test_spans_cover_everything_once():
    for count, size in product((0, 1, 7, 100), (1, 3, 200)):
        assert [k for a, b in spans(count, size) for k in range(a, b)] == list(range(count))
