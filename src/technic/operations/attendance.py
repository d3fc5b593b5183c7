"""Who has been seen while the market trades, and whether that is enough to tell anybody of it.

1. `Attendance.sort` takes the rows of a snapshot apart: bars that can be believed, symbols that have
   not traded yet, and rows that are set aside, by reason. A day only grows: a bar with less volume,
   or within a narrower range, than the one of the look before is an older one.
2. `Attendance.call` calls the roll of those who traded on the newest stored session. Who had a bar
   before and has none now is lacking; a market of which too much is lacking is a state, and no
   reason to tell anybody anything.

What is lacking for longer than `PATIENCE` is no longer waited for: a symbol that is halted, renamed or
delisted must not silence the others for a day. It is still not said to have left.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

import numpy as np
import polars as pl

from technic.data.providers.source import SNAPSHOT_COLUMNS
from technic.data.store.mapped_panel import MappedPanel
from technic.market.quality import examine
from technic.market.sessions import nyse

PATIENCE = timedelta(minutes=15)  # for who had a bar before and has none now
TOLERATED = 0.01  # share of those expected that may never have been there today
MOST_LACKING = 0.05  # share of those expected, those no longer waited for included
LEAST_SEEN = 0.75  # share of those expected that must have traded
GROWING = ("volume", "high", "low")


@dataclass(frozen=True, slots=True)
class SnapshotRows:
    """A snapshot, taken apart.

    Attributes
    ----------
    good : bars of the session that can be believed, one per symbol
    quiet : symbols that the vendor knows, and that have not traded yet
    aside : how many rows were set aside, by reason
    """

    good: pl.DataFrame
    quiet: frozenset[str]
    aside: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class RollCall:
    """Who of those expected has been seen.

    Attributes
    ----------
    seen : how many have a bar that can be believed
    expected : how many traded on the newest stored session
    lacking : symbols that should have a bar, or had one earlier in the day, and have none now
    whole : whether enough was seen to tell somebody of what changed
    """

    seen: int
    expected: int
    lacking: tuple[str, ...]
    whole: bool

    @property
    def state(self) -> str:
        """As it is shown: `3,100 of 6,500 seen`."""
        return f"{self.seen:,} of {self.expected:,} seen"


@dataclass
class Attendance:
    """The roll of one day, from look to look.

    Attributes
    ----------
    expected : symbols that traded on the newest stored session
    session : of the looks so far; None before the first
    held : the newest bar of the day that was believed, by symbol
    missed : since when symbols have been lacking
    """

    expected: frozenset[str]
    session: date | None = None
    held: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=SNAPSHOT_COLUMNS))
    missed: dict[str, datetime] = field(default_factory=dict)

    def sort(self, snapshot: pl.DataFrame, session: date) -> SnapshotRows:
        """Take a snapshot apart; see the top of this module.

        Parameters
        ----------
        snapshot : of `SNAPSHOT_COLUMNS`, as a vendor gives it
        session : that trades
        """
        if session != self.session:
            self.session, self.held, self.missed = session, self.held.clear(), {}
        has_not_traded = ((pl.col("volume") == 0.0) & pl.col("close").is_null()).fill_null(False)
        traded = snapshot.filter(~has_not_traded)
        today = traded.filter(pl.col("date") == session)
        checked = examine(today.with_columns(known_at=pl.lit(None, pl.Datetime("us", "UTC"))))
        good = checked.good.select(list(SNAPSHOT_COLUMNS))
        current = good.filter(~self._is_older(good))
        aside = dict(checked.bad["reason"].value_counts().iter_rows())
        aside |= {"another_day": traded.height - today.height, "late": good.height - current.height}
        return SnapshotRows(
            current,
            frozenset(snapshot.filter(has_not_traded)["symbol"].drop_nulls()),
            {reason: count for reason, count in sorted(aside.items()) if count},
        )

    def _is_older(self, good: pl.DataFrame) -> pl.Series:
        """Which bars say less of the day than was known at the look before."""
        known = self.held.select(
            "symbol", *(pl.col(name).alias(f"{name}_held") for name in GROWING)
        )
        both = good.join(known, on="symbol", how="left", maintain_order="left")
        return both.select(
            (
                (pl.col("volume") < pl.col("volume_held"))
                | (pl.col("high") < pl.col("high_held"))
                | (pl.col("low") > pl.col("low_held"))
            ).fill_null(False)
        ).to_series()

    def call(self, at: datetime, bars: pl.DataFrame, quiet: Collection[str]) -> RollCall:
        """Call the roll of one look.

        Parameters
        ----------
        at : the instant of the look
        bars : that became part of the day so far, of `SNAPSHOT_COLUMNS`
        quiet : symbols that have not traded yet, as the vendor says
        """
        seen = frozenset(bars["symbol"])
        earlier = frozenset(self.held["symbol"])
        lacking = (earlier - seen) | (self.expected - seen - frozenset(quiet))
        self.missed = {symbol: self.missed.get(symbol, at) for symbol in sorted(lacking)}
        given_up = {symbol for symbol, since in self.missed.items() if at - since >= PATIENCE}
        kept = self.held.filter(~pl.col("symbol").is_in([*seen, *given_up]))
        self.held = pl.concat([bars.select(list(SNAPSHOT_COLUMNS)), kept])
        n_seen, n_expected = len(seen & self.expected), len(self.expected)
        waited_for = lacking - given_up
        whole = (
            not waited_for & earlier
            and len(waited_for) <= TOLERATED * n_expected
            and len(lacking) <= MOST_LACKING * n_expected
            and n_seen >= LEAST_SEEN * n_expected
        )
        return RollCall(n_seen, n_expected, tuple(self.missed), whole)


def expected_of(view: MappedPanel) -> frozenset[str]:
    """The symbols that traded on the session in which a view stands."""
    traded = view.panel.last("session") == nyse().ordinal(view.as_of)
    return frozenset(view.who["symbol"].filter(pl.Series(traded)).drop_nulls())


def unseen_of(view: MappedPanel) -> frozenset[int]:
    """The securities without a bar on the session in which a view stands."""
    traded = view.panel.last("session") == nyse().ordinal(view.as_of)
    return frozenset(view.panel.security_ids[~traded].tolist())


def roll_of_session(view: MappedPanel) -> RollCall:
    """The roll of a stored session: who traded on it, of those who traded on it or the one before."""
    newest = view.panel.last("session")
    today = nyse().ordinal(view.as_of)
    lacking = np.flatnonzero(newest == today - 1)
    seen = int((newest == today).sum())
    expected = seen + len(lacking)
    names = view.who["symbol"].gather(lacking.astype(np.int64)).drop_nulls()
    return RollCall(seen, expected, tuple(names), seen >= LEAST_SEEN * expected)
