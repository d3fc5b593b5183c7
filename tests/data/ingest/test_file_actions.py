"""Splits and dividends of files: kept, set aside with a word, or taken back; never lost."""

from __future__ import annotations

from datetime import date

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from technic.data.ingest import open_store
from technic.data.store.rows import newest_per
from technic.errors import SchemaError
from technic.market.sessions import nyse

FIRST = nyse().ordinal(date(2024, 1, 2))
N = 24
AT = 12  # the row of the split


def table(symbol="ACME", ratio=1.0, told=None, close=80.0, seed=1, **more):
    """Bars of a walk; from row AT on in new shares of a split of `ratio`, told as `told`."""
    walk = close * np.exp(np.cumsum(np.random.default_rng(seed).normal(0, 0.01, N)))
    price = np.where(np.arange(N) < AT, walk, walk / ratio)
    return pl.DataFrame(
        {
            "symbol": [symbol] * N,
            "date": [nyse().day(FIRST + i) for i in range(N)],
            "open": price, "high": price * 1.01, "low": price * 0.99, "close": price,
            "volume": np.full(N, 1e6),
            **({} if told is None else {"split": [told if i == AT else 1.0 for i in range(N)]}),
            **more,
        }
    )  # fmt: skip


@pytest.fixture
def store(tmp_path):
    return open_store(tmp_path / "market")


def held(store, kind="split"):
    rows = newest_per(store.table("actions"), "security_id", "session", "kind").collect()
    return dict(rows.filter(pl.col("kind") == kind).select("session", "value").iter_rows())


def day(row=AT):
    return nyse().day(FIRST + row)


@pytest.mark.parametrize("text", ["4:1", "4/1", "4-for-1", "4 for 1", "4.0", "4"])
def test_a_ratio_as_text_is_the_split(store, tmp_path, text):
    rows = table(ratio=4.0).with_columns(
        split=pl.Series([text if i == AT else None for i in range(N)])
    )
    path = tmp_path / "bars.csv"
    rows.write_csv(path)
    store.import_bars(path)
    assert held(store) == {day(): 4.0}


def test_dividends_with_a_dollar_sign_are_read(store, tmp_path):
    path = tmp_path / "bars.csv"
    table(dividend=["$0.24" if i == AT else "" for i in range(N)]).write_csv(path)
    store.import_bars(path)
    assert held(store, "dividend") == {day(): 0.24}


@pytest.mark.parametrize(
    ("ratio", "told", "word"),
    [(1.0, 4.0, "--adjusted splits"), (4.0, 0.25, "upside down"), (4.0, 40.0, "prices show 4")],
)
def test_a_split_that_prices_contradict_is_set_aside_and_told(store, ratio, told, word):
    found = store.import_bars(table(ratio=ratio, told=told))
    assert (found.actions, found.splits_set_aside, held(store)) == (0, 1, {})
    assert found.added == N, "its row is good"
    assert f"ACME: a split of {told:g} on {day()} is set aside" in found.doubts[0]
    assert word in found.doubts[0]


def test_adjusted_prices_that_list_several_splits_are_refused(store):
    rows = pl.concat([table(name, told=4.0, seed=k) for k, name in enumerate("ABC")])
    with pytest.raises(SchemaError, match=r"none of 3 of 3 splits.*--adjusted splits"):
        store.import_bars(rows)
    assert store.version().last is None
    assert store.import_bars(rows, "splits").actions == 3


def test_one_wrong_split_among_many_does_not_refuse_a_file(store):
    rows = [table(name, ratio=4.0, told=4.0, seed=k) for k, name in enumerate("ABCD")]
    wrong = [table(name, told=4.0, seed=k) for k, name in enumerate("WX")]
    found = store.import_bars(pl.concat(rows + wrong))
    assert (found.actions, found.splits_set_aside) == (4, 2)


def test_no_number_is_no_split(store):
    nothing = table(split=[float("nan")] * N, dividend=[float("nan")] * N)
    found = store.import_bars(nothing)
    assert (found.actions, found.splits_set_aside) == (0, 0)


def test_a_split_of_one_takes_an_earlier_one_back_and_one_that_prices_show_stays(store):
    """The first row of a history has no close before it: nothing speaks against its split."""
    late = table(told=4.0).tail(N - AT)
    store.import_bars(late)
    assert held(store) == {day(): 4.0}
    silent = late.with_columns(split=pl.lit(0.0))
    assert store.import_bars(silent).doubts == []
    assert held(store) == {day(): 4.0}, "0 says nothing"
    found = store.import_bars(late.with_columns(split=pl.lit(1.0)))
    assert held(store) == {day(): 1.0}
    assert found.doubts == [f"ACME: the split of 4 on {day()} is taken back: the file says 1"]
    assert store.import_bars(late).actions == 0, "an older file read again changes nothing"


def test_a_split_that_prices_show_is_not_taken_back(store):
    rows = table(ratio=4.0, told=4.0)
    store.import_bars(rows)
    found = store.import_bars(rows.with_columns(split=pl.lit(1.0)))
    assert held(store) == {day(): 4.0}
    assert found.splits_set_aside == 1
    assert "prices show" in found.doubts[0]


def test_a_dividend_of_nothing_takes_an_earlier_one_back(store):
    rows = table(dividend=[0.5 if i == AT else 0.0 for i in range(N)])
    store.import_bars(rows)
    store.import_bars(rows.with_columns(dividend=pl.lit(None, dtype=pl.Float64)))
    assert held(store, "dividend") == {day(): 0.5}
    store.import_bars(rows.with_columns(dividend=pl.lit(0.0)))
    assert held(store, "dividend") == {day(): 0.0}


def test_a_row_set_aside_does_not_take_its_split_and_dividend_with_it(store):
    rows = table(ratio=4.0, told=4.0, dividend=[0.1 if i == AT else None for i in range(N)])
    broken = rows.with_columns(high=pl.when(pl.col("date") == day()).then(1.0).otherwise("high"))
    found = store.import_bars(broken)
    assert found.quarantined == {"outside_range": 1}
    assert held(store) == {day(): 4.0}
    assert held(store, "dividend") == {day(): 0.1}


def test_a_bad_row_of_nobody_is_told_with_its_split(store):
    rows = pl.concat([table(told=1.0), table("GONE", told=4.0).with_columns(close=pl.lit(-1.0))])
    found = store.import_bars(rows)
    assert found.splits_set_aside == 1
    assert store.catalog.quarantined()["without_bars"] == 1


def test_a_split_is_held_against_the_close_that_the_store_has(store):
    """A file of the newest rows begins with the split; the close before it is stored."""
    rows = table(told=4.0)
    store.import_bars(rows.head(AT))
    found = store.import_bars(rows.tail(N - AT))
    assert (found.splits_set_aside, held(store)) == (1, {})
    true = table("SPLT", ratio=4.0, told=4.0)
    store.import_bars(true.head(AT))
    assert store.import_bars(true.tail(N - AT)).actions == 1


@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    cut=st.integers(1, N - 1),
    newest_first=st.booleans(),
    ratio=st.sampled_from([1.0, 4.0, 0.1]),
    told=st.sampled_from([4.0, 0.25, 0.1]),
)
def test_in_whichever_order_files_come_the_same_splits_hold(
    tmp_path_factory, cut, newest_first, ratio, told
):
    rows = table(ratio=ratio, told=told)
    parts = [rows.head(cut), rows.tail(N - cut)]
    whole = open_store(tmp_path_factory.mktemp("whole") / "s")
    whole.import_bars(rows)
    store = open_store(tmp_path_factory.mktemp("parts") / "s")
    for part in reversed(parts) if newest_first else parts:
        store.import_bars(part)
    assert {d: v for d, v in held(store).items() if v != 1.0} == held(whole)


def test_a_split_on_the_first_row_is_judged_when_the_rows_before_it_come(store):
    rows = table(told=4.0)
    store.import_bars(rows.tail(N - AT))
    found = store.import_bars(rows.head(AT))
    assert held(store) == {day(): 1.0}
    assert found.doubts[0].startswith(f"ACME: the split of 4 on {day()}, told before its night")


def test_a_stored_split_that_is_told_again_with_the_rows_before_it_goes_too(store):
    rows = table(told=4.0)
    store.import_bars(rows.tail(N - AT))
    found = store.import_bars(rows)
    assert held(store) == {day(): 1.0}
    assert (found.splits_set_aside, found.actions) == (1, 1)


@pytest.mark.parametrize("order", ["whole", "oldest first", "newest first"])
@pytest.mark.parametrize(("told", "kept"), [(4.0, True), (0.25, False)])
def test_a_split_behind_a_hole_of_weeks_is_held_against_the_close_before_it(
    store, order, told, kept
):
    before, after = table(ratio=4.0).head(AT), table(ratio=4.0, told=told).tail(N - AT)
    gone = [nyse().day(FIRST + i - 30) for i in range(AT)]
    before = before.with_columns(date=pl.Series(gone), split=pl.lit(1.0))
    parts = {"whole": [pl.concat([before, after])], "oldest first": [before, after]}
    lines = [
        line
        for part in parts.get(order, [after, before])
        for line in store.import_bars(part).doubts
    ]
    assert {d: v for d, v in held(store).items() if v != 1.0} == ({day(): told} if kept else {})
    assert len(lines) == (0 if kept else 1)
    if not kept:
        assert "ACME: " in lines[0]
        assert "prices show 4" in lines[0]


def paying(row, value=0.24, known=None):
    """The bars, with a dividend on a row; or with a 0 there where `known` says so."""
    cells = [value if i == row else known if i == AT else None for i in range(N)]
    return table(dividend=pl.Series(cells, dtype=pl.Float64))


@pytest.mark.parametrize("off", [-3, -1, 1, 2, 3])
def test_a_dividend_that_two_files_tell_for_neighbouring_days_counts_once(store, off):
    store.import_bars(paying(AT))
    found = store.import_bars(paying(AT + off))
    assert held(store, "dividend") == {day(): 0.24}
    assert (found.actions, found.splits_set_aside) == (0, 1)
    assert found.doubts == [
        (
            f"ACME: a dividend of 0.24 on {day(AT + off)} is set aside: a dividend of the same amount "
            "stands a few days away"
        )
    ]
    assert store.import_bars(paying(AT)).doubts == []


def test_a_dividend_that_moves_to_another_day_is_taken_back_first(store):
    store.import_bars(paying(AT))
    found = store.import_bars(paying(AT + 1, known=0.0))
    assert held(store, "dividend") == {day(): 0.0, day(AT + 1): 0.24}
    assert len(found.doubts) == 1


@pytest.mark.parametrize(("row", "value"), [(AT + 6, 0.24), (AT + 1, 0.26)])
def test_another_dividend_near_by_is_one_of_its_own(store, row, value):
    store.import_bars(paying(AT))
    store.import_bars(paying(row, value))
    assert held(store, "dividend") == {day(): 0.24, day(row): value}


def test_a_dividend_above_the_price_is_set_aside(store):
    found = store.import_bars(
        table(close=9.5, dividend=[165.0 if i == AT else 0.0 for i in range(N)])
    )
    assert (found.actions, held(store, "dividend")) == (0, {})
    assert "the close before was" in found.doubts[0]


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    cells=st.lists(
        st.tuples(
            st.sampled_from([None, 0.0, 1.0, 2.0, 0.5, 4.0, -1.0]),
            st.sampled_from([None, 0.0, 0.25, 30.0, 90.0, -1.0]),
            st.booleans(),
        ),
        min_size=N,
        max_size=N,
    )
)
def test_of_every_event_it_is_known_what_became_of_it(tmp_path_factory, cells):
    splits, dividends, broken = zip(*cells, strict=True)
    rows = table(split=pl.Series(splits, dtype=pl.Float64), dividend=dividends).with_columns(
        close=pl.when(pl.Series(broken)).then(-1.0).otherwise("close")
    )
    told = sum(v not in {None, 0.0, 1.0} for v in splits) + sum(
        v not in {None, 0.0} for v in dividends
    )
    store = open_store(tmp_path_factory.mktemp("told") / "s")
    try:
        found = store.import_bars(rows)
    except SchemaError as error:
        assert "--adjusted splits" in str(error)
        return
    assert found.actions + found.splits_set_aside == told
    kept = store.catalog.quarantined()
    assert sum(kept.values()) == found.splits_set_aside + sum(found.quarantined.values())
