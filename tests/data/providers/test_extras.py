"""What optional dependencies bring: files from an S3-like store, rows in Yahoo's shape."""

from __future__ import annotations

import sys
from datetime import UTC, date, datetime, timedelta
from importlib import import_module

import polars as pl
import pytest

import technic as tc
from support.vendors import SIMULATED, at_evening, massive, tape
from technic.data.ingest.beginnings import PROOF
from technic.data.ingest.planning import Wish
from technic.data.ingest.sync import SyncRequest, plan_sync, sync
from technic.data.ingest.vendors import import_extra
from technic.data.providers.flatfiles import FlatFiles
from technic.data.providers.source import Ask
from technic.data.simulated.publications import evening
from technic.data.simulated.server import serving
from technic.data.simulated.tape import record
from technic.data.simulated.twin import Twin
from technic.errors import ConfigError, ProviderError
from technic.market.sessions import nyse


def test_files_hold_the_same_days_as_the_api():
    twin = Twin(tape())
    with serving(twin) as served, massive(served.url) as rest:
        files = FlatFiles(served.url, "access", "secret")
        ask = Ask("day", twin.tape.sessions[-3], twin.tape.sessions[-3])
        a = files.read(ask, files.fetch(ask)).table.sort("symbol")
        b = rest.read(ask, rest.fetch(ask)).table.sort("symbol")
        assert a.drop("vwap").equals(b.drop("vwap"))
        ahead = datetime.now(UTC).date() + timedelta(days=400)
        with pytest.raises(ProviderError, match="day after"):
            files.fetch(Ask("day", ahead, ahead))


def test_an_old_file_that_is_not_there_has_no_bars_and_history_begins_behind_it(tmp_path):
    market = record(3, 30, 12, last=date(2024, 6, 28))
    store = tc.open_store(tmp_path / "store")
    before = nyse().day(nyse().ordinal(market.sessions[0]) - 40)
    now = evening(market.sessions[-1]) + timedelta(days=2)
    with serving(Twin(market, clock=now)) as served:
        calls = []
        files = FlatFiles(served.url, "a", "b", calls.append)
        ask = Ask("day", before, before)
        assert files.read(ask, files.fetch(ask)).table.is_empty()
        calls.clear()
        request = SyncRequest({"flatfiles": files}, Wish(before, now), simulated=SIMULATED)
        done = sync(store, request, clock=lambda: now)
        assert not done.failed
        assert len(calls) == 12 + PROOF
        assert done.spared == 40 - PROOF
        assert not plan_sync(store, request).steps
    assert set(store.table("bars").collect()["session"]) == set(market.sessions)


def test_files_fill_the_past_and_the_api_the_last_day(tmp_path):
    twin = Twin(tape())
    store = tc.open_store(tmp_path / "store")
    with serving(twin) as served, massive(served.url) as rest:
        now = at_evening(twin, 30)
        sources = {"massive": rest, "flatfiles": FlatFiles(served.url, "a", "b")}
        from technic.data.providers.source import Pace

        paces = {"massive": Pace(5, 60.0)}
        wish = Wish(twin.tape.sessions[8], now)
        plan = plan_sync(store, SyncRequest(sources, wish, paces))
        assert plan.options[0].title.startswith("flatfiles: 22 files + 1 day from massive")
        done = sync(
            store, SyncRequest(sources, wish, paces=paces, simulated=SIMULATED), clock=lambda: now
        )
    assert not done.failed
    assert store.table("bars").collect()["session"].n_unique() == 23


def test_rows_in_yahoos_shape():
    pd = import_module("pandas")
    from technic.data.providers.yahoo import as_rows

    index = pd.DatetimeIndex(["2024-03-07", "2024-03-08"], tz="America/New_York", name="Date")
    columns = ("Open", "High", "Low", "Close", "Adj Close", "Volume", "Dividends", "Stock Splits")
    frame = pd.DataFrame({name: [1.0, 2.0] for name in columns}, index=index)
    rows = as_rows("NA", frame)
    assert rows["date"].to_list() == [date(2024, 3, 7), date(2024, 3, 7) + timedelta(days=1)]
    assert rows["symbol"].to_list() == ["NA", "NA"]
    assert rows.schema["volume"] == pl.Float64


def test_what_is_not_installed_says_how_to_install_it():
    with pytest.raises(ConfigError, match=r"'\.\[nosuch\]'"):
        import_extra("nosuch")


def test_a_port_with_401_in_it_is_no_refusal():
    from technic.data.providers.flatfiles import is_refusal

    assert is_refusal("the server said: 401 Unauthorized")
    assert is_refusal("status 403, path x")
    assert not is_refusal(
        "GET http://127.0.0.1:40157/us_stocks_sip/2014/01/x.csv.gz: 404 Not Found"
    )
    assert not is_refusal("http://127.0.0.1:54031 closed")


def test_without_its_extra_yahoo_says_what_to_install(monkeypatch):
    from technic.data.providers.yahoo import download

    monkeypatch.setitem(sys.modules, "yfinance", None)
    with pytest.raises(ConfigError, match=r"yahoo: yfinance is not installed: .*\[yahoo\]"):
        download(["AAPL"], date(2026, 1, 5), date(2026, 1, 6))
