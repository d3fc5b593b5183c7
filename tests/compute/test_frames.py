"""A user's frame: what is wrong with it is said in one line that names the column."""

from __future__ import annotations

from datetime import date, datetime

import numpy as np
import polars as pl
import pytest

import technic as tc
from technic.compute.frames import NEEDED
from technic.compute.history import FeatureRequest, store_features
from technic.errors import SchemaError
from technic.indicators import REGISTRY
from technic.market.sessions import nyse

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


EVERY = [it.name for it in REGISTRY.values() if not it.operator]
RELATIVE = {"beta", "corr", "rel_strength"}  # a store compares with its own market
SLOW = [
    "weekly(rsi(3))",
    "monthly(sma(2))",
    "weekly(volume)",
    "vwap",
    "ema(vwap, 3)",
    "sma(vwap, 3)",
]
SPOILED = (None, float("nan"), float("inf"), -float("inf"))


def spoiled(rng, n_symbols):
    """Random bars of some symbols; in one row of eight one or more values are not known.

    Returns the frame, and which rows are bars.
    """
    n = int(rng.integers(1, 300))
    last = nyse().last_until(date(2024, 3, 8))
    days = nyse().dates[last - n + 1 : last + 1]
    close = 50.0 * np.exp(np.cumsum(rng.normal(0.0, 0.02, (n_symbols, n)), axis=1)).ravel()
    close = np.round(np.where(rng.random(len(close)) < 0.3, np.roll(close, 1), close), 2)
    columns = {
        "open": close,
        "high": np.round(close * (1.0 + rng.random(len(close)) / 50.0), 2),
        "low": np.round(close * (1.0 - rng.random(len(close)) / 50.0), 2),
        "close": close,
        "volume": rng.integers(0, 10**6, len(close)).astype(float),
    }
    holed = rng.random(len(close)) < 0.125
    for values in columns.values():
        values[holed & (rng.random(len(close)) < 0.3)] = rng.choice(SPOILED[1:])
    is_bar = np.all([np.isfinite(values) for values in columns.values()], axis=0)
    columns["vwap"] = np.where(rng.random(len(close)) < 0.1, np.nan, close)
    names = np.repeat([f"S{i}" for i in range(n_symbols)], n)
    table = pl.DataFrame({"symbol": names, "date": np.tile(days, n_symbols), **columns})
    table = table.with_columns(pl.col("date").cast(pl.Date))
    return table if rng.random() < 0.5 else table.fill_nan(None), is_bar


def differing_bits(seed, n_symbols):
    """In how many values features of a frame differ from those of the frame without its holes."""
    rng = np.random.default_rng(seed)
    table, is_bar = spoiled(rng, n_symbols)
    market = pl.DataFrame(
        {"date": nyse().dates[5000:], "close": 90.0 + np.sin(nyse().weeks()[5000:])}
    )
    market = market.with_columns(pl.col("date").cast(pl.Date))
    order = rng.permutation(table.height)
    asked = [*EVERY, *SLOW]
    whole = tc.features(table[order], asked, benchmark=market)
    without = tc.features(table.filter(is_bar), asked, benchmark=market)
    back = whole[np.argsort(order)]
    assert (
        back.filter(~is_bar).null_count().sum_horizontal().item() == whole.width * (~is_bar).sum()
    )
    here, there = back.filter(is_bar).to_numpy(), without.to_numpy()
    return int((here.view(np.int64) != there.view(np.int64)).sum())


@pytest.mark.parametrize("seed", range(4))
def test_a_row_of_which_anything_is_unknown_is_as_if_it_were_not_there(kernels, seed):
    """Every feature, bit for bit; on such a row itself each is unknown."""
    assert differing_bits(seed, 5) == 0


@pytest.mark.slow
def test_ten_thousand_frames_with_unknown_rows(kernels):
    assert sum(differing_bits(seed, 50) for seed in range(100, 300)) == 0


@pytest.mark.parametrize("value", SPOILED, ids=str)
@pytest.mark.parametrize("name", NEEDED)
def test_what_reads_an_unknown_bar_is_unknown_on_it_alone(kernels, name, value):
    days = nyse().dates[6000:6040]
    table = pl.DataFrame({"date": days, **{k: np.linspace(9.0, 12.0, 40) for k in NEEDED}})
    table = table.with_columns(pl.col("date").cast(pl.Date))
    holed = table.with_columns(
        **{name: pl.when(pl.int_range(pl.len()) == 15).then(pl.lit(value)).otherwise(name)}
    )
    out = tc.features(holed, ["adx(5)", "highest(high, 5)", "ema(3)", "psar", "obv", "close"])
    assert out[15].null_count().sum_horizontal().item() == out.width
    assert out[16:].null_count().sum_horizontal().item() == 0


def test_a_frame_and_a_store_of_the_same_rows_say_the_same(kernels, tmp_path):
    """An import sets the row aside that the frame leaves out."""
    table, is_bar = spoiled(np.random.default_rng(8), 4)
    assert not is_bar.all()
    store = tc.open_store(tmp_path / "store")
    store.import_bars(table)
    asked = [name for name in EVERY if name not in RELATIVE]
    stored = store_features(store, FeatureRequest(asked))
    rows = table.select("symbol", session="date").with_columns(tc.features(table, asked))
    wanted = rows.filter(is_bar)
    assert stored.sort("symbol", "session").equals(wanted.sort("symbol", "session"))


def test_a_session_twice_is_refused_though_one_of_its_rows_is_unknown(kernels):
    twice = [DAYS[0], DAYS[1], DAYS[1]]
    with pytest.raises(SchemaError, match="the frame has 2024-01-03 twice"):
        tc.features(frame(date=twice, close=[1.0, 2.0, None]), ["sma(2)"])


def test_bars_of_which_none_is_whole_are_all_unknown(kernels):
    out = tc.features(frame(close=[None, None, None]), ["close", "sma(1)", "obv"])
    assert out.null_count().sum_horizontal().item() == 9


def test_a_frame_that_holds_no_volume_at_all_has_bars(kernels):
    out = tc.features(frame(volume=[None, None, None]), ["sma(2)", "obv"])
    assert out["sma(2)"].to_list() == [None, 1.5, 2.5]
    assert out.null_count().row(0)[1:] == (3,)
