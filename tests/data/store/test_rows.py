"""Of rows that say the same thing the one known last counts."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from technic.data.store.rows import COLUMNS, newest_bars, newest_per

EPOCH = datetime(2024, 1, 1, tzinfo=UTC)
INSTANTS = st.one_of(st.none(), st.integers(0, 4))  # few, so that many are equal
ROWS = st.lists(st.tuples(st.one_of(st.none(), st.integers(1, 3)), st.integers(0, 2), INSTANTS))
SCHEMA = {
    "security_id": pl.Int64,
    "day": pl.Int64,
    "known_at": pl.Datetime("us", "UTC"),
    "place": pl.Int64,
}


def slowly(rows: list[tuple], before: datetime | None) -> list[tuple]:
    """The definition: go through the rows as they became known; the last word on a key counts."""
    if before is not None:
        rows = [row for row in rows if row[2] is not None and row[2] < before]
    words = {}
    for row in sorted(rows, key=lambda row: (row[2] is not None, row[2] or EPOCH)):
        words.pop(row[:2], None)
        words[row[:2]] = row
    return list(words.values())


@given(ROWS, INSTANTS)
def test_the_newest_word_is_the_one_known_last_and_of_equals_the_later_row(rows, before):
    def instant(k):
        return None if k is None else EPOCH + timedelta(hours=k)

    dated = [(who, day, instant(k), place) for place, (who, day, k) in enumerate(rows)]
    frame = pl.LazyFrame(dated, schema=SCHEMA, orient="row")
    words = newest_per(frame, "security_id", "day", before=instant(before)).collect()
    assert words.rows() == slowly(dated, instant(before))


@given(st.lists(st.tuples(st.integers(1, 3), st.integers(0, 3), st.integers(0, 3))))
def test_bars_in_memory_follow_the_same_rule(rows):
    first = date(2024, 1, 2)
    table = pl.DataFrame(
        {
            "security_id": np.array([who for who, _, _ in rows], dtype=np.int64),
            "session": pl.Series(
                [first + timedelta(days=day) for _, day, _ in rows], dtype=pl.Date
            ),
            **{name: np.arange(len(rows), dtype=np.float64) for name in COLUMNS[2:]},
            "known_at": pl.Series(
                [EPOCH + timedelta(hours=k) for _, _, k in rows], dtype=SCHEMA["known_at"]
            ),
        }
    )
    keys = ["security_id", "session"]
    expected = newest_per(table.lazy(), *keys).sort(keys).select(COLUMNS).collect()
    assert newest_bars(table).equals(expected)


@pytest.mark.parametrize("keys", [["security_id"], ["security_id", "day"]])
def test_the_columns_are_those_of_the_rows(keys):
    assert newest_per(pl.LazyFrame(schema=SCHEMA), *keys).collect().schema == SCHEMA
