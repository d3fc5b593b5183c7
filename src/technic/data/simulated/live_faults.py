"""Faults of a day that is not over: in snapshots, and in the stream of minutes.

`SNAPSHOT_ROWS` are done to the symbols of a snapshot that looks healthy otherwise, `MINUTES` to the
rows of one message of the stream; what `MINUTES` give is sent frame by frame. `OLD_SNAPSHOT` asks for
the snapshot of some minutes before.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import numpy as np
import orjson

Row = dict[str, Any]
Rows = list[Row]
Frame = str | bytes
OLD_SNAPSHOT = "old_snapshot"
OLD = timedelta(minutes=20)
DAY = 86_400_000  # milliseconds
PRICES = ("o", "h", "l", "c")


def chosen(rows: Rows, rng: np.random.Generator, share: float) -> list[int]:
    """Some rows, at least one."""
    count = max(1, round(share * len(rows)))
    return [int(i) for i in rng.choice(len(rows), count, replace=False)]


def _without(share: float) -> Callable[[Rows, np.random.Generator], Rows]:
    def apply(rows: Rows, rng: np.random.Generator) -> Rows:
        gone = set(chosen(rows, rng, share))
        return [row for i, row in enumerate(rows) if i not in gone]

    return apply


def _in_day(
    change: Callable[[Row], Row], part: str = "day", share: float = 0.05
) -> Callable[[Rows, np.random.Generator], Rows]:
    """A fault in the day so far, or in the day before, of some symbols."""

    def apply(rows: Rows, rng: np.random.Generator) -> Rows:
        out = list(rows)
        for i in chosen(rows, rng, share):
            out[i] = {**out[i], part: change(out[i][part])}
        return out

    return apply


def _scaled(factor: float, *names: str) -> Callable[[Row], Row]:
    return lambda day: {k: v * factor if k in names else v for k, v in day.items()}


def _twice(factor: float) -> Callable[[Rows, np.random.Generator], Rows]:
    """Some symbols a second time: the same, or with other prices."""

    def apply(rows: Rows, rng: np.random.Generator) -> Rows:
        change = _scaled(factor, *PRICES)
        more = [{**rows[i], "day": change(rows[i]["day"])} for i in chosen(rows, rng, 0.05)]
        return [*rows, *more]

    return apply


def _stamped_before(rows: Rows, rng: np.random.Generator) -> Rows:
    out = list(rows)
    for i in chosen(rows, rng, 0.1):
        out[i] = {**out[i], "updated": out[i]["updated"] - DAY * 1_000_000}
    return out


SNAPSHOT_ROWS: dict[str, Callable[[Rows, np.random.Generator], Rows]] = {
    "half_snapshot": _without(0.5),
    "missing_symbols": _without(0.03),
    "zeroed_days": _in_day(lambda day: dict.fromkeys(day, 0)),
    "zero_close": _in_day(lambda day: {**day, "c": 0}),
    "negative_low": _in_day(lambda day: {**day, "l": -1.0}),
    "far_before": _in_day(_scaled(3.0, "c"), "prevDay"),
    "absurd_day": _in_day(_scaled(100.0, *PRICES)),
    "text_day": _in_day(lambda day: {k: str(v) for k, v in day.items()}),
    "same_rows": _twice(1.0),
    "other_rows": _twice(1.5),
    "stamped_before": _stamped_before,
}


def _more(change: Callable[[Row], Row]) -> Callable[[Rows, np.random.Generator], list[Frame]]:
    """The message, and after it some of its minutes once more, changed."""

    def apply(rows: Rows, rng: np.random.Generator) -> list[Frame]:
        again = [change(rows[i]) for i in chosen(rows, rng, 0.2)] if rows else []
        return [orjson.dumps(rows).decode(), orjson.dumps(again).decode()]

    return apply


def _at(row: Row, shift: int) -> Row:
    """The same minute at another time, at half the price."""
    return {**_scaled(0.5, *PRICES)(row), "s": row["s"] + shift, "e": row["e"] + shift}


def _shuffled(rows: Rows, rng: np.random.Generator) -> list[Frame]:
    order = rng.permutation(len(rows))
    return [orjson.dumps([rows[int(i)]]).decode() for i in order]


def _garbage(rows: Rows, rng: np.random.Generator) -> list[Frame]:
    every: list[Frame] = [
        "", "{", "null", "7", '"AM"', "[[]]", '[{"ev":"AM"}]', '[{"ev":"AM","sym":7,"e":"x"}]', b"\xff\x00\xfe",
        '[{"ev":"AM","sym":"A","e":9223372036854775807,"h":1,"l":1,"c":1}]', "[" * 5_000,
        '[{"ev":["AM"]},{"ev":"status","status":[1]}]', '[{"ev":"AM","sym":"A","e":-1,"h":1e300,"l":1,"c":1}]',
    ]  # fmt: skip
    picked = [every[int(i)] for i in rng.choice(len(every), 4, replace=False)]
    return [*picked, orjson.dumps(rows).decode()]


MINUTES: dict[str, Callable[[Rows, np.random.Generator], list[Frame]]] = {
    "late_minutes": _more(lambda row: {**_at(row, -600_000), "av": row["av"] * 0.5}),
    "early_minutes": _more(lambda row: _at(row, 3_600_000)),
    "minutes_of_another_day": _more(lambda row: _at(row, -DAY)),
    "zero_minutes": _more(_scaled(0.0, *PRICES)),
    "absurd_minutes": _more(_scaled(100.0, *PRICES)),
    "same_minutes": _more(dict),
    "shuffled_minutes": _shuffled,
    "garbage": _garbage,
}
DROPPED_LINE = "dropped_line"
LIVE = (*SNAPSHOT_ROWS, OLD_SNAPSHOT, *MINUTES, DROPPED_LINE)
