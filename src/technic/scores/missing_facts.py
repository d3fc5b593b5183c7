"""Which facts a column of filings lacks where its value is unknown.

A trailing year, say, can be added up in several ways (`statements.ways_of`). Of the ways that fail,
the one that lacks least is told: its facts are what a reader would look for. A period of which
nothing was filed is told from one whose filing leaves the number out.
"""

from __future__ import annotations

from calendar import monthrange
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import numpy as np
import polars as pl

from technic.market.items import COLUMNS
from technic.scores.statements import Statements, month_of
from technic.scores.ways import MONTHS, Way, ways_of

OTHER_STRETCH = 10.0  # how far off it is to look for a number that was filed for another stretch
UNUSUAL = 0.5  # … or for one that the company has not filed at that time of any year
NO_YEAR_END = 3.0  # … or for a year where nothing says that one ends then
QUARTERS = 3  # times of the year at which quarters are filed; at the fourth it is the year
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class MissingFact:
    """One number that was not known.

    Attributes
    ----------
    item : one of `items.ITEMS`
    months : the stretch that was looked for; 0 for a balance
    end : last day of the period; of its month where nothing was filed for it
    accession : of the filing for that period that leaves it out; None where none was known
    """

    item: str
    months: int
    end: date
    accession: str | None


@dataclass(frozen=True, slots=True)
class _Known:
    """What was known of one company and item.

    Attributes
    ----------
    filings : by month the newest filing for it, and the last day of its period
    stretches : by month the stretches of the item that were filed
    usual : stretches of the item, with the month of the year
    """

    filings: dict[int, tuple[date, str]]
    stretches: dict[int, set[int]]
    usual: set[tuple[int, int]]

    def has(self, month: int, months: int) -> bool:
        """Whether a fact is known."""
        return months in self.stretches.get(month, set())

    def distance(self, month: int, months: int) -> float:
        """How far off a fact is that is not known."""
        far = OTHER_STRETCH if month in self.stretches else 1.0
        if (months, month % MONTHS) in self.usual:
            return far
        return far + (UNUSUAL if months < MONTHS or self._ends_year(month) else NO_YEAR_END)

    def _ends_year(self, month: int) -> bool:
        """Whether quarters are filed at all other times of the year."""
        times = {time for months, time in self.usual if months == MONTHS // 4}
        return len(times) == QUARTERS and month % MONTHS not in times


def missing_facts(statements: Statements, column: str, event: int) -> list[MissingFact]:
    """What a column lacks at an event, oldest first; nothing where its value is known.

    Parameters
    ----------
    statements : what was known of every company
    column : one of `items.COLUMNS`
    event : position
    """
    if statements.behind(column, event):
        return []
    item = COLUMNS[column].name
    ways = ways_of(column, COLUMNS[column])
    known, period = _known(statements, item, event), int(statements.periods[event])

    def lacks(way: Way) -> list[tuple[int, int]]:
        facts = {(period + back, months) for _, back, months in way}
        return sorted(fact for fact in facts if not known.has(*fact))

    def distance(way: Way) -> tuple[float, bool]:
        has_year = any(months == MONTHS for _, _, months in way)
        return sum(known.distance(*fact) for fact in lacks(way)), not has_year

    best = min(ways, key=distance)
    return [_fact(item, month, months, known) for month, months in lacks(best)]


def _known(statements: Statements, item: str, event: int) -> _Known:
    """The facts of a company that were known at an event."""
    at = EPOCH + timedelta(microseconds=int(statements.instants[event]))
    table = statements.facts.filter(
        pl.col("security_id") == int(statements.security_ids[event]), pl.col("known_at") <= at
    ).sort("known_at")
    even = table.select(pl.coalesce("calendar_end", "period_end")).to_series()
    ends = even.to_physical().to_numpy().astype(np.int64)
    known = _Known({}, {}, set())
    columns = ("period_end", "accession", "item", "months")
    for month, (end, accession, name, months) in zip(
        month_of(ends).tolist(), table.select(columns).iter_rows(), strict=True
    ):
        known.filings[month] = end, accession
        if name == item:
            known.stretches.setdefault(month, set()).add(months)
            known.usual.add((months, month % MONTHS))
    return known


def _fact(item: str, month: int, months: int, known: _Known) -> MissingFact:
    if month in known.filings:
        return MissingFact(item, months, *known.filings[month])
    year, of_year = 1970 + month // MONTHS, month % MONTHS + 1
    return MissingFact(item, months, date(year, of_year, monthrange(year, of_year)[1]), None)
