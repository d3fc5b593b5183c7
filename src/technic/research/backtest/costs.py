"""What it costs to trade, estimated from bars alone, by the evening before.

References
----------
Abdi and Ranaldo (2017), A simple estimation of bid-ask spreads from daily close, high and low
prices; Tóth et al. (2011), Anomalous price impact, for the square root.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from technic.market.typing import FloatArray
from technic.research.backtest.prices import PriceHistory

WINDOW = 21  # sessions
HALF_TICK = 0.005  # USD: no spread is narrower than a cent
WIDEST = 0.05  # half a spread, as a share of the price
IMPACT = 1.0  # of a session's standard deviation, for as much as a session trades


@dataclass(frozen=True, slots=True)
class Costs:
    """What was known of costs at each close; float64, shape (n_sessions, n_ids), NaN is unknown.

    Attributes
    ----------
    half_spread : half the distance between bid and ask, as a share of the price
    volatility : standard deviation of a session's return
    adv : mean of close × volume over `WINDOW` sessions, USD a session
    """

    half_spread: FloatArray
    volatility: FloatArray
    adv: FloatArray

    def impact(self, row: int, column: int, value: float) -> float:
        """How far an order moves the price against itself, as a share of the price.

        It grows with the square root of the order; where nothing is known it is 0.

        Parameters
        ----------
        row, column : the session whose close is known, and the security
        value : of the order, USD
        """
        adv, deviation = self.adv[row, column], self.volatility[row, column]
        if not (adv > 0.0 and deviation == deviation):  # noqa: PLR0124 -- a NaN is not itself
            return 0.0
        return float(IMPACT * deviation * np.sqrt(value / adv))


def estimate_costs(prices: PriceHistory) -> Costs:
    """Estimate spread, volatility and traded value at each close, from `WINDOW` sessions."""
    with np.errstate(all="ignore"):
        middle = (np.log(prices.high) + np.log(prices.low)) / 2.0
        close = np.log(prices.close)
        factor = np.log(prices.ratio)
        # Two sessions on one scale: what follows a split is brought back to before it.
        product = (close[:-1] - middle[:-1]) * (close[:-1] - middle[1:] - factor[1:])
        moves = close[1:] + factor[1:] - close[:-1]
    spread = np.sqrt(np.maximum(4.0 * _mean(_below(product)), 0.0))
    floor = HALF_TICK / prices.close
    half = np.minimum(np.maximum(np.nan_to_num(spread / 2.0, nan=0.0), floor), WIDEST)
    moves = _below(moves)
    mean = _mean(moves)
    variance = _mean(moves * moves) - mean * mean
    return Costs(half, np.sqrt(np.maximum(variance, 0.0)), _mean(prices.close * prices.volume))


def _below(values: FloatArray) -> FloatArray:
    """Values of pairs of sessions, at the later one."""
    return np.vstack([np.full((1, values.shape[1]), np.nan), values])


def _mean(values: FloatArray) -> FloatArray:
    """Mean of the known ones among the last `WINDOW` rows; NaN where fewer than half are."""
    finite = ~np.isnan(values)
    total = np.cumsum(np.where(finite, values, 0.0), axis=0)
    count = np.cumsum(finite, axis=0)
    total[WINDOW:] = total[WINDOW:] - total[:-WINDOW].copy()
    count[WINDOW:] = count[WINDOW:] - count[:-WINDOW].copy()
    with np.errstate(all="ignore"):
        mean: FloatArray = np.where(2 * count >= WINDOW, total / count, np.nan)
    return mean
