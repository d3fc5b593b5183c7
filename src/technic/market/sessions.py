"""Sessions of the NYSE, from a table shipped with the package.

A session is named by its New York date. Inside arrays it is its *ordinal*: its position
among all sessions of the table, so that neighbours differ by one.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from importlib.resources import files
from zoneinfo import ZoneInfo

import numpy as np

from technic.errors import SessionError
from technic.market.typing import IntArray

NEW_YORK = ZoneInfo("America/New_York")
OPEN, CLOSE = time(9, 30), time(16, 0)
FINAL = time(20, 15)  # vendors publish the day's bars when trading after hours has ended
SATURDAY = 5  # counted from Monday, 0


@dataclass(frozen=True, slots=True)
class TradingCalendar:
    """All sessions of an exchange between two dates.

    Attributes
    ----------
    first, last : the dates that the table covers, both included
    dates : datetime64[D], shape (n_sessions,), ascending
    early : time of the close, New York, of the sessions that do not close at 16:00
    """

    first: date
    last: date
    dates: np.ndarray
    early: dict[date, time]

    def __len__(self) -> int:
        """How many sessions the table holds."""
        return len(self.dates)

    def day(self, ordinal: int) -> date:
        """The date of session `ordinal`."""
        return self.dates[ordinal].astype(object)  # type: ignore[no-any-return]

    def ordinals(self, dates: np.ndarray) -> IntArray:
        """Ordinal of each date.

        Returns
        -------
        array of int64
            The shape of `dates`; -1 where a date is no session.
        """
        days = np.asarray(dates, dtype="datetime64[D]")
        at = np.minimum(np.searchsorted(self.dates, days), len(self.dates) - 1)
        return np.where(self.dates[at] == days, at, -1).astype(np.int64)

    def ordinal(self, day: date) -> int:
        """Ordinal of the session on `day`.

        Raises
        ------
        SessionError
            If `day` is no session; the message names the sessions around it.
        """
        self._covered(day)
        ordinal = int(self.ordinals(np.array([day], dtype="datetime64[D]"))[0])
        if ordinal < 0:
            before, after = self.last_until(day), self.last_until(day) + 1
            raise SessionError(
                f"{day} is no session of the NYSE; the sessions around it are "
                f"{self.day(before)} and {self.day(after)}"
            )
        return ordinal

    def last_until(self, day: date) -> int:
        """Ordinal of the last session on or before `day`."""
        self._covered(day)
        return int(np.searchsorted(self.dates, np.datetime64(day, "D"), side="right")) - 1

    def next_from(self, day: date) -> int:
        """Ordinal of the first session on or after `day`."""
        self._covered(day)
        return int(np.searchsorted(self.dates, np.datetime64(day, "D"), side="left"))

    def opens(self, ordinal: int) -> datetime:
        """The instant session `ordinal` opens, UTC."""
        return datetime.combine(self.day(ordinal), OPEN, NEW_YORK).astimezone(UTC)

    def closes(self, ordinal: int) -> datetime:
        """The instant session `ordinal` closes, UTC."""
        day = self.day(ordinal)
        return datetime.combine(day, self.early.get(day, CLOSE), NEW_YORK).astimezone(UTC)

    def last_finished(self, now: datetime) -> int:
        """Ordinal of the last session that had closed at the instant `now`."""
        ordinal = self.last_until(now.astimezone(NEW_YORK).date())
        return ordinal if self.closes(ordinal) <= now else ordinal - 1

    def final(self, ordinal: int) -> datetime:
        """The instant from which the bars of session `ordinal` are final, UTC."""
        return datetime.combine(self.day(ordinal), FINAL, NEW_YORK).astimezone(UTC)

    def last_final(self, now: datetime) -> int:
        """Ordinal of the last session whose bars were final at the instant `now`."""
        ordinal = self.last_until(now.astimezone(NEW_YORK).date())
        return ordinal if self.final(ordinal) <= now else ordinal - 1

    def weeks(self) -> IntArray:
        """Week of each session, counted from an arbitrary Monday; shape (n_sessions,)."""
        days = self.dates.astype(np.int64)
        return (days + 3) // 7  # day 0, 1970-01-01, was a Thursday

    def months(self) -> IntArray:
        """Calendar month of each session, counted from January 1970; shape (n_sessions,)."""
        return self.dates.astype("datetime64[M]").astype(np.int64)

    def _covered(self, day: date) -> None:
        if not self.first <= day <= self.last:
            raise SessionError(
                f"{day} lies outside the table of sessions, {self.first} to {self.last}"
            )


@cache
def nyse() -> TradingCalendar:
    """The table shipped with the package; read once."""
    text = files("technic.market").joinpath("nyse_sessions.csv").read_text(encoding="utf-8")
    rows = [line.split(",") for line in text.split()[1:]]
    bounds = {kind: date.fromisoformat(day) for day, kind, _ in rows if kind in {"first", "last"}}
    closed = [day for day, kind, _ in rows if kind == "closed"]
    early = {
        date.fromisoformat(day): time.fromisoformat(close)
        for day, kind, close in rows
        if kind == "early"
    }
    end = bounds["last"] + timedelta(days=1)
    days = np.arange(np.datetime64(bounds["first"], "D"), np.datetime64(end, "D"))
    weekdays = days[(days.astype(np.int64) + 3) % 7 < SATURDAY]  # day 0 was a Thursday
    # Sets of NumPy would import its masked arrays, which takes longer than all the rest of this.
    is_open = np.ones(len(weekdays), np.bool_)
    is_open[np.searchsorted(weekdays, np.array(closed, dtype="datetime64[D]"))] = False
    return TradingCalendar(bounds["first"], bounds["last"], weekdays[is_open], early)
