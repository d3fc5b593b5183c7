"""What an account holds on its way through the sessions: cash, and shares of names."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from technic.market.typing import FloatArray
from technic.research.backtest.costs import Costs
from technic.research.backtest.prices import PriceHistory
from technic.research.backtest.trades import Trade
from technic.scanner.plan import PlanRules
from technic.scanner.spec.backtest_rules import BacktestRules


@dataclass(slots=True)
class Position:
    """One name that is held; USD, shares below zero if short.

    Attributes
    ----------
    column, entry : the security and the session, by column and row of the prices
    bought, shares : at the entry, and now
    entry_price : at which it was opened, spread and impact included
    paid : shares × price at the entry, without commission
    costs : of everything so far: for the reader, it is in `paid`, `received` and `fees` already
    dividends : paid to who held it, below zero if short
    received : of sales, fractions of splits and borrowing
    fees : commissions
    leaving : whether it is to be sold at the next open
    """

    column: int
    entry: int
    bought: float
    shares: float
    entry_price: float
    paid: float
    costs: float = 0.0
    dividends: float = 0.0
    received: float = 0.0
    fees: float = 0.0
    leaving: bool = False


@dataclass(slots=True)
class Account:
    """Cash and shares on their way through the sessions; columns are those of the prices.

    Attributes
    ----------
    prices : what was traded, and at which prices
    marks : float64, shape (n_sessions, n_columns); the last close up to each session
    costs : what was known of costs at each close
    rules, plan : how many names are held, and what trading them costs; side and size
    cash : USD
    held : positions by column
    trades : those that have ended
    spent : USD by kind of cost
    capped : for each order, the share of it that could be filled
    participation : for each order, its value as a share of what the name trades in a session
    missed : purchases given up because the name did not open
    traded : USD bought and sold in the session
    """

    prices: PriceHistory
    marks: FloatArray
    costs: Costs
    rules: BacktestRules
    plan: PlanRules
    cash: float
    held: dict[int, Position] = field(default_factory=dict)
    trades: list[Trade] = field(default_factory=list)
    spent: dict[str, float] = field(
        default_factory=lambda: dict.fromkeys(("spread", "impact", "commission", "borrowing"), 0.0)
    )
    capped: list[float] = field(default_factory=list)
    participation: list[float] = field(default_factory=list)
    missed: int = 0
    traded: float = 0.0

    @property
    def sign(self) -> float:
        """1.0 for who buys first, -1.0 for who sells short."""
        return 1.0 if self.plan.side == "long" else -1.0

    def price(self, t: int, column: int) -> float:
        """The last close up to a session, per share of that session."""
        mark = self.marks[t, column]
        return 0.0 if np.isnan(mark) else float(mark)

    def before(self, t: int, column: int) -> float:
        """The close before a session, per share of the session itself."""
        return self.price(t - 1, column) / float(self.prices.ratio[t, column])


def last_closes(prices: PriceHistory) -> FloatArray:
    """The close of each session; where there is none the one before, whatever split since."""
    marks = prices.close.copy()
    for t in range(1, len(marks)):
        silent = np.isnan(marks[t])
        marks[t, silent] = marks[t - 1, silent] / prices.ratio[t, silent]
    return marks
