"""Where a vendor's history begins: seen by its empty days, and remembered in what was asked.

Walking backwards, `PROOF` sessions in a row without a bar, right before the oldest that has some,
are where a vendor's history begins: what is older is not asked for. That is read from the rows of
`asked`, and can never disagree with them. After `BELIEVED`, and with another key or plan, of which
`asked` holds a digest, the same sessions are asked for once more.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import polars as pl

from technic.data.store.rows import newest_per
from technic.market.schema import ASKED
from technic.market.sessions import nyse

PROOF = 5  # sessions in a row without a bar
KEY = "key"  # kind of the rows that say with which key and plan a beginning was seen
BELIEVED = timedelta(days=30)  # that a beginning is remembered without asking again


@dataclass(frozen=True, slots=True)
class Beginning:
    """Where the history of one vendor begins.

    Attributes
    ----------
    first : its oldest session with bars
    seen : when the sessions before were asked for, the earliest of those instants
    """

    first: date
    seen: datetime

    @property
    def proof(self) -> list[date]:
        """The empty sessions right before it, newest first."""
        return sessions_before(self.first)

    @property
    def asked_again(self) -> date:
        """The day from which the proof is asked for once more."""
        return (self.seen + BELIEVED).date()

    def is_due(self, now: datetime) -> bool:
        """Whether it was believed for long enough."""
        return now - self.seen >= BELIEVED


def sessions_before(day: date) -> list[date]:
    """The `PROOF` sessions before a day, newest first; fewer where the calendar begins."""
    table = nyse()
    newest = table.last_until(day - timedelta(days=1))
    return [table.day(k) for k in range(newest, max(newest - PROOF, -1), -1)]


def beginning_of(rows: Mapping[date, int]) -> date | None:
    """The session in which a history begins; None if that is not known.

    Parameters
    ----------
    rows : bars that a vendor answered, by session

    Examples
    --------
    >>> days = [date(2024, 3, k) for k in (4, 5, 6, 7, 8)]
    >>> beginning_of({**dict.fromkeys(days, 0), date(2024, 3, 11): 9})
    datetime.date(2024, 3, 11)
    >>> beginning_of({**dict.fromkeys(days[1:], 0), date(2024, 3, 11): 9}) is None
    True
    """
    oldest = min((day for day, count in rows.items() if count), default=None)
    if oldest is None:
        return None
    before = sessions_before(oldest)
    proven = len(before) == PROOF and all(rows.get(day) == 0 for day in before)
    return oldest if proven else None


def beginnings(asked: pl.DataFrame) -> dict[str, Beginning]:
    """Where the history of each vendor begins, by name; without those of which it is not known.

    Parameters
    ----------
    asked : rows of the `asked` table
    """
    found = {}
    for provider, words in _newest_words(asked).items():
        first = beginning_of({day: rows for day, (rows, _) in words.items()})
        if first is not None:
            found[provider] = Beginning(first, min(words[d][1] for d in sessions_before(first)))
    return found


def _newest_words(asked: pl.DataFrame) -> dict[str, dict[date, tuple[int, datetime]]]:
    """Bars of whole-market sessions as each vendor told last, and when; final ones alone."""
    days = asked.filter(pl.col("kind") == "day", pl.col("settled"))
    newest = newest_per(days.lazy(), "provider", "first").collect()
    words: dict[str, dict[date, tuple[int, datetime]]] = {}
    for row in newest.iter_rows(named=True):
        words.setdefault(row["provider"], {})[row["first"]] = row["rows"], row["known_at"]
    return words


def other_marks(asked: pl.DataFrame, marks: Mapping[str, str]) -> dict[str, str]:
    """The vendors whose histories are known by another key or plan, and their marks now.

    Parameters
    ----------
    asked : rows of the `asked` table
    marks : digests of keys and plans, by vendor
    """
    kept = _kept_marks(asked)
    return {name: mark for name, mark in marks.items() if kept.get(name, mark) != mark}


def mark_rows(asked: pl.DataFrame, marks: Mapping[str, str], at: datetime) -> pl.DataFrame:
    """Rows of `asked` to add: with which key and plan the known histories were seen.

    Parameters
    ----------
    asked : rows of the `asked` table
    marks : digests of keys and plans, by vendor
    at : the instant it is
    """
    kept = _kept_marks(asked)
    rows = [
        (KEY, known.first, known.first, marks[name], name, True, 0, 0, 0.0, max(at, known.seen))
        for name, known in beginnings(asked).items()
        if name in marks and kept.get(name) != marks[name]
    ]
    return pl.DataFrame(rows, schema=ASKED, orient="row")


def _kept_marks(asked: pl.DataFrame) -> dict[str, str]:
    keys = newest_per(asked.filter(pl.col("kind") == KEY).lazy(), "provider").collect()
    return dict(keys.select("provider", "symbol").iter_rows())


class Edge:
    """How far back each vendor was found to reach, while a sync walks there.

    Parameters
    ----------
    asked : rows of the `asked` table
    """

    def __init__(self, asked: pl.DataFrame) -> None:
        self._rows = {
            provider: {day: rows for day, (rows, _) in words.items()}
            for provider, words in _newest_words(asked).items()
        }
        self._begins = {provider: beginning_of(rows) for provider, rows in self._rows.items()}

    def note(self, provider: str, day: date, rows: int) -> None:
        """Take in what a vendor answered of a session."""
        self._rows.setdefault(provider, {})[day] = rows
        self._begins[provider] = beginning_of(self._rows[provider])

    def is_at(self, provider: str, day: date) -> bool:
        """Whether a session is older than all of a vendor's that have bars."""
        having = [d for d, count in self._rows.get(provider, {}).items() if count]
        return bool(having) and day < min(having)

    def is_before(self, provider: str, day: date) -> bool:
        """Whether a session is before the history of a vendor, as far as is proven by now."""
        first = self.begins(provider)
        return first is not None and day < first

    def begins(self, provider: str) -> date | None:
        """The session in which a vendor's history begins; None if that is not known."""
        return self._begins.get(provider)

    def reaches(self, provider: str, day: date) -> bool:
        """Whether a vendor has bars of a session before a day."""
        return any(count and d < day for d, count in self._rows.get(provider, {}).items())
