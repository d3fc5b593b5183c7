"""The account: orders decided at a close, filled at the next open, held, paid, marked.

Each session, in this order:

1. `_split`: shares are multiplied; a fraction that is left is paid for at the open.
2. `_dividends`: who held over the night is paid, or pays if short.
3. `_vanished`: what traded for the last time the session before leaves at the return imputed.
4. `sell`, then `buy` (orders.py): at the open, moved against us by spread and impact, and no more
   of a name than `max_adv` of what it trades; what cannot be sold waits, what cannot be bought is
   forgotten.
5. `_mark`: cash and shares at the close; a name without a bar at its last one.
6. `_decide`: on a session of decision, who leaves and who comes at the next open.

At the end `_end` values what is still held. A name that is kept is not resized. No randomness, no
clock: the same decisions give the same bytes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from technic.research.backtest.costs import Costs
from technic.research.backtest.orders import buy, close, sell, write_down
from technic.research.backtest.positions import Account, last_closes
from technic.research.backtest.prices import PriceHistory
from technic.research.backtest.trades import Traded
from technic.research.statistics.significance import YEAR
from technic.runtime.deadline import check
from technic.scanner.plan import PlanRules
from technic.scanner.spec.backtest_rules import BacktestRules


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
    account = Account(prices, last_closes(prices), costs, rules, plan, plan.account)
    n = len(prices.ordinals)
    equity, exposure, traded = np.full(n, plan.account), np.zeros(n), np.zeros(n)
    wanted: list[int] = []
    for t in range(n):
        check()
        account.traded = 0.0
        _split(account, t)
        _dividends(account, t)
        _vanished(account, t)
        sell(account, t)
        buy(account, t, wanted, float(equity[t - 1]) if t else plan.account)
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


def _decide(account: Account, ranking: Sequence[int]) -> list[int]:
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


def _split(account: Account, t: int) -> None:
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


def _dividends(account: Account, t: int) -> None:
    """Pay who held over the night; who is short pays."""
    for column, position in account.held.items():
        # A share of the night before: where it splits on the same morning, as it was then.
        paid = float(
            account.prices.dividend[t, column] * position.shares / account.prices.ratio[t, column]
        )
        account.cash += paid
        position.dividends += paid


def _vanished(account: Account, t: int) -> None:
    """Close what traded for the last time before this session, at the return imputed."""
    prices = account.prices
    for column in [c for c in account.held if prices.gone[c] and prices.ends[c] < t]:
        price = account.price(t - 1, column) * (1.0 + account.rules.delisting)
        close(account, t, column, price, account.held[column].shares, "vanished")


def _mark(account: Account, t: int) -> float:
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


def _end(account: Account, t: int) -> None:
    """Value what is still held at the last close; that is no exit, and costs nothing."""
    for column in list(account.held):
        position = account.held.pop(column)
        price = account.price(t, column)
        position.received += position.shares * price
        write_down(account, t, position, price, "end")
