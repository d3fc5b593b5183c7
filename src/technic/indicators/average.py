"""Moving averages, in the unit of what is averaged."""

from __future__ import annotations

from math import isqrt, nan
from typing import Any

from technic.indicators.define import fold, formula, window
from technic.indicators.lanes import where
from technic.indicators.reading import mean, none_below, ratio, rounding, settle
from technic.indicators.series import Series, apply


@window(
    lookback=lambda n: n - 1,
    oracle=lambda ta, b, n: ta.SMA(b.close, n),
    source="the arithmetic mean",
)
def sma(t: int, x: Any, n: int = 20) -> Any:
    """Simple moving average: the mean of the last `n` values."""
    return mean(x, t, n)


@fold(
    lookback=lambda n: n - 1,
    carries="average",
    reach=lambda _n: 0,
    absorbs=True,
    decay=lambda n: 1.0 - 2.0 / (n + 1.0),
    oracle=lambda ta, b, n: ta.EMA(b.close, n),
    source="Brown (1956); seeded as TA-Lib does",
)
def ema(t: int, k: Any, x: Any, average: Any, n: int = 20) -> Any:
    """Exponential average with weight 2 / (n + 1) on the newest value.

    Seeded with the plain mean of the first `n` values.
    """
    share, weight = 1.0 / n, 2.0 / (n + 1.0)
    average = where(k < n, average + share * x[t], average + weight * (x[t] - average))
    return where(k >= n - 1, settle(average, x[t]), nan), average


@window(
    lookback=lambda n: n - 1,
    oracle=lambda ta, b, n: ta.WMA(b.close, n),
    source="linearly weighted mean",
)
def wma(t: int, x: Any, n: int = 20) -> Any:
    """Weighted average: weight `n` on the newest value, down to 1 on the oldest."""
    newest = x[t]
    away = 0.0 * newest
    for j in range(1, n):
        away = away + j * (x[t - n + j] - newest)
    return newest + none_below(away / (0.5 * n * (n + 1)), rounding(newest))


@formula(
    decay=lambda n: 1.0 - 2.0 / (n + 1.0),
    oracle=lambda ta, b, n: ta.DEMA(b.close, n),
    source="Mulloy (1994), Stocks & Commodities 12:1",
)
def dema(x: Series, n: int = 20) -> Series:
    """Double exponential average: twice the EMA less the EMA of the EMA."""
    first = ema(x, n)
    return apply("settled", 2.0 * first - ema(first, n), x)


@formula(
    decay=lambda n: 1.0 - 2.0 / (n + 1.0),
    oracle=lambda ta, b, n: ta.TEMA(b.close, n),
    source="Mulloy (1994), Stocks & Commodities 12:1",
)
def tema(x: Series, n: int = 20) -> Series:
    """Triple exponential average: 3 EMA − 3 EMA of EMA + EMA of EMA of EMA."""
    first = ema(x, n)
    second = ema(first, n)
    return apply("settled", 3.0 * first - 3.0 * second + ema(second, n), x)


@formula(source="Hull (2005); half and root of n rounded down")
def hma(x: Series, n: int = 20) -> Series:
    """Hull average: the weighted average over √n of 2 WMA(n / 2) − WMA(n)."""
    ahead = 2.0 * wma(x, max(n // 2, 1)) - wma(x, n)
    return apply("settled", wma(ahead, max(isqrt(n), 1)), x)


@fold(
    lookback=lambda n, _fast, _slow: n,
    carries="average",
    reach=lambda n, _fast, _slow: n,
    absorbs=True,
    decay=lambda _n, _fast, slow: 1.0 - (2.0 / (slow + 1.0)) ** 2,
    oracle=lambda ta, b, n, fast, slow: ta.KAMA(b.close, n),
    source="Kaufman (1995), Smarter Trading",
    differs="where the last n + 1 closes are equal, TA-Lib takes the path of length zero for a "
    "straight one and follows quickly (10, 12, 14, 11, 11, 11, 11 with n = 3: 11.87); here it "
    "follows slowly (12.57)",
)
def kama(t: int, k: Any, x: Any, average: Any, n: int = 10, fast: int = 2, slow: int = 30) -> Any:
    """Adaptive average: follows quickly where the path over `n` bars was straight.

    Between the smoothing of a `fast` and a `slow` exponential average, in proportion to
    the efficiency ratio; starts from the value before its first. Where nothing moved, there is
    nothing to follow: it is slow.
    """
    first = max(t - n, 0)
    path = 0.0 * x[t]
    for j in range(first + 1, t + 1):
        path = path + abs(x[j] - x[j - 1])
    least = rounding(x[t])
    # An unknown on the path sticks; a path of no length is none that was followed.
    efficiency = where(path > least, abs(x[t] - x[first]) / path, 0.0 * path)
    quick, calm = 2.0 / (fast + 1.0), 2.0 / (slow + 1.0)
    weight = efficiency * (quick - calm) + calm
    average = where(k < n, x[t], average + weight * weight * (x[t] - average))
    return where(k >= n, settle(average, x[t]), nan), average


@window(lookback=lambda n: n - 1, source="volume-weighted mean")
def vwma(t: int, x: Any, volume: Any, n: int = 20) -> Any:
    """Average weighted by volume; unknown where nothing traded in the window."""
    newest = x[t]
    away, shares = 0.0 * newest, 0.0 * newest
    for j in range(t - n + 1, t + 1):
        away = away + (x[j] - newest) * volume[j]
        shares = shares + volume[j]
    return newest + none_below(ratio(away, shares, 0.0), rounding(newest))
