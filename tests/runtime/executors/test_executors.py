"""The contract of executors, and what becomes of parts whose workers are lost."""

from __future__ import annotations

import os
import signal
import threading
import time
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import psutil
import pytest

from support.cases import mostly_slow
from support.doubled import DOUBLED, NUMBERS, N, whole
from technic.errors import ConfigError, QuestionError, StoreError
from technic.runtime.executors import Work, open_executor, spans
from technic.runtime.executors.cluster import RayExecutor
from technic.runtime.executors.shared import place_of

EVERY = ["inline:", "threads:1", "threads:2", "processes:1", "processes:2", "processes:3"]


@pytest.fixture(autouse=True)
def importable(monkeypatch):
    """Workers find the module of works."""
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent), prepend=os.pathsep)
    monkeypatch.syspath_prepend(str(Path(__file__).parent))


@pytest.fixture(params=EVERY)
def executor(request):
    with closing(open_executor(request.param)) as made:
        yield made


@pytest.fixture
def processes():
    with closing(open_executor("processes:2")) as made:
        yield made


@pytest.mark.parametrize("size", [1, 7, 33, 100, 1000])
def test_every_executor_and_every_cut_gives_the_same_bytes_in_order(executor, size):
    found = whole(executor.map(DOUBLED, spans(N, size)))
    assert found.tobytes() == (2.0 * NUMBERS).tobytes()


def test_bytes_numbers_and_texts_come_back_as_they_were(executor):
    (done,) = executor.map(DOUBLED, [(3, 9)])
    assert done.answer["raw"] == (2.0 * NUMBERS[3:9]).tobytes()
    assert done.answer["first"] == 3


def test_nothing_to_do_is_no_error(executor):
    assert list(executor.map(DOUBLED, [])) == []


def test_parts_may_write_to_memory_that_was_given(executor):
    room = executor.room((N,))
    room[:] = np.nan
    assert len(list(executor.map(replace(DOUBLED, out=room), spans(N, 9)))) == 12
    np.testing.assert_array_equal(room, 2.0 * NUMBERS)


def test_progress_is_told_part_by_part(executor):
    told = []
    list(executor.map(DOUBLED, spans(N, 25), lambda done, of, _: told.append((done, of))))
    assert told == [(1, 4), (2, 4), (3, 4), (4, 4)]


@pytest.mark.parametrize("url", ["processes:2"])
def test_an_error_of_ours_comes_back_as_itself_any_other_with_its_name(url):
    work = Work("works:raising")
    with closing(open_executor(url)) as made:
        with pytest.raises(QuestionError, match="cannot be understood"):
            list(made.map(work, [(0, 1)]))
        with pytest.raises(StoreError, match="ZeroDivisionError: division by zero"):
            list(made.map(work, [(1, 2)]))
        assert len(whole(made.map(DOUBLED, spans(N, 50)))) == N  # and the workers live on


def test_a_mapped_file_is_named_not_copied(tmp_path, processes):
    NUMBERS.tofile(tmp_path / "numbers")
    mapped = np.asarray(np.memmap(tmp_path / "numbers", np.float64, "c"))
    place = place_of(mapped[10:])
    assert place == {"path": str(tmp_path / "numbers"), "offset": 80}
    work = replace(DOUBLED, arrays={"numbers": mapped[10:]})
    np.testing.assert_array_equal(whole(processes.map(work, spans(90, 30))), 2.0 * NUMBERS[10:])


@pytest.mark.parametrize("how", mostly_slow(["exit", "segfault"], daily=["segfault"]))
def test_a_position_that_always_crashes_is_named_and_all_others_come_back(processes, how):
    work = Work("works:crashing", {"bad": [37], "how": how}, {"numbers": NUMBERS})
    done = list(processes.map(work, spans(N, 50)))
    assert [(d.first, d.last) for d in done if d.answer is None] == [(37, 38)]
    assert ("code 7" if how == "exit" else "SIGSEGV") in next(d for d in done if d.lost).lost
    np.testing.assert_array_equal(whole(done), np.delete(2.0 * NUMBERS, 37))


@pytest.mark.parametrize("how", ["hang", "spin"])
def test_a_part_that_hangs_is_ended_at_its_deadline(processes, how):
    list(processes.map(DOUBLED, spans(N, 50)))  # the workers are there
    work = Work("works:crashing", {"bad": [5], "how": how}, {"numbers": NUMBERS}, patience=0.5)
    since = time.monotonic()
    done = list(processes.map(work, [(5, 6)]))
    assert "hung for 0.5 s" in done[0].lost
    assert time.monotonic() - since < 60.0  # it would have taken an hour


def test_a_part_that_takes_too_much_memory_is_ended(processes):
    work = Work("works:crashing", {"bad": [5], "how": "memory"}, {"numbers": NUMBERS},
                memory=200 << 20)  # fmt: skip
    done = list(processes.map(work, [(5, 6), (6, 7)]))
    assert "MB of 200" in done[0].lost
    assert done[1].answer is not None


def test_workers_killed_from_outside_lose_nothing(processes):
    stop = threading.Event()

    def killer():
        while not stop.wait(0.15):
            for pid in processes.pids()[:1]:
                os.kill(pid, signal.SIGKILL)

    thread = threading.Thread(target=killer)
    thread.start()
    try:
        work = Work("works:slow", {"seconds": 0.02}, {"numbers": NUMBERS})
        for _ in range(2):
            np.testing.assert_array_equal(whole(processes.map(work, spans(N, 5))), 2.0 * NUMBERS)
    finally:
        stop.set()
        thread.join()
    assert processes.lost > 0


def test_a_worker_that_never_starts_leaves_the_work_to_us(monkeypatch):
    from technic.runtime.executors.processes import ProcessExecutor

    with closing(ProcessExecutor(2, ("/nonexistent/python",))) as made:
        np.testing.assert_array_equal(whole(made.map(DOUBLED, spans(N, 50))), 2.0 * NUMBERS)


def test_guarded_work_never_runs_in_our_process(processes):
    work = replace(DOUBLED, guarded=True)
    assert all(d.answer["who"] != os.getpid() for d in processes.map(work, spans(N, 50)))
    for url in ("inline:", "threads:2"):
        with closing(open_executor(url)) as made, pytest.raises(ConfigError, match="of its own"):
            list(made.map(work, spans(N, 50)))


@pytest.mark.parametrize(("how", "bad"), [("exit", [37]), ("segfault", [33, 38])])
def test_a_cluster_leaves_guarded_work_to_processes_here(how, bad):
    """With their circuit, their numbered requests and their bound on memory; no cluster is asked."""
    work = Work("works:crashing", {"bad": bad, "how": how}, {"numbers": NUMBERS}, guarded=True)
    with closing(RayExecutor("127.0.0.1:1")) as made:
        done = list(made.map(work, [(32, 40), (40, 60)]))
        assert [d.first for d in done if d.answer is None] == bad
        assert made.current is None


def test_no_secret_reaches_a_worker(monkeypatch, processes):
    for name in ("MASSIVE_API_KEY", "DATABASE_URL", "TECHNIC_CACHE_SECRET", "APCA_API_SECRET_KEY"):
        monkeypatch.setenv(name, "canary")
    (done,) = processes.map(Work("works:environment"), [(0, 1)])
    assert not [n for n in done.answer["names"] if "KEY" in n or "SECRET" in n or "URL" in n]


def test_what_work_prints_does_not_come_between_our_lines(processes):
    work = replace(DOUBLED, name="works:chatty")
    np.testing.assert_array_equal(whole(processes.map(work, spans(N, 20))), 2.0 * NUMBERS)


def test_closing_ends_every_worker_and_leaves_no_file():
    made = open_executor("processes:2")
    list(made.map(replace(DOUBLED, out=made.room((N,))), spans(N, 10)))
    pids, folder = made.pids(), made._scratch.folder
    assert len(pids) == 2
    made.close()
    assert not any(psutil.pid_exists(pid) for pid in pids)
    assert not folder.exists()


def test_a_worker_whose_parent_was_killed_ends(tmp_path):
    program = (
        "import time, sys\n"
        "from technic.runtime.executors import open_executor, Work\n"
        "made = open_executor('processes:1')\n"
        "list(made.map(Work('works:environment'), [(0, 1)]))\n"
        "print(made.pids()[0], flush=True)\n"
        "time.sleep(60)\n"
    )
    import subprocess
    import sys

    parent = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    pid = int(parent.stdout.readline())
    parent.kill()
    parent.wait()
    parent.stdout.close()
    until = time.monotonic() + 10
    while psutil.pid_exists(pid) and psutil.Process(pid).status() != "zombie":
        assert time.monotonic() < until
        time.sleep(0.05)


@pytest.mark.parametrize("url", ["", "process", "threads:0", "threads:x", "inline:3", "dask://x"])
def test_an_executor_that_is_none_is_said_to_be_none(url):
    with pytest.raises(ConfigError, match=r"there are inline:, threads:N, processes:N"):
        open_executor(url)


def test_a_map_that_was_left_early_does_not_disturb_the_next(processes):
    work = Work("works:slow", {"seconds": 0.1}, {"numbers": NUMBERS})
    assert next(processes.map(work, spans(N, 5))).last == 5
    np.testing.assert_array_equal(whole(processes.map(DOUBLED, spans(N, 5))), 2.0 * NUMBERS)


def test_a_small_dev_shm_is_spilled_from(monkeypatch, tmp_path):
    from types import SimpleNamespace

    from technic.runtime.executors import shared

    small = SimpleNamespace(free=64 << 20)
    monkeypatch.setattr(shared.shutil, "disk_usage", lambda _: small)
    scratch = shared.Scratch()
    room = scratch.room((1000,))
    room[:] = 1.0
    assert scratch._spilled
    places, _ = scratch.describe({"room": room, "more": np.arange(5)})
    assert shared.open_arrays(places)["more"].tolist() == [0, 1, 2, 3, 4]
    spilled = list(scratch._spilled)
    scratch.close()
    assert not any(folder.exists() for folder in spilled)


def test_a_child_that_stops_speaking_is_ended():
    import sys

    from technic.runtime.executors.child import Child, ChildLostError

    program = "import os, time; os.close(1); time.sleep(60)"
    child = Child((sys.executable, "-c", program))
    with pytest.raises(ChildLostError, match="stopped speaking"):
        child.ask({}, 20.0)
    assert not child.alive


@pytest.mark.parametrize("how", ["wait", "go on", "raise"])
def test_work_that_forks_hands_nothing_to_the_next_part(processes, how):
    work = Work("works:forking", {"how": how}, {"numbers": NUMBERS})
    for _ in range(2):
        np.testing.assert_array_equal(whole(processes.map(work, spans(N, 7))), 2.0 * NUMBERS)
    np.testing.assert_array_equal(whole(processes.map(DOUBLED, spans(N, 7))), 2.0 * NUMBERS)
    assert processes.lost == 0


def test_an_answer_under_an_earlier_number_is_passed_over():
    """A second line for each part, as from somebody else who speaks for the worker."""
    work = Work("works:twice", {"off": -1}, {"numbers": NUMBERS})
    with closing(open_executor("processes:1")) as made:
        list(made.map(DOUBLED, [(0, 1)]))
        np.testing.assert_array_equal(whole(made.map(work, [(10, 15)])), 2.0 * NUMBERS[10:15])
        np.testing.assert_array_equal(whole(made.map(DOUBLED, spans(N, 7))), 2.0 * NUMBERS)


def test_an_answer_under_a_number_that_was_never_given_is_a_loss(processes):
    work = Work("works:twice", {"off": 5}, {"numbers": NUMBERS})
    (done,) = processes.map(work, [(10, 11)])
    assert done.lost == "every worker answered another question"


@pytest.mark.slow
def test_work_that_nothing_survives_is_given_up_instead_of_costing_hours(processes):
    work = Work("works:hopeless", {}, {"numbers": NUMBERS}, guarded=True)
    done = list(processes.map(work, spans(6500, 16)))
    assert done[-1].last == 6500
    assert all(d.answer is None for d in done)
    assert processes.lost < 60  # to find every position it would take 13,000
    assert done[-1].lost.startswith("given up after ")
    assert "code 7" in done[-1].lost
    np.testing.assert_array_equal(whole(processes.map(DOUBLED, spans(N, 7))), 2.0 * NUMBERS)


@pytest.mark.parametrize("said", ["[1, 2]", "3", "null", '"text"', "{}", '{"id": "1"}', "no JSON"])
def test_a_child_that_says_nonsense_is_ended(said):
    import sys

    from technic.runtime.executors.child import Child, ChildLostError

    program = f"import sys\nfor _ in sys.stdin:\n    print({said!r}, flush=True)"
    child = Child((sys.executable, "-c", program))
    with pytest.raises(ChildLostError, match=r"no JSON|no object|another question"):
        child.ask({}, 20.0)
    assert not child.alive
