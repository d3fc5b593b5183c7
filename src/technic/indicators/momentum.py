"""Speed and exhaustion of price moves."""

from __future__ import annotations

from math import nan
from typing import Any

from technic.indicators.average import ema, sma
from technic.indicators.define import fold, formula, window
from technic.indicators.lanes import larger, smaller, where
from technic.indicators.reading import (
    apart,
    growth,
    none_below,
    peak,
    positive,
    ratio,
    rounding,
    share,
    stretch,
    trough,
    typical,
)
from technic.indicators.series import Series, apply

WILDER = "Wilder (1978), New Concepts in Technical Trading Systems"
PERCENT = (0.0, 100.0)


@window(
    lookback=lambda n: n,
    scale_free=True,
    unit="ratio",
    oracle=lambda ta, b, n: ta.ROCP(b.close, n),
    source="simple return",
)
def ret(t: int, x: Any, n: int = 21) -> Any:
    """Return over `n` bars, as a ratio: 0.05 is five percent."""
    return growth(x[t], x[t - n])


@window(
    lookback=lambda n: n,
    scale_free=True,
    unit="percent",
    oracle=lambda ta, b, n: ta.ROC(b.close, n),
    source="rate of change",
)
def roc(t: int, x: Any, n: int = 10) -> Any:
    """Return over `n` bars, in percent."""
    return 100.0 * growth(x[t], x[t - n])


@fold(
    lookback=lambda n: n,
    carries="gain loss before",
    reach=lambda _n: 0,
    decay=lambda n: 1.0 - 1.0 / n,
    bounds=PERCENT,
    scale_free=True,
    unit="percent",
    oracle=lambda ta, b, n: ta.RSI(b.close, n),
    source=f"{WILDER}, section VI",
    differs="for closes that never moved (10, 10, 10, …), or so long ago that the averages are "
    "rounding of the price, TA-Lib says 0 or what is left of them; here it is unknown",
)
def rsi(t: int, k: Any, x: Any, gain: Any, loss: Any, before: Any, n: int = 14) -> Any:
    """Relative strength index: the share of recent movement that was upward, in percent.

    Wilder's averages, seeded with the plain mean of the first `n` moves. Unknown for a
    symbol that has not moved at all, or so long ago that nothing of it is left: it is neither
    strong nor weak.
    """
    part = 1.0 / n
    move, tie = where(k < 1.0, 0.0, x[t] - before), rounding(x[t])
    up, down = where(move > tie, move, 0.0), where(-move > tie, -move, 0.0)
    gain = where(k <= n, gain + part * up, gain + part * (up - gain))
    loss = where(k <= n, loss + part * down, loss + part * (down - loss))
    movement = where(k >= n, gain + loss, nan)
    return 100.0 * ratio(gain, movement, rounding(x[t])), gain, loss, x[t]


@window(
    lookback=lambda n: n,
    bounds=PERCENT,
    scale_free=True,
    unit="percent",
    source="Chande & Kroll (1994), after Cutler",
)
def rsi_cutler(t: int, x: Any, n: int = 14) -> Any:
    """Relative strength index with simple means over `n` moves, in percent."""
    gain, loss = 0.0 * x[t], 0.0 * x[t]
    for j in range(t - n + 1, t + 1):
        move = apart(x[j], x[j - 1])
        gain = gain + positive(move)
        loss = loss + positive(-move)
    return 100.0 * ratio(gain, gain + loss, rounding(x[t]))


@fold(
    lookback=lambda fast, slow, signal: max(fast, slow) + signal - 2,
    carries="quick calm line",
    reach=lambda *_: 0,
    absorbs=True,
    outputs=("macd", "macd_signal", "macd_hist"),
    decay=lambda fast, slow, signal: 1.0 - 2.0 / (max(fast, slow, signal) + 1.0),
    oracle=lambda ta, b, fast, slow, signal: ta.MACD(b.close, fast, slow, signal),
    source="Appel (1979); seeded as TA-Lib does",
)
def macd(
    t: int,
    k: Any,
    x: Any,
    quick: Any,
    calm: Any,
    line: Any,
    fast: int = 12,
    slow: int = 26,
    signal: int = 9,
) -> Any:
    """Difference of two exponential averages, its own average, and the distance between.

    Both averages are seeded with the means of the bars up to the first one that the
    slower knows.
    """
    late, least = max(fast, slow), rounding(x[t])
    seeding = k < late
    quick = where(
        seeding,
        where(k >= late - fast, quick + x[t] * (1.0 / fast), 0.0),
        quick + 2.0 / (fast + 1.0) * (x[t] - quick),
    )
    calm = where(
        seeding,
        where(k >= late - slow, calm + x[t] * (1.0 / slow), 0.0),
        calm + 2.0 / (slow + 1.0) * (x[t] - calm),
    )
    gap = where(k >= late - 1, none_below(quick - calm, least), 0.0)
    line = where(
        k < late - 1 + signal,
        line + gap * (1.0 / signal),
        line + 2.0 / (signal + 1.0) * (gap - line),
    )
    ready = k >= late + signal - 2
    return (
        where(ready, gap, nan),
        where(ready, line, nan),
        where(ready, none_below(gap - line, least), nan),
        quick,
        calm,
        line,
    )


@formula(
    outputs=("ppo", "ppo_signal", "ppo_hist"),
    decay=lambda fast, slow, signal: 1.0 - 2.0 / (max(fast, slow, signal) + 1.0),
    scale_free=True,
    unit="percent",
    source="Appel (2005); each average seeded with its own first mean",
)
def ppo(x: Series, fast: int = 12, slow: int = 26, signal: int = 9) -> tuple[Series, ...]:
    """Difference of two exponential averages in percent of the slower, and its average."""
    calm = ema(x, slow)
    line = 100.0 * apply("growth_over", ema(x, fast), calm)
    average = ema(line, signal)
    return line, average, apply("difference", line, average, 100.0)


@window(lookback=lambda n: n - 1, bounds=PERCENT, scale_free=True, unit="percent", operator=True)
def place_in_range(t: int, high: Any, low: Any, x: Any, n: int = 14) -> Any:
    """Where `x` stands between the lowest low and the highest high, in percent."""
    floor, top = trough(low, t, n), peak(high, t, n)
    return 100.0 * share(x[t] - floor, top - floor, rounding(top) + rounding(floor))


@formula(
    outputs=("stoch_k", "stoch_d"),
    bounds=PERCENT,
    scale_free=True,
    unit="percent",
    oracle=lambda ta, b, n, smooth, signal: ta.STOCH(
        b.high, b.low, b.close, n, smooth, 0, signal, 0
    ),
    source="Lane (1984), Stocks & Commodities 2:3; the slow form",
    differs="without any range (high, low and close 10 throughout) TA-Lib says 0, here it is unknown; "
    "TA-Lib shows no %K before its first %D, here it is shown signal - 1 bars earlier",
)
def stochastic(
    high: Series, low: Series, close: Series, n: int = 14, smooth: int = 3, signal: int = 3
) -> tuple[Series, Series]:
    """Place of the close in the range of `n` bars, smoothed by simple means, in percent."""
    smoothed = sma(place_in_range(high, low, close, n), smooth)
    return smoothed, sma(smoothed, signal)


@formula(
    outputs=("stoch_rsi_k", "stoch_rsi_d"),
    bounds=PERCENT,
    decay=lambda length, _n, _smooth, _signal: 1.0 - 1.0 / length,
    scale_free=True,
    unit="percent",
    source="Chande & Kroll (1994), The New Technical Trader",
)
def stoch_rsi(
    x: Series, length: int = 14, n: int = 14, smooth: int = 3, signal: int = 3
) -> tuple[Series, Series]:
    """Place of the RSI in its own range of `n` bars, smoothed, in percent."""
    strength = rsi(x, length)
    smoothed = sma(place_in_range(strength, strength, strength, n), smooth)
    return smoothed, sma(smoothed, signal)


@window(
    lookback=lambda n: n - 1,
    bounds=(-100.0, 0.0),
    scale_free=True,
    unit="percent",
    oracle=lambda ta, b, n: ta.WILLR(b.high, b.low, b.close, n),
    source="Williams (1973)",
    differs="without any range (high, low and close 10 throughout) TA-Lib says 0; here it is unknown",
)
def williams_r(t: int, high: Any, low: Any, close: Any, n: int = 14) -> Any:
    """Distance of the close below the highest high, in percent of the range, negated."""
    ceiling = peak(high, t, n)
    return -100.0 * share(ceiling - close[t], ceiling - trough(low, t, n), rounding(ceiling))


@window(
    lookback=lambda n: n - 1,
    scale_free=True,
    unit="ratio",
    oracle=lambda ta, b, n: ta.CCI(b.high, b.low, b.close, n),
    source="Lambert (1980), Commodities 9:10",
    differs="where all typical prices are equal (high 10.5, low 9.5 and close 10 throughout) TA-Lib "
    "says 0; here it is unknown",
)
def cci(t: int, high: Any, low: Any, close: Any, n: int = 20) -> Any:
    """Distance of the typical price from its mean, in 1.5 % of its mean distance.

    Unknown for a flat window.
    """
    newest = typical(high, low, close, t)
    centre = 0.0 * newest
    for j in range(t - n + 1, t):
        centre = centre + (typical(high, low, close, j) - newest)
    centre = newest + centre / n
    spread = 0.0 * centre
    for j in range(t - n + 1, t + 1):
        spread = spread + abs(typical(high, low, close, j) - centre)
    return ratio(newest - centre, spread / n, rounding(newest)) / 0.015


@formula(
    bounds=(-100.0, 100.0),
    decay=lambda n: 1.0 - 1.0 / n,
    scale_free=True,
    unit="percent",
    oracle=lambda ta, b, n: ta.CMO(b.close, n),
    source="Chande (1994), smoothed as Wilder does: TA-Lib's form",
    differs="for closes that never moved (10, 10, 10, …), or so long ago that the averages are "
    "rounding of the price, TA-Lib says 0 or what is left of them; here it is unknown",
)
def cmo(x: Series, n: int = 14) -> Series:
    """Chande momentum: gains less losses in percent of both, with Wilder's averages.

    With those averages it is the RSI on another scale: 2 RSI − 100.
    """
    return 2.0 * rsi(x, n) - 100.0


@formula(
    decay=lambda n: 1.0 - 2.0 / (n + 1.0),
    scale_free=True,
    unit="percent",
    oracle=lambda ta, b, n: ta.TRIX(b.close, n),
    source="Hutson (1983), Stocks & Commodities 1:5",
)
def trix(x: Series, n: int = 15) -> Series:
    """One-bar change of a triple-smoothed average, in percent."""
    return roc(ema(ema(ema(x, n), n), n), 1)


@window(
    lookback=max,
    bounds=PERCENT,
    scale_free=True,
    unit="percent",
    oracle=lambda ta, b, short, middle, long: ta.ULTOSC(
        b.high, b.low, b.close, short, middle, long
    ),
    source="Williams (1985), Stocks & Commodities 3:4",
    differs="where a span has no true range (high, low and close 10 for short + 1 bars) TA-Lib "
    "leaves the span out of the sum; here it is unknown",
)
def ultimate(
    t: int, high: Any, low: Any, close: Any, short: int = 7, middle: int = 14, long: int = 28
) -> Any:
    """Buying pressure over three spans, weighted 4 : 2 : 1, in percent."""
    blend = 0.0 * close[t]
    for span, weight in ((short, 4.0), (middle, 2.0), (long, 1.0)):
        pressure, reach = 0.0 * close[t], 0.0 * close[t]
        for j in range(t - span + 1, t + 1):
            pressure = pressure + (close[j] - smaller(low[j], close[j - 1]))
            reach = reach + stretch(high, low, close, j, j - 1)
        blend = blend + weight * share(pressure, reach, rounding(close[t]))
    return 100.0 * blend / 7.0


@window(
    lookback=lambda n: n,
    outputs=("aroon_up", "aroon_down"),
    bounds=PERCENT,
    scale_free=True,
    unit="percent",
    oracle=lambda ta, b, n: ta.AROON(b.high, b.low, n)[::-1],
    source="Chande (1995), Stocks & Commodities 13:9",
)
def aroon(t: int, high: Any, low: Any, n: int = 25) -> Any:
    """How recently the highest high and the lowest low of `n` + 1 bars were, in percent.

    100 is today; of equal extremes the newest counts.
    """
    best, since_best = high[t - n], 0.0 * high[t] + n
    worst, since_worst = low[t - n], 0.0 * low[t] + n
    for j in range(t - n + 1, t + 1):
        since_best = where(apart(high[j], best) >= 0.0, 1.0 * (t - j), since_best)
        since_worst = where(apart(low[j], worst) <= 0.0, 1.0 * (t - j), since_worst)
        best, worst = larger(high[j], best), smaller(low[j], worst)
    unknown = 0.0 * best + 0.0 * worst
    return 100.0 * (n - since_best) / n + unknown, 100.0 * (n - since_worst) / n + unknown
