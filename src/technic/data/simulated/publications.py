"""What a simulated vendor knows, and when: bars as they were published and published again.

`Publications` answer only for an instant. A bar of session `d` appears on the evening of `d`, at
`PUBLISHED`; until then a part of it can be seen. A revision replaces it from the evening on
which it was published. Everything is a function of the publications and the instant asked about.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property
from typing import Any

import numpy as np

from technic.market.sessions import NEW_YORK, nyse
from technic.market.typing import FloatArray, IntArray

PUBLISHED = time(20, 15)  # in New York
EPOCH = date(1970, 1, 1)


@dataclass(frozen=True, slots=True)
class ListedSpan:
    """The symbol of one listing between two dates.

    Attributes
    ----------
    since, until : first and last day, both included; None is open
    """

    symbol: str
    since: date | None
    until: date | None

    def covers(self, day: date) -> bool:
        """Whether the listing bore the symbol on a day."""
        return (self.since is None or self.since <= day) and (
            self.until is None or day <= self.until
        )


@dataclass(frozen=True, slots=True)
class Listing:
    """One security and what it was called.

    Attributes
    ----------
    type, exchange : codes, as Massive writes them: CS, ETF, …; XNYS, XNAS, …
    cik, figi, share_figi : identifiers; None where the vendor knows none
    sector : one of the eleven; None for funds
    shares : outstanding
    eras : its symbols, oldest first
    """

    name: str
    type: str
    exchange: str
    cik: str | None
    figi: str | None
    share_figi: str | None
    sector: str | None
    shares: float
    eras: tuple[ListedSpan, ...]

    def symbol(self, day: date) -> str | None:
        """What it was called on a day; None if it was not listed."""
        return next((era.symbol for era in self.eras if era.covers(day)), None)

    @property
    def since(self) -> date | None:
        """Its first day; None if that lies before all publications."""
        return self.eras[0].since

    @property
    def until(self) -> date | None:
        """Its last day; None if it is listed still."""
        return self.eras[-1].until


@dataclass(frozen=True, slots=True)
class Rows:
    """Bars, one row each time a bar was published; columns of equal length.

    Attributes
    ----------
    listing : int64, position in `Publications.listings`
    session, published : int64, days since 1970
    values : float64, shape (n, 5): open, high, low, close, volume, as traded
    """

    listing: IntArray
    session: IntArray
    published: IntArray
    values: FloatArray

    def at(self, chosen: Any) -> Rows:
        """Some of the rows."""
        return Rows(
            self.listing[chosen], self.session[chosen], self.published[chosen], self.values[chosen]
        )

    def __len__(self) -> int:
        return len(self.listing)


@dataclass(frozen=True)
class Publications:
    """A market as one vendor publishes it.

    Attributes
    ----------
    listings : securities; others name them by their position here
    rows : sorted by session, listing and day of publication
    splits, dividends : (listing, ex-date, new shares per old one | USD per share)
    about : how it was made
    symbol_cache : what each listing was called, by day
    """

    listings: list[Listing]
    rows: Rows
    splits: list[tuple[int, date, float]]
    dividends: list[tuple[int, date, float]]
    about: dict[str, Any]
    symbol_cache: dict[date, list[str | None]] = field(default_factory=dict)

    @cached_property
    def sessions(self) -> list[date]:
        """The sessions that have bars, ascending."""
        return [EPOCH + timedelta(days=int(d)) for d in np.unique(self.rows.session)]

    @cached_property
    def by_listing(self) -> Rows:
        """The same rows sorted by listing, session and day of publication."""
        rows = self.rows
        return rows.at(np.lexsort((rows.published, rows.session, rows.listing)))

    def symbols(self, day: date) -> list[str | None]:
        """What each listing was called on a day."""
        if day not in self.symbol_cache:
            self.symbol_cache[day] = [listing.symbol(day) for listing in self.listings]
        return self.symbol_cache[day]

    def holder(self, symbol: str, day: date) -> int | None:
        """The listing that bore a symbol on a day."""
        names = self.symbols(day)
        return names.index(symbol) if symbol in names else None

    def bars_of(self, session: date, now: datetime) -> Rows:
        """The bars of one session as they were published at `now`, by listing."""
        low, high = np.searchsorted(self.rows.session, [number(session), number(session) + 1])
        return self._visible(self.rows.at(slice(int(low), int(high))), now)

    def run_of(self, listing: int, first: date, last: date, now: datetime) -> Rows:
        """The bars of one listing, oldest first, as they were published at `now`."""
        rows = self.by_listing
        low, high = np.searchsorted(rows.listing, [listing, listing + 1])
        own = rows.at(slice(int(low), int(high)))
        a, b = np.searchsorted(own.session, [number(first), number(last) + 1])
        return self._visible(own.at(slice(int(a), int(b))), now)

    def factor(self, listing: int, session: date, today: date) -> float:
        """Product of the splits of a listing after `session` that have happened by `today`."""
        product = 1.0
        for ex, ratio in self.splits_of.get(listing, []):
            if session < ex <= today:
                product *= ratio
        return product

    @cached_property
    def splits_of(self) -> dict[int, list[tuple[date, float]]]:
        """Splits by listing, oldest first."""
        by_listing: dict[int, list[tuple[date, float]]] = {}
        for listing, ex, ratio in sorted(self.splits, key=lambda s: (s[0], s[1])):
            by_listing.setdefault(listing, []).append((ex, ratio))
        return by_listing

    def _visible(self, rows: Rows, now: datetime) -> Rows:
        """Newest published row per bar; a part of today's if it is being traded."""
        local = now.astimezone(NEW_YORK)
        evening = number(local.date()) - (local.time() < PUBLISHED)
        done = rows.at(rows.published <= evening)
        last = np.ones(len(done), dtype=bool)
        last[:-1] = (np.diff(done.session) != 0) | (np.diff(done.listing) != 0)
        done = done.at(last)
        share = traded_share(local.date(), now)
        if share is None or local.time() >= PUBLISHED:
            return done
        part = rows.at((rows.session == evening + 1) & (rows.published == rows.session))
        return _concatenate(done, _so_far(part, share)) if len(part) else done


def number(day: date) -> int:
    """Days since 1970."""
    return (day - EPOCH).days


def traded_share(day: date, now: datetime) -> float | None:
    """How much of a day's session has passed, above 0 to 1; None if nothing of it."""
    sessions = nyse()
    at = int(sessions.ordinals(np.array([day], dtype="datetime64[D]"))[0])
    if at < 0 or now <= sessions.opens(at):
        return None
    whole = (sessions.closes(at) - sessions.opens(at)).total_seconds()
    return min((now - sessions.opens(at)).total_seconds() / whole, 1.0)


def _so_far(rows: Rows, share: float) -> Rows:
    """Bars of a session of which `share` has passed; volume goes on after the close."""
    opens, high, low, close, volume = rows.values.T
    now = np.round(opens + (close - opens) * share, 2)
    reach = 0.5 + 0.5 * share
    top = np.maximum(np.round(opens + (high - opens) * reach, 2), np.maximum(opens, now))
    floor = np.minimum(np.round(opens + (low - opens) * reach, 2), np.minimum(opens, now))
    done = np.floor(volume * share * 0.97)
    values = np.column_stack([opens, top, np.maximum(floor, 0.01), now, done])
    return Rows(rows.listing, rows.session, rows.published, values)


def _concatenate(a: Rows, b: Rows) -> Rows:
    return Rows(
        np.concatenate([a.listing, b.listing]),
        np.concatenate([a.session, b.session]),
        np.concatenate([a.published, b.published]),
        np.concatenate([a.values, b.values]),
    )


def evening(session: date) -> datetime:
    """The instant from which a session's bars are published."""
    return datetime.combine(session, PUBLISHED, NEW_YORK).astimezone(UTC)
