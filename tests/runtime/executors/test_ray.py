"""Ray as an executor: a real one, started here, on loopback."""

from __future__ import annotations

import os
import signal
import time
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from support.doubled import DOUBLED, NUMBERS, N, whole
from technic.errors import ConfigError, QuestionError
from technic.runtime.executors import Work, open_executor, spans

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(300),
    pytest.mark.xdist_group("ray"),  # one cluster of this machine at a time
]


@pytest.fixture(scope="module")
def paths():
    """Ray's workers find the module of works."""
    patch = pytest.MonkeyPatch()
    patch.setenv("PYTHONPATH", str(Path(__file__).parent))
    patch.syspath_prepend(str(Path(__file__).parent))
    yield
    patch.undo()


@pytest.fixture(scope="module")
def ray(paths):
    with closing(open_executor("ray://local")) as made:
        yield made


def family(executor):
    """The driver and everything it started."""
    driver = psutil.Process(executor.driver().pid)
    return [driver, *driver.children(recursive=True)]


def asked(process, what, otherwise):
    """What a process says of itself; some of Ray's end at any moment."""
    try:
        return what(process)
    except psutil.Error:
        return otherwise


@pytest.mark.parametrize("size", [1, 33, 1000])
def test_ray_gives_the_same_bytes_in_order(ray, size):
    assert whole(ray.map(DOUBLED, spans(N, size))).tobytes() == (2.0 * NUMBERS).tobytes()


def test_an_error_of_ours_comes_back_as_itself(ray):
    with pytest.raises(QuestionError, match="cannot be understood"):
        list(ray.map(Work("works:raising"), [(0, 1)]))


def test_a_position_that_always_crashes_is_named(ray):
    work = Work("works:crashing", {"bad": [37], "how": "exit"}, {"numbers": NUMBERS})
    done = list(ray.map(work, [(32, 40), (40, 60)]))
    assert [(d.first, d.last) for d in done if d.answer is None] == [(37, 38)]


def test_a_part_that_hangs_is_cancelled(ray):
    work = Work("works:crashing", {"bad": [5], "how": "hang"}, {"numbers": NUMBERS}, patience=8.0)
    done = list(ray.map(work, [(5, 6), (6, 7)]))
    assert "hung" in done[0].lost
    assert done[1].answer is not None


def test_it_listens_on_loopback_alone_and_has_no_dashboard(ray):
    list(ray.map(DOUBLED, spans(N, 50)))
    places = [
        c.laddr.ip for process in family(ray)
        for c in asked(process, lambda p: p.net_connections("inet"), [])
        if c.status == psutil.CONN_LISTEN
    ]  # fmt: skip
    assert places
    assert {ip.removeprefix("::ffff:") for ip in places} == {"127.0.0.1"}, places
    commands = [asked(process, lambda p: p.cmdline(), []) for process in family(ray)]
    dashboards = [command for command in commands if "dashboard.py" in " ".join(command)]
    assert all("--disable-frontend" in command for command in dashboards), dashboards


def test_no_secret_of_the_user_reaches_a_task(paths, monkeypatch):
    monkeypatch.setenv("MASSIVE_API_KEY", "canary")
    with closing(open_executor("ray://local")) as made:
        (done,) = made.map(Work("works:environment"), [(0, 1)])
    assert "MASSIVE_API_KEY" not in done.answer["names"]


@pytest.mark.parametrize("victim", ["raylet", "gcs_server"])
def test_a_cluster_that_is_lost_ends_in_a_finish_here(paths, victim):
    work = Work("works:slow", {"seconds": 0.1}, {"numbers": NUMBERS})
    with closing(open_executor("ray://local")) as made:
        done = made.map(work, spans(N, 5))
        first = next(done)
        for process in family(made):
            if victim in asked(process, lambda p: p.name(), ""):
                os.kill(process.pid, signal.SIGKILL)
        since = time.monotonic()
        rest = list(done)
        assert time.monotonic() - since < 60.0
        assert whole([first, *rest]).tobytes() == (2.0 * NUMBERS).tobytes()


def test_workers_killed_from_outside_lose_nothing(ray):
    work = Work("works:slow", {"seconds": 0.05}, {"numbers": NUMBERS})
    done = ray.map(work, spans(N, 4))
    found = [next(done)]
    killed = 0
    for process in family(ray):
        if asked(process, lambda p: p.name(), "").startswith(("ray::_part", "ray::IDLE")):
            os.kill(process.pid, signal.SIGKILL)
            killed += 1
    assert killed
    found += list(done)
    assert whole(found).tobytes() == (2.0 * NUMBERS).tobytes()


def test_a_cluster_without_a_token_is_refused(monkeypatch):
    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")
    with pytest.raises(ConfigError, match="RAY_AUTH_MODE"):
        open_executor("ray://local")


def test_closing_ends_everything_that_was_started(paths):
    made = open_executor("ray://local")
    list(made.map(replace(DOUBLED), spans(N, 50)))
    started = family(made)
    made.close()
    _, alive = psutil.wait_procs(started, timeout=15)
    assert [p for p in alive if p.status() != "zombie"] == []
