"""The technical rating: six parts of a chart, each 0 to 100, and their weighted sum.

Every part is symmetric: 50 says nothing either way, and a chart turned upside down scores as
far below 50 as the chart itself scores above. `tech_rating` is a sum written in the scan
language, so that ranking by it splits into its parts like any other sum.
"""

from __future__ import annotations

import numpy as np

from technic.market.typing import FloatArray
from technic.scores.define import score

WEIGHTS = {
    "trend_score": 0.25,
    "momentum_score": 0.25,
    "volume_score": 0.15,
    "volatility_score": 0.10,
    "oscillator_score": 0.10,
    "breakout_score": 0.15,
}
TECH_RATING = " + ".join(f"{weight} * {name}" for name, weight in WEIGHTS.items())


def scaled(*signals: FloatArray) -> FloatArray:
    """0 to 100: the mean of signals, each cut at −1 and 1, around 50.

    Parameters
    ----------
    signals : float64, shape (n_symbols,); NaN is unknown
    """
    total = np.zeros_like(signals[0])
    for signal in signals:
        total = total + np.clip(signal, -1.0, 1.0)
    return 50.0 + 50.0 * (total / len(signals))


@score(bounds=(0.0, 100.0))
def trend_score(
    close: FloatArray = "close",  # type: ignore[assignment]
    middle: FloatArray = "sma(50)",  # type: ignore[assignment]
    slow: FloatArray = "sma(200)",  # type: ignore[assignment]
    strength: FloatArray = "adx(14)",  # type: ignore[assignment]
    up: FloatArray = "plus_di(14)",  # type: ignore[assignment]
    down: FloatArray = "minus_di(14)",  # type: ignore[assignment]
) -> FloatArray:
    """Trend, 0 to 100: full marks for a close 10 % above its 50-day mean, that mean 15 %
    above the 200-day one, and an upward ADX of 40.
    """
    direction = np.sign(up - down)
    return scaled(
        (close / middle - 1.0) / 0.10, (middle / slow - 1.0) / 0.15, direction * strength / 40.0
    )


@score(bounds=(0.0, 100.0))
def momentum_score(
    month: FloatArray = "ret(21)",  # type: ignore[assignment]
    quarter: FloatArray = "ret(63)",  # type: ignore[assignment]
    half: FloatArray = "ret(126)",  # type: ignore[assignment]
) -> FloatArray:
    """Momentum, 0 to 100: full marks for gains of 15 % in 21 bars, 30 % in 63, 50 % in 126."""
    return scaled(month / 0.15, quarter / 0.30, half / 0.50)


@score(bounds=(0.0, 100.0))
def volume_score(
    balance: FloatArray = "up_down_volume(50)",  # type: ignore[assignment]
    flow: FloatArray = "cmf(20)",  # type: ignore[assignment]
) -> FloatArray:
    """Volume, 0 to 100: full marks for three times the volume on rising days, and a money
    flow of 0.25.
    """
    return scaled(2.0 * (balance - 1.0) / (balance + 1.0), flow / 0.25)


@score(bounds=(0.0, 100.0))
def volatility_score(
    size: FloatArray = "atr_pct(14)",  # type: ignore[assignment]
) -> FloatArray:
    """Calm, 0 to 100: 50 at a daily range of 3 % of the price, 0 at 6 % and above."""
    return scaled((3.0 - size) / 3.0)


@score(bounds=(0.0, 100.0))
def oscillator_score(
    strength: FloatArray = "rsi(14)",  # type: ignore[assignment]
    histogram: FloatArray = "macd_hist(12, 26, 9)",  # type: ignore[assignment]
    size: FloatArray = "atr(14)",  # type: ignore[assignment]
) -> FloatArray:
    """Oscillators, 0 to 100: full marks for an RSI of 70 and a MACD histogram of a quarter of
    the daily range.
    """
    return scaled((strength - 50.0) / 20.0, histogram / np.where(size > 0.0, 0.25 * size, np.nan))


@score(bounds=(0.0, 100.0))
def breakout_score(
    close: FloatArray = "close",  # type: ignore[assignment]
    high: FloatArray = "highest(high, 50)",  # type: ignore[assignment]
    low: FloatArray = "lowest(low, 50)",  # type: ignore[assignment]
) -> FloatArray:
    """Breakout, 0 to 100: the place of the close in the range of the last 50 bars."""
    spread = np.where(high > low, high - low, np.nan)
    return scaled(2.0 * (close - low) / spread - 1.0)
