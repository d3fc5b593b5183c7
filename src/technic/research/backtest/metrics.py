"""Figures of an account: growth, risk, costs and capacity, each with how sure it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import sqrt
from typing import Any

import numpy as np

from technic.market.typing import FloatArray
from technic.research.backtest.prices import PriceHistory
from technic.research.backtest.trades import Trade, Traded
from technic.research.statistics.figures import plain
from technic.research.statistics.significance import (
    YEAR,
    deflated_sharpe,
    probabilistic_sharpe,
    sessions_needed,
    sharpe,
    sharpe_interval,
)

BLOCK = 10  # sessions that a bootstrap draws whole: two weeks
TENTH = 0.1


def returns_of(equity: FloatArray) -> FloatArray:
    """Returns from close to close; float64, shape (n_sessions − 1,), 0 where nothing is left."""
    with np.errstate(all="ignore"):
        returns: FloatArray = np.where(equity[:-1] > 0.0, equity[1:] / equity[:-1] - 1.0, 0.0)
    return returns


def performance(equity: FloatArray, trials: int = 1) -> dict[str, Any]:
    """Growth, risk and Sharpe ratio of an account; what cannot be known is None.

    Parameters
    ----------
    equity : float64, shape (n_sessions,); USD at each close, no NaN
    trials : how many distinct questions were tried: deflates the Sharpe ratio

    Returns
    -------
    dict
        `total` and `yearly` returns; `volatility`, `sharpe` and its 95 % bounds `sharpe_low` and
        `sharpe_high`, a year; `psr` and `dsr`, the chances that the ratio is above zero and above
        the luck of so many trials; `sessions_needed` to tell it from zero; `drawdown`, a share
        below zero, and the rows `drawdown_from` and `drawdown_to`.
    """
    returns = returns_of(equity)
    years = len(returns) / YEAR
    low, high = sharpe_interval(returns, BLOCK)
    total = float(equity[-1] / equity[0]) if len(equity) else 1.0
    fall, since, until = drawdown(equity)
    return {
        "total": total - 1.0,
        "yearly": total ** (1.0 / years) - 1.0 if years > 0 and total > 0.0 else None,
        "volatility": plain(float(returns.std()) * sqrt(YEAR)) if len(returns) else None,
        "sharpe": plain(sharpe(returns) * sqrt(YEAR)),
        "sharpe_low": plain(low * sqrt(YEAR)),
        "sharpe_high": plain(high * sqrt(YEAR)),
        "psr": plain(probabilistic_sharpe(returns)),
        "dsr": plain(deflated_sharpe(returns, trials)),
        "sessions_needed": plain(sessions_needed(returns)),
        "drawdown": fall,
        "drawdown_from": since,
        "drawdown_to": until,
    }


def drawdown(equity: FloatArray) -> tuple[float, int, int]:
    """The deepest fall from a height.

    Returns
    -------
    fall, row_of_height, row_of_depth
        The fall is a share of the height, 0 or below.

    Examples
    --------
    >>> drawdown(np.array([100.0, 120.0, 90.0, 130.0]))
    (-0.25, 1, 2)
    """
    heights = np.maximum.accumulate(equity)
    falls = np.where(heights > 0.0, equity / heights - 1.0, 0.0)
    until = int(np.argmin(falls))
    return float(falls[until]), int(np.argmax(equity[: until + 1])), until


def by_year(
    prices: PriceHistory, equity: FloatArray, benchmark: FloatArray, value_traded: FloatArray
) -> list[dict[str, Any]]:
    """Return, fall and turnover of each calendar year by itself.

    Parameters
    ----------
    prices : begins on the session of the first row
    equity, benchmark, value_traded : float64, shape (n_sessions,); USD, NaN is unknown
    """
    years = np.array([prices.day(t).year for t in range(len(equity))])
    rows_of_years = []
    for year in np.unique(years):
        rows = np.flatnonzero(years == year)
        begin = max(int(rows[0]) - 1, 0)
        part = equity[begin : rows[-1] + 1]
        market = benchmark[begin : rows[-1] + 1]
        rows_of_years.append(
            {
                "year": int(year),
                "sessions": len(rows),
                "return": float(part[-1] / part[0] - 1.0),
                "benchmark": plain(float(market[-1] / market[0] - 1.0)),
                "drawdown": drawdown(part)[0],
                "turnover": plain(float(value_traded[rows].sum() / 2.0 / part.mean())),
            }
        )
    return rows_of_years


def trading(traded: Traded, account: float) -> dict[str, Any]:
    """What was traded, what it cost, and at what costs nothing would be left.

    Parameters
    ----------
    account : USD at the beginning
    """
    trades, years = traded.trades, max(len(traded.equity) - 1, 1) / YEAR
    profits = np.array([trade.profit for trade in trades])
    moved = float(traded.value_traded.sum())
    costs = sum(traded.costs.values())
    gross = float(traded.equity[-1]) - account + costs
    ended = [trade for trade in trades if trade.reason != "end"]
    return {
        "trades": len(trades),
        "closed": len(ended),
        "vanished": sum(trade.reason == "vanished" for trade in trades),
        "winners": plain(float((profits > 0.0).mean())) if len(trades) else None,
        "mean_profit": plain(float(profits.mean())) if len(trades) else None,
        "sessions_held": plain(float(np.mean([trade.exit - trade.entry for trade in trades])))
        if trades
        else None,
        "turnover": plain(moved / 2.0 / years / float(traded.equity.mean())),
        "exposure": plain(float(traded.exposure.mean())),
        "costs": {**traded.costs, "total": costs},
        "costs_bps": plain(1e4 * costs / moved) if moved else None,
        "break_even_bps": plain(1e4 * gross / moved) if moved else None,
        "dividends": float(sum(trade.dividends for trade in trades)),
        "capped": plain(float(np.mean([share < 1.0 for share in traded.capped])))
        if traded.capped
        else None,
        "missed": traded.missed,
    }


def capacity(traded: Traded, max_adv: float, account: float) -> float | None:
    """The account at which one order in ten would be more than may be traded, USD.

    Parameters
    ----------
    max_adv : the most of what a name trades in a session that may be traded of it
    account : the account that was traded, USD
    """
    if not traded.participation:
        return None
    share = float(np.quantile(np.array(traded.participation), 1.0 - TENTH))
    return account * max_adv / share if share > 0.0 else None


def trade_rows(
    trades: Sequence[Trade], prices: PriceHistory, names: Mapping[int, str]
) -> list[dict[str, Any]]:
    """Trades as rows of a table, in order of their exits; USD.

    Parameters
    ----------
    names : the symbol of each security, by its id
    """
    return [
        {
            "symbol": names.get(trade.security_id, ""),
            "security_id": trade.security_id,
            "entry": prices.day(trade.entry).isoformat(),
            "exit": prices.day(trade.exit).isoformat(),
            "shares": float(trade.shares),
            "entry_price": float(trade.entry_price),
            "exit_price": float(trade.exit_price),
            "costs": float(trade.costs),
            "dividends": float(trade.dividends),
            "profit": float(trade.profit),
            "reason": trade.reason,
        }
        for trade in trades
    ]
