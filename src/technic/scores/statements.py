"""From single facts to what was known of a company: trailing years, quarters, averages.

1. `adjusted` repeats per-share facts at each split, in the shares there were from then on.
2. Every instant at which something became known of a security is an event; its newest period
   is the latest that any fact known by then describes.
3. A column is a sum of facts at fixed distances from that period. A trailing year, say, is the
   year's own figure; or four quarters; or last year plus this year so far less the same stretch
   of last year: `WAYS` lists them, and the first of which all facts are known counts.
4. `Statements.rows` finds the last event of each security before an instant.

Nothing that became known later can change an earlier event: facts are looked up by the instant
they were known, so a restatement shows from its own event on.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from itertools import product
from typing import TypeAlias

import numpy as np
import polars as pl

from technic.market.items import COLUMNS, ITEMS
from technic.market.typing import FloatArray, IntArray

STALE_DAYS = 500  # since the end of the period: a year and the time to file it
MONTHS = 12
RANK_BITS, ITEM_BITS, MONTH_BITS, SPAN_BITS = 24, 6, 12, 4
SPLITS = {"security_id": pl.Int64, "ex": pl.Int64, "known": pl.Int64, "ratio": pl.Float64}

Fact: TypeAlias = tuple[float, int, int]  # sign, months from the newest period, stretch
Way: TypeAlias = tuple[Fact, ...]  # of adding up


def _so_far(at: int, months: int) -> list[Way]:
    """Ways to know the stretch of `months` that ends at `at`."""
    whole: list[Way] = [((1.0, at, months),)]
    if months > 3:
        whole += [((1.0, at, 3), *rest) for rest in _so_far(at - 3, months - 3)]
    return whole


def _minus(way: Way) -> Way:
    return tuple((-sign, at, months) for sign, at, months in way)


def _trailing() -> list[Way]:
    ways: list[Way] = [((1.0, 0, 12),), tuple((1.0, -3 * k, 3) for k in range(4))]
    for months in (3, 6, 9):
        pairs = product(_so_far(0, months), _so_far(-MONTHS, months))
        ways += [((1.0, -months, 12), *now, *_minus(then)) for now, then in pairs]
    return ways


def _quarter() -> list[Way]:
    ways: list[Way] = [((1.0, 0, 3),)]
    for months in (6, 9, 12):
        before = _so_far(-3, months - 3)
        ways += [((1.0, 0, months), *_minus(way)) for way in before]
    return ways


def _earlier(ways: list[Way], months: int) -> list[Way]:
    return [tuple((sign, at - months, span) for sign, at, span in way) for way in ways]


WAYS: dict[str, list[Way]] = {
    "_ttm": _trailing(),
    "_q": _quarter(),
    "_ttm_year_ago": _earlier(_trailing(), MONTHS),
    "_q_year_ago": _earlier(_quarter(), MONTHS),
    "": [((1.0, 0, 0),)],
    "_year_ago": [((1.0, -MONTHS, 0),)],
    "_avg": [((0.5, 0, 0), (0.5, -MONTHS, 0))],
}


@dataclass(slots=True)
class Statements:
    """What was known of every security, event by event.

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
    _known: dict[str, FloatArray] = field(default_factory=dict)

    def __len__(self) -> int:
        """How many events there are."""
        return len(self.instants)

    def rows(self, security_ids: IntArray, before: int | None) -> IntArray:
        """Of each security the last event before an instant; −1 where there is none.

        Parameters
        ----------
        security_ids : ascending
        before : µs since 1970; None for everything that is known
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
        """One of `items.COLUMNS` at every event; NaN where a fact of it is not known."""
        if name not in self._known:
            item = COLUMNS[name]
            ways = WAYS[name.removeprefix(item.name)]
            self._known[name] = self._facts.add_up(item.name, ways, self)
        return self._known[name]

    def known_of(self, item: str, back: int) -> IntArray:
        """The instant at which each event's balance of `back` months ago was known; else the least."""
        row = self._facts.find(item, self, back, 0)
        least = np.iinfo(np.int64).min
        ranks = self._facts.keys[np.maximum(row, 0)] & ((1 << RANK_BITS) - 1)
        return np.where(row >= 0, self._facts.instants[ranks], least)

    def behind(self, name: str, event: int) -> list[tuple[float, int]]:
        """The facts that a column's value at an event is the sum of: sign, and row in the facts."""
        item = COLUMNS[name]
        at = np.array([event])
        for way in WAYS[name.removeprefix(item.name)]:
            found = [self._facts.find(item.name, self, back, span, at)[0] for _, back, span in way]
            if min(found) >= 0:
                signs = [sign for sign, _, _ in way]
                return [
                    (sign, int(self._facts.origin[row]))
                    for sign, row in zip(signs, found, strict=True)
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
    """

    keys: IntArray
    values: FloatArray
    origin: IntArray
    securities: IntArray
    instants: IntArray
    first: int
    found: dict[tuple[str, int, int], IntArray] = field(default_factory=dict)

    def find(
        self, item: str, events: Statements, back: int, span: int, only: IntArray | None = None
    ) -> IntArray:
        """Row of the newest known fact of each event; −1 where there is none."""
        if only is None and (item, back, span) in self.found:
            return self.found[item, back, span]
        chosen = slice(None) if only is None else only
        code = np.searchsorted(self.securities, events.security_ids[chosen])
        rank = np.searchsorted(self.instants, events.instants[chosen])
        month = np.maximum(events.periods[chosen] + back - self.first, 0)
        key = _key(code, _code(item), month, span)
        row = np.searchsorted(self.keys, (key << RANK_BITS) | rank, "right") - 1
        there = (row >= 0) & (self.keys[np.maximum(row, 0)] >> RANK_BITS == key)
        rows = np.where(there & (events.periods[chosen] + back >= self.first), row, -1)
        if only is None:
            self.found[item, back, span] = rows
        return rows

    def add_up(self, item: str, ways: Sequence[Way], events: Statements) -> FloatArray:
        """The sum by the first way of which every fact is known."""
        total = np.full(len(events), np.nan)
        for way in ways:
            parts = []
            for sign, back, span in way:
                row = self.find(item, events, back, span)
                parts.append(np.where(row >= 0, sign * self.values[row], np.nan))
                if np.isnan(parts[-1]).all():
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
    table = adjusted(facts.with_row_index("origin"), splits)
    table = table.filter(pl.col("item").is_in(list(ITEMS)))
    securities, code = np.unique(table["security_id"].to_numpy(), return_inverse=True)
    known = table["known_at"].to_physical().to_numpy()
    instants, rank = np.unique(known, return_inverse=True)
    days = table["period_end"].to_physical().to_numpy().astype(np.int64)
    month = month_of(days)
    first = int(month.min(initial=0))
    items = table["item"].replace_strict({n: _code(n) for n in ITEMS}, return_dtype=pl.Int64)
    spans = table["months"].to_numpy().astype(np.int64)
    keys = (_key(code, items.to_numpy(), month - first, spans) << RANK_BITS) | rank
    order = np.argsort(keys, kind="stable")
    held = _Facts(
        keys[order],
        table["value"].to_numpy()[order],
        table["origin"].to_numpy()[order],
        securities,
        instants,
        first,
    )
    # Events: one per security and instant, with the newest period and filing until then.
    event, of = np.unique((code.astype(np.int64) << 32) | rank, return_inverse=True)
    who = event >> 32
    period, end, filed = (np.full(len(event), np.iinfo(np.int64).min) for _ in range(3))
    np.maximum.at(period, of, month)
    np.maximum.at(end, of, days)
    np.maximum.at(filed, of, table["filed_at"].to_physical().to_numpy())
    return Statements(
        securities[who],
        instants[event & 0xFFFFFFFF],
        _running(period, who),
        _running(end, who),
        _running(filed, who),
        facts,
        held,
    )


def adjusted(facts: pl.DataFrame, splits: pl.DataFrame) -> pl.DataFrame:
    """The facts, and of each per-share one a copy from every split on, in shares after it.

    A copy is known from the split's ex-date, or from when the split was told if that was later.
    """
    facts = facts.with_columns(filed_at=pl.col("known_at"))
    if splits.is_empty() or facts.is_empty():
        return facts
    power = {name: -1.0 for name, item in ITEMS.items() if item.per_share}
    power |= {name: 1.0 for name, item in ITEMS.items() if item.unit == "count"}
    table = facts.with_row_index("row")
    mine = table.filter(
        pl.col("item").is_in(list(power)),
        pl.col("security_id").is_in(splits["security_id"].unique().implode()),
    ).sort("security_id", maintain_order=True)
    owner, known = (mine[name].to_physical().to_numpy() for name in ("security_id", "known_at"))
    signs = mine["item"].replace_strict(power, return_dtype=pl.Float64).to_numpy()
    rows, values, instants = [], [], []
    for (security,), of in splits.group_by("security_id", maintain_order=True):
        own = slice(np.searchsorted(owner, security), np.searchsorted(owner, security, "right"))
        for instant, factor in _epochs(of, known[own]):
            chosen = (known[own] < instant) & (factor != 1.0)
            rows.append(mine["row"].to_numpy()[own][chosen])
            values.append(mine["value"].to_numpy()[own][chosen] * (factor ** signs[own])[chosen])
            instants.append(np.full(int(chosen.sum()), instant))
    copies = facts[np.concatenate(rows)].with_columns(
        value=np.concatenate(values),
        known_at=pl.Series(np.concatenate(instants)).cast(facts.schema["known_at"]),
    )
    return pl.concat([facts, copies])


def _epochs(splits: pl.DataFrame, known: IntArray) -> Iterator[tuple[int, FloatArray]]:
    """Each instant at which splits took effect, and the factor of every fact from then on."""
    rows = list(splits.sort("known").select("ex", "known", "ratio").iter_rows())
    for instant in sorted({max(ex, told) for ex, told, _ in rows}):
        newest = {ex: ratio for ex, told, ratio in rows if max(ex, told) <= instant}
        factor = np.ones(len(known))
        for ex in sorted(newest):
            factor = np.where(known < ex, factor * newest[ex], factor)
        yield instant, factor


def fresh(ends: IntArray, as_of: date) -> np.ndarray:
    """Which periods are recent enough to speak for a session."""
    today = np.datetime64(as_of, "D").astype(np.int64)
    recent: np.ndarray = today - ends <= STALE_DAYS
    return recent


def _running(values: IntArray, who: IntArray) -> IntArray:
    """The maximum until each row, begun anew for each security; rows lie together."""
    distinct, rank = np.unique(values, return_inverse=True)
    shift = who * len(distinct)  # a later security's ranks all exceed an earlier one's
    return distinct[np.maximum.accumulate(shift + rank) - shift]


def _key(code: IntArray, item: IntArray | int, month: IntArray, span: IntArray | int) -> IntArray:
    key = (code.astype(np.int64) << ITEM_BITS) | item
    return (((key << MONTH_BITS) | month) << SPAN_BITS) | span


_CODES: Mapping[str, int] = {name: k for k, name in enumerate(ITEMS)}


def _code(item: str) -> int:
    return _CODES[item]
