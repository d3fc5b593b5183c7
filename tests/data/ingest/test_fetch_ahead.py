"""Several questions at once: the same store as one by one, and no key leaves the process."""

from __future__ import annotations

import threading
from contextlib import closing, contextmanager
from datetime import timedelta

import pytest

import technic as tc
from support.vendors import SIMULATED, at_evening, massive, tape
from technic.data.ingest import fetch_ahead
from technic.data.ingest.fetch_ahead import asking_ahead
from technic.data.ingest.planning import Wish
from technic.data.ingest.sync import SyncRequest, plan_sync, sync
from technic.data.ingest.ways import Step
from technic.data.providers.source import Ask
from technic.data.simulated.plans import VendorPlan
from technic.data.simulated.server import serving
from technic.data.simulated.twin import Twin
from technic.errors import AccessError, ConfigError, ProviderError
from technic.runtime.executors import open_executor
from technic.runtime.settings import Setting, Settings


@pytest.fixture
def settings(tmp_path):
    given = {"home": str(tmp_path / "home"), "plan": "unlimited", "provider": "massive"}
    return Settings({name: Setting(name, value, "test") for name, value in given.items()})


@pytest.fixture
def served(monkeypatch):
    """A twin on the evening of its last session, and a client of its own for what is read."""
    twin = Twin(tape(), keys=("canary-key",))
    at_evening(twin, -1)
    with serving(twin) as at, massive(at.url) as source:
        monkeypatch.setenv("MASSIVE_API_KEY", "canary-key")
        monkeypatch.setenv("TECHNIC_MASSIVE__BASE_URL", at.url)
        yield twin, source


@contextmanager
def ahead(settings, url="threads:3", **options):
    with closing(open_executor(url)) as runner, asking_ahead(settings, runner, **options) as ask:
        yield ask


def days_of(twin, count):
    return [Step("massive", Ask("day", day, day), 1) for day in twin.tape.sessions[-count:]]


def test_answers_come_in_the_order_of_the_questions(settings, served):
    twin, source = served
    calls, steps = [], days_of(twin, 7)
    with ahead(settings, log=calls.append) as ask:
        found = ask(steps)
        more = ask(steps[:1])
    for step, pages in zip(steps, found, strict=True):
        table = source.read(step.ask, pages).table
        assert table["date"].unique().to_list() == [step.ask.first]
        assert pages == source.fetch(step.ask)
    assert more == found[:1]
    assert len(calls) == 8, "every call is told, once"
    assert {call.status for call in calls} == {200}
    assert not fetch_ahead._OPENED, "connections end with the block"


def test_a_sync_ahead_leaves_the_same_store(settings, served, tmp_path):
    twin, source = served
    held = []
    for name in ("one", "many"):
        store = tc.open_store(tmp_path / name)
        wish = Wish(twin.tape.sessions[20], twin.clock.now())
        with ahead(settings) as ask:
            request = SyncRequest({"massive": source}, wish, simulated=SIMULATED)
            several = ask if name == "many" else None
            done = sync(store, request, clock=twin.clock.now, ahead=several)
        assert not done.failed
        assert not plan_sync(store, SyncRequest({"massive": source}, wish)).steps
        keys = ["security_id", "session", "known_at"]
        held.append(store.table("bars").collect().drop("known_at").sort(keys[:2]))
    assert held[0].equals(held[1])
    assert held[0].height > 500


def test_each_thread_has_a_connection_of_its_own(settings, served, monkeypatch):
    twin, _ = served
    opened, connected = [], fetch_ahead.connect_vendors

    def counted(*arguments):
        opened.append(threading.get_ident())
        return connected(*arguments)

    monkeypatch.setattr(fetch_ahead, "connect_vendors", counted)
    with ahead(settings) as ask:
        ask(days_of(twin, 9))
    assert len(set(opened)) == len(opened) <= 3
    assert threading.get_ident() not in opened


def test_a_failure_is_an_answer_and_keeps_its_kind(settings, served):
    twin, source = served
    twin.plan = VendorPlan(history_days=3)
    old = twin.tape.sessions[-1] - timedelta(days=20)
    steps = [*days_of(twin, 1), Step("massive", Ask("day", old, old), 1)]
    with ahead(settings, "inline:") as ask:
        good, bad = ask(steps)
    assert good == source.fetch(steps[0].ask)
    assert isinstance(bad, AccessError)
    assert isinstance(bad, ProviderError)
    assert "canary-key" not in str(bad)


def test_processes_are_refused_since_keys_stay_here(settings):
    refused = pytest.raises(ConfigError, match="threads:4 instead of processes")
    with closing(open_executor("processes:1")) as runner, refused:
        with asking_ahead(settings, runner):
            pass
    assert not fetch_ahead._OPENED
