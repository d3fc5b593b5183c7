"""From single facts to what was known of a company: trailing years, quarters, averages.

1. `adjust_facts` (split_facts.py) repeats per-share facts at each split, in the shares there were from then on.
2. Every instant at which something became known of a security is an event; its newest period
   is the latest that any fact known by then describes (`statements_of`).
3. `Statements.column` is a sum of facts at fixed distances from that period. A trailing year,
   say, is the year's own figure; or four quarters; or last year plus this year so far less the
   same stretch of last year: `WAYS` (ways.py) lists them, and the first of which all facts are known counts.
4. `Statements.rows` finds the last event of each security before an instant.

Nothing that became known later can change an earlier event: facts are looked up by the instant
they were known, so a restatement shows from its own event on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

import numpy as np
import polars as pl

from technic.market.items import COLUMNS, ITEMS
from technic.market.typing import FloatArray, IntArray
from technic.scores.split_facts import adjust_facts
from technic.scores.ways import Way, ways_of

STALE_DAYS = 500  # since the end of the period: a year and the time to file it
# What a fact is and when it was known, in one number of 63 bits, so that one binary search finds
# the newest: 2^24 instants, 64 items, 4,096 months, stretches up to 15, and 2^17 securities.
RANK_BITS, ITEM_BITS, MONTH_BITS, SPAN_BITS = 24, 6, 12, 4


@dataclass(slots=True)
class Statements:
    """What was known of every security, event by event: instants at which something became known.

    Attributes
    ----------
    security_ids, instants : int64, shape (n_events,); sorted, instants in µs since 1970
    periods : int64, shape (n_events,); month of the newest period, see `month_of`
    ends : int64, shape (n_events,); days since 1970 of the end of that period
    filed : int64, shape (n_events,); the instant the newest filing became known
    facts : the rows they were made from
    """

    security_ids: IntArray
    instants: IntArray
    periods: IntArray
    ends: IntArray
    filed: IntArray
    facts: pl.DataFrame
    _facts: _Facts
    _columns: dict[str, FloatArray] = field(default_factory=dict)

    def __len__(self) -> int:
        """How many events there are."""
        return len(self.instants)

    def rows(self, security_ids: IntArray, before: int | None) -> IntArray:
        """The last event of each security before an instant.

        Parameters
        ----------
        security_ids : ascending
        before : µs since 1970; None for everything that is known

        Returns
        -------
        array of int64
            Shape of `security_ids`; -1 where there is no such event.
        """
        ends = np.searchsorted(self.security_ids, security_ids, "right")
        if before is not None:
            counts = np.zeros(len(self) + 1, dtype=np.int64)
            np.cumsum(self.instants < before, out=counts[1:])
            starts = np.searchsorted(self.security_ids, security_ids, "left")
            ends = starts + counts[ends] - counts[starts]
        else:
            starts = np.searchsorted(self.security_ids, security_ids, "left")
        return np.where(ends > starts, ends - 1, -1)

    def column(self, name: str) -> FloatArray:
        """One of `items.COLUMNS` at every event.

        Returns
        -------
        array of float64
            Shape (n_events,), in the unit of the item; NaN where a fact it needs is not known.
        """
        if name not in self._columns:
            item = COLUMNS[name]
            self._columns[name] = self._facts.add_up(item.name, ways_of(name, item), self)
        return self._columns[name]

    def known_of(self, item: str, back: int) -> IntArray:
        """The instant at which each event's balance was known.

        Parameters
        ----------
        item : one of `items.ITEMS`, a balance
        back : months from the newest period: 0, or -12 for a year before

        Returns
        -------
        array of int64
            Shape (n_events,), µs since 1970; the least number where it was not known.
        """
        row = self._facts.find(item, self, back, 0)
        least = np.iinfo(np.int64).min
        ranks = self._facts.keys[np.maximum(row, 0)] & ((1 << RANK_BITS) - 1)
        return np.where(row >= 0, self._facts.instants[ranks], least)

    def behind(self, name: str, event: int) -> list[tuple[float, int]]:
        """The facts that a column's value at an event is the sum of.

        Parameters
        ----------
        name : one of `items.COLUMNS`
        event : position

        Returns
        -------
        list of (sign, row)
            The row in `facts`; nothing where the value is unknown.
        """
        item = COLUMNS[name]
        at = np.array([event])
        for way in ways_of(name, item):
            rows = [self._facts.find(item.name, self, back, span, at)[0] for _, back, span in way]
            if min(rows) >= 0:
                signs = [sign for sign, _, _ in way]
                return [
                    (sign, int(self._facts.origin[row]))
                    for sign, row in zip(signs, rows, strict=True)
                ]
        return []


@dataclass(frozen=True, slots=True)
class _Facts:
    """Facts, sorted by what they are and when they were known.

    Attributes
    ----------
    keys : int64, ascending; security, item, month, stretch and rank of the instant in one number
    values : float64
    origin : row of the table it came from
    securities : security ids by code
    instants : distinct instants by rank
    first : month that counts as 0
    rows : what `find` has answered, by item, months back and stretch
    """

    keys: IntArray
    values: FloatArray
    origin: IntArray
    securities: IntArray
    instants: IntArray
    first: int
    rows: dict[tuple[str, int, int], IntArray] = field(default_factory=dict)

    def find(
        self, item: str, events: Statements, back: int, span: int, only: IntArray | None = None
    ) -> IntArray:
        """Row of the newest known fact of each event; −1 where there is none."""
        if only is None and (item, back, span) in self.rows:
            return self.rows[item, back, span]
        chosen = slice(None) if only is None else only
        code = np.searchsorted(self.securities, events.security_ids[chosen])
        rank = np.searchsorted(self.instants, events.instants[chosen])
        month = np.maximum(events.periods[chosen] + back - self.first, 0)
        key = _key(code, _code(item), month, span)
        row = np.searchsorted(self.keys, (key << RANK_BITS) | rank, "right") - 1
        same_fact = (row >= 0) & (self.keys[np.maximum(row, 0)] >> RANK_BITS == key)
        rows = np.where(same_fact & (events.periods[chosen] + back >= self.first), row, -1)
        if only is None:
            self.rows[item, back, span] = rows
        return rows

    def add_up(self, item: str, ways: Sequence[Way], events: Statements) -> FloatArray:
        """The sum by the first way of which every fact is known."""
        total = np.full(len(events), np.nan)
        for way in ways:
            parts = []
            for sign, back, span in way:
                row = self.find(item, events, back, span)
                parts.append(np.where(row >= 0, sign * self.values[row], np.nan))
                if np.isnan(parts[-1]).all():  # nobody files it so: spare the rest of this way
                    break
            else:
                added = np.add.reduce(parts)
                total = np.where(np.isnan(total), added, total)
        return total


def month_of(days: IntArray) -> IntArray:
    """Month, counted from January 1970, that a period ending on each day belongs to.

    A period that ends in the first half of a month belongs to the month before: fiscal years of
    52 or 53 weeks end a few days around the same date.

    Examples
    --------
    >>> month_of(np.array(["2016-04-03", "2016-03-26"], "datetime64[D]").astype(int)).tolist()
    [554, 554]
    """
    return (days - 16).astype("datetime64[D]").astype("datetime64[M]").astype(np.int64)


def statements_of(facts: pl.DataFrame, splits: pl.DataFrame) -> Statements:
    """Everything that was known, from facts and splits.

    Parameters
    ----------
    facts : rows of the facts table
    splits : `SPLITS`: who, the open of the ex-date and the instant it was known (µs), new shares
        per old one; a later row for the same ex-date replaces the earlier one
    """
    table = adjust_facts(facts.with_row_index("origin"), splits)
    table = table.filter(pl.col("item").is_in(list(ITEMS)))
    securities, code = np.unique(table["security_id"].to_numpy(), return_inverse=True)
    known_at = table["known_at"].to_physical().to_numpy()
    instants, rank = np.unique(known_at, return_inverse=True)
    days = table["period_end"].to_physical().to_numpy().astype(np.int64)
    even = table.select(pl.coalesce("calendar_end", "period_end")).to_series()
    month = month_of(even.to_physical().to_numpy().astype(np.int64))
    # Events: one per security and instant, with the newest period and filing until then.
    event, of = np.unique((code.astype(np.int64) << 32) | rank, return_inverse=True)
    who = event >> 32
    filed = table["filed_at"].to_physical().to_numpy()
    periods, ends, newest_filing = (
        _running(_largest(values, of, len(event)), who) for values in (month, days, filed)
    )
    return Statements(
        security_ids=securities[who],
        instants=instants[event & 0xFFFFFFFF],
        periods=periods,
        ends=ends,
        filed=newest_filing,
        facts=facts,
        _facts=_sorted_facts(table, (securities, code), (instants, rank), month),
    )


def _sorted_facts(
    table: pl.DataFrame,
    security: tuple[IntArray, IntArray],
    instant: tuple[IntArray, IntArray],
    month: IntArray,
) -> _Facts:
    """Facts in order of their keys; securities and instants come as distinct values and codes."""
    (securities, code), (instants, rank) = security, instant
    first = int(month.min(initial=0))
    items = table["item"].replace_strict({n: _code(n) for n in ITEMS}, return_dtype=pl.Int64)
    spans = table["months"].to_numpy().astype(np.int64)
    keys = (_key(code, items.to_numpy(), month - first, spans) << RANK_BITS) | rank
    order = np.argsort(keys, kind="stable")
    return _Facts(
        keys=keys[order],
        values=table["value"].to_numpy()[order],
        origin=table["origin"].to_numpy()[order],
        securities=securities,
        instants=instants,
        first=first,
    )


def fresh(ends: IntArray, as_of: date) -> np.ndarray:
    """Which periods are recent enough to speak for a session.

    Parameters
    ----------
    ends : int64, days since 1970 of the end of each period
    as_of : the session

    Returns
    -------
    array of bool
        Whether a period ended at most `STALE_DAYS` before.
    """
    today = np.datetime64(as_of, "D").astype(np.int64)
    recent: np.ndarray = today - ends <= STALE_DAYS
    return recent


def _largest(values: IntArray, of: IntArray, n: int) -> IntArray:
    """The largest of the values of each of `n` events; `of` says whose each is."""
    largest = np.full(n, np.iinfo(np.int64).min)
    np.maximum.at(largest, of, values)
    return largest


def _running(values: IntArray, who: IntArray) -> IntArray:
    """The maximum until each row, begun anew for each security; rows lie together."""
    distinct, rank = np.unique(values, return_inverse=True)
    shift = who * len(distinct)  # a later security's ranks all exceed an earlier one's
    return distinct[np.maximum.accumulate(shift + rank) - shift]


def _key(code: IntArray, item: IntArray | int, month: IntArray, span: IntArray | int) -> IntArray:
    """What a fact is of, in one number; see `RANK_BITS`."""
    key = (code.astype(np.int64) << ITEM_BITS) | item
    return (((key << MONTH_BITS) | month) << SPAN_BITS) | span


_CODES: Mapping[str, int] = {name: k for k, name in enumerate(ITEMS)}


def _code(item: str) -> int:
    return _CODES[item]
