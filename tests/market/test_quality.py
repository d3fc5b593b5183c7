"""Which rows are set aside, and why."""

from __future__ import annotations

from datetime import UTC, date, datetime

import polars as pl
import pytest

from technic.market.quality import REASONS, examine

GOOD = {
    "symbol": "AAA", "date": date(2024, 3, 8), "open": 10.0, "high": 11.0, "low": 9.0,
    "close": 10.5, "volume": 100.0,
}  # fmt: skip


def table(*rows):
    frame = pl.DataFrame([{**GOOD, **row} for row in rows], infer_schema_length=None)
    return frame.with_columns(known_at=pl.lit(datetime(2024, 3, 8, 21, tzinfo=UTC)))


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"symbol": "A\x00B"}, "bad_symbol"),
        ({"symbol": "x" * 25}, "bad_symbol"),
        ({"symbol": "<img>"}, "bad_symbol"),
        ({"symbol": None}, "bad_symbol"),
        ({"close": None}, "null_value"),
        ({"volume": None}, "null_value"),
        ({"date": None}, "null_value"),
        ({"high": float("inf")}, "not_finite"),
        ({"close": float("nan")}, "not_finite"),
        ({"date": date(2024, 3, 9)}, "no_session"),
        ({"date": date(2024, 3, 29)}, "no_session"),
        ({"open": 0.0}, "price_not_positive"),
        ({"low": -1.0}, "price_not_positive"),
        ({"volume": -1.0}, "negative_volume"),
        ({"close": 11.1}, "outside_range"),
        ({"open": 8.9}, "outside_range"),
    ],
)
def test_a_row_that_cannot_be_believed_is_set_aside_whole(row, reason):
    rows = examine(table({}, {"symbol": "BBB"} | row))
    assert rows.bad["reason"].to_list() == [reason]
    assert rows.good["symbol"].to_list() == ["AAA"]
    assert reason in REASONS


@pytest.mark.parametrize(
    "row",
    [
        {"symbol": "NA"}, {"symbol": "NAN"}, {"symbol": "TRUE"}, {"symbol": "BRK.B"},
        {"volume": 0.0}, {"open": 9.0, "high": 9.0, "close": 9.0},
        {"close": 11.0 * (1 + 5e-7)}, {"high": 5000.0, "close": 5000.0},
    ],
)  # fmt: skip
def test_markets_do_that(row):
    rows = examine(table(row))
    assert rows.bad.is_empty()
    assert rows.good.height == 1


def test_the_same_row_twice_counts_once_and_two_that_disagree_not_at_all():
    rows = examine(table({}, {}, {"symbol": "BBB"}, {"symbol": "BBB", "volume": 7.0}))
    assert rows.good["symbol"].to_list() == ["AAA"]
    assert rows.repeated == 1
    assert rows.bad["reason"].to_list() == ["conflicting_duplicate"] * 2


def test_rows_that_are_not_known_since_any_instant_contradict_each_other_too():
    """Bars of a day that is not over have no `known_at`, and nulls are equal to nothing by default."""
    bars = table({}, {}, {"close": 10.2}, {"symbol": "B"}, {"symbol": "B"})
    sorted_ = examine(bars.with_columns(known_at=pl.lit(None, pl.Datetime("us", "UTC"))))
    assert sorted_.good["symbol"].to_list() == ["B"]
    assert sorted_.bad["reason"].to_list() == ["conflicting_duplicate"] * 3
    assert sorted_.repeated == 1
