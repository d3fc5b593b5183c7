"""Reading the last `n` bars up to row `t`: what windows are made of.

A window is read afresh at every bar, always from its oldest bar to its newest. Carrying its
sum instead saves a few additions and costs the truth: after a 10,000-fold fall in price a
carried variance is wrong by 3 %. A NaN anywhere in the window gives NaN.

Rounding decides nothing. A price is known to some fifteen digits, so a difference below `DUST` of
it is none (`apart`, `none_below`); sums are taken relative to the newest bar, so that the mean of
equal values is that value; and the quotient of two dusts is unknown (`ratio`).
"""

from __future__ import annotations

from typing import Any

from technic.indicators.lanes import inlined, larger, root, smaller, where

DUST = 1e-12  # of a price: thousands of its roundings, and a ten-thousandth of any tick


@inlined
def rounding(x: Any) -> Any:
    """What is no difference between prices near `x`."""
    return DUST * abs(x)


@inlined
def none_below(value: Any, least: Any) -> Any:
    """The value; zero where it is not above `least`, on either side of zero."""
    return where(abs(value) <= least, 0.0, value)


@inlined
def apart(a: Any, b: Any) -> Any:
    """`a` less `b`; zero where that is rounding."""
    return none_below(a - b, rounding(b))


@inlined
def level(a: Any, b: Any) -> Any:
    """`a` less `b` for comparisons, alike from both sides; zero where that is rounding."""
    return where(abs(a - b) < DUST * (abs(a) + abs(b)), 0.0, a - b)


@inlined
def settle(a: Any, b: Any) -> Any:
    """`a`; `b` itself where the two differ by rounding."""
    return where(abs(a - b) <= rounding(b), b, a)


@inlined
def growth(a: Any, b: Any) -> Any:
    """By which share `a` is above `b`: zero where that is rounding, unknown where `b` is zero."""
    return where(b != 0.0, none_below(a / b - 1.0, DUST), float("nan"))


@inlined
def ratio(part: Any, whole: Any, least: Any) -> Any:
    """`part / whole`; unknown where `whole` is not above `least`: the rounding of what it sums."""
    return where(whole > least, part / whole, float("nan"))


@inlined
def share(part: Any, whole: Any, least: Any) -> Any:
    """`ratio` of a part to its whole, from 0 to 1: none and all of it are exact.

    Closes may lie outside their range by what an import forgives.
    """
    some = where(abs(whole - part) <= least, whole, none_below(part, least))
    return larger(smaller(ratio(some, whole, least), 1.0), 0.0)


@inlined
def mean(x: Any, t: int, n: int) -> Any:
    """Mean of the window; of equal values that value."""
    newest = x[t]
    away = 0.0 * newest
    for j in range(t - n + 1, t):
        away = away + (x[j] - newest)
    return newest + none_below(away / n, rounding(newest))


@inlined
def deviation(x: Any, t: int, n: int) -> Any:
    """Population standard deviation of the window; zero where that is rounding."""
    centre = mean(x, t, n)
    squares = 0.0 * centre
    for j in range(t - n + 1, t + 1):
        squares = squares + (x[j] - centre) * (x[j] - centre)
    return none_below(root(squares / n), rounding(x[t]))


@inlined
def peak(x: Any, t: int, n: int) -> Any:
    """Highest value of the window."""
    best = x[t - n + 1]
    for j in range(t - n + 2, t + 1):
        best = larger(x[j], best)
    return best


@inlined
def trough(x: Any, t: int, n: int) -> Any:
    """Lowest value of the window."""
    best = x[t - n + 1]
    for j in range(t - n + 2, t + 1):
        best = smaller(x[j], best)
    return best


@inlined
def stretch(high: Any, low: Any, close: Any, t: int, before: int) -> Any:
    """True range of bar `t`: its range, stretched to reach the close of bar `before`."""
    return apart(larger(high[t], close[before]), smaller(low[t], close[before]))


@inlined
def typical(high: Any, low: Any, close: Any, t: int) -> Any:
    """Mean of high, low and close of bar `t`."""
    return (high[t] + low[t] + close[t]) / 3.0


@inlined
def place_in_bar(high: Any, low: Any, close: Any, t: int) -> Any:
    """Where bar `t` closed: −1 at its low, 1 at its high; 0 without a range."""
    spread, least = apart(high[t], low[t]), rounding(close[t])
    lean = none_below((close[t] - low[t]) - (high[t] - close[t]), least)
    lean = where(spread - abs(lean) <= least, where(lean > 0.0, spread, -spread), lean)
    return where(spread > 0.0, lean, 0.0 * lean) / where(spread > 0.0, spread, 1.0)


@inlined
def positive(value: Any) -> Any:
    """The value where it is above zero, else zero; NaN stays NaN."""
    return where(value <= 0.0, 0.0, value)
