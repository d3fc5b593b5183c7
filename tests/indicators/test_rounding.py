"""No claim on a flat or a straight series is decided by rounding; nor on one that differs by it.

A claim compares an output with zero, with its bounds, with the close, or, where both are prices, with
another output. What a claim says must not depend on the unit that prices are written in: a series is
made of whole numbers, where nothing is rounded away, and again in cents, in tenths, in thirds.
"""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from support.plain import sized
from technic.errors import IndicatorError
from technic.indicators import REGISTRY
from technic.indicators.kernel.run import evaluate
from technic.indicators.reading import DUST
from technic.market.panel import pack
from technic.market.sessions import nyse
from technic.query import Resolver
from technic.query.lower import lower
from technic.query.three_valued import compared

PUBLIC = [it for it in REGISTRY.values() if not it.operator]
OUTPUTS = [(it, j, series) for it in PUBLIC for j, series in enumerate(it.all())]
SERIES = [series for _, _, series in OUTPUTS]
N = 300
UNITS = (0.01, 0.1, 0.05, 1.0 / 3.0, 1.0 / 7.0, 1.1)
BENCHMARK = np.exp(np.cumsum(np.random.default_rng(5).normal(0.0003, 0.01, len(nyse()))))
FIELDS = ("open", "high", "low", "close")


def packed(bars):
    """A panel of symbols whose bars are arrays of (n_symbols, n_bars) by field."""
    n_symbols, n = bars["close"].shape
    columns = {name: values.ravel() for name, values in bars.items()}
    columns["session"] = np.tile(np.arange(n) + 5000.0, n_symbols)
    return pack(np.arange(n_symbols), np.full(n_symbols, n), columns)


def shapes(rng, n_symbols):
    """Flat and straight series of whole numbers, their bars alike all the way."""
    level = rng.integers(1, 100_000, n_symbols)[:, None]
    step = np.where(rng.random(n_symbols) < 0.5, 0, rng.integers(-50, 51, n_symbols))[:, None]
    level = level + np.maximum(-step, 0) * N  # no price below one
    close = level + step * np.arange(N)
    wick = np.where(rng.random((2, n_symbols, 1)) < 0.3, 0, rng.integers(0, 40, (2, n_symbols, 1)))
    wick = np.minimum(wick, close.min(axis=1, keepdims=True) - 1)
    bars = {"open": close, "high": close + wick[0], "low": close - wick[1], "close": close}
    bars["volume"] = np.broadcast_to(rng.integers(1, 10**6, (n_symbols, 1)), close.shape)
    return {name: values.astype(float) for name, values in bars.items()}


def in_units(bars, unit):
    """The same bars in another unit, rounded as a file or an adjustment rounds them."""
    divisor = round(1.0 / unit)
    times = (lambda v: v / divisor) if abs(divisor * unit - 1.0) < 1e-12 else (lambda v: v * unit)
    return {name: times(v) if name in FIELDS else v for name, v in bars.items()}


def dusty(bars, rng):
    """The same bars, each price a few units in the last place away."""
    return {
        name: v * (1.0 + rng.integers(-3, 4, v.shape) * 2.0**-52) if name in FIELDS else v
        for name, v in bars.items()
    }


def claims(panel, kernels):
    """−1, 0, 1 or NaN of every claim, by symbol."""
    values = evaluate(SERIES, panel, kernels, benchmark=BENCHMARK)
    close = panel.last("close")
    prices = [close, *(v for v, (it, j, _) in zip(values, OUTPUTS, strict=True) if is_price(it, j))]
    made = {f"{name(k)} > 0": sign(v, 0.0 * v) for k, v in enumerate(values)}
    for k, (it, _, _) in enumerate(OUTPUTS):
        for bound in it.bounds or ():
            assert not (
                sign(values[k], np.full(len(close), bound)) * bound_side(it, bound) > 0
            ).any()
            made[f"{name(k)} > {bound:g}"] = sign(values[k], np.full(len(close), bound))
    names = ["close", *(name(k) for k, (it, j, _) in enumerate(OUTPUTS) if is_price(it, j))]
    for i, one in enumerate(prices):
        for j in range(i):
            made[f"{names[j]} > {names[i]}"] = sign(prices[j], one)
    return made


def bound_side(it, bound):
    return 1.0 if bound == it.bounds[1] else -1.0


def name(k):
    it, j, _ = OUTPUTS[k]
    return it.outputs[j]


def is_price(it, j):
    """Whether an output is a level that prices are compared with."""
    return it.unit == "price" and not it.outputs[j].startswith(
        ("macd", "slope", "atr", "true_range", "bb_pct", "bb_width", "psar_dir", "supertrend_dir")
    )


def sign(a, b):
    """What the language says: 1 where `a > b`, −1 where `a < b`, 0 where neither."""
    return compared((">",), [a, b]) - compared(("<",), [a, b])


def differing(one, other):
    return {
        claim: int(
            (
                ~((one[claim] == other[claim]) | (np.isnan(one[claim]) & np.isnan(other[claim])))
            ).sum()
        )
        for claim in one
    }


def decided_by_rounding(seed, n_symbols, kernels):
    """Claims that say one thing of whole numbers and another of the same shape in other units."""
    rng = np.random.default_rng(seed)
    bars = shapes(rng, n_symbols)
    true, found = claims(packed(bars), kernels), {}
    for unit in UNITS:
        written = in_units(bars, unit)
        for panel in (packed(written), packed(dusty(written, rng))):
            for claim, count in differing(true, claims(panel, kernels)).items():
                if count:
                    found[claim] = found.get(claim, 0) + count
    return found


def test_no_claim_on_a_flat_or_straight_series_is_decided_by_rounding(kernels):
    assert decided_by_rounding(1, sized(200, plain=16), kernels) == {}


@pytest.mark.slow
def test_no_claim_on_ten_thousand_of_them_is(kernels):
    found = {}
    for seed in range(2, 22):
        found |= decided_by_rounding(seed, 500, kernels)
    assert found == {}


@pytest.mark.parametrize("price", [12.34, 0.1, 33.3, 101.7, 7.77, 1.1, 0.07, 64.13, 5.05, 2.2])
def test_on_a_flat_series_means_are_its_value_and_differences_nothing(price, kernels):
    """Bit for bit, at every bar."""
    flat = {field: np.full((1, N), price) for field in FIELDS} | {"volume": np.full((1, N), 1000.0)}
    values = evaluate(SERIES, packed(flat), kernels, benchmark=BENCHMARK, every_bar=True)
    for k, (it, j, _) in enumerate(OUTPUTS):
        known = values[k][np.isfinite(values[k])]
        if is_price(it, j):
            assert len(known)
            assert (known == price).all()
        elif name(k) in UNKNOWN_WHEN_FLAT:
            assert not len(known)
        elif name(k) in NOTHING_WHEN_FLAT:
            assert len(known)
            assert (known == 0.0).all()


UNKNOWN_WHEN_FLAT = {
    "rsi", "rsi_cutler", "stoch_k", "stoch_d", "stoch_rsi_k", "stoch_rsi_d", "williams_r", "cci",
    "cmo", "ultimate", "corr", "bb_pct", "zscore", "adx", "plus_di", "minus_di", "r2",
    "vortex_plus", "vortex_minus", "mfi", "up_down_volume",
}  # fmt: skip
NOTHING_WHEN_FLAT = {
    "macd", "macd_signal", "macd_hist", "ppo", "ppo_signal", "ppo_hist", "trix", "ret", "roc",
    "gap", "from_high", "from_low", "beta", "true_range", "atr", "atr_pct", "bb_width",
    "realized_vol", "max_drawdown", "slope", "force_index", "adl", "cmf",
}  # fmt: skip


def test_a_straight_line_has_no_curve(kernels):
    bars = shapes(np.random.default_rng(4), sized(100, plain=16))
    for unit in UNITS:
        panel = packed(in_units(bars, unit))
        hist, double, triple = evaluate(
            [REGISTRY["macd"].all()[2], REGISTRY["dema"](), REGISTRY["tema"]()], panel, kernels
        )
        close = panel.last("close")
        assert (hist == 0.0).all()
        assert (double == close).all()
        assert (triple == close).all()


def test_what_has_faded_to_rounding_is_unknown(kernels):
    """One move, and then 600 equal closes: in rounding nobody is strong."""
    close = np.full((1, 700), 12.34)
    close[:, :50] = 12.0 + 0.01 * np.arange(50)
    bars = dict.fromkeys(FIELDS, close) | {"volume": np.full(close.shape, 100.0)}
    values = evaluate(
        [REGISTRY["rsi"](), *REGISTRY["stoch_rsi"].all(), *REGISTRY["adx"].all()],
        packed(bars), kernels, every_bar=True,
    )  # fmt: skip
    assert np.isfinite(values[0, 100:300]).all()
    assert np.isnan(values[:, -1]).all()
    assert np.isnan(values[1, 110:]).all()


@pytest.mark.parametrize(
    "text", ["close > sma(20)", "close < ema(20)", "close crosses_above sma(5)", "close == sma(9)"]
)
def test_over_time_numbers_that_differ_by_rounding_are_equal(text, kernels):
    """`within`, `count` and crossings compare inside the kernel, as a scan does outside it."""
    rng = np.random.default_rng(6)
    flat = {field: np.full((8, N), 12.34) for field in FIELDS} | {"volume": np.full((8, N), 1e3)}
    tree = Resolver().any(f"count({text}, 50)")[0]
    counts = evaluate([lower(tree)], packed(dusty(flat, rng)), kernels)[0]
    assert (counts == (50.0 if "==" in text else 0.0)).all()


def test_what_differs_by_more_than_rounding_is_told_apart(kernels):
    one, other = np.array([700_000.01, 1.0, 0.0]), np.array([700_000.0, 1.0 + 1e-11, -1e-300])
    assert compared((">",), [one, other]).tolist() == [1.0, 0.0, 1.0]
    assert compared(("<",), [one, other]).tolist() == [0.0, 1.0, 0.0]
    assert compared(("==",), [np.array([np.inf, np.inf]), np.array([np.inf, 5.0])]).tolist() == [
        1.0,
        0.0,
    ]
    assert DUST < 1e-11


SHORT = 5  # every period of the windows that are looked for in real bars, where it is allowed


def rows_read(series):
    """Rows before its own that a series of windows reads, whatever lies between; None with a fold."""
    it = REGISTRY.get(series.name)
    if it is not None and it.kind == "fold":
        return None
    deeper = [rows_read(one) for one in series.inputs]
    if None in deeper:
        return None
    own = it.reach(*series.params) if it is not None and it.kind == "window" else 0
    return own + max(deeper, default=0)


def fields_read(series):
    leaves = {series.name} if series.name in {*FIELDS, "volume"} else set()
    return leaves.union(*(fields_read(one) for one in series.inputs))


def windows_of_all():
    """Every output that reads a bounded stretch of bars: its name, series, rows, and fields."""
    found = []
    for it in PUBLIC:
        periods = [
            SHORT if float(value).is_integer() and value > 2 else value
            for value in it.defaults.values()
        ]
        try:
            outputs = it.all(*periods)
        except IndicatorError:  # its periods have an order
            outputs = it.all()
        for text, series in zip(it.outputs, outputs, strict=False):
            rows, fields = rows_read(series), fields_read(series)
            if rows and fields:
                found.append((text, series, rows, fields))
    return found


def flat_runs(columns, starts, fields):
    """For every row, how many rows up to it are equal in all of some fields, itself included."""
    same = np.ones(len(columns["close"]), dtype=bool)
    for field in fields:
        same &= np.concatenate([[False], np.diff(columns[field]) == 0.0])
    same[starts] = False
    at = np.arange(len(same))
    return at - np.maximum.accumulate(np.where(same, 0, at)) + 1


@pytest.mark.slow
def test_every_flat_window_of_real_bars_is_flat_to_all_that_read_it_alone(real_data, kernels):
    """What a window says of equal bars is, bit for bit, what it says where bars were always so."""
    rows = pl.read_parquet(real_data / "bars" / "us_2021_2024_split_adjusted.parquet")
    rows = rows.drop_nulls().filter(pl.min_horizontal(*FIELDS) > 0.0).sort("symbol", "date")
    lengths = rows.group_by("symbol", maintain_order=True).len()["len"].to_numpy().astype(np.int64)
    columns = {f: rows[f].cast(pl.Float64).to_numpy() for f in (*FIELDS, "volume")}
    starts = np.concatenate([[0], np.cumsum(lengths)[:-1]])
    columns["session"] = (np.arange(len(rows)) - np.repeat(starts, lengths)) + 5000.0
    panel = pack(np.arange(len(lengths)), lengths, columns)
    asked, n_windows = windows_of_all(), {}
    assert len(asked) > 25
    for text, series, depth, fields in asked:
        ends = np.flatnonzero(flat_runs(columns, starts, fields) > depth)
        if not len(ends):
            continue
        found = evaluate([series], panel, kernels, every_bar=True)[0][ends]
        levels, back = np.unique(
            np.stack([columns[f][ends] for f in sorted(fields)]), axis=1, return_inverse=True
        )
        always = {f: np.full((levels.shape[1], 3 * depth + 9), 1.0) for f in (*FIELDS, "volume")}
        always |= {
            f: np.broadcast_to(levels[k][:, None], always[f].shape)
            for k, f in enumerate(sorted(fields))
        }
        wanted = evaluate([series], packed(always), kernels)[0][back.ravel()]
        same = (found == wanted) | (np.isnan(found) & np.isnan(wanted))
        assert same.all(), (text, found[~same][:3], wanted[~same][:3])
        n_windows[text] = len(ends)
    assert len(n_windows) > 25
    assert sum(n_windows.values()) > 100_000
