"""Weekly and monthly series, against bars merged by hand; fields that are not there."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

import technic as tc
from support.panels import walk
from technic.errors import IndicatorError, SchemaError
from technic.indicators.kernel.run import evaluate
from technic.market.sessions import nyse
from technic.query import Resolver
from technic.query.lower import lower

PANEL = walk((200, 3, 77, 200, 1, 150), seed=21)


def merged(i, spans):
    """Finished spans of symbol `i`: (last session of the span, open, high, low, close, volume)."""
    sessions = PANEL.run(i, "session").astype(int)
    bars = {name: PANEL.run(i, name) for name in ("open", "high", "low", "close", "volume")}
    rows = []
    for span in dict.fromkeys(spans[sessions]):
        at = np.flatnonzero(spans[sessions] == span)
        end = np.flatnonzero(spans == span)[-1]
        rows.append(
            (end, bars["open"][at[0]], bars["high"][at].max(), bars["low"][at].min(),
             bars["close"][at[-1]], bars["volume"][at][::-1].sum())
        )  # fmt: skip
    return rows


@pytest.mark.parametrize("frame", ["weekly", "monthly"])
@pytest.mark.parametrize("column", ["open", "high", "low", "close", "volume"])
def test_a_day_sees_the_last_span_that_was_finished_by_then(frame, column, kernels):
    spans = getattr(nyse(), f"{frame.removesuffix('ly')}s")()
    tree = Resolver().any(f"{frame}({column})")[0]
    values = evaluate([lower(tree)], PANEL, kernels, every_bar=True)[0]
    last = evaluate([lower(tree)], PANEL, kernels)[0]
    start = 0
    for i in range(len(PANEL)):
        rows = merged(i, spans)
        place = 1 + ["open", "high", "low", "close", "volume"].index(column)
        for k, session in enumerate(PANEL.run(i, "session").astype(int)):
            finished = [row for row in rows if row[0] <= session]
            wanted = finished[-1][place] if finished else np.nan
            np.testing.assert_allclose(values[start + k], wanted, rtol=1e-12)
        np.testing.assert_array_equal(last[i], values[start + PANEL.lengths[i] - 1])
        start += int(PANEL.lengths[i])


def test_an_indicator_over_weeks_is_the_indicator_of_weekly_bars(kernels):
    """weekly(ema(3)) and weekly(highest(high, 4)), computed from the merged bars."""
    spans = nyse().weeks()
    trees = [Resolver().any(text)[0] for text in ("weekly(ema(3))", "weekly(highest(high, 4))")]
    averages, peaks = evaluate([lower(tree) for tree in trees], PANEL, kernels)
    for i in range(len(PANEL)):
        newest = int(PANEL.run(i, "session")[-1])
        rows = [row for row in merged(i, spans) if row[0] <= newest]
        closes, highs = [row[4] for row in rows], [row[2] for row in rows]
        average = np.nan
        for k, close in enumerate(closes):
            if k == 2:
                average = np.mean(closes[:3])
            elif k > 2:
                average += 0.5 * (close - average)
        np.testing.assert_allclose(averages[i], average, rtol=1e-12)
        np.testing.assert_array_equal(peaks[i], max(highs[-4:]) if len(highs) >= 4 else np.nan)


def test_a_field_that_the_bars_lack_is_refused(kernels):
    with pytest.raises(IndicatorError, match="vwap"):
        evaluate([lower(Resolver().any("sma(vwap, 5)")[0])], PANEL, kernels)


def test_vwap_can_be_asked_where_it_is(kernels):
    n = 30
    frame = pl.DataFrame({name: np.full(n, 10.0) for name in ("open", "high", "low", "close")}).with_columns(
        volume=pl.lit(1.0), vwap=pl.Series(np.arange(n) + 1.0)
    )  # fmt: skip
    out = tc.features(frame, ["vwap", "sma(vwap, 2)"])
    assert out["vwap"].to_list() == frame["vwap"].to_list()
    assert out["sma(vwap, 2)"][-1] == n - 0.5


def test_weeks_need_dates(kernels):
    frame = pl.DataFrame({name: [1.0] * 9 for name in ("open", "high", "low", "close", "volume")})
    with pytest.raises(SchemaError, match="date"):
        tc.features(frame, ["weekly(close)"])
