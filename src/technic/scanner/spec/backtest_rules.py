"""The section [backtest] of a scan file: when a scan trades, what it holds, what that costs."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields
from datetime import date
from typing import Any

from technic.errors import ConfigError
from technic.market.instants import day_of
from technic.runtime.section import Section, number_between, shown, text_of, whole_of

REBALANCES = ("daily", "weekly", "monthly")
COSTS = re.compile(r"spread\+impact|none|([0-9]{1,6}(?:\.[0-9]{1,6})?) ?bps")
MOST_HELD = 500
MOST_KEPT = 5_000
MOST_A_SHARE, MOST_A_YEAR = 10.0, 10.0  # USD


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
        if text_of(self.rebalance, "backtest.rebalance") not in REBALANCES:
            raise ConfigError(
                f"backtest.rebalance is {', '.join(REBALANCES)}; got {shown(self.rebalance)}"
            )
        whole_of(self.hold, "backtest.hold", 1, MOST_HELD)
        whole_of(self.buffer, "backtest.buffer", 0, MOST_KEPT)
        if not COSTS.fullmatch(text_of(self.cost, "backtest.cost")):
            raise ConfigError(
                f'backtest.cost is "spread+impact", "none" or "10bps"; got {shown(self.cost)}'
            )
        number_between(self.commission, "backtest.commission", 0.0, MOST_A_SHARE)
        number_between(self.borrow, "backtest.borrow", 0.0, MOST_A_YEAR)
        number_between(self.delisting, "backtest.delisting", -1.0, 0.0)
        for day in (self.first, self.last):
            if day is not None and type(day) is not date:
                raise ConfigError(f"backtest: from and to are dates; got {shown(day)}")
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
        return day_of(value if isinstance(value, str) else shown(value))
    except ValueError as error:
        raise ConfigError(f"{section.what}{key}: {error}") from error


READ: Mapping[str, Callable[[Section, str], Any]] = {
    "first": _day,
    "last": _day,
    "rebalance": Section.text,
    "hold": lambda section, key: section.whole(key, 0, most=MOST_HELD),
    "buffer": lambda section, key: section.whole(key, 0, least=0, most=MOST_KEPT),
    "cost": Section.text,
    "commission": lambda section, key: section.number(key, 0.0),
    "borrow": lambda section, key: section.share(key, 0.0),
    "delisting": lambda section, key: section.share(key, 0.0),
}
