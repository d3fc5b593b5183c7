"""The account: orders decided at a close, filled at the next open, held, paid, marked.

Each session, in this order:

1. `_split`: shares are multiplied; a fraction that is left is paid for at the open.
2. `_dividends`: who held over the night is paid, or pays if short.
3. `_vanished`: what traded for the last time the session before leaves at the return imputed.
4. `_fill`: sales first, then purchases, at the open, moved against us by spread and impact, and no
   more of a name than `max_adv` of what it trades; what cannot be sold waits, what cannot be bought
   is forgotten.
5. `_mark`: cash and shares at the close; a name without a bar at its last one.

A name that is kept is not resized. No randomness, no clock: the same decisions give the same bytes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import floor

import numpy as np

from technic.market.typing import FloatArray
from technic.research.backtest.costs import Costs
from technic.research.backtest.prices import PriceHistory
from technic.research.statistics.significance import YEAR
from technic.scanner.plan import PlanRules
from technic.scanner.spec.backtest_rules import BacktestRules


@dataclass(frozen=True, slots=True)
class Trade:
    """One name held from an entry to an exit; USD throughout.

    Attributes
    ----------
    security_id : whose
    entry, exit : sessions, by row of the tape
    shares : at the entry, below zero if short; splits since are not in it
    entry_price, exit_price : at which it was filled, costs in it
    costs : of both sides: spread, impact, commission, borrowing
    dividends : received, or paid if short
    profit : after everything
    reason : why it ended: ranked, vanished, end
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


@dataclass(slots=True)
class _Position:
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


@dataclass(frozen=True, slots=True)
class Traded:
    """What became of an account; arrays begin (n_sessions,).

    Attributes
    ----------
    equity : USD at each close
    exposure : value of all shares over the equity, short ones below zero
    value_traded : USD bought and sold
    costs : USD by kind, over all sessions: spread, impact, commission, borrowing
    trades : in order of their exits; what was still held at the end too
    capped : share of each order that could be filled, of what was wanted
    participation : of each order, as a share of what the name trades in a session
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


@dataclass(slots=True)
class _Account:
    tape: PriceHistory
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
        return self.price(t - 1, column) / float(self.tape.ratio[t, column])


def _marks(tape: PriceHistory) -> FloatArray:
    """The close of each session; where there is none the one before, whatever split since."""
    marks = tape.close.copy()
    for t in range(1, len(marks)):
        silent = np.isnan(marks[t])
        marks[t, silent] = marks[t - 1, silent] / tape.ratio[t, silent]
    return marks


def trade(
    tape: PriceHistory,
    costs: Costs,
    decisions: Mapping[int, Sequence[int]],
    rules: BacktestRules,
    plan: PlanRules,
) -> Traded:
    """Follow decisions through a tape.

    Parameters
    ----------
    decisions : by row of the tape, the securities in the order they rank at that close
    plan : its side, account and `max_adv` count
    """
    account = _Account(tape, _marks(tape), costs, rules, plan, plan.account)
    n = len(tape.ordinals)
    equity, exposure, traded = np.full(n, plan.account), np.zeros(n), np.zeros(n)
    wanted: list[int] = []
    for t in range(n):
        account.traded = 0.0
        _split(account, t)
        _dividends(account, t)
        _vanished(account, t)
        _fill(account, t, wanted, float(equity[t - 1]) if t else plan.account)
        wanted = []
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
    """Who leaves is marked; who shall come is returned, best first."""
    rules = account.rules
    place = {int(who): k + 1 for k, who in enumerate(ranking)}
    ids = account.tape.ids
    for column, position in account.held.items():
        position.leaving = place.get(int(ids[column]), rules.kept + 1) > rules.kept
    staying = {c for c, position in account.held.items() if not position.leaving}
    free = rules.hold - len(staying)
    columns = [int(np.searchsorted(ids, who)) for who in ranking[: rules.hold]]
    return [column for column in columns if column not in account.held][: max(free, 0)]


def _split(account: _Account, t: int) -> None:
    tape = account.tape
    for column, position in account.held.items():
        ratio = tape.ratio[t, column]
        if ratio == 1.0:
            continue
        shares = position.shares * ratio
        whole = float(np.trunc(shares + np.sign(shares) * 1e-9))
        opening = tape.open[t, column]
        price = account.before(t, column) if np.isnan(opening) else float(opening)
        account.cash += (shares - whole) * price
        position.received += (shares - whole) * price
        position.shares = whole


def _dividends(account: _Account, t: int) -> None:
    for column, position in account.held.items():
        # A share of the night before: where it splits on the same morning, as it was then.
        paid = float(
            account.tape.dividend[t, column] * position.shares / account.tape.ratio[t, column]
        )
        account.cash += paid
        position.dividends += paid


def _vanished(account: _Account, t: int) -> None:
    tape = account.tape
    for column in [c for c in account.held if tape.gone[c] and tape.ends[c] < t]:
        price = account.price(t - 1, column) * (1.0 + account.rules.delisting)
        _close(account, t, column, price, account.held[column].shares, "vanished")


def _fill(account: _Account, t: int, wanted: Sequence[int], equity: float) -> None:
    tape, rules = account.tape, account.rules
    for column in [c for c, position in account.held.items() if position.leaving]:
        if np.isnan(tape.open[t, column]):
            continue  # waits
        position = account.held[column]
        size = _allowed(account, t, column, abs(position.shares), leaving=True)
        if size:
            shares = size * account.sign
            price = _moved(account, t, column, -shares, position)
            _close(account, t, column, price, shares, "ranked")
    budget = equity / rules.hold
    for column in wanted:
        if np.isnan(tape.open[t, column]):
            account.missed += 1
            continue
        before = account.before(t, column)
        room = min(budget, account.cash) if account.sign > 0 else budget
        shares = _allowed(account, t, column, floor(room / before) if before > 0.0 else 0)
        while shares > 0 and account.sign > 0 and _cost(account, t, column, shares) > account.cash:
            shares = floor(shares * min(account.cash / _cost(account, t, column, shares), 0.999))
        if shares < 1:
            continue
        _open(account, t, column, account.sign * shares)


def _allowed(
    account: _Account, t: int, column: int, shares: float, *, leaving: bool = False
) -> float:
    """No more than `max_adv` of what the name trades; what it trades must be known, or it must go."""
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
    fixed = account.rules.basis_points
    if fixed is not None:
        return 1e-4 * fixed, 0.0
    half = account.costs.half_spread[t - 1, column]
    known = 0.0 if np.isnan(half) else float(half)
    return known, account.costs.impact(t - 1, column, value)


def _cost(account: _Account, t: int, column: int, shares: float) -> float:
    """What a purchase takes out of the cash."""
    opening = float(account.tape.open[t, column])
    spread, impact = _side_cost(account, t, column, shares * opening)
    return shares * (opening * (1.0 + spread + impact) + account.rules.commission)


def _moved(account: _Account, t: int, column: int, shares: float, position: _Position) -> float:
    """The price of a fill of so many shares, below zero to sell; its costs are booked."""
    opening = float(account.tape.open[t, column])
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
    position = _Position(column, t, shares, shares, 0.0, 0.0)
    price = float(_moved(account, t, column, shares, position))
    position.entry_price, position.paid = price, shares * price
    account.cash -= shares * price
    account.held[column] = position


def _close(
    account: _Account, t: int, column: int, price: float, shares: float, reason: str
) -> None:
    """Shares leave at a price; the trade is written down when none are left."""
    position = account.held[column]
    account.cash += shares * price
    position.received += shares * price
    position.shares -= shares
    if position.shares:
        return
    del account.held[column]
    _write(account, t, position, price, reason)


def _write(account: _Account, t: int, position: _Position, price: float, reason: str) -> None:
    profit = position.received - position.paid + position.dividends - position.fees
    account.trades.append(
        Trade(
            int(account.tape.ids[position.column]),
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
            position.received -= fee
        value += worth
    return value


def _end(account: _Account, t: int) -> None:
    """What is still held is valued at the last close, and is no exit."""
    for column in list(account.held):
        position = account.held.pop(column)
        price = account.price(t, column)
        position.received += position.shares * price
        _write(account, t, position, price, "end")
