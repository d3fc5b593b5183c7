"""Minutes in any order, and messages of any kind: the day is what those say that can be believed."""

from __future__ import annotations

import random
from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from technic.data.providers.minutes import DaySoFar
from technic.data.providers.source import SNAPSHOT_COLUMNS

DAY = date(2024, 3, 6)
NOW = datetime(2024, 3, 6, 16, 0, tzinfo=UTC)  # 11:00 in New York


def minute(symbol="A", back=1, price=10.0, volume=1_000.0, own=10.0, **more):
    end = int((NOW - timedelta(minutes=back)).timestamp() * 1_000)
    return {
        "ev": "AM", "sym": symbol, "op": 9.9, "h": price + 0.1, "l": price - 0.1, "c": price,
        "av": volume, "a": 10.0, "v": own, "e": end, **more,
    }  # fmt: skip


def begun(*rows):
    day = DaySoFar()
    table = rows or [("A", DAY, 9.9, 10.2, 9.8, 10.0, 500.0, 10.0, 9.5)]
    day.begin(pl.DataFrame(table, schema=SNAPSHOT_COLUMNS, orient="row"))
    return day


def bar(day, symbol="A"):
    return day.frame().row(by_predicate=pl.col("symbol") == symbol, named=True)


def counts(day):
    return {reason: n for reason, n in day.aside.items() if n}


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (minute(back=30, price=20.0, volume=900.0), "late"),
        (minute(back=-30, price=20.0), "early"),
        (minute(back=60 * 24, price=10.5), "another_day"),
        (minute(back=-60 * 24, price=10.5), "early"),
        (minute(price=0.0), "price_not_positive"),
        (minute(h=0, l=0, c=0), "price_not_positive"),
        (minute(l=-1.0), "price_not_positive"),
        (minute(c=30.0), "outside_range"),
        (minute(av=-5.0), "negative_volume"),
        (minute(price=1_000.0), "absurd"),
        (minute(price=0.2), "absurd"),
        (minute(symbol="NEW", own=1.0), "no_beginning"),
        (minute(e="now"), "unreadable"),
        (minute(e=2**80), "unreadable"),
        (minute(c=None), "unreadable"),
        (minute(h=2**60), "unreadable"),
        (minute(sym=None), "unreadable"),
        (b"\x00", "unreadable"),
        (["AM"], "unreadable"),
        ({}, "unreadable"),
    ],
)
def test_what_cannot_be_believed_is_set_aside_and_counted(row, reason):
    day = begun()
    day.take([minute(back=5, price=10.1, volume=1_000.0)], NOW)
    before = bar(day)
    day.take([row], NOW)
    assert counts(day) == {reason: 1}
    assert bar(day) == before
    assert day.frame().height == 1


def test_minutes_older_than_the_snapshot_are_late():
    day = begun()
    day.take([minute(volume=400.0, price=11.0)], NOW)
    assert counts(day) == {"late": 1}
    assert bar(day)["close"] == 10.0


def test_minutes_of_one_message_count_in_the_order_of_their_own_time():
    rows = [minute(back=k, price=10.0 + k / 100, volume=2_000.0 - k) for k in range(1, 40)]
    want = begun()
    for row in reversed(rows):
        want.take([row], NOW)
    random.Random(3).shuffle(rows)
    found = begun()
    found.take([*rows, *rows], NOW)
    assert found.frame().equals(want.frame())
    assert bar(found)["close"] == pytest.approx(10.01)
    assert counts(found) == {}


def test_a_first_minute_begins_the_day_of_who_had_not_traded():
    day = begun(("A", None, None, None, None, None, 0.0, None, 9.5))
    day.take([minute(price=10.0, volume=70.0)], NOW)
    assert bar(day) | {"high": 0, "low": 0} == {
        "symbol": "A", "date": DAY, "open": 9.9, "high": 0, "low": 0, "close": 10.0, "volume": 70.0,
        "vwap": 10.0, "before": 9.5,
    }  # fmt: skip
    day.take([minute(symbol="B", volume=30.0, own=30.0)], NOW)
    assert bar(day, "B")["before"] is None


def test_the_close_of_yesterday_is_what_was_before_today():
    day = begun(("A", date(2024, 3, 5), 9.0, 9.9, 8.9, 9.7, 5e6, 9.5, 9.2))
    day.take([minute(price=10.0)], NOW)
    assert bar(day)["before"] == 9.7
    assert bar(day)["high"] == pytest.approx(10.1)


def test_rows_of_a_snapshot_that_contradict_each_other_begin_nothing():
    rows = [("A", DAY, 9.9, 10.2, 9.8, close, 500.0, 10.0, 9.5) for close in (10.0, 10.1)]
    day = begun(*rows, ("B", DAY, 9.9, 10.2, 9.8, 10.0, 500.0, 10.0, 9.5))
    assert day.frame()["symbol"].to_list() == ["B"]
    assert counts(day) == {"conflicting_duplicate": 2}


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
)  # fmt: skip
FIELDS = st.fixed_dictionaries(
    {"ev": st.just("AM")},
    optional=dict.fromkeys(("sym", "op", "h", "l", "c", "av", "a", "v", "e"), ANYTHING),
)


@settings(max_examples=80, deadline=None)
@given(st.lists(ANYTHING | FIELDS, max_size=6))
def test_no_message_raises_and_none_of_them_moves_a_price(rows):
    """Property: whatever arrives, the day is a table that can be read."""
    day = begun()
    day.take(rows, NOW)
    assert bar(day)["close"] == 10.0
    assert day.frame().schema == pl.Schema(SNAPSHOT_COLUMNS)
