"""Orders filled at the open, moved against us by spread and impact."""

from __future__ import annotations

from collections.abc import Sequence
from math import floor

import numpy as np

from technic.research.backtest.positions import Account, Position
from technic.research.backtest.trades import Trade


def sell(account: Account, t: int) -> None:
    """Sell what is leaving, as far as it can be sold."""
    prices = account.prices
    for column in [c for c, position in account.held.items() if position.leaving]:
        if np.isnan(prices.open[t, column]):
            continue  # a halted name cannot be sold: it waits, at the risk of its price
        position = account.held[column]
        size = _allowed(account, t, column, abs(position.shares), leaving=True)
        if size:
            shares = size * account.sign
            price = _moved(account, t, column, -shares, position)
            close(account, t, column, price, shares, "ranked")


def buy(account: Account, t: int, wanted: Sequence[int], equity: float) -> None:
    """Open positions of equal size, best first, as far as the cash goes."""
    prices = account.prices
    budget = equity / account.rules.hold
    for column in wanted:
        if np.isnan(prices.open[t, column]):
            account.missed += 1
            continue
        # Sized by the close before: who sends an order before the open does not know the open.
        before = account.before(t, column)
        room = min(budget, account.cash) if account.sign > 0 else budget
        shares = _allowed(account, t, column, floor(room / before) if before > 0.0 else 0)
        # It may open higher, and costs come on top: fewer shares until the cash is enough. The
        # factor below 1 makes the loop end where rounding would leave the number as it is.
        while shares > 0 and account.sign > 0 and _cost(account, t, column, shares) > account.cash:
            shares = floor(shares * min(account.cash / _cost(account, t, column, shares), 0.999))
        if shares >= 1:
            _open(account, t, column, account.sign * shares)


def _allowed(
    account: Account, t: int, column: int, shares: float, *, leaving: bool = False
) -> float:
    """How many of so many shares may be traded: no more than `max_adv` of what the name trades.

    A name of which that is unknown is not bought; but what must go goes.
    """
    # Of the evening before: what trades today is not known when the order is sent.
    adv, before = account.costs.adv[t - 1, column], account.before(t, column)
    if not shares > 0.0 or not before > 0.0:
        return 0.0
    if not adv > 0.0:
        return shares if leaving else 0.0
    filled = float(min(shares, floor(account.plan.max_adv * adv / before)))
    account.capped.append(filled / shares)
    account.participation.append(shares * before / float(adv))
    return filled


def _side_cost(account: Account, t: int, column: int, value: float) -> tuple[float, float]:
    """Half a spread and the impact of an order, as shares of the price."""
    fixed = account.rules.basis_points  # then nothing is estimated
    if fixed is not None:
        return 1e-4 * fixed, 0.0
    half = account.costs.half_spread[t - 1, column]
    spread = 0.0 if np.isnan(half) else float(half)
    return spread, account.costs.impact(t - 1, column, value)


def _cost(account: Account, t: int, column: int, shares: float) -> float:
    """What a purchase takes out of the cash."""
    opening = float(account.prices.open[t, column])
    spread, impact = _side_cost(account, t, column, shares * opening)
    return shares * (opening * (1.0 + spread + impact) + account.rules.commission)


def _moved(account: Account, t: int, column: int, shares: float, position: Position) -> float:
    """The price at which so many shares are filled, below zero to sell; books its costs."""
    opening = float(account.prices.open[t, column])
    value = abs(shares) * opening
    spread, impact = _side_cost(account, t, column, value)
    fee = account.rules.commission * abs(shares)
    account.spent["spread"] += value * spread
    account.spent["impact"] += value * impact
    account.spent["commission"] += fee
    position.costs += value * (spread + impact) + fee
    position.fees += fee
    account.cash -= fee
    account.traded += value
    return float(opening * (1.0 + np.sign(shares) * (spread + impact)))


def _open(account: Account, t: int, column: int, shares: float) -> None:
    """Begin a position at the open; of a short sale the cash comes in."""
    position = Position(column, t, shares, shares, 0.0, 0.0)
    price = float(_moved(account, t, column, shares, position))
    position.entry_price, position.paid = price, shares * price
    account.cash -= shares * price
    account.held[column] = position


def close(account: Account, t: int, column: int, price: float, shares: float, reason: str) -> None:
    """Let shares leave at a price; write the trade down when none are left.

    Parameters
    ----------
    t, column : the session and the name, as row and column of the prices
    price : USD a share
    shares : below zero if short
    reason : vanished or ranked
    """
    position = account.held[column]
    account.cash += shares * price
    position.received += shares * price
    position.shares -= shares
    if position.shares:
        return
    del account.held[column]
    write_down(account, t, position, price, reason)


def write_down(account: Account, t: int, position: Position, price: float, reason: str) -> None:
    """Write down the trade of a position that has ended."""
    # Spread and impact are in the prices of both sides; only commissions come on top.
    profit = position.received - position.paid + position.dividends - position.fees
    account.trades.append(
        Trade(
            int(account.prices.ids[position.column]),
            position.entry,
            t,
            position.bought,
            position.entry_price,
            float(price),
            position.costs,
            position.dividends,
            profit,
            reason,
        )
    )
