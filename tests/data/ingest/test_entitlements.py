"""What a key allows: found by asking a vendor that knows where its plan ends."""

from __future__ import annotations

import json
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest

from support.vendors import tape
from technic.data.ingest.entitlements import probe_vendor, stored_verdict
from technic.data.simulated.plans import VendorPlan
from technic.data.simulated.server import serving
from technic.data.simulated.twin import Twin
from technic.runtime.settings import Setting, Settings


@pytest.fixture
def settings(tmp_path, monkeypatch):
    for name in ("MASSIVE_API_KEY", "POLYGON_API_KEY", "TECHNIC_MASSIVE__API_KEY"):
        monkeypatch.delenv(name, raising=False)
    given = {"home": str(tmp_path), "plan": "unlimited"}
    return Settings({name: Setting(name, value, "test") for name, value in given.items()})


@pytest.fixture
def limited(monkeypatch):
    """Serves a twin whose plan reaches so many days back; it knows one key, we ask with another."""

    @contextmanager
    def made(days, key="canary-key"):
        twin = Twin(tape(), keys=("canary-key",))
        twin.plan = VendorPlan(history_days=days)
        with serving(twin) as served:
            monkeypatch.setenv("MASSIVE_API_KEY", key)
            monkeypatch.setenv("TECHNIC_MASSIVE__BASE_URL", served.url)
            yield twin

    return made


def test_without_asking_only_what_is_known_is_said(settings, monkeypatch):
    assert stored_verdict("files", settings) == stored_verdict("yahoo", settings) == "needs no key"
    assert stored_verdict("edgar", settings) == "not set up"
    assert stored_verdict("massive", settings) == probe_vendor("massive", settings) == "no key"
    monkeypatch.setenv("POLYGON_API_KEY", "canary-key")
    assert stored_verdict("massive", settings) == "key from POLYGON_API_KEY; see --probe"
    assert not settings.state.exists(), "nothing is written by looking"


@pytest.mark.parametrize(
    ("days", "says"),
    [
        (400, "history of 1 years, not of 2"),
        (2 * 366, "history of 2 years, not of 5"),
        (6 * 366, "history of 5 years, not of 10"),
        (None, "history of 10 years or more"),
    ],
)
def test_the_years_of_a_plan_are_found(settings, limited, days, says):
    with limited(days) as twin:
        assert probe_vendor("massive", settings) == says
        count = len(twin.requests)
        assert probe_vendor("massive", settings) == says
        assert len(twin.requests) == count, "asked once a day"
    assert stored_verdict("massive", settings) == says


def test_a_key_that_is_refused_says_so(settings, limited):
    with limited(400, key="another-key"):
        says = probe_vendor("massive", settings)
    assert "history" not in says
    assert "key" in says
    assert "another-key" not in says + (settings.state / "allowed.json").read_text()


def test_a_verdict_is_kept_for_a_day_and_a_spoilt_file_is_none(settings, monkeypatch):
    monkeypatch.setenv("MASSIVE_API_KEY", "canary-key")
    path = settings.state / "allowed.json"
    path.parent.mkdir(parents=True)
    for hours, says in ((23, "history of 7 years, not of 8"), (25, "key from MASSIVE_API_KEY")):
        then = datetime.now(UTC) - timedelta(hours=hours)
        held = {"massive": {"says": "history of 7 years, not of 8", "at": then.isoformat()}}
        path.write_text(json.dumps(held))
        assert stored_verdict("massive", settings).startswith(says)
    for spoilt in ("", "[]", '{"massive": 3}', '{"massive": {"at": "yesterday"}}'):
        path.write_text(spoilt)
        assert stored_verdict("massive", settings) == "key from MASSIVE_API_KEY; see --probe"
