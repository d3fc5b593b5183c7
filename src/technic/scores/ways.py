"""Ways to know a column of a company: sums of facts at fixed distances from its newest period."""

from __future__ import annotations

from itertools import product
from typing import TypeAlias

from technic.market.items import Item

MONTHS = 12
Fact: TypeAlias = tuple[float, int, int]  # sign, months from the newest period, stretch
Way: TypeAlias = tuple[Fact, ...]  # of adding up


def _so_far(at: int, months: int) -> list[Way]:
    """Ways to know the stretch of `months` that ends at `at`."""
    whole: list[Way] = [((1.0, at, months),)]
    if months > 3:
        whole += [((1.0, at, 3), *rest) for rest in _so_far(at - 3, months - 3)]
    return whole


def _negated(way: Way) -> Way:
    return tuple((-sign, at, months) for sign, at, months in way)


def _trailing() -> list[Way]:
    """Ways to know the twelve months up to the newest period."""
    ways: list[Way] = [((1.0, 0, 12),), tuple((1.0, -3 * k, 3) for k in range(4))]
    for months in (3, 6, 9):
        pairs = product(_so_far(0, months), _so_far(-MONTHS, months))
        ways += [((1.0, -months, 12), *now, *_negated(then)) for now, then in pairs]
    return ways


def _quarter() -> list[Way]:
    """Ways to know the newest quarter alone."""
    ways: list[Way] = [((1.0, 0, 3),)]
    for months in (6, 9, 12):
        before = _so_far(-3, months - 3)
        ways += [((1.0, 0, months), *_negated(way)) for way in before]
    return ways


def _earlier(ways: list[Way], months: int) -> list[Way]:
    """The same ways, so many months before."""
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


def ways_of(name: str, item: Item) -> list[Way]:
    """Ways to know a column; where a report tells no count of shares, that of the quarter before."""
    ways = WAYS[name.removeprefix(item.name)]
    if item.unit == "count" and name == item.name:
        return [*ways, *_earlier(ways, 3)]
    return ways
