"""The figures of a backtest, by group, from the accounts that its assumptions gave."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import numpy as np

from technic.market.typing import FloatArray
from technic.research.backtest import metrics
from technic.research.backtest.inputs import BacktestHistory, BacktestRequest
from technic.research.backtest.trades import Traded


@dataclass(frozen=True, slots=True)
class Accounts:
    """What became of the same decisions under several assumptions.

    Attributes
    ----------
    traded : as the rules say
    survivors : without the names that vanish
    imputed : by the return that names that vanish are given instead, such as "-55%"
    free : without any cost
    """

    traded: Traded
    survivors: Traded
    imputed: Mapping[str, Traded]
    free: Traded


def summarize(
    history: BacktestHistory, accounts: Accounts, request: BacktestRequest
) -> dict[str, Any]:
    """Figures by group, as JSON holds them; what cannot be known is None.

    The groups are those of `Backtest.summary`.
    """
    plan, decisions, benchmark = request.question.plan, history.decisions, history.benchmark
    traded = accounts.traded
    span = replace(history.prices, ordinals=history.prices.ordinals[history.start :])
    whole = _dated(metrics.performance(traded.equity, request.trials), span.day)
    survivors = metrics.performance(accounts.survivors.equity, request.trials)
    return {
        "performance": whole,
        "gross": _dated(metrics.performance(accounts.free.equity), span.day),
        "benchmark": performance_where(benchmark, span.day),
        "trading": metrics.trading(traded, plan.account),
        "capacity": metrics.capacity(traded, plan.max_adv, plan.account),
        "years": metrics.by_year(span, traded.equity, benchmark, traded.value_traded),
        "survivors": {
            "yearly": survivors["yearly"],
            "sharpe": survivors["sharpe"],
            "difference": _less(survivors["yearly"], whole["yearly"]),
            "sharpe_difference": _less(survivors["sharpe"], whole["sharpe"]),
        },
        "delisting": {
            name: metrics.performance(other.equity)["yearly"]
            for name, other in accounts.imputed.items()
        },
        "ranked": {
            "least": min(decisions.ranked),
            "mean": float(np.mean(decisions.ranked)),
            "listed": float(np.mean(decisions.listed)),
        },
    }


def _dated(figures: dict[str, Any], day: Callable[[int], date]) -> dict[str, Any]:
    """The same with dates where `metrics.performance` gives rows."""
    for name in ("drawdown_from", "drawdown_to"):
        figures[name] = day(figures[name]).isoformat()
    return figures


def performance_where(benchmark: FloatArray, day: Callable[[int], date]) -> dict[str, Any] | None:
    """The figures of the sessions where a benchmark is known; None where fewer than two are.

    Parameters
    ----------
    benchmark : float64, shape (n_sessions,); USD at each close, NaN is unknown
    day : the date of a session by its row
    """
    known = np.flatnonzero(~np.isnan(benchmark))
    if len(known) < 2:
        return None
    figures = metrics.performance(benchmark[known])
    return _dated(figures, lambda row: day(int(known[row])))


def _less(first: float | None, second: float | None) -> float | None:
    return None if first is None or second is None else first - second
