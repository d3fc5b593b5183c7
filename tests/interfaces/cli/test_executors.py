"""The commands that run long work elsewhere, as a user runs them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import polars as pl
import psutil
import pytest

import technic as tc
from support.cases import mostly_slow
from support.commands import run_command
from technic.data.simulated import simulate
from technic.interfaces.render.bench import bench_page
from technic.market.sessions import nyse
from technic.operations.bench.comparing import compare

STOPPED = {130, -signal.SIGINT}  # a shell calls both 130
TECHNIC = [str(Path(sys.executable).parent / "technic")]


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    made = simulate(seed=4, size=300, sessions=160)
    store = tc.open_store(tmp_path_factory.mktemp("scale") / "store")
    store.import_bars(made.bars, simulated=made.about)
    store.import_listings(made.listings)
    return store


@pytest.fixture
def run(home, store):
    def go(*arguments, check=True):
        env = {k: v for k, v in os.environ.items() if not k.startswith("TECHNIC")}
        own = {**env, "TECHNIC_HOME": str(home), "NO_COLOR": "1"}
        done = run_command([*arguments, "--store", store.folder], own, home)
        assert "Traceback" not in done.stderr
        assert check is None or (done.returncode == 0) == check, done.stdout + done.stderr
        return done

    return go


def days(store, back):
    return str(nyse().day(nyse().ordinal(store.version().last) - back))


@pytest.mark.slow
def test_a_span_of_sessions_in_the_terminal_and_as_files(run, store, tmp_path):
    span = ("--from", days(store, 29), "--to", days(store, 2))
    said = run(
        "scan", "-e", "close > sma(20)", "--rank", "ret(20)", *span, "--executor", "processes:2"
    ).stdout
    assert "SIMULATED MARKET" in said
    assert "28 sessions" in said
    assert "The last 20 of 28" in said
    found = json.loads(
        run("scan", "-e", "close > sma(20)", "--rank", "ret(20)", *span, "--format", "json").stdout
    )
    assert len(found["sessions"]) == 28
    assert found["seal"][:12] in said
    for form in ("csv", "parquet"):
        out = tmp_path / f"span.{form}"
        run(
            "scan",
            "-e",
            "close > sma(20)",
            "--rank",
            "ret(20)",
            *span,
            "--format",
            form,
            "--out",
            str(out),
        )
        table = pl.read_csv(out) if form == "csv" else pl.read_parquet(out)
        assert table.height == len(found["rows"])
        assert set(table["simulated"]) == {"SIMULATED"}
    assert (
        "of many sessions there are" in run("scan", *span, "--format", "html", check=False).stderr
    )
    assert "stand alone" in run("scan", *span, "--as-of", days(store, 5), check=False).stderr


def test_features_as_a_folder_of_files(run, store, tmp_path):
    said = run("features", "rsi(14)", "macd", "--out", str(tmp_path / "features"))
    assert "4 features" in said.stderr
    table = pl.scan_parquet(tmp_path / "features", hive_partitioning=True).collect()
    assert {"symbol", "session", "rsi(14)", "year"} <= set(table.columns)
    again = run("features", "rsi(14)", "--out", str(tmp_path / "features"), check=False)
    assert "is not empty" in again.stderr


@pytest.mark.slow
def test_an_evaluation_elsewhere_says_the_same(run):
    here = run("evaluate", "ret(5)", "rsi(14)", "--universe", "all", "--json").stdout
    there = run("evaluate", "ret(5)", "rsi(14)", "--universe", "all", "--json", "--executor", "processes:2")  # fmt: skip
    assert json.loads(here) == json.loads(there.stdout)


def until_at_work(running: subprocess.Popen[bytes]) -> None:
    """Wait until a scan has mapped its panel: before, it only imports, for as long as that takes."""
    while running.poll() is None:
        with suppress(psutil.AccessDenied, psutil.NoSuchProcess):
            maps = psutil.Process(running.pid).memory_maps()
            if any(part.path.endswith(".f64") for part in maps):
                return
        time.sleep(0.01)


INTERRUPTED = """
import signal, sys
class Finder:
    def find_spec(self, name, path=None, target=None):
        if name == {name!r}:
            signal.raise_signal(signal.SIGINT)
sys.meta_path.insert(0, Finder())
sys.argv = ["technic", "scan", "--from", "2026-01-02"]
from technic.__main__ import main
main()
"""


@pytest.mark.parametrize("name", ["typer", "technic.interfaces.cli", "polars", "numpy"])
def test_ctrl_c_while_commands_are_imported_ends_in_one_line(home, store, name):
    env = {**os.environ, "TECHNIC_HOME": str(home), "TECHNIC_STORE": str(store.folder)}
    code = INTERRUPTED.format(name=name)
    done = subprocess.run(
        [sys.executable, "-c", code], env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode in STOPPED
    assert done.stderr.strip() == "technic: stopped; what was stored is safe"


@pytest.mark.parametrize(
    "executor", mostly_slow(["processes:2", "threads:2", "inline:"], daily=["threads:2"])
)
def test_ctrl_c_ends_long_work_and_everything_it_started(home, store, executor):
    env = {**os.environ, "TECHNIC_HOME": str(home), "NO_COLOR": "1"}
    command = [*TECHNIC, "scan", "--from", days(store, 150), "--executor", executor, "--columns",
               "rsi(14)", "--store", str(store.folder)]  # fmt: skip
    running = subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    until_at_work(running)
    family = []
    with suppress(psutil.NoSuchProcess):
        family = psutil.Process(running.pid).children(recursive=True)
    running.send_signal(signal.SIGINT)
    since = time.monotonic()
    said = running.communicate(timeout=30)[1].decode()
    if running.returncode != 0:  # a quick machine may be done before
        assert running.returncode in STOPPED
        assert "stopped; what was stored is safe" in said
    assert time.monotonic() - since < 20  # two seconds are asked of a quiet machine
    _, alive = psutil.wait_procs(family, timeout=5)
    assert [p for p in alive if p.is_running() and p.status() != "zombie"] == []


@pytest.mark.slow
@pytest.mark.timeout(1500)
def test_the_bench_measures_everything_and_can_be_compared(run, tmp_path):
    page = tmp_path / "bench.html"
    done = run("bench", "--json", "--runs", "1", "--out", str(page), check=None)
    found = json.loads(done.stdout)
    names = [check["name"] for check in found["checks"]]
    assert len(names) == 12
    assert {"name", "holds", "figure", "target", "value"} == set(found["checks"][0])
    # Speed is not asserted; what must be right must be right.
    right = {"universe filtering", "error handling", "cache invalidation", "call reduction",
             "result quality", "cache server optional", "consistency"}  # fmt: skip
    assert all(check["holds"] for check in found["checks"] if check["name"] in right)
    old = found["baseline"]
    assert old["equal"], old["verdict"]
    assert old["B0"]["us_per_symbol"] > 50 * old["ours_us_per_symbol"]
    assert len(found["targets"]) == 11
    assert {"what", "hoped", "measured", "holds"} == set(found["targets"][0])
    assert [rung["symbols"] for rung in found["ladder"]] == [50, 100, 500, 2648, 5277, 11000]
    assert all(rung["errors"] == 0 and rung["off_reference"] == 0 for rung in found["ladder"])
    assert len(found["levers"]) == 12
    assert all(row["equal"] for row in [*found["pools"], *found["filters"]])
    assert "<svg" in page.read_text()


def rung(**figures):
    return {"symbols": 100, "cold_s": 0.4, "warm_ms": 0.5, "fresh_ms": 8.0, "incremental_ms": 12.0,
            "peak_mb": 160, **figures}  # fmt: skip


def test_only_what_is_slower_beyond_the_noise_is_a_regression():
    figure = {
        "what": "scan",
        "unit": "ms",
        "median": 20.0,
        "minimum": 19.0,
        "maximum": 29.0,
        "runs": 5,
    }
    old = {"ladder": [rung()], "figures": [figure]}
    new = {"ladder": [rung(fresh_ms=30.0, warm_ms=0.9)], "figures": [{**figure, "median": 26.0}]}
    worse = [row["what"] for row in compare(old, new) if row["regression"]]
    assert worse == ["100 symbols, fresh_ms"]  # the cached one is below what can be told
    assert not any(row["regression"] for row in compare(new, old))


def test_the_page_of_a_bench_escapes_what_it_is_told():
    found = {
        "about": {"market": "<script>", "symbols": 1, "version": "1", "at": "now", "system": "s",
                  "cores": 2, "python": "3"},
        "ladder": [rung(us_per_symbol=1.0)], "checks": [], "targets": [], "filters": [],
        "levers": [{"lever": "<b>: x", "symbols": 1, "with_ms": 1.0, "without_ms": 1.0, "lost_s": 0.1}],
        "pools": [{"executor": "inline:", "symbols": 1, "ms": 1.0, "equal": True}],
        "baseline": None, "speedup": None, "others_cpu_pct": [0.0, 0.0],
    }  # fmt: skip
    page = bench_page(found)
    assert "<script>" not in page
    assert "<b>" not in page
