"""Listings in a store: every line kept or set aside, matched with bars, and of the right time."""

from __future__ import annotations

from datetime import date

import polars as pl
import pytest

import technic as tc
from technic.errors import SchemaError
from technic.market.sessions import nyse


def bars(symbol, first, sessions=30, price=10.0):
    start = nyse().next_from(date.fromisoformat(first))
    days = [nyse().day(start + k) for k in range(sessions)]
    table = pl.DataFrame({"symbol": [symbol] * sessions, "date": days})
    prices = dict.fromkeys(("open", "high", "low", "close"), pl.lit(price))
    return table.with_columns(**prices, volume=pl.lit(1e6))


@pytest.fixture
def store(tmp_path):
    store = tc.open_store(tmp_path / "store")
    store.import_bars(
        pl.concat([bars(s, "2023-10-02") for s in ("BRK-B", "BF.B", "ACME", "ZVZZT")])
    )
    return store


def names(store, **more):
    report = tc.scan(store, universe="all", rank="close", **more)
    return {row.symbol: row.name for row in report.shown}


def test_lines_are_kept_or_set_aside_with_a_reason(store):
    lines = [
        ("BRK.B", "Berk B"), ("BF/B", "Brown B"), ("ABR$D", "Arbor Preferred"), ("AACT=", "Units"),
        ("ACME", "Acme"), ("ACME", "Acme"), ("acme", "Another"), ("A|B", "no symbol"), (None, "?"),
    ]  # fmt: skip
    taken = store.import_listings(pl.DataFrame(lines, schema=["symbol", "name"], orient="row"))
    assert taken.lines == taken.rows + sum(taken.set_aside.values()) == 9
    assert taken.rows == 5
    assert taken.set_aside == {
        "no symbol": 1,
        "no symbol of any exchange": 1,
        "stands there twice": 1,
        "another line of the same security is newer, or came first": 1,
    }
    assert taken.without_bars == ("AACT.U", "ABRpD")
    assert names(store) == {"BRK.B": "Berk B", "BF.B": "Brown B", "ACME": "Acme", "ZVZZT": None}


def test_listings_that_match_no_bars_are_told_with_those_alike(store):
    taken = store.import_listings(pl.DataFrame({"symbol": ["BRKB", "ACMEE", "ZZZZZ"]}))
    assert taken.without_bars == ("ACMEE", "BRKB", "ZZZZZ")
    assert taken.alike == {"BRKB": "BRK.B", "ACMEE": "ACME"}


def test_a_listing_that_ended_before_the_bars_is_another_security(store):
    lines = {"symbol": ["ACME"], "name": ["Old Acme"], "from": ["2001-01-15"], "to": ["2012-06-29"]}
    taken = store.import_listings(pl.DataFrame(lines))
    assert (
        "ACME: two securities had this symbol, one from 2001-01-15 to 2012-06-29" in taken.told[0]
    )
    assert names(store)["ACME"] is None
    new = {"symbol": ["ACME"], "name": ["New Acme"], "from": ["2015-03-02"]}
    assert store.import_listings(pl.DataFrame(new)).told == ()
    assert names(store)["ACME"] == "New Acme"
    assert store.import_listings(pl.DataFrame(lines)).new == 0
    found = store.load_universe(as_of=date(2023, 10, 12))
    assert found.filter(pl.col("symbol") == "ACME").height == 1


def test_an_end_that_bars_contradict_is_not_believed(store):
    lines = {"symbol": ["ACME"], "name": ["Acme"], "to": ["2023-10-10"]}
    taken = store.import_listings(pl.DataFrame(lines))
    assert "ACME: its listing ended on 2023-10-10, and it traded until 2023-11-10" in taken.told[0]
    assert names(store)["ACME"] == "Acme"


def test_bars_that_go_on_after_a_listing_ended_are_the_same_securitys(tmp_path):
    store = tc.open_store(tmp_path / "other")
    store.import_listings(
        pl.DataFrame({"symbol": ["ACME"], "name": ["Acme"], "to": ["2023-10-10"]})
    )
    told = store.import_bars(bars("ACME", "2023-10-02")).told
    assert told == ["ACME: its listing ended on 2023-10-10, and it trades until 2023-11-10: the end is not believed"]  # fmt: skip
    assert names(store) == {"ACME": "Acme"}
    assert store.import_bars(bars("ACME", "2023-11-13", 5)).told == []
    assert names(store) == {"ACME": "Acme"}
    assert store.table("tickers").collect()["security_id"].n_unique() == 1


def test_bars_after_a_listing_ended_are_another_securitys(tmp_path):
    store = tc.open_store(tmp_path / "other")
    two = {
        "symbol": ["REUS", "REUS"], "name": ["Old Co", "New Co"],
        "from": ["2010-01-04", "2012-09-04"], "to": ["2012-06-29", None],
    }  # fmt: skip
    told = store.import_listings(pl.DataFrame(two)).told
    assert told == ("REUS: two securities had this symbol, one from 2010-01-04 to 2012-06-29 and one since 2012-09-04",)  # fmt: skip
    store.import_bars(pl.concat([bars("REUS", "2012-05-01", 40), bars("REUS", "2012-09-04", 40)]))
    assert names(store, as_of=date(2012, 5, 8)) == {"REUS": "Old Co"}
    assert names(store, as_of=date(2012, 10, 1)) == {"REUS": "New Co"}
    report = tc.scan(store, universe="all", rank="close", columns=["bars"])
    assert [row.values["bars"] for row in report.shown] == [40]


def test_what_exchanges_test_with_is_known_from_its_name_or_its_symbol(store):
    store.import_listings(pl.DataFrame({"symbol": ["ACME"], "name": ["NYSE TEST ISSUE A"]}))
    kinds = dict(store.panel().who.select("symbol", "type").iter_rows())
    assert (kinds["ACME"], kinds["ZVZZT"]) == ("test", "test")
    report = tc.scan(store, universe="common", rank="close")
    assert sorted(row.symbol for row in report.shown) == ["BF.B", "BRK.B"]


def test_nothing_that_can_be_read_is_a_refusal(store):
    with pytest.raises(SchemaError, match="1: no symbol of any exchange"):
        store.import_listings(pl.DataFrame({"symbol": ["<b>"], "name": ["x"]}))
