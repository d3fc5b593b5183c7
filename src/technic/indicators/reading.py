"""Reading the last `n` bars up to row `t`: what windows are made of.

A window is read afresh at every bar, always from its oldest bar to its newest. Carrying its
sum instead saves a few additions and costs the truth: after a 10,000-fold fall in price a
carried variance is wrong by 3 %. A NaN anywhere in the window gives NaN.
"""

from __future__ import annotations

from typing import Any

from technic.indicators.lanes import inlined, larger, root, smaller, where


@inlined
def total(x: Any, t: int, n: int) -> Any:
    """Sum of the window."""
    added = x[t - n + 1]
    for j in range(t - n + 2, t + 1):
        added = added + x[j]
    return added


@inlined
def mean(x: Any, t: int, n: int) -> Any:
    """Mean of the window."""
    return total(x, t, n) / n


@inlined
def variance(x: Any, t: int, n: int) -> Any:
    """Mean square distance from the mean: the population variance of the window."""
    centre = mean(x, t, n)
    squares = 0.0 * centre
    for j in range(t - n + 1, t + 1):
        squares = squares + (x[j] - centre) * (x[j] - centre)
    return squares / n


@inlined
def deviation(x: Any, t: int, n: int) -> Any:
    """Population standard deviation of the window."""
    return root(variance(x, t, n))


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
def stretch(high: Any, low: Any, close: Any, t: int) -> Any:
    """True range of bar `t`: its range, stretched to reach the close before."""
    return larger(high[t], close[t - 1]) - smaller(low[t], close[t - 1])


@inlined
def positive(value: Any) -> Any:
    """The value where it is above zero, else zero; NaN stays NaN."""
    return where(value <= 0.0, 0.0, value)


@inlined
def ratio(part: Any, whole: Any) -> Any:
    """`part / whole`, unknown where `whole` is not above zero."""
    return where(whole > 0.0, part / whole, float("nan"))
