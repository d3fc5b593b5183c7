"""Direction, and how much of it there is."""

from __future__ import annotations

from math import nan
from typing import Any

from technic.indicators.define import ALWAYS, fold, formula, window
from technic.indicators.lanes import larger, smaller, where
from technic.indicators.momentum import PERCENT, WILDER
from technic.indicators.reading import (
    apart,
    none_below,
    ratio,
    rounding,
    settle,
    share,
    stretch,
)
from technic.indicators.series import Series
from technic.indicators.volatility import atr


@fold(
    lookback=lambda n: 2 * n - 1,
    carries="rise fall spread average",
    outputs=("adx", "plus_di", "minus_di"),
    decay=lambda n: 1.0 - 1.0 / n,
    bounds=PERCENT,
    scale_free=True,
    unit="percent",
    oracle=lambda ta, b, n: (
        ta.ADX(b.high, b.low, b.close, n),
        ta.PLUS_DI(b.high, b.low, b.close, n),
        ta.MINUS_DI(b.high, b.low, b.close, n),
    ),
    source=f"{WILDER}, section IV; seeded as TA-Lib does",
    differs="for bars that never had a range (high, low and close 10 throughout), or so long ago "
    "that it is rounding of the price, TA-Lib says 0 or what is left of it; here it is unknown",
)
def adx(
    t: int,
    k: Any,
    high: Any,
    low: Any,
    close: Any,
    rise: Any,
    fall: Any,
    spread: Any,
    average: Any,
    n: int = 14,
) -> Any:
    """Strength of a trend, and the movement up and down that it is made of, in percent.

    Unknown where the range is zero; a bar without any directional movement leaves the
    average as it was.
    """
    before = max(t - 1, 0)
    least = rounding(close[t])
    up, down = high[t] - high[before], low[before] - low[t]
    plus = where((up > least) & (up - down > least), up, 0.0)
    minus = where((down > least) & (down - up > least), down, 0.0)
    reach = stretch(high, low, close, t, before)
    # Wilder sums the first n moves, and from then on lets one n-th of the sum go at each bar.
    first, remaining = k < 1.0, where(k < n, 1.0, 1.0 - 1.0 / n)
    rise = where(first, 0.0, rise * remaining + plus)
    fall = where(first, 0.0, fall * remaining + minus)
    spread = where(first, 0.0, spread * remaining + reach)
    moved = rise + fall
    lean = abs(rise - fall) / where(moved > least, moved, 1.0)
    seeding = where((k >= n) & (moved > least), average + 100.0 / n * lean, average)
    smoothed = where(moved > least, average + (100.0 * lean - average) * (1.0 / n), average)
    average = where(first, 0.0, where(k < 2 * n, seeding, smoothed))
    whole = where(k >= n, spread, nan)
    return (
        where((k >= 2 * n - 1) & (spread > least), smaller(average, 100.0), nan),
        100.0 * share(rise, whole, least),
        100.0 * share(fall, whole, least),
        rise,
        fall,
        spread,
        average,
    )


@window(
    lookback=lambda n: n - 1,
    oracle=lambda ta, b, n: ta.LINEARREG_SLOPE(b.close, n),
    source="least squares",
)
def slope(t: int, x: Any, n: int = 20) -> Any:
    """Slope of the least-squares line through the last `n` values, per bar.

    Zero where the line rises by less than rounding.
    """
    middle, newest = 0.5 * (n - 1), x[t]
    lean = 0.0 * newest
    for j in range(n):
        lean = lean + (j - middle) * (x[t - n + 1 + j] - newest)
    if n == 1:
        return 0.0 * lean
    return none_below(lean / (n * (n * n - 1.0) / 12.0), rounding(newest) / (n - 1.0))


@window(
    lookback=lambda n: n - 1,
    bounds=(0.0, 1.0),
    scale_free=True,
    unit="ratio",
    source="coefficient of determination of the line of `slope`",
)
def r2(t: int, x: Any, n: int = 20) -> Any:
    """Share of the variance of the last `n` values that a straight line explains.

    Unknown for a flat window.
    """
    middle, newest = 0.5 * (n - 1), x[t]
    centre = 0.0 * newest
    for j in range(n):
        centre = centre + (x[t - n + 1 + j] - newest)
    centre = centre / n
    lean, spread = 0.0 * newest, 0.0 * newest
    for j in range(n):
        away = (x[t - n + 1 + j] - newest) - centre
        lean = lean + (j - middle) * away
        spread = spread + away * away
    bars, least = n * (n * n - 1.0) / 12.0, rounding(newest)
    return settle(ratio(lean * lean, spread * bars, n * bars * least * least), 1.0)


@fold(
    lookback=lambda _step, _most: 1,
    carries="side next extreme speed",
    outputs=("psar", "psar_direction"),
    decay=lambda *_: ALWAYS,
    oracle=lambda ta, b, step, most: (ta.SAR(b.high, b.low, step, most),),
    source=f"{WILDER}, section II; started as TA-Lib does",
)
def psar(
    t: int,
    k: Any,
    high: Any,
    low: Any,
    side: Any,
    next: Any,
    extreme: Any,
    speed: Any,
    step: float = 0.02,
    most: float = 0.2,
) -> Any:
    """Parabolic stop and reverse, and its direction: 1 below the price, −1 above it."""
    before = max(t - 1, 0)
    up, down = high[t] - high[before], low[before] - low[t]
    first = k < 2.0
    # What is less apart than rounding touches, and is no new extreme.
    tie = rounding(low[t])
    falling = where((down > tie) & (up + tie < down), 1.0, 0.0)
    side = where(first, where(falling > 0.0, -1.0, 1.0), side)
    rising = side > 0.0
    extreme = where(first, where(rising, high[t], low[t]), extreme)
    next = where(first, where(rising, low[before], high[before]), next)
    speed = where(first, step, speed)
    # On the first bar TA-Lib takes today's range for yesterday's too.
    ceiling = where(first, high[t], larger(high[before], high[t]))
    floor = where(first, low[t], smaller(low[before], low[t]))

    turned = where(rising, low[t] - tie, next) <= where(rising, next, high[t] + tie)
    stop_above, stop_below = larger(extreme, ceiling), smaller(extreme, floor)
    value = where(turned, where(rising, stop_above, stop_below), next)

    record = (rising & (high[t] - tie > extreme)) | (~rising & (low[t] + tie < extreme))
    faster = smaller(speed + step, most + 0.0 * speed)
    new_speed = where(turned, step, where(record, faster, speed))
    best = where(rising, larger(high[t], extreme), smaller(low[t], extreme))
    new_extreme = where(turned, where(rising, low[t], high[t]), best)
    new_side = where(turned, -side, side)
    moved = value + new_speed * (new_extreme - value)
    new_next = where(new_side > 0.0, smaller(moved, floor), larger(moved, ceiling))

    begun = k >= 1.0
    return (
        where(begun, value, nan),
        where(begun, new_side, nan),
        where(begun, new_side, 0.0),
        where(begun, new_next, 0.0),
        where(begun, new_extreme, 0.0),
        where(begun, new_speed, 0.0),
    )


@fold(
    lookback=lambda _width: 0,
    carries="upper lower side",
    outputs=("supertrend_line", "supertrend_side"),
    at_its_row=("x",),
    operator=True,
)
def follow_bands(
    t: int,
    k: Any,
    x: Any,
    high: Any,
    low: Any,
    close: Any,
    upper: Any,
    lower: Any,
    side: Any,
    width: float = 3.0,
) -> Any:
    """Bands `width` × `x` around the middle of the bar that only ever tighten, until crossed."""
    before = max(t - 1, 0)
    middle, first = 0.5 * (high[t] + low[t]), k < 1.0
    over, under = middle + width * x[t], middle - width * x[t]
    # A close that touches a band, but for rounding, has not crossed it.
    tie, tie_before = rounding(close[t]), rounding(close[before])
    new_upper = where((close[before] - tie_before > upper) | (over < upper), over, upper)
    new_lower = where((close[before] + tie_before < lower) | (under > lower), under, lower)
    upper, lower = where(first, over, new_upper), where(first, under, new_lower)
    # The side changes where the close leaves the band it follows.
    above = where(close[t] - tie > upper, 1.0, -1.0)
    turned = where(side < 0.0, above, where(close[t] + tie < lower, -1.0, 1.0))
    side = where(first, above, turned)
    return settle(where(side > 0.0, lower, upper), close[t]), side, upper, lower, side


@formula(
    outputs=("supertrend", "supertrend_direction"),
    decay=lambda *_: ALWAYS,
    source="Seban (2008); first side down, as most charts draw it",
    differs="the first side is down unless the first close is above the upper band; who begins "
    "above the lower band differs until the first crossing, in a rise from the first bar for "
    "good: closes 10, 11, 12, … without a wick and n = 3 turn up at the eighth",
)
def supertrend(
    high: Series, low: Series, close: Series, n: int = 10, width: float = 3.0
) -> tuple[Series, ...]:
    """Trailing stop `width` average true ranges away, and its direction: 1 up, −1 down."""
    return follow_bands.all(atr(high, low, close, n), high, low, close, width)


@window(
    lookback=lambda n: n,
    outputs=("vortex_plus", "vortex_minus"),
    scale_free=True,
    unit="ratio",
    source="Botes & Siepman (2010), Stocks & Commodities 28:1",
)
def vortex(t: int, high: Any, low: Any, close: Any, n: int = 14) -> Any:
    """Movement up and down between bars, per unit of true range over `n` bars."""
    up, down, reach = 0.0 * close[t], 0.0 * close[t], 0.0 * close[t]
    for j in range(t - n + 1, t + 1):
        up = up + abs(apart(high[j], low[j - 1]))
        down = down + abs(apart(low[j], high[j - 1]))
        reach = reach + stretch(high, low, close, j, j - 1)
    least = rounding(close[t])
    return ratio(up, reach, least), ratio(down, reach, least)
