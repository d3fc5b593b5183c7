"""On which session scans stand: one that the market has, not one that a stray row names."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest

import technic as tc
from technic.compute.history import FeatureRequest, store_features
from technic.data.store.span import newest_session
from technic.errors import SchemaError
from technic.market.sessions import nyse

FIRST = nyse().ordinal(date(2024, 1, 22))
DAYS = [nyse().day(FIRST + k) for k in range(40)]


def bars(symbols, days, price=10.0):
    rows = [(f"S{s:02d}" if isinstance(s, int) else s, day) for s in symbols for day in days]
    table = pl.DataFrame(rows, schema=["symbol", "date"], orient="row")
    prices = dict.fromkeys(("open", "high", "low", "close"), pl.lit(price))
    return table.with_columns(**prices, volume=pl.lit(1e6))


@pytest.fixture
def store(tmp_path):
    return tc.open_store(tmp_path / "store")


@pytest.mark.parametrize(
    ("counts", "newest"),
    [
        ([30], 0),
        ([30, 30, 30], 2),
        ([30, 30, 1], 1),  # a stray row
        ([30, 30, 1, 2, 1], 1),  # of several sessions
        ([30, 30, 15], 2),
        ([30, 30, 14], 1),
        ([1, 1, 1], 2),
        ([2, 2, 1], 2),
        ([3, 3, 3, 1], 2),
        ([5, 9, 20, 8000], 3),  # a market that grows
        ([30] * 30 + [2] * 15, 44),  # one that became small, and stayed so
    ],
)
def test_a_session_of_the_market_has_half_of_the_usual_bars(counts, newest):
    days = [nyse().day(FIRST + k) for k in range(len(counts))]
    assert newest_session(pl.DataFrame({"session": days, "bars": counts})) == days[newest]


def test_a_stray_row_of_the_next_session_waits_for_the_others(store):
    store.import_bars(bars(range(30), DAYS[:30]))
    taken = store.import_bars(bars([7], [DAYS[30]], price=11.0))
    assert (taken.added, taken.waiting, store.version().last) == (1, 1, DAYS[29])
    report = tc.scan(store, universe="all", rank="close")
    assert (report.as_of, report.n_ranked) == (DAYS[29], 30)
    # A few more wait too; with half of the market the session has come, and nothing is lost.
    assert store.import_bars(bars(range(10, 15), [DAYS[30]])).waiting == 5
    assert store.import_bars(bars(range(20, 30), [DAYS[30]], price=12.0)).waiting == 0
    report = tc.scan(store, universe="all", rank="close")
    assert (report.as_of, report.n_ranked, report.shown[0].score) == (DAYS[30], 16, 12.0)
    known = store.panel().panel
    rows = store.fresh_bars(store.version())
    assert known.n_bars == rows.height == 30 * 30 + 16


def test_files_with_one_symbol_each_make_nobody_stale(store):
    store.import_bars(bars(range(9), DAYS[:20]))
    for symbol in range(9):
        store.import_bars(bars([symbol], DAYS[20:24]))
    assert store.version().last == DAYS[23]
    assert tc.scan(store, universe="all", rank="close").n_ranked == 9


def test_a_split_that_waited_with_its_bar_counts_when_the_session_comes(store):
    store.import_bars(bars(range(6), DAYS[:20], price=40.0))
    split = bars([0], [DAYS[20]], price=10.0).with_columns(split=pl.lit(4.0))
    store.import_bars(split)
    assert tc.scan(store, universe="all", rank="close").as_of == DAYS[19]
    store.import_bars(bars(range(1, 6), [DAYS[20]], price=40.0))
    history = store_features(store, FeatureRequest(["ret(1)"], ["S00"]), last=2)
    assert history["ret(1)"].to_list() == [0.0, 0.0]


def test_a_row_of_a_session_that_is_not_over_is_set_aside(store):
    ahead = nyse().day(nyse().next_from(datetime.now(UTC).date() + timedelta(days=30)))
    taken = store.import_bars(pl.concat([bars(range(3), DAYS[:5]), bars([0], [ahead])]))
    assert (taken.added, taken.quarantined) == (15, {"in_future": 1})
    assert store.version().last == DAYS[4]
    late = bars([0], [date(2099, 1, 2)])
    with pytest.raises(SchemaError, match="that session was not over yet"):
        store.import_bars(late)
