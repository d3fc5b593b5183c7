"""Levels that a price may reach or break."""

from __future__ import annotations

from typing import Any

from technic.indicators.define import formula, window
from technic.indicators.reading import growth, peak, settle, trough
from technic.indicators.series import Series, apply


@window(
    lookback=lambda n: n - 1,
    oracle=lambda ta, b, n: ta.MAX(b.close, n),
    source="rolling maximum, today included",
)
def highest(t: int, x: Any, n: int = 252) -> Any:
    """Highest of the last `n` values."""
    return settle(peak(x, t, n), x[t])


@window(
    lookback=lambda n: n - 1,
    oracle=lambda ta, b, n: ta.MIN(b.close, n),
    source="rolling minimum, today included",
)
def lowest(t: int, x: Any, n: int = 252) -> Any:
    """Lowest of the last `n` values."""
    return settle(trough(x, t, n), x[t])


@formula(scale_free=True, unit="percent", source="distance from the highest high")
def from_high(high: Series, close: Series, n: int = 252) -> Series:
    """Distance of the close from the highest high of `n` bars, in percent: −10 is below."""
    return 100.0 * apply("growth_over", close, highest(high, n))


@formula(scale_free=True, unit="percent", source="distance from the lowest low")
def from_low(low: Series, close: Series, n: int = 252) -> Series:
    """Distance of the close from the lowest low of `n` bars, in percent: 25 is above."""
    return 100.0 * apply("growth_over", close, lowest(low, n))


@window(lookback=lambda: 1, scale_free=True, unit="percent", source="overnight return")
def gap(t: int, open: Any, close: Any) -> Any:
    """Open against the close before, in percent."""
    return 100.0 * growth(open[t], close[t - 1])
