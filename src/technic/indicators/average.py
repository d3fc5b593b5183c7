"""Moving averages, in the unit of what is averaged."""

from __future__ import annotations

from math import isqrt, nan
from typing import Any

from technic.indicators.define import fold, formula, window
from technic.indicators.lanes import where
from technic.indicators.reading import mean, ratio
from technic.indicators.series import Series


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
    return where(k >= n - 1, average, nan), average


@window(
    lookback=lambda n: n - 1,
    oracle=lambda ta, b, n: ta.WMA(b.close, n),
    source="linearly weighted mean",
)
def wma(t: int, x: Any, n: int = 20) -> Any:
    """Weighted average: weight `n` on the newest value, down to 1 on the oldest."""
    weighted = x[t - n + 1]
    for j in range(2, n + 1):
        weighted = weighted + j * x[t - n + j]
    return weighted / (0.5 * n * (n + 1))


@formula(
    decay=lambda n: 1.0 - 2.0 / (n + 1.0),
    oracle=lambda ta, b, n: ta.DEMA(b.close, n),
    source="Mulloy (1994), Stocks & Commodities 12:1",
)
def dema(x: Series, n: int = 20) -> Series:
    """Double exponential average: twice the EMA less the EMA of the EMA."""
    first = ema(x, n)
    return 2.0 * first - ema(first, n)


@formula(
    decay=lambda n: 1.0 - 2.0 / (n + 1.0),
    oracle=lambda ta, b, n: ta.TEMA(b.close, n),
    source="Mulloy (1994), Stocks & Commodities 12:1",
)
def tema(x: Series, n: int = 20) -> Series:
    """Triple exponential average: 3 EMA − 3 EMA of EMA + EMA of EMA of EMA."""
    first = ema(x, n)
    second = ema(first, n)
    return 3.0 * first - 3.0 * second + ema(second, n)


@formula(source="Hull (2005); half and root of n rounded down")
def hma(x: Series, n: int = 20) -> Series:
    """Hull average: the weighted average over √n of 2 WMA(n / 2) − WMA(n)."""
    return wma(2.0 * wma(x, max(n // 2, 1)) - wma(x, n), max(isqrt(n), 1))


@fold(
    lookback=lambda n, _fast, _slow: n,
    carries="average",
    reach=lambda n, _fast, _slow: n,
    decay=lambda _n, _fast, slow: 1.0 - (2.0 / (slow + 1.0)) ** 2,
    oracle=lambda ta, b, n, fast, slow: ta.KAMA(b.close, n),
    source="Kaufman (1995), Smarter Trading",
)
def kama(t: int, k: Any, x: Any, average: Any, n: int = 10, fast: int = 2, slow: int = 30) -> Any:
    """Adaptive average: follows quickly where the path over `n` bars was straight.

    Between the smoothing of a `fast` and a `slow` exponential average, in proportion to
    the efficiency ratio; starts from the value before its first.
    """
    first = max(t - n, 0)
    path = 0.0 * x[t]
    for j in range(first + 1, t + 1):
        path = path + abs(x[j] - x[j - 1])
    efficiency = where(path > 0.0, abs(x[t] - x[first]) / path, 0.0)
    quick, calm = 2.0 / (fast + 1.0), 2.0 / (slow + 1.0)
    weight = efficiency * (quick - calm) + calm
    average = where(k < n, x[t], average + weight * weight * (x[t] - average))
    return where(k >= n, average, nan), average


@window(lookback=lambda n: n - 1, source="volume-weighted mean")
def vwma(t: int, x: Any, volume: Any, n: int = 20) -> Any:
    """Average weighted by volume; unknown where nothing traded in the window."""
    money, shares = 0.0 * x[t], 0.0 * x[t]
    for j in range(t - n + 1, t + 1):
        money = money + x[j] * volume[j]
        shares = shares + volume[j]
    return ratio(money, shares)
