"""Work that is held to a deadline ends at its next look, in whatever thread it runs."""

from __future__ import annotations

import threading
from time import sleep

import numpy as np
import pytest

from support.panels import walk
from technic.compute import stretches
from technic.data.ingest import FileStore
from technic.data.simulated import simulate
from technic.errors import StoppedError
from technic.indicators.kernel.program import compile_program
from technic.indicators.kernel.run import advance
from technic.query.series import series_for
from technic.research.backtest.run import backtest
from technic.research.evaluation.evaluate import evaluate
from technic.runtime.deadline import Deadline, carried, check, held_to
from technic.runtime.executors.local import InlineExecutor, ThreadExecutor
from technic.runtime.executors.protocol import Work
from technic.runtime.settings import Settings
from technic.scanner.scan import scan
from technic.scanner.scan_sessions import scan_sessions
from technic.scanner.spec.scan_file import ScanFile


def test_without_a_deadline_everything_goes_on():
    check()


def test_work_stops_when_its_time_is_up_and_says_what_to_do():
    with held_to(Deadline(0.01, "begin a job")):
        sleep(0.02)
        with pytest.raises(StoppedError, match=r"stopped after 0 s.*; begin a job"):
            check()
    check()  # outside nothing is held


def test_work_stops_when_it_is_called_off_from_another_thread():
    deadline = Deadline()
    threading.Timer(0.05, deadline.cancel).start()
    with held_to(deadline), pytest.raises(StoppedError, match="nobody wants it any more"):
        while True:
            check()
            sleep(0.001)


@pytest.mark.parametrize("executor", [InlineExecutor(), ThreadExecutor(2)])
def test_executors_in_this_process_look_before_every_part(executor):
    deadline = Deadline()
    deadline.cancel()
    work = Work("runtime.test_deadline:never")
    with held_to(deadline), pytest.raises(StoppedError):
        list(executor.map(work, [(0, 1), (1, 2)]))
    executor.close()


def test_a_function_carries_the_deadline_into_another_thread():
    deadline, raised = Deadline(), []

    def work():
        try:
            check()
        except StoppedError as error:
            raised.append(error)

    with held_to(deadline):
        held = carried(work)
    deadline.cancel()
    for target in (held, work):  # the second is held to nothing
        thread = threading.Thread(target=target)
        thread.start()
        thread.join()
    assert len(raised) == 1


@pytest.mark.parametrize("seed", range(4))
def test_cutting_a_run_into_stretches_changes_no_bit(kernels, monkeypatch, seed):
    panel = walk(seed=seed)
    _, series = series_for(["rsi(14)", "ema(20)", "sma(50)", "atr(14)", "obv"])
    program = compile_program(tuple(series))
    whole = advance(program, panel, kernels)
    monkeypatch.setattr(stretches, "SECONDS", 1e-9)
    with held_to(Deadline(60)):
        cut = stretches.advance_last_bars(program, panel, kernels)
    assert np.array_equal(cut.values.view(np.uint64), whole.values.view(np.uint64))
    assert np.array_equal(cut.state.view(np.uint64), whole.state.view(np.uint64))


def test_a_run_is_stopped_between_two_stretches(kernels, monkeypatch):
    deadline, done = Deadline(), []
    run = stretches.advance

    def counted(*arguments, **options):
        done.append(1)
        deadline.cancel()
        return run(*arguments, **options)

    monkeypatch.setattr(stretches, "advance", counted)
    monkeypatch.setattr(stretches, "SECONDS", 1e-9)
    program = compile_program(tuple(series_for(["rsi(14)"])[1]))
    with held_to(deadline), pytest.raises(StoppedError):
        stretches.advance_last_bars(program, walk(), kernels)
    assert done == [1]


@pytest.fixture(scope="module")
def store(tmp_path_factory, kernels):
    market = simulate(seed=4, size=40, sessions=150)
    made = FileStore(tmp_path_factory.mktemp("deadline") / "store")
    made.import_bars(market.bars, simulated=market.about)
    return made


FILE = ScanFile(name="t", rank="ret(5)")


@pytest.mark.parametrize(
    "work",
    [
        lambda store: scan(store, file=FILE, settings=Settings.load().uncached()),
        lambda store: scan_sessions(store, store.require().first, file=FILE),
        lambda store: backtest(store, FILE),
        lambda store: evaluate(store, ["ret(5)"], universe=""),
    ],
    ids=["scan", "sessions", "backtest", "evaluate"],
)
def test_whatever_takes_long_looks_at_its_deadline(store, work):
    """Called off while it runs, each ends long before it would have, and leaves no trace."""
    runs = len(store.catalog.runs())
    deadline = Deadline()
    with held_to(deadline), pytest.raises(StoppedError):
        deadline.cancel()
        work(store)
    assert len(store.catalog.runs()) == runs
