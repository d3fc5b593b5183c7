"""What a vendor is asked, and what it answers with: the protocol `Source`, and the tables it reads."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Any, Protocol

import polars as pl

BAR_COLUMNS = {
    "symbol": pl.String(),
    "date": pl.Date(),  # of the bar's own stamp, in New York
    "open": pl.Float64(),
    "high": pl.Float64(),
    "low": pl.Float64(),
    "close": pl.Float64(),
    "volume": pl.Float64(),
    "vwap": pl.Float64(),
}
ACTION_COLUMNS = {
    "symbol": pl.String(),
    "date": pl.Date(),
    "value": pl.Float64(),
    "id": pl.String(),  # equal ones are one event; null where the vendor gives none
    "currency": pl.String(),  # of a dividend, as told; null is that of the prices
}
TICKER_COLUMNS = {
    "symbol": pl.String(),
    "name": pl.String(),
    "type": pl.String(),
    "exchange": pl.String(),
    "cik": pl.String(),
    "figi": pl.String(),
    "active": pl.Boolean(),
    "until": pl.Date(),  # null while it is listed
    "updated": pl.Date(),
}
FACT_COLUMNS = {  # one row per number of a filing
    "symbol": pl.String(),
    "cik": pl.String(),
    "period": pl.String(),  # Q1 to Q4, FY
    "fiscal_year": pl.Int64(),
    "period_end": pl.Date(),
    "filed": pl.Date(),
    "item": pl.String(),  # of market.items.ITEMS
    "months": pl.Int8(),
    "value": pl.Float64(),
}
NEWS_COLUMNS = {
    "symbol": pl.String(),
    "key": pl.String(),
    "title": pl.String(),
    "published": pl.Datetime("us", "UTC"),
}
SNAPSHOT_COLUMNS = {  # bars of the day so far; volume 0 and no prices before the first trade
    **BAR_COLUMNS,
    "before": pl.Float64(),  # close of the session before, in today's terms
}
EXACT = 2**53  # whole numbers beyond it are not exact as float64


@dataclass(frozen=True, slots=True)
class Ask:
    """One thing to ask a vendor; equal asks have equal answers at one instant.

    Attributes
    ----------
    kind : day, run, many, splits, dividends, tickers, income, balance, cash, news, snapshot
    symbols : for `run` one, for `many` some
    first, last : sessions, ex-dates, days of filing or of publication, both included
    active : for `tickers`, who is listed or who no longer is
    newest : for `tickers`, only the page of those that changed last
    on : for `tickers`, the day for which they are asked; None for today
    """

    kind: str
    first: date | None = None
    last: date | None = None
    symbols: tuple[str, ...] = ()
    active: bool = True
    newest: bool = False
    on: date | None = None

    def as_dict(self) -> dict[str, Any]:
        """As JSON holds it."""
        return {
            "kind": self.kind,
            "first": self.first.isoformat() if self.first else None,
            "last": self.last.isoformat() if self.last else None,
            "symbols": list(self.symbols),
            "active": self.active,
            "newest": self.newest,
            "on": self.on.isoformat() if self.on else None,
        }

    @classmethod
    def of(cls, content: dict[str, Any]) -> Ask:
        """The ask that `as_dict` gave."""
        days = {
            k: date.fromisoformat(content[k]) if content[k] else None
            for k in ("first", "last", "on")
        }
        return cls(
            content["kind"],
            days["first"],
            days["last"],
            tuple(content["symbols"]),
            content["active"],
            content["newest"],
            days["on"],
        )

    def __str__(self) -> str:
        span = f" {self.first}" + (f" to {self.last}" if self.last != self.first else "")
        names = ",".join(self.symbols[:3]) + ("…" if len(self.symbols) > 3 else "")
        words = {
            "day": f"all symbols on{span}",
            "snapshot": "all symbols, the day so far",
            "run": f"{names}{span}",
            "many": f"{len(self.symbols)} symbols ({names}){span}",
            "splits": f"splits{span}",
            "dividends": f"dividends{span}",
            "tickers": "listings" + ("" if self.active else " that ended"),
            "income": f"income statements filed{span}",
            "balance": f"balance sheets filed{span}",
            "cash": f"cash flow statements filed{span}",
            "news": f"news{span}",
        }
        return words[self.kind]


@dataclass(frozen=True, slots=True)
class Reading:
    """What the pages of an answer say.

    Attributes
    ----------
    table : rows under our names
    delayed : whether the vendor says that it is not final
    """

    table: pl.DataFrame
    delayed: bool = False


@dataclass(frozen=True, slots=True)
class VendorProfile:
    """A vendor as a user chooses it: what the command `providers` shows, in words.

    Attributes
    ----------
    keys : variables of the environment that hold its keys
    cost, history, rate, licence : of the plans that there are
    """

    name: str
    keys: tuple[str, ...]
    cost: str
    history: str
    rate: str
    licence: str


@dataclass(frozen=True, slots=True)
class VendorCall:
    """One request, as it went.

    Attributes
    ----------
    provider, endpoint : the vendor, and the path that was asked, without parameters
    status : HTTP status; 0 if there was none
    bytes : of the body, unpacked
    ms : milliseconds that it took
    attempt : 1 for the first
    outcome : "ok", or the name of the error
    quota_left : calls left in the allowance afterwards; None if there is no limit
    """

    provider: str
    endpoint: str
    status: int
    bytes: int
    ms: float
    attempt: int
    outcome: str
    quota_left: int | None = None


Log = Callable[[VendorCall], None]


def unheard(_call: VendorCall) -> None:
    """Calls are written down only if somebody listens."""


class Source(Protocol):
    """A vendor that can be asked.

    What is paid for (`fetch`) is apart from what it means (`read`), so that an answer can be kept
    on the disk before anybody reads it.

    Attributes
    ----------
    about : what a user should know before choosing it
    """

    about: VendorProfile

    @property
    def kinds(self) -> frozenset[str]:
        """Kinds of `Ask` that it answers."""
        ...

    def fetch(self, ask: Ask) -> list[bytes]:
        """Ask the vendor; returns every page of the answer, each proven whole.

        Raises
        ------
        AccessError
            If the key is refused, or the plan does not include it.
        ProviderError
            If no whole answer could be had.
        """
        ...

    def read(self, ask: Ask, pages: list[bytes]) -> Reading:
        """Read the pages of an answer; asks nothing.

        Parameters
        ----------
        ask : what was asked
        pages : bytes of the answer, page by page

        Returns
        -------
        Reading
            Its table has the columns of the ask's kind: `BAR_COLUMNS`, `ACTION_COLUMNS`,
            `TICKER_COLUMNS`, `FACT_COLUMNS`, `NEWS_COLUMNS` or `SNAPSHOT_COLUMNS`. What is no
            number or no text is null.

        Raises
        ------
        PageError
            If they cannot be read.
        """
        ...

    def calls_for(self, ask: Ask, rows: int | None = None) -> int:
        """How many requests an ask costs, as near as can be said before it is asked.

        Parameters
        ----------
        rows : of its answer the last time; None if it was never asked
        """
        ...


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast a vendor may be asked, and what a plan includes.

    Attributes
    ----------
    calls : in `period` seconds; 0 is as fast as it goes
    history_days : how many days back the plan reaches; None for all there is
    today : whether the plan includes the session of today
    """

    calls: int = 0
    period: float = 60.0
    history_days: int | None = None
    today: bool = True

    def minutes(self, calls: int) -> float:
        """How many minutes so many calls take: the first `calls` of them go at once."""
        if not self.calls:
            return calls * 0.2 / 60.0
        return max(calls - self.calls, 0) * self.period / self.calls / 60.0


def number(value: Any) -> float | None:
    """A vendor's number; None for text, nothing, or more digits than a float64 holds.

    Examples
    --------
    >>> number(12), number("12"), number(2**60)
    (12.0, None, None)
    """
    if type(value) not in {int, float} or abs(value) > EXACT:
        return None
    return float(value)


def text(value: Any) -> str | None:
    """A vendor's text, as it is; None for anything else."""
    return value if isinstance(value, str) else None
