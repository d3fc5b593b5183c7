"""Which vendors a user has chosen, how fast each may be asked, and what the store should hold."""

from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace

import pytest

from technic.data.ingest.vendors import (
    Vendors,
    chosen_vendors,
    connect_edgar,
    connect_vendors,
    import_extra,
    open_stream,
    pace_of,
    wish_of,
)
from technic.errors import AccessError, ConfigError
from technic.market.sessions import nyse
from technic.runtime.settings import Setting, Settings

NOW = datetime(2026, 11, 20, 23, tzinfo=UTC)
KEYS = ("MASSIVE_API_KEY", "POLYGON_API_KEY", "APCA_API_KEY_ID", "APCA_API_SECRET_KEY",
        "MASSIVE_S3_ACCESS_KEY", "MASSIVE_S3_SECRET_KEY")  # fmt: skip


@pytest.fixture(autouse=True)
def no_keys(monkeypatch):
    for name in KEYS:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(f"{name}_FILE", raising=False)


@pytest.fixture
def settings(tmp_path):
    def made(**values):
        given = {"home": str(tmp_path), **values}
        return Settings({name: Setting(name, value, "test") for name, value in given.items()})

    return made


def test_those_are_asked_that_are_set_else_those_whose_key_is_there(settings, monkeypatch):
    assert chosen_vendors(settings(provider="alpaca, massive")) == ["alpaca", "massive"]
    with pytest.raises(ConfigError, match="technic simulate serve"):
        chosen_vendors(settings())
    monkeypatch.setenv("POLYGON_API_KEY", "k")
    assert chosen_vendors(settings()) == ["massive"]


@pytest.mark.parametrize("name", ["yahoo", "files", "nobody"])
def test_a_vendor_that_no_sync_asks_is_refused_by_name(settings, name):
    with pytest.raises(ConfigError, match=f"provider {name}: a sync asks massive and alpaca"):
        chosen_vendors(settings(provider=f"massive,{name}"))


@pytest.mark.parametrize(
    ("plan", "real", "calls", "period"),
    [
        ("", True, 4, 60.0),  # the free plan, less one for the user
        ("", False, 0, 60.0),  # another address is asked without limit
        ("starter", True, 79, 1.0),
        ("100/10", True, 99, 10.0),
        ("1/60", True, 1, 60.0),
        ("unheard of", True, 4, 60.0),
    ],
)
def test_a_pace_leaves_a_little_for_the_user(settings, plan, real, calls, period):
    made = settings(plan=plan) if plan else settings()
    pace = pace_of("massive", made, real=real)
    assert (pace.calls, pace.period) == (calls, period)


def test_a_wish_counts_sessions_and_reaches_no_further_than_the_plan(settings):
    held = settings(provider="massive", history="10")
    newest = nyse().ordinal(nyse().day(nyse().last_finished(NOW)))
    assert wish_of(held, NOW).first == nyse().day(newest - 9)
    assert wish_of(held, NOW).symbols is None
    assert wish_of(held, NOW, "b, a,,b", 3).symbols == ("A", "B")
    assert wish_of(held, NOW, history=3).first == nyse().day(newest - 2)
    assert wish_of(settings(provider="massive", universe="X,Y"), NOW).symbols == ("X", "Y")
    far = wish_of(settings(provider="massive", plan="basic"), NOW, history=5_000)
    assert (NOW.date() - far.first).days == 729, "two years, today included"
    further = wish_of(settings(provider="massive", plan="advanced"), NOW, history=5_000)
    assert further.first < far.first


def test_a_missing_key_is_said_with_where_to_put_it(settings):
    for name, variable in (("massive", "MASSIVE_API_KEY"), ("alpaca", "APCA_API_KEY_ID")):
        with (
            pytest.raises(ConfigError, match=f"{name}: no key; set {variable}"),
            connect_vendors(settings(provider=name)),
        ):
            pass
    with pytest.raises(ConfigError, match="massive: no key; set MASSIVE_API_KEY"):
        open_stream(settings(), None)
    with pytest.raises(AccessError, match="TECHNIC_EDGAR_CONTACT"), connect_edgar(settings()):
        pass


def test_vendors_are_connected_with_their_keys_in_the_order_that_was_set(settings, monkeypatch):
    monkeypatch.setenv("MASSIVE_API_KEY", "k")
    monkeypatch.setenv("APCA_API_KEY_ID", "k")
    monkeypatch.setenv("APCA_API_SECRET_KEY", "s")
    with connect_vendors(settings(provider="alpaca,massive")) as vendors:
        assert list(vendors.sources_of()) == ["alpaca", "massive"]
        assert not vendors.foreign
        assert vendors.simulated is None, "nobody has been asked yet"
        assert vendors.snapshot_source().about.name == "massive"
        assert abs((vendors.now() - datetime.now(UTC)).total_seconds()) < 60
        assert abs((vendors.clock()() - datetime.now(UTC)).total_seconds()) < 60
    monkeypatch.setenv("TECHNIC_ALPACA__BASE_URL", "http://127.0.0.1:1")
    with connect_vendors(settings(provider="alpaca")) as vendors:
        assert vendors.foreign
        assert vendors.paces["alpaca"].calls == 0
        with pytest.raises(ConfigError, match="alpaca: has no snapshot of the whole market"):
            vendors.snapshot_source()


def test_edgar_is_asked_in_the_users_name(settings):
    with connect_edgar(settings(edgar_contact="Ann Other ann@example.com")) as edgar:
        assert edgar is not None


def test_a_market_is_simulated_if_one_answer_said_so():
    real, twin = SimpleNamespace(simulated=False), SimpleNamespace(simulated=True)
    assert Vendors({"a": real}, {}, foreign=True).simulated is None
    assert Vendors({"a": real, "b": twin}, {}, foreign=True).simulated == {"vendor": "the twin"}


def test_what_is_not_installed_is_said_with_how_to_install_it():
    with pytest.raises(ConfigError, match="nonesuch"):
        import_extra("nonesuch")
