"""Portfolios that follow a forecast: what they returned, and what trading them took."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from typing import Any

import numpy as np

from technic.market.typing import FloatArray, IntArray
from technic.research.statistics.figures import plain
from technic.research.statistics.significance import (
    YEAR,
    deflated_sharpe,
    probabilistic_sharpe,
    sessions_needed,
    sharpe,
    sharpe_interval,
)
from technic.scanner.alpha.samples import Float32, Samples

DECILES = 10
COSTS = (0, 5, 10, 20)  # basis points a side
SHIPPED = 10  # basis points at which a model is judged
TOP = 50  # names


@dataclass(frozen=True, slots=True)
class Book:
    """A portfolio that follows a forecast; 1 / horizon of it is renewed each session.

    Attributes
    ----------
    returns : float64, shape (n_sessions,); open to open, before costs, as shares of the capital.
        What did not trade counts as 0; there is no NaN
    traded : float64, shape (n_sessions,); sum of the absolute changes of weights
    """

    returns: FloatArray
    traded: FloatArray

    def net(self, basis_points: float) -> FloatArray:
        """Returns after costs of so many basis points of what is bought or sold."""
        return self.returns - 1e-4 * basis_points * self.traded

    def summary(self, trials: int, horizon: int) -> dict[str, Any]:
        """Figures of the book, as JSON holds them; unknown is None.

        Parameters
        ----------
        trials : how many distinct things were tried on the store; deflates the Sharpe ratio
        horizon : sessions that a name is held: blocks of the bootstrap are twice as long

        Returns
        -------
        dict
            `by_cost`, for each cost in basis points the yearly Sharpe ratio, its 95 % bounds and
            the yearly return; `turnover` a session; `break_even_bps`, the cost at which nothing
            is left; `psr` and `dsr`, chances that the ratio is above zero and above luck; and
            `sessions_needed` to tell it from zero.
        """
        by_cost = {}
        for cost in COSTS:
            net = self.net(cost)
            low, high = sharpe_interval(net, block_of(len(net), horizon))
            by_cost[str(cost)] = {
                "sharpe": plain(sharpe(net) * sqrt(YEAR)),
                "low": plain(low * sqrt(YEAR)),
                "high": plain(high * sqrt(YEAR)),
                "yearly": plain(float(np.nanmean(net)) * YEAR) if len(net) else None,
            }
        judged = self.net(SHIPPED)
        traded = float(self.traded.mean()) if len(self.traded) else 0.0
        return {
            "by_cost": by_cost,
            "turnover": plain(traded / 2.0),
            "break_even_bps": plain(1e4 * float(self.returns.mean()) / traded) if traded else None,
            "psr": plain(probabilistic_sharpe(judged)),
            "dsr": plain(deflated_sharpe(judged, trials)),
            "trials": trials,
            "sessions_needed": plain(sessions_needed(judged)),
        }


def block_of(sessions: int, horizon: int) -> int:
    """How many sessions a block of the bootstrap has: twice the horizon, or the cube root of n.

    Returns over one session overlap with nothing: their blocks are single sessions.

    Parameters
    ----------
    sessions : how many sessions there are, n
    horizon : sessions that a return looks ahead
    """
    return max(2 * horizon, round(max(sessions, 1) ** (1.0 / 3.0))) if horizon > 1 else 1


def deciles_of(values: Float32) -> tuple[IntArray, IntArray]:
    """Positions of the highest and of the lowest decile; ties by position."""
    forecasted = np.flatnonzero(~np.isnan(values))
    n = len(forecasted) // DECILES
    # Stable, and by position: ties fall the same way on every machine.
    order = forecasted[np.argsort(values[forecasted], kind="stable")]
    return order[len(order) - n :], order[:n]


def books_of(samples: Samples, values: Float32, sessions: range) -> tuple[Book, Book]:
    """The spread book and the top book of a forecast."""
    n_symbols, h = samples.next_return.shape[1], samples.horizon
    wanted = np.zeros((2, len(sessions), n_symbols), dtype=np.float32)
    for k, session in enumerate(sessions):
        rows = samples.rows(session)
        who, forecast = samples.symbols[rows], values[rows]
        high, low = deciles_of(forecast)
        if not len(high):
            continue  # fewer names than deciles: the book wants nothing new today
        wanted[0, k, who[high]] = 1.0 / len(high)
        wanted[0, k, who[low]] -= 1.0 / len(low)
        forecasted = np.flatnonzero(~np.isnan(forecast))
        # Never more than a decile, or the top book of a small universe would be the universe.
        best = forecasted[np.argsort(forecast[forecasted], kind="stable")][-min(TOP, len(high)) :]
        wanted[1, k, who[forecasted]] = -1.0 / len(forecasted)
        wanted[1, k, who[best]] += 1.0 / len(best)
    return _book(samples, wanted[0], sessions, h), _book(samples, wanted[1], sessions, h)


def _book(samples: Samples, wanted: Float32, sessions: range, horizon: int) -> Book:
    """Follow wanted weights, 1 / horizon of them each session; what does not trade earns nothing."""
    n = len(sessions)
    returns, traded = np.zeros(n), np.zeros(n)
    held = np.zeros(wanted.shape[1])
    for k, session in enumerate(sessions):
        after = held + wanted[k] / horizon
        if k >= horizon:  # what was bought a horizon ago is sold
            after = after - wanted[k - horizon] / horizon
        traded[k] = np.abs(after - held).sum()
        held = after
        returns[k] = float(held @ np.nan_to_num(samples.next_return[session], nan=0.0))
    return Book(returns, traded)
