"""The machinery of expressions over time: arithmetic, comparison, logic, looking back.

Truth is 1.0, falsehood 0.0, and what cannot be known NaN, in Kleene's sense: false and
unknown is false, true or unknown is true. Two numbers that differ by rounding are equal
(`reading.level`), here and where cross-sections are compared (query/evaluate.py).
"""

from __future__ import annotations

from math import nan
from typing import Any

from technic.indicators import reading
from technic.indicators.define import window
from technic.indicators.lanes import larger, root, smaller, where
from technic.indicators.reading import level, none_below, rounding


@window(lookback=lambda: 0, operator=True)
def add(t: int, a: Any, b: Any) -> Any:
    """Sum."""
    return a[t] + b[t]


@window(lookback=lambda: 0, operator=True)
def subtract(t: int, a: Any, b: Any) -> Any:
    """Difference."""
    return a[t] - b[t]


@window(lookback=lambda: 0, operator=True)
def difference(t: int, a: Any, b: Any, scale: Any) -> Any:
    """`a` less `b`; zero where that is rounding of what they were made of."""
    return none_below(a[t] - b[t], rounding(scale[t]))


@window(lookback=lambda: 0, operator=True)
def settled(t: int, a: Any, b: Any) -> Any:
    """`a`; `b` itself where the two differ by rounding."""
    return reading.settle(a[t], b[t])


@window(lookback=lambda: 0, operator=True)
def growth_over(t: int, a: Any, b: Any) -> Any:
    """By which share `a` is above `b`."""
    return reading.growth(a[t], b[t])


@window(lookback=lambda: 0, operator=True)
def multiply(t: int, a: Any, b: Any) -> Any:
    """Product."""
    return a[t] * b[t]


@window(lookback=lambda: 0, operator=True)
def divide(t: int, a: Any, b: Any) -> Any:
    """Quotient; unknown where the divisor is zero."""
    return where(b[t] != 0.0, a[t] / b[t], nan)


@window(lookback=lambda: 0, operator=True)
def negate(t: int, a: Any) -> Any:
    """The other sign."""
    return -a[t]


@window(lookback=lambda: 0, operator=True)
def absolute(t: int, a: Any) -> Any:
    """Distance from zero."""
    return abs(a[t])


@window(lookback=lambda: 0, operator=True)
def square_root(t: int, a: Any) -> Any:
    """Square root; unknown below zero."""
    return root(a[t])


@window(lookback=lambda: 0, operator=True)
def maximum(t: int, a: Any, b: Any) -> Any:
    """The larger; unknown if either is."""
    return larger(a[t], b[t])


@window(lookback=lambda: 0, operator=True)
def minimum(t: int, a: Any, b: Any) -> Any:
    """The smaller; unknown if either is."""
    return smaller(a[t], b[t])


@window(lookback=lambda: 0, operator=True)
def coalesce(t: int, a: Any, b: Any) -> Any:
    """`a` where it is known, else `b`."""
    return where(a[t] == a[t], a[t], b[t])


@window(lookback=lambda: 0, operator=True)
def is_known(t: int, a: Any) -> Any:
    """Whether `a` is known: never unknown itself."""
    return where(a[t] == a[t], 1.0 + 0.0 * t, 0.0)


@window(lookback=lambda: 0, operator=True)
def less(t: int, a: Any, b: Any) -> Any:
    """Whether `a` is below `b`; unknown if either is."""
    # What is added is 0.0, or NaN where either side is unknown.
    return where(level(a[t], b[t]) < 0.0, 1.0, 0.0) + 0.0 * (a[t] - a[t] + (b[t] - b[t]))


@window(lookback=lambda: 0, operator=True)
def less_or_equal(t: int, a: Any, b: Any) -> Any:
    """Whether `a` is below `b` or equal to it; unknown if either is."""
    return where(level(a[t], b[t]) <= 0.0, 1.0, 0.0) + 0.0 * (a[t] - a[t] + (b[t] - b[t]))


@window(lookback=lambda: 0, operator=True)
def equal(t: int, a: Any, b: Any) -> Any:
    """Whether `a` equals `b`; unknown if either is."""
    return where(level(a[t], b[t]) == 0.0, 1.0, 0.0) + 0.0 * (a[t] - a[t] + (b[t] - b[t]))


@window(lookback=lambda: 0, operator=True)
def both(t: int, a: Any, b: Any) -> Any:
    """Kleene's and: false as soon as one is false."""
    return where((a[t] == 0.0) | (b[t] == 0.0), 0.0, a[t] * b[t])


@window(lookback=lambda: 0, operator=True)
def either(t: int, a: Any, b: Any) -> Any:
    """Kleene's or: true as soon as one is true."""
    return where((a[t] == 1.0) | (b[t] == 1.0), 1.0, 0.0 * (a[t] + b[t]))


@window(lookback=lambda: 0, operator=True)
def opposite(t: int, a: Any) -> Any:
    """Kleene's not; unknown stays unknown."""
    return 1.0 - a[t]


@window(lookback=lambda n: n, operator=True)
def lag(t: int, a: Any, n: int = 1) -> Any:
    """The value `n` bars ago."""
    return a[t - n]


@window(lookback=lambda n: n - 1, operator=True)
def within(t: int, a: Any, n: int = 5) -> Any:
    """Whether `a` held at any of the last `n` bars: Kleene's or over them."""
    held, unknown = 0.0 * t + where(a[t] == 1.0, 1.0, 0.0), 0.0 * a[t]
    for j in range(t - n + 1, t):
        held = where(a[j] == 1.0, 1.0, held)
        unknown = unknown + 0.0 * a[j]
    return where(held > 0.0, 1.0, unknown)


@window(lookback=lambda n: n - 1, operator=True)
def count(t: int, a: Any, n: int = 10) -> Any:
    """At how many of the last `n` bars `a` held; unknown if any of them is."""
    n_held = 0.0 * a[t]
    for j in range(t - n + 1, t + 1):
        n_held = n_held + a[j]
    return n_held


@window(lookback=lambda: 1, operator=True)
def crosses_above(t: int, a: Any, b: Any) -> Any:
    """Whether `a` is above `b` now and was not a bar ago."""
    now, then = level(a[t], b[t]), level(a[t - 1], b[t - 1])
    return where((now <= 0.0) | (then > 0.0), 0.0, 1.0 + 0.0 * (now + then))


@window(lookback=lambda: 1, operator=True)
def crosses_below(t: int, a: Any, b: Any) -> Any:
    """Whether `a` is below `b` now and was not a bar ago."""
    now, then = level(a[t], b[t]), level(a[t - 1], b[t - 1])
    return where((now >= 0.0) | (then < 0.0), 0.0, 1.0 + 0.0 * (now + then))
