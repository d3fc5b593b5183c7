"""Split factors."""

from __future__ import annotations

from datetime import date, timedelta

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from technic.market.adjust import adjust_for_splits, dividends_in_new_shares

START = date(2024, 1, 2)


def bars(n, close=100.0):
    return pl.DataFrame(
        {
            "security_id": [1] * n,
            "session": [START + timedelta(days=i) for i in range(n)],
            **{name: [close] * n for name in ("open", "high", "low", "close")},
            "volume": [1000.0] * n,
        }
    )


def splits(*pairs):
    return pl.DataFrame(
        {
            "security_id": [1] * len(pairs),
            "session": [START + timedelta(days=d) for d, _ in pairs],
            "value": [float(v) for _, v in pairs],
        }
    )


def test_bars_before_a_split_are_divided_and_the_split_session_is_not():
    out = adjust_for_splits(bars(5), splits((2, 4.0)))
    assert out["close"].to_list() == [25.0, 25.0, 100.0, 100.0, 100.0]
    assert out["volume"].to_list() == [4000.0, 4000.0, 1000.0, 1000.0, 1000.0]


@given(
    st.lists(
        st.tuples(st.integers(1, 9), st.sampled_from([2.0, 3.0, 7.0, 0.1, 1.5])),
        max_size=5,
        unique_by=lambda p: p[0],
    )
)
def test_each_bar_is_divided_by_every_later_split(pairs):
    out = adjust_for_splits(bars(10), splits(*pairs))
    for i, close in enumerate(out["close"]):
        factor = 1.0
        for day, value in sorted(pairs, reverse=True):  # newest first: one order, one price
            if day > i:
                factor *= value
        assert close == 100.0 / factor


@given(
    st.lists(
        st.tuples(st.integers(0, 9), st.sampled_from([2.0, 7.0, 0.1])),
        max_size=4,
        unique_by=lambda p: p[0],
    ),
    st.lists(st.integers(0, 9), max_size=4, unique=True),
)
def test_a_dividend_is_divided_by_every_split_after_its_ex_date(pairs, days):
    paid = pl.DataFrame(
        {
            "security_id": [1] * len(days),
            "session": [START + timedelta(days=d) for d in days],
            "value": [1.0] * len(days),
        },
        schema={"security_id": pl.Int64, "session": pl.Date, "value": pl.Float64},
    )
    out = dividends_in_new_shares(paid, splits(*pairs)) if pairs else paid
    found = dict(out.select("session", "value").iter_rows())
    for day in days:
        factor = 1.0
        for at, value in sorted(pairs, reverse=True):
            factor *= value if at > day else 1.0
        assert found[START + timedelta(days=day)] == 1.0 / factor


def test_symbols_without_a_split_keep_their_bits():
    table = bars(3, close=0.1 + 0.2)
    other = splits((1, 3.0)).with_columns(security_id=pl.lit(2, dtype=pl.Int64))
    assert adjust_for_splits(table, other).equals(table)
