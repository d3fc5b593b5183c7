"""The day so far, made of a snapshot and the minutes since: whatever arrives, in any order.

1. `DaySoFar.begin` takes a snapshot: what was before the line stood.
2. `DaySoFar.take` takes messages. A minute is one of its own time: it ends the bar of its symbol if it
   is newer than what is known, and belongs to the day that trades. Every other is set aside, and
   counted by reason, as in `LIVE_REASONS` and `REASONS`.

Nothing that a message holds raises.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import polars as pl

from technic.data.providers.source import SNAPSHOT_COLUMNS, number, text
from technic.market.quality import ABSURD, TOLERANCE
from technic.market.sessions import NEW_YORK
from technic.market.symbols import canonical_symbol

LETTERS = {"open": "op", "high": "h", "low": "l", "close": "c", "volume": "av", "vwap": "a"}
AHEAD = timedelta(minutes=2)  # how far a vendor's clock may be before ours


@dataclass(frozen=True, slots=True)
class MinuteBar:
    """One minute, as far as it can be read.

    Attributes
    ----------
    symbol : whose
    end : the instant at which it ended
    open : of the day; None if it does not say
    high, low, close : of the minute
    volume, vwap : of the day; None if it does not say
    own : volume of the minute; None if it does not say
    """

    symbol: str
    end: datetime
    open: float | None
    high: float
    low: float
    close: float
    volume: float | None
    vwap: float | None
    own: float | None


class DaySoFar:
    """Bars of one day, by symbol.

    Attributes
    ----------
    aside : how many minutes were set aside, by reason
    """

    def __init__(self) -> None:
        self.aside: Counter[str] = Counter()
        self._bars: dict[str, dict[str, Any]] = {}
        self._ends: dict[str, datetime] = {}

    def begin(self, snapshot: pl.DataFrame) -> None:
        """Begin with a snapshot; a symbol whose rows contradict each other begins without one.

        Parameters
        ----------
        snapshot : of `SNAPSHOT_COLUMNS`
        """
        rows = snapshot.unique(maintain_order=True)
        clear = rows.filter(pl.col("symbol").is_unique() & pl.col("symbol").is_not_null())
        self.aside["conflicting_duplicate"] += rows.height - clear.height
        self._bars = {row["symbol"]: row for row in clear.iter_rows(named=True)}
        self._ends = {}

    def frame(self) -> pl.DataFrame:
        """The day so far, as `SNAPSHOT_COLUMNS`."""
        rows = [tuple(bar[name] for name in SNAPSHOT_COLUMNS) for bar in self._bars.values()]
        return pl.DataFrame(rows, schema=SNAPSHOT_COLUMNS, orient="row")

    def take(self, rows: Iterable[Any], now: datetime) -> None:
        """Take the rows of a message in the order of their own time.

        Parameters
        ----------
        rows : as they were sent; anything at all
        now : the vendor's time
        """
        minutes = [read_minute(row) for row in rows if not _is_other(row)]
        readable = [minute for minute in minutes if minute is not None]
        self.aside["unreadable"] += len(minutes) - len(readable)
        for minute in sorted(readable, key=lambda minute: minute.end):
            reason = self._reason(minute, now)
            if reason:
                self.aside[reason] += 1
            else:
                self._merge(minute)

    def _reason(self, minute: MinuteBar, now: datetime) -> str:
        """Why a minute is set aside; empty if it is not."""
        day, held = minute.end.astimezone(NEW_YORK).date(), self._bars.get(minute.symbol)
        if minute.end > now + AHEAD:
            return "early"
        if day != now.astimezone(NEW_YORK).date():
            return "another_day"
        if impossible := _impossible(minute):
            return impossible
        if held is None:
            return "" if minute.own == minute.volume is not None else "no_beginning"
        if held["date"] == day and self._is_late(minute, held["volume"]):
            return "late"
        return "absurd" if _is_absurd(minute, held) else ""

    def _is_late(self, minute: MinuteBar, volume: float | None) -> bool:
        """Whether a minute is older than what is known; a snapshot says by its volume how old it is."""
        end = self._ends.get(minute.symbol)
        if end is not None:
            return minute.end < end
        return minute.volume is not None and volume is not None and minute.volume < volume

    def _merge(self, minute: MinuteBar) -> None:
        """One minute into its day; the first minute of a new day begins it."""
        day, held = minute.end.astimezone(NEW_YORK).date(), self._bars.get(minute.symbol)
        self._ends[minute.symbol] = minute.end
        if held is None or held["date"] != day or held["close"] is None:
            self._bars[minute.symbol] = _begun(minute, day, held)
            return
        held["high"], held["low"] = max(held["high"], minute.high), min(held["low"], minute.low)
        held["close"] = minute.close
        held["open"] = minute.open if held["open"] is None else held["open"]
        for name, value in (("volume", minute.volume), ("vwap", minute.vwap)):
            held[name] = held[name] if value is None else value


def _begun(minute: MinuteBar, day: date, held: dict[str, Any] | None) -> dict[str, Any]:
    """The bar that a first minute begins."""
    before = None
    if held is not None:
        before = held["before"] if held["close"] is None or held["date"] == day else held["close"]
    values = {name: getattr(minute, name) for name in LETTERS}
    return {"symbol": minute.symbol, "date": day, "before": before, **values}


def _is_other(row: Any) -> bool:
    """Whether a row speaks of something else than minutes, such as the state of the line."""
    return isinstance(row, dict) and row.get("ev") != "AM" and isinstance(row.get("ev"), str)


def read_minute(row: Any) -> MinuteBar | None:
    """A minute as Massive sends it; None if it has no symbol, no time, or no prices.

    Before the auction a day has no open yet, and 0 says so.
    """
    if not isinstance(row, dict):
        return None
    symbol, end = text(row.get("sym")), row.get("e")
    values = {name: number(row.get(letter)) for name, letter in LETTERS.items()}
    high, low, close = values["high"], values["low"], values["close"]
    if symbol is None or type(end) is not int or high is None or low is None or close is None:
        return None
    try:
        instant = datetime.fromtimestamp(end / 1_000.0, NEW_YORK)
    except (ValueError, OverflowError, OSError):
        return None
    return MinuteBar(
        canonical_symbol(symbol),
        instant,
        values["open"] or None,
        high,
        low,
        close,
        values["volume"],
        values["vwap"],
        number(row.get("v")),
    )


def _impossible(minute: MinuteBar) -> str:
    """Why no market makes such a minute; empty if it can be."""
    prices = [minute.high, minute.low, minute.close]
    prices += [] if minute.open is None else [minute.open]
    if not all(0.0 < price < float("inf") for price in prices):
        return "price_not_positive"
    if minute.volume is not None and not minute.volume >= 0.0:
        return "negative_volume"
    slack = TOLERANCE * max(minute.high, minute.low)
    inside = minute.low - slack <= minute.close <= minute.high + slack
    return "" if inside else "outside_range"


def _is_absurd(minute: MinuteBar, held: dict[str, Any]) -> bool:
    """Whether a minute is further from what is known than any market goes."""
    known = held["close"] if held["close"] is not None else held["before"]
    return bool(known) and (minute.high > ABSURD * known or minute.low * ABSURD < known)
