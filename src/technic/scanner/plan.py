"""Plans: entry, stop, target and size of each row, out of one account for all rows.

The account is filled down the ranking. A row gets the smallest of what these allow:

    risk             `risk` of the account may be lost between entry and stop
    dollar_volume    `max_adv` of the mean daily dollar volume may be bought
    buying_power     what the rows above have left of the account
    heat             what they have left of `max_heat`, the risk of all rows together
    positions        `max_positions` rows, no more

and is told which one it was. A plan is arithmetic on past prices, not advice.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import floor, isfinite

from technic.errors import ConfigError
from technic.runtime.section import (
    DECIMAL,
    decimal,
    number_above,
    shown,
    text_of,
    whole_of,
)

NEXT_OPEN = "next_open"  # an entry that the close stands for until it trades
MOST = {"account": 1e12, "risk": 1.0, "max_heat": 1.0, "max_adv": 1.0, "leverage": 100.0}
MOST_POSITIONS = 10_000
STOPS = {"long": "close - 2 * atr(14)", "short": "close + 2 * atr(14)"}


@dataclass(frozen=True, slots=True)
class PlanRules:
    """The rules by which plans are made; shares are fractions of one.

    Attributes
    ----------
    side : "long" or "short"
    account : USD
    risk, max_heat : shares of the account that one row, and all rows together, may lose
    max_adv : share of the mean daily dollar volume that one row may be
    max_positions : rows that get a size
    leverage : buying power per dollar of account
    entry : "next_open", estimated by the close until it trades, or an expression
    stop : an expression; "" takes the one of `STOPS`
    target : a multiple of the distance to the stop, "2R", or an expression
    """

    side: str = "long"
    account: float = 25_000.0
    risk: float = 0.01
    max_heat: float = 0.06
    max_adv: float = 0.01
    max_positions: int = 8
    leverage: float = 1.0
    entry: str = NEXT_OPEN
    stop: str = ""
    target: str = "2R"

    def __post_init__(self) -> None:
        """Refuse rules that no account could follow."""
        if text_of(self.side, "plan.side") not in STOPS:
            raise ConfigError(f"plan.side is long or short; got {shown(self.side)}")
        for name, most in MOST.items():
            number_above(getattr(self, name), f"plan.{name}", 0.0, most)
        whole_of(self.max_positions, "plan.max_positions", 0, MOST_POSITIONS)
        for name in ("entry", "stop", "target"):
            text_of(getattr(self, name), f"plan.{name}")

    @property
    def entry_text(self) -> str:
        """The expression that estimates the entry."""
        return "close" if self.entry == NEXT_OPEN else self.entry

    @property
    def stop_text(self) -> str:
        """The expression of the stop."""
        return self.stop or STOPS[self.side]

    @property
    def multiple(self) -> float | None:
        """The target as a multiple of R; None if it is an expression."""
        text = self.target.strip()
        if text[-1:] not in {"R", "r"}:
            return None
        number = text[:-1].rstrip()
        if not DECIMAL.fullmatch(number):
            return None
        multiple = decimal(number)
        if multiple is None or multiple <= 0.0:
            raise ConfigError(
                f"plan.target: {shown(self.target)} lies on the wrong side of the entry"
            )
        return multiple


@dataclass(frozen=True, slots=True)
class Plan:
    """What to do about one row.

    Attributes
    ----------
    side : "long" or "short"
    entry, stop, target : USD; None where the row allows no plan
    size : shares; 0 for none
    risk : USD lost between entry and stop
    capped_by : which limit decided the size, see the top of this module; "stop" or "target" where
        that price makes no sense
    """

    side: str
    entry: float | None
    stop: float | None
    target: float | None
    size: int
    risk: float
    capped_by: str


@dataclass(frozen=True, slots=True)
class Levels:
    """What one plan is made of; NaN where unknown.

    Attributes
    ----------
    entry, stop, target : USD
    liquidity : mean dollar volume, USD a day
    """

    entry: float
    stop: float
    target: float
    liquidity: float


def plan_rows(rows: Sequence[Levels], rules: PlanRules) -> list[Plan]:
    """Fill one account down the ranking; see the top of this module.

    Parameters
    ----------
    rows : what the plans are made of, best first
    rules : account, limits and side

    Returns
    -------
    list of Plan
        One per row, in order.
    """
    plans = []
    power = rules.account * rules.leverage
    heat, taken = rules.account * rules.max_heat, 0
    for row in rows:
        plan = _plan(row, rules, power, heat, taken)
        if plan.size > 0 and plan.entry is not None:
            power -= plan.size * plan.entry
            heat -= plan.risk
            taken += 1
        plans.append(plan)
    return plans


def _plan(row: Levels, rules: PlanRules, power: float, heat: float, taken: int) -> Plan:
    sign = 1.0 if rules.side == "long" else -1.0
    distance = sign * (row.entry - row.stop)
    if not (isfinite(distance) and distance > 0.0 and row.stop > 0.0):
        return Plan(rules.side, _known(row.entry), None, None, 0, 0.0, "stop")
    multiple = rules.multiple
    target = row.entry + sign * multiple * distance if multiple is not None else row.target
    if not sign * (target - row.entry) > 0.0 or target <= 0.0:
        return Plan(rules.side, _known(row.entry), row.stop, None, 0, 0.0, "target")
    shares = {
        "risk": rules.account * rules.risk / distance,
        "dollar_volume": rules.max_adv * row.liquidity / row.entry
        if isfinite(row.liquidity)
        else 0.0,
        "buying_power": power / row.entry,
        "heat": heat / distance,
        "positions": float("inf") if taken < rules.max_positions else 0.0,
    }
    cap = min(shares, key=lambda name: shares[name])
    # A hair of rounding must not cost a share that the money is there for.
    size = max(floor(shares[cap] * (1.0 + 1e-12)), 0)
    return Plan(rules.side, row.entry, row.stop, target, size, size * distance, cap)


def _known(value: float) -> float | None:
    return value if isfinite(value) else None
