"""The account: orders decided at a close, filled at the next open, held, paid, marked.

Each session, in this order:

1. `_split`: shares are multiplied; a fraction that is left is paid for at the open.
2. `_dividends`: who held over the night is paid, or pays if short.
3. `_vanished`: what traded for the last time the session before leaves at the return imputed.
4. `_sell`, then `_buy`: at the open, moved against us by spread and impact, and no more of a name
   than `max_adv` of what it trades; what cannot be sold waits, what cannot be bought is forgotten.
5. `_mark`: cash and shares at the close; a name without a bar at its last one.
6. `_decide`: on a session of decision, who leaves and who comes at the next open.

At the end `_end` values what is still held. A name that is kept is not resized. No randomness, no
clock: the same decisions give the same bytes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import floor

import numpy as np

from technic.market.typing import FloatArray
from technic.research.backtest.costs import Costs
from technic.research.backtest.prices import PriceHistory
from technic.research.backtest.trades import Trade, Traded
from technic.research.statistics.significance import YEAR
from technic.runtime.deadline import check
from technic.scanner.plan import PlanRules
from technic.scanner.spec.backtest_rules import BacktestRules


@dataclass(slots=True)
class _Position:
    """One name that is held; USD, shares below zero if short.

    Attributes
    ----------
    column, entry : the security and the session, by column and row of the prices
    bought, shares : at the entry, and now
    paid : shares × price at the entry, without commission
    costs : of everything so far: for the reader, it is in `paid`, `received` and `fees` already
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
class _Account:
    """Cash and shares on their way through the sessions; columns are those of the prices."""

    prices: PriceHistory
    marks: FloatArray
    costs: Costs
    rules: BacktestRules
    plan: PlanRules
    cash: float
    held: dict[int, _Position] = field(default_factory=dict)
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
        return 1.0 if self.plan.side == "long" else -1.0

    def price(self, t: int, column: int) -> float:
        """The last close up to a session, per share of that session."""
        mark = self.marks[t, column]
        return 0.0 if np.isnan(mark) else float(mark)

    def before(self, t: int, column: int) -> float:
        """The close before a session, per share of the session itself."""
        return self.price(t - 1, column) / float(self.prices.ratio[t, column])


def _last_closes(prices: PriceHistory) -> FloatArray:
    """The close of each session; where there is none the one before, whatever split since."""
    marks = prices.close.copy()
    for t in range(1, len(marks)):
        silent = np.isnan(marks[t])
        marks[t, silent] = marks[t - 1, silent] / prices.ratio[t, silent]
    return marks


def trade(
    prices: PriceHistory,
    costs: Costs,
    decisions: Mapping[int, Sequence[int]],
    rules: BacktestRules,
    plan: PlanRules,
) -> Traded:
    """Follow decisions through prices, session after session.

    Parameters
    ----------
    costs : what was known of costs at each close, row for row with the prices
    decisions : securities in the order they rank at a close, by row of the prices
    rules : how many names are held, what vanished names return, what trading costs
    plan : its side, account and `max_adv` count

    Returns
    -------
    Traded
        One entry for each row of the prices; without NaN.
    """
    account = _Account(prices, _last_closes(prices), costs, rules, plan, plan.account)
    n = len(prices.ordinals)
    equity, exposure, traded = np.full(n, plan.account), np.zeros(n), np.zeros(n)
    wanted: list[int] = []
    for t in range(n):
        check()
        account.traded = 0.0
        _split(account, t)
        _dividends(account, t)
        _vanished(account, t)
        _sell(account, t)
        _buy(account, t, wanted, float(equity[t - 1]) if t else plan.account)
        wanted = []  # what could not be bought is forgotten: its rank is of yesterday
        value = _mark(account, t)
        equity[t], exposure[t] = account.cash + value, value
        traded[t] = account.traded
        if t in decisions and t + 1 < n:
            wanted = _decide(account, decisions[t])
    _end(account, n - 1)
    with np.errstate(all="ignore"):
        share = np.where(equity > 0.0, exposure / equity, 0.0)
    return Traded(
        equity,
        share,
        traded,
        dict(account.spent),
        tuple(account.trades),
        tuple(account.capped),
        tuple(account.participation),
        account.missed,
    )


def _decide(account: _Account, ranking: Sequence[int]) -> list[int]:
    """Mark who leaves, and return who shall come, best first."""
    rules = account.rules
    place = {int(who): k + 1 for k, who in enumerate(ranking)}
    ids = account.prices.ids
    for column, position in account.held.items():
        # Kept longer than it would be bought: a name at the edge is not traded back and forth.
        position.leaving = place.get(int(ids[column]), rules.kept + 1) > rules.kept
    staying = {c for c, position in account.held.items() if not position.leaving}
    free = rules.hold - len(staying)
    columns = [int(np.searchsorted(ids, who)) for who in ranking[: rules.hold]]
    return [column for column in columns if column not in account.held][: max(free, 0)]


def _split(account: _Account, t: int) -> None:
    """Multiply the shares of names that split; a fraction that is left is paid for."""
    """Multiply the shares of names that split; a fraction that is left is paid for."""
    prices = account.prices
    for column, position in account.held.items():
        ratio = prices.ratio[t, column]
        if ratio == 1.0:
            continue
        shares = position.shares * ratio
        # Ratios such as 1 / 3 are not exact: 29.999999999 shares are thirty, not 29 and a fraction.
        whole = float(np.trunc(shares + np.sign(shares) * 1e-9))
        opening = prices.open[t, column]
        price = account.before(t, column) if np.isnan(opening) else float(opening)
        account.cash += (shares - whole) * price
        position.received += (shares - whole) * price  # cash in lieu of the fraction
        position.shares = whole


def _dividends(account: _Account, t: int) -> None:
    """Pay who held over the night; who is short pays."""
    """Pay who held over the night; who is short pays."""
    for column, position in account.held.items():
        # A share of the night before: where it splits on the same morning, as it was then.
        paid = float(
            account.prices.dividend[t, column] * position.shares / account.prices.ratio[t, column]
        )
        account.cash += paid
        position.dividends += paid


def _vanished(account: _Account, t: int) -> None:
    """Close what traded for the last time before this session, at the return imputed."""
    """Close what traded for the last time before this session, at the return imputed."""
    prices = account.prices
    for column in [c for c in account.held if prices.gone[c] and prices.ends[c] < t]:
        price = account.price(t - 1, column) * (1.0 + account.rules.delisting)
        _close(account, t, column, price, account.held[column].shares, "vanished")


def _sell(account: _Account, t: int) -> None:
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
            _close(account, t, column, price, shares, "ranked")


def _buy(account: _Account, t: int, wanted: Sequence[int], equity: float) -> None:
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
    account: _Account, t: int, column: int, shares: float, *, leaving: bool = False
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


def _side_cost(account: _Account, t: int, column: int, value: float) -> tuple[float, float]:
    """Half a spread and the impact of an order, as shares of the price."""
    fixed = account.rules.basis_points  # then nothing is estimated
    if fixed is not None:
        return 1e-4 * fixed, 0.0
    half = account.costs.half_spread[t - 1, column]
    spread = 0.0 if np.isnan(half) else float(half)
    return spread, account.costs.impact(t - 1, column, value)


def _cost(account: _Account, t: int, column: int, shares: float) -> float:
    """What a purchase takes out of the cash."""
    opening = float(account.prices.open[t, column])
    spread, impact = _side_cost(account, t, column, shares * opening)
    return shares * (opening * (1.0 + spread + impact) + account.rules.commission)


def _moved(account: _Account, t: int, column: int, shares: float, position: _Position) -> float:
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


def _open(account: _Account, t: int, column: int, shares: float) -> None:
    """Begin a position at the open; of a short sale the cash comes in."""
    """Begin a position at the open; of a short sale the cash comes in."""
    position = _Position(column, t, shares, shares, 0.0, 0.0)
    price = float(_moved(account, t, column, shares, position))
    position.entry_price, position.paid = price, shares * price
    account.cash -= shares * price
    account.held[column] = position


def _close(
    account: _Account, t: int, column: int, price: float, shares: float, reason: str
) -> None:
    """Let shares leave at a price; write the trade down when none are left."""
    position = account.held[column]
    account.cash += shares * price
    position.received += shares * price
    position.shares -= shares
    if position.shares:
        return
    del account.held[column]
    _write(account, t, position, price, reason)


def _write(account: _Account, t: int, position: _Position, price: float, reason: str) -> None:
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


def _mark(account: _Account, t: int) -> float:
    """The value of all shares at the close; what is short pays for being borrowed."""
    value = 0.0
    for column, position in account.held.items():
        worth = position.shares * account.price(t, column)
        if worth < 0.0 and account.rules.borrow:
            fee = -worth * account.rules.borrow / YEAR
            account.cash -= fee
            account.spent["borrowing"] += fee
            position.costs += fee
            position.received -= fee  # so that profits still add up to the account
        value += worth
    return value


def _end(account: _Account, t: int) -> None:
    """Value what is still held at the last close; that is no exit, and costs nothing."""
    for column in list(account.held):
        position = account.held.pop(column)
        price = account.price(t, column)
        position.received += position.shares * price
        _write(account, t, position, price, "end")
