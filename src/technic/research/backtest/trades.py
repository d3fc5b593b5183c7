"""Trades of a backtest, and the account that they add up to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from technic.market.typing import FloatArray


@dataclass(frozen=True, slots=True)
class Trade:
    """One name held from an entry to an exit; USD throughout.

    Attributes
    ----------
    security_id : id of the security
    entry, exit : sessions, as rows of the prices
    shares : at the entry, below zero if short; splits since are not in it
    entry_price, exit_price : USD a share at which it was filled, spread and impact in it
    costs : USD of both sides: spread, impact, commission, borrowing
    dividends : USD received, below zero if short and paid
    profit : USD after everything
    reason : why it ended: "ranked" (it ranked too low), "vanished", or "end" of the span
    """

    security_id: int
    entry: int
    exit: int
    shares: float
    entry_price: float
    exit_price: float
    costs: float
    dividends: float
    profit: float
    reason: str


@dataclass(frozen=True, slots=True)
class Traded:
    """What became of an account.

    Attributes
    ----------
    equity : float64, shape (n_sessions,); USD at each close
    exposure : float64, shape (n_sessions,); value of all shares as a share of the equity, below
        zero if short
    value_traded : float64, shape (n_sessions,); USD bought and sold
    costs : USD over all sessions, by kind: spread, impact, commission, borrowing
    trades : in order of their exits; what was still held at the end too
    capped : for each order the share of it that could be filled, 1 if all of it
    participation : each order as a share of what the name trades in a session, before any cap
    missed : purchases that were given up because the name did not open
    """

    equity: FloatArray
    exposure: FloatArray
    value_traded: FloatArray
    costs: Mapping[str, float]
    trades: tuple[Trade, ...]
    capped: tuple[float, ...]
    participation: tuple[float, ...]
    missed: int

    def since(self, row: int) -> Traded:
        """The same from a session on, before which nothing was decided; trades keep their rows."""
        return replace(
            self,
            equity=self.equity[row:],
            exposure=self.exposure[row:],
            value_traded=self.value_traded[row:],
        )
