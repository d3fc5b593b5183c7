"""What an account came to: figures, each with how sure it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import sqrt
from typing import Any

import numpy as np

from technic.market.typing import FloatArray
from technic.research.backtest.account import Trade, Traded
from technic.research.backtest.prices import PriceHistory
from technic.research.statistics.rank_ic import plain
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
    """From close to close."""
    with np.errstate(all="ignore"):
        found: FloatArray = np.where(equity[:-1] > 0.0, equity[1:] / equity[:-1] - 1.0, 0.0)
    return found


def performance(equity: FloatArray, trials: int = 1) -> dict[str, Any]:
    """Growth, risk, the Sharpe ratio and what is left of it after so many trials."""
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
    """The deepest fall from a height, as a share of it, and the rows of the height and the depth."""
    heights = np.maximum.accumulate(equity)
    falls = np.where(heights > 0.0, equity / heights - 1.0, 0.0)
    until = int(np.argmin(falls))
    return float(falls[until]), int(np.argmax(equity[: until + 1])), until


def by_year(
    tape: PriceHistory, equity: FloatArray, benchmark: FloatArray, value_traded: FloatArray
) -> list[dict[str, Any]]:
    """Each calendar year by itself."""
    years = np.array([tape.day(t).year for t in range(len(equity))])
    found = []
    for year in np.unique(years):
        rows = np.flatnonzero(years == year)
        begin = max(int(rows[0]) - 1, 0)
        part = equity[begin : rows[-1] + 1]
        there = benchmark[begin : rows[-1] + 1]
        found.append(
            {
                "year": int(year),
                "sessions": len(rows),
                "return": float(part[-1] / part[0] - 1.0),
                "benchmark": plain(float(there[-1] / there[0] - 1.0)),
                "drawdown": drawdown(part)[0],
                "turnover": plain(float(value_traded[rows].sum() / 2.0 / part.mean())),
            }
        )
    return found


def trading(traded: Traded, account: float) -> dict[str, Any]:
    """What was traded, what it cost, and how much more it could have cost."""
    trades, years = traded.trades, max(len(traded.equity) - 1, 1) / YEAR
    profits = np.array([one.profit for one in trades])
    moved = float(traded.value_traded.sum())
    costs = sum(traded.costs.values())
    gross = float(traded.equity[-1]) - account + costs
    ended = [one for one in trades if one.reason != "end"]
    return {
        "trades": len(trades),
        "closed": len(ended),
        "vanished": sum(one.reason == "vanished" for one in trades),
        "winners": plain(float((profits > 0.0).mean())) if len(trades) else None,
        "mean_profit": plain(float(profits.mean())) if len(trades) else None,
        "sessions_held": plain(float(np.mean([one.exit - one.entry for one in trades])))
        if trades
        else None,
        "turnover": plain(moved / 2.0 / years / float(traded.equity.mean())),
        "exposure": plain(float(traded.exposure.mean())),
        "costs": {**traded.costs, "total": costs},
        "costs_bps": plain(1e4 * costs / moved) if moved else None,
        "break_even_bps": plain(1e4 * gross / moved) if moved else None,
        "dividends": float(sum(one.dividends for one in trades)),
        "capped": plain(float(np.mean([share < 1.0 for share in traded.capped])))
        if traded.capped
        else None,
        "missed": traded.missed,
    }


def capacity(traded: Traded, max_adv: float, account: float) -> float | None:
    """The account at which one order in ten would be more than may be traded, USD."""
    if not traded.participation:
        return None
    share = float(np.quantile(np.array(traded.participation), 1.0 - TENTH))
    return account * max_adv / share if share > 0.0 else None


def trade_rows(
    trades: Sequence[Trade], tape: PriceHistory, names: Mapping[int, str]
) -> list[dict[str, Any]]:
    """Trades as a table holds them, in order of their exits."""
    return [
        {
            "symbol": names.get(one.security_id, ""),
            "security_id": one.security_id,
            "entry": tape.day(one.entry).isoformat(),
            "exit": tape.day(one.exit).isoformat(),
            "shares": float(one.shares),
            "entry_price": float(one.entry_price),
            "exit_price": float(one.exit_price),
            "costs": float(one.costs),
            "dividends": float(one.dividends),
            "profit": float(one.profit),
            "reason": one.reason,
        }
        for one in trades
    ]
