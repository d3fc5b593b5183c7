"""The section [backtest] of a scan file: when a scan trades, what it holds, what that costs."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields
from datetime import date
from math import isfinite
from typing import Any

from technic.errors import ConfigError
from technic.scanner.spec.section import Section, shown

REBALANCES = ("daily", "weekly", "monthly")
COSTS = re.compile(r"spread\+impact|none|(\d{1,6}(?:\.\d{1,6})?) ?bps")
MOST_HELD = 500


@dataclass(frozen=True, slots=True)
class BacktestRules:
    """The rules by which a scan is traded.

    Attributes
    ----------
    first, last : sessions between which is decided and traded; None for what the store holds
    rebalance : the scan is asked on the last session of every day, week or month
    hold : names at once, equal shares of the account
    buffer : a name that is held is kept while it ranks at least here; at least `hold`
    cost : "spread+impact", "none", or so many basis points a side: "10bps"
    commission : USD a share
    borrow : USD a year per USD sold short; whether a name can be borrowed is not known
    delisting : what a name that vanishes returns from its last close
    """

    first: date | None = None
    last: date | None = None
    rebalance: str = "weekly"
    hold: int = 20
    buffer: int = 0
    cost: str = "spread+impact"
    commission: float = 0.0
    borrow: float = 0.0
    delisting: float = -0.30

    def __post_init__(self) -> None:
        """Refuse rules that nobody could trade by."""
        if self.rebalance not in REBALANCES:
            raise ConfigError(
                f"backtest.rebalance is {', '.join(REBALANCES)}; got {self.rebalance!r}"
            )
        if not 1 <= self.hold <= MOST_HELD:
            raise ConfigError(f"backtest.hold is 1 to {MOST_HELD} names; got {self.hold}")
        if not COSTS.fullmatch(self.cost):
            raise ConfigError(
                f'backtest.cost is "spread+impact", "none" or "10bps"; got {self.cost!r}'
            )
        for name in ("commission", "borrow"):
            if not (isfinite(getattr(self, name)) and getattr(self, name) >= 0.0):
                raise ConfigError(f"backtest.{name} cannot be {getattr(self, name)}")
        if not -1.0 <= self.delisting <= 0.0:
            raise ConfigError(
                f"backtest.delisting is a return from -100% to 0; got {self.delisting}"
            )
        if self.first and self.last and self.first >= self.last:
            raise ConfigError(f"backtest: to must lie after from {self.first}; got {self.last}")

    @property
    def kept(self) -> int:
        """The rank down to which a name that is held is kept."""
        return max(self.buffer, self.hold)

    @property
    def basis_points(self) -> float | None:
        """A fixed cost a side; None where it is the spread and the impact."""
        if self.cost == "spread+impact":
            return None
        match = COSTS.fullmatch(self.cost)
        assert match is not None
        return float(match.group(1) or 0.0)

    @classmethod
    def of(cls, content: Any, what: str) -> BacktestRules:
        """Read the section as a scan file says it.

        Parameters
        ----------
        content : the section
        what : the file, for messages

        Raises
        ------
        ConfigError
            If it says something that means nothing.
        """
        names = {"from": "first", "to": "last"}
        keys = {f.name for f in fields(cls)} - {"first", "last"} | set(names)
        section = Section.of(content, f"{what}: backtest.", keys)
        read = {key: READ[names.get(key, key)](section, key) for key in section.content}
        return cls(**{names.get(key, key): value for key, value in read.items()})

    def as_dict(self) -> dict[str, Any]:
        """Return the section as a scan file says it, defaults written out."""
        content = asdict(self)
        days = {"from": content.pop("first"), "to": content.pop("last")}
        return {k: v.isoformat() for k, v in days.items() if v is not None} | content


def _day(section: Section, key: str) -> date:
    value = section.content[key]
    if type(value) is date:
        return value
    try:
        return date.fromisoformat(str(value))
    except ValueError as error:
        raise ConfigError(
            f"{section.what}{key} is a date such as 2016-01-04; got {shown(value)}"
        ) from error


READ: Mapping[str, Callable[[Section, str], Any]] = {
    "first": _day,
    "last": _day,
    "rebalance": Section.text,
    "hold": lambda section, key: section.whole(key, 0, most=MOST_HELD),
    "buffer": lambda section, key: section.whole(key, 0, least=0),
    "cost": Section.text,
    "commission": lambda section, key: section.number(key, 0.0),
    "borrow": lambda section, key: section.share(key, 0.0),
    "delisting": lambda section, key: section.share(key, 0.0),
}
