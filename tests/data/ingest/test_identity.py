"""Who is who in time: history that comes later, rows set aside, tickers that are used again."""

from __future__ import annotations

import random
from datetime import date, timedelta
from itertools import pairwise

import polars as pl
import pytest

import technic as tc
from technic.data.ingest.identity import Placed, Stretch
from technic.market.sessions import nyse


def bars(symbol, first, sessions=30, price=10.0):
    start = nyse().next_from(date.fromisoformat(first))
    days = [nyse().day(start + k) for k in range(sessions)]
    table = pl.DataFrame({"symbol": [symbol] * sessions, "date": days})
    prices = dict.fromkeys(("open", "high", "low", "close"), pl.lit(price))
    return table.with_columns(**prices, volume=pl.lit(1e6))


def listed(store, day):
    report = tc.scan(store, universe="all", rank="close", as_of=day)
    return sorted(report.symbols[i] for i in report.ranked)


@pytest.fixture
def store(tmp_path):
    return tc.open_store(tmp_path / "store")


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0), (2, 0, 1)])
def test_history_widens_a_life_in_whichever_order_files_come(store, order):
    files = [
        pl.concat([bars(symbol, first) for symbol in ("AAA", "BBB")])
        for first in ("2023-06-01", "2023-09-01", "2023-12-01")
    ]
    for k in order:
        assert store.import_bars(files[k]).told == []
    assert listed(store, date(2023, 6, 8)) == ["AAA", "BBB"]
    assert listed(store, date(2023, 12, 8)) == ["AAA", "BBB"]
    assert store.panel().who["security_id"].to_list() == [1, 2]


def test_a_row_set_aside_neither_creates_nor_dates_a_security(store):
    good = bars("AAA", "2023-06-01")
    early = bars("AAA", "2023-01-03", 1).with_columns(close=pl.lit(-1.0))
    stranger = bars("ZZZ", "2023-06-01", 1).with_columns(volume=pl.lit(-5.0))
    taken = store.import_bars(pl.concat([good, early, stranger]))
    assert sum(taken.quarantined.values()) == 2
    assert store.panel().who["symbol"].to_list() == ["AAA"]
    assert store.table("tickers").collect()["since"].to_list() == [date(2023, 6, 1)]


@pytest.mark.parametrize("at_once", [True, False])
@pytest.mark.parametrize("newest_first", [True, False])
def test_a_ticker_used_again_after_years_at_another_price_is_two_securities(
    store, at_once, newest_first
):
    old, new = bars("REUS", "2015-03-02", price=80.0), bars("REUS", "2019-05-06", price=12.0)
    also = pl.concat([bars("GOES", "2015-03-02"), bars("GOES", "2019-05-06", price=11.0)])
    parts = [new, old] if newest_first else [old, new]
    files = [pl.concat([*parts, also])] if at_once else [*parts, also]
    told = [text for file in files for text in store.import_bars(file).told]
    both = [text for text in told if text.startswith("REUS: two securities had this symbol")]
    assert len(both) == 1
    assert any(text.startswith("GOES: no bar for") and "taken for one" in text for text in told)
    assert listed(store, date(2015, 3, 9)) == ["GOES", "REUS"]
    assert listed(store, date(2019, 5, 13)) == ["GOES", "REUS"]
    names = store.table("tickers").collect()
    assert names.filter(pl.col("symbol") == "REUS")["security_id"].n_unique() == 2
    assert names.filter(pl.col("symbol") == "GOES")["security_id"].n_unique() == 1
    report = tc.scan(store, universe="all", rank="close", columns=["bars"])
    assert {row.symbol: row.values["bars"] for row in report.shown} == {"GOES": 60, "REUS": 30}


@pytest.mark.parametrize("seed", range(40))
def test_lives_do_not_depend_on_the_order_of_files(seed):
    draw = random.Random(seed)
    start, price, stretches, truth = date(2000, 1, 3), 50.0, [], []
    for _ in range(draw.choice([1, 2, 3])):
        first = start
        for _ in range(draw.choice([1, 2, 3])):
            last = start + timedelta(days=draw.randint(5, 200))
            stretches.append(Stretch("X", start, last, price, price * 1.1))
            start = last + timedelta(days=draw.choice([1, 20, 300]))
        truth.append((first, last))
        start, price = last + timedelta(days=draw.randint(400, 2000)), price * draw.choice([5, 0.1])
    draw.shuffle(stretches)
    placed = Placed({}, 0)
    for stretch in stretches:
        placed.place(stretch)
    lives = sorted(placed.lives["X"], key=lambda life: life.since)
    assert [(life.first, life.last) for life in lives] == truth
    assert lives[-1].until is None, "who traded last bears the symbol"
    for one, next_one in pairwise(lives):
        assert one.until is not None
        assert one.until < next_one.since, "a symbol is borne by one at a time"


def test_what_is_imported_twice_changes_nobody(store):
    both = pl.concat([bars("REUS", "2015-03-02", price=80.0), bars("REUS", "2019-05-06")])
    store.import_bars(both)
    before = store.version()
    again = store.import_bars(both)
    assert (again.added, again.known, again.told) == (0, 60, [])
    assert store.version().tables == before.tables
    more = store.import_bars(bars("REUS", "2019-06-18", 5))
    assert (more.added, more.told) == (5, [])
    assert store.panel().who.filter(pl.col("until").is_null())["symbol"].to_list() == ["REUS"]
