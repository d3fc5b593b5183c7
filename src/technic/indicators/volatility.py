"""Size of price moves."""

from __future__ import annotations

from math import nan, sqrt
from typing import Any

from technic.indicators.average import ema
from technic.indicators.define import fold, formula, window
from technic.indicators.lanes import larger, root, where
from technic.indicators.levels import highest, lowest
from technic.indicators.reading import (
    DUST,
    deviation,
    growth,
    mean,
    none_below,
    ratio,
    rounding,
    stretch,
)
from technic.indicators.series import Series

WILDER = "Wilder (1978), New Concepts in Technical Trading Systems"
SQRT_252 = sqrt(252.0)


@window(
    lookback=lambda: 1,
    oracle=lambda ta, b: ta.TRANGE(b.high, b.low, b.close),
    source=f"{WILDER}, section III",
)
def true_range(t: int, high: Any, low: Any, close: Any) -> Any:
    """Today's range, stretched to reach yesterday's close."""
    return stretch(high, low, close, t, t - 1)


@fold(
    lookback=lambda n: n,
    carries="average",
    decay=lambda n: 1.0 - 1.0 / n,
    oracle=lambda ta, b, n: ta.ATR(b.high, b.low, b.close, n),
    source=f"{WILDER}, section III",
)
def atr(t: int, k: Any, high: Any, low: Any, close: Any, average: Any, n: int = 14) -> Any:
    """Average true range: Wilder's average of `true_range`."""
    part, reach = 1.0 / n, stretch(high, low, close, t, max(t - 1, 0))
    grown = where(k <= n, average + part * reach, average + part * (reach - average))
    average = where(k < 1.0, 0.0, grown)
    return where(k >= n, average, nan), average


@formula(
    decay=lambda n: 1.0 - 1.0 / n,
    scale_free=True,
    unit="percent",
    oracle=lambda ta, b, n: ta.NATR(b.high, b.low, b.close, n),
    source="average true range over the close",
)
def atr_pct(high: Series, low: Series, close: Series, n: int = 14) -> Series:
    """Average true range in percent of the close."""
    return 100.0 * atr(high, low, close, n) / close


@window(
    lookback=lambda n, _width: n - 1,
    outputs=("bb_upper", "bb_middle", "bb_lower", "bb_pct", "bb_width"),
    oracle=lambda ta, b, n, width: ta.BBANDS(b.close, n, width, width),
    source="Bollinger (2001), Bollinger on Bollinger Bands",
)
def bollinger(t: int, x: Any, n: int = 20, width: float = 2.0) -> Any:
    """Bands `width` population deviations around the mean; the place between; their distance.

    `bb_pct` is 0 at the lower band and 1 at the upper, unknown where they coincide;
    `bb_width` is the distance between the bands as a share of the middle.
    """
    middle = mean(x, t, n)
    reach = width * deviation(x, t, n)
    upper, lower = middle + reach, middle - reach
    return (
        upper,
        middle,
        lower,
        ratio(x[t] - lower, upper - lower, rounding(x[t])),
        (upper - lower) / middle,
    )


@formula(
    outputs=("keltner_upper", "keltner_middle", "keltner_lower"),
    decay=lambda n, _width, length: 1.0 - min(2.0 / (n + 1.0), 1.0 / length),
    source="Keltner (1960), in Raschke's form",
    differs="the middle is the EMA of the close; Keltner drew a simple mean of the typical price, "
    "which is another line wherever closes are not the middle of their bars (high 12, low 10, "
    "close 12: 12 here, 11.33 there)",
)
def keltner(
    x: Series, n: int = 20, width: float = 2.0, length: int = 10
) -> tuple[Series, Series, Series]:
    """Channel of `width` average true ranges over `length` bars around an EMA."""
    middle = ema(x, n)
    reach = width * atr(length, frame=x.frame)
    return middle + reach, middle, middle - reach


@formula(
    outputs=("donchian_upper", "donchian_middle", "donchian_lower"),
    oracle=lambda ta, b, n: (ta.MAX(b.high, n), ta.MIDPRICE(b.high, b.low, n), ta.MIN(b.low, n)),
    source="Donchian; today included",
)
def donchian(high: Series, low: Series, n: int = 20) -> tuple[Series, Series, Series]:
    """Highest high, lowest low and the middle between them over `n` bars."""
    upper, lower = highest(high, n), lowest(low, n)
    return upper, 0.5 * (upper + lower), lower


@window(
    lookback=lambda n: n,
    scale_free=True,
    unit="ratio",
    source="sample deviation of simple daily returns × √252",
)
def realized_vol(t: int, x: Any, n: int = 20) -> Any:
    """Deviation of the last `n` daily returns, annualised by √252, as a ratio."""
    centre = 0.0 * x[t]
    for j in range(t - n + 1, t + 1):
        centre = centre + growth(x[j], x[j - 1])
    centre = centre / n
    squares = 0.0 * centre
    for j in range(t - n + 1, t + 1):
        away = growth(x[j], x[j - 1]) - centre
        squares = squares + away * away
    return SQRT_252 * none_below(root(squares / (n - 1)), DUST) if n > 1 else nan * squares


@window(lookback=lambda n: n - 1, scale_free=True, unit="ratio", source="standard score")
def zscore(t: int, x: Any, n: int = 20) -> Any:
    """Distance from the mean of `n` values in their population deviations.

    Unknown for a flat window.
    """
    return ratio(x[t] - mean(x, t, n), deviation(x, t, n), rounding(x[t]))


@window(
    lookback=lambda n: n - 1,
    bounds=(0.0, 1.0),
    scale_free=True,
    unit="ratio",
    source="largest fall from a running peak",
)
def max_drawdown(t: int, x: Any, n: int = 60) -> Any:
    """Largest fall from a peak within the last `n` values, as a ratio: 0.2 lost a fifth."""
    best = x[t - n + 1]
    worst = 0.0 * best
    for j in range(t - n + 2, t + 1):
        best = larger(x[j], best)
        worst = larger(1.0 - x[j] / best, worst)
    return none_below(worst, DUST)
