"""A user's frame: what is wrong with it is said in one line that names the column."""

from __future__ import annotations

from datetime import date, datetime

import polars as pl
import pytest

import technic as tc
from technic.compute.frames import NEEDED
from technic.errors import SchemaError

DAYS = [date(2024, 1, 2), date(2024, 1, 3), date(2024, 1, 4)]


def frame(**columns):
    return pl.DataFrame({"date": DAYS, **{name: [1.0, 2.0, 3.0] for name in NEEDED}} | columns)


def benchmark(**columns):
    return pl.DataFrame({"date": DAYS, "close": [1.0, 2.0, 3.0]} | columns)


NO_NUMBERS = [
    ["a", "b", "c"],
    ["1", "", "3"],
    DAYS,
    [True, False, True],
    [[1.0], [2.0], [3.0]],
    [{"a": 1}, {"a": 2}, {"a": 3}],
    [b"1", b"2", b"3"],
]
NO_DATES = [
    ["a", "b", "c"],
    [1, 2, 3],
    [1.0, 2.0, 3.0],
    [True, False, True],
    [*DAYS[:2], None],
    ["2024-01-02", "2024-13-03", "2024-01-04"],
]


@pytest.mark.parametrize("values", NO_NUMBERS, ids=str)
@pytest.mark.parametrize("name", [*NEEDED, "vwap"])
def test_a_column_that_holds_no_numbers_is_named(kernels, name, values):
    with pytest.raises(SchemaError, match=f"column {name} holds"):
        tc.features(frame(**{name: values}), ["sma(2)"])


@pytest.mark.parametrize("values", NO_DATES, ids=str)
def test_a_column_that_holds_no_dates_is_named(kernels, values):
    with pytest.raises(SchemaError, match="column date"):
        tc.features(frame(date=values), ["sma(2)"])
    with pytest.raises(SchemaError, match="benchmark: column date"):
        tc.features(frame(), ["beta(2)"], benchmark=benchmark(date=values))


@pytest.mark.parametrize("values", NO_NUMBERS, ids=str)
def test_a_benchmark_that_holds_no_numbers_is_named(kernels, values):
    with pytest.raises(SchemaError, match="benchmark: column close"):
        tc.features(frame(), ["beta(2)"], benchmark=benchmark(close=values))


@pytest.mark.parametrize("name", ["date", "close"])
def test_a_benchmark_without_a_column_is_refused(kernels, name):
    with pytest.raises(SchemaError, match=f"benchmark has no column {name}"):
        tc.features(frame(), ["beta(2)"], benchmark=benchmark().drop(name))


def test_a_column_under_two_spellings_is_refused(kernels):
    with pytest.raises(SchemaError, match="has the column close twice: close, CLOSE"):
        tc.features(frame(CLOSE=[1.0, 2.0, 3.0]), ["sma(2)"])
    with pytest.raises(SchemaError, match="benchmark has the column close twice"):
        tc.features(frame(), ["beta(2)"], benchmark=benchmark(Close=[1.0, 2.0, 3.0]))


def test_one_symbol_has_each_date_once(kernels):
    twice = [DAYS[0], DAYS[1], DAYS[1]]
    with pytest.raises(SchemaError, match="the frame has 2024-01-03 twice"):
        tc.features(frame(date=twice), ["sma(2)"])
    with pytest.raises(SchemaError, match="A has 2024-01-03 twice"):
        tc.features(frame(date=twice, symbol=["A", "A", "A"]), ["sma(2)"])
    with pytest.raises(SchemaError, match="benchmark has"):
        tc.features(frame(), ["beta(2)"], benchmark=benchmark(date=twice))
    assert tc.features(frame(date=twice, symbol=["A", "A", "B"]), ["sma(2)"]).height == 3


def test_rows_without_a_symbol_are_refused(kernels):
    with pytest.raises(SchemaError, match="column symbol is empty"):
        tc.features(frame(symbol=["A", None, "A"]), ["sma(2)"])


@pytest.mark.parametrize("given", [5, None, "bars.csv", [1, "a"]])
def test_what_is_no_frame_is_refused(kernels, given):
    with pytest.raises(SchemaError):
        tc.features(given, ["sma(2)"])


def test_what_can_be_read_is_read(kernels):
    expected = tc.features(frame(), ["sma(2)"])
    for columns in (
        {"date": [str(day) for day in DAYS]},
        {"date": [datetime(day.year, day.month, day.day) for day in DAYS]},  # noqa: DTZ001 -- so frames have them
        {"close": ["1", "2.0", "3e0"]},
        {"close": [1, 2, 3]},
    ):
        assert tc.features(frame(**columns), ["sma(2)"]).equals(expected)
    upper = frame().rename({name: name.upper() for name in frame().columns})
    assert tc.features(upper, ["sma(2)"]).equals(expected)
    assert tc.features(frame(volume=[None, None, None]), ["sma(2)"]).equals(expected)
