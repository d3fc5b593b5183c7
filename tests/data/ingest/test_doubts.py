"""Which whole days are doubted: judged against counts that a reader can check by eye."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest

from technic.data.ingest.doubts import suspicion

DAY = date(2026, 3, 11)
BACK = (1, 2, 5, 6, 7, 8, 9, 12, 13, 14, 15, 16)  # days before DAY that were sessions


def asked(rows=5_000, volume=1e9, days=BACK, kind="day"):
    """Answers to earlier questions; one symbol more and a little more volume the older they are."""
    first = [DAY - timedelta(days=back) for back in days]
    return pl.DataFrame(
        {
            "kind": [kind] * len(first),
            "first": first,
            "rows": [rows + back for back in days],
            "volume": [volume + back for back in days],
            "known_at": [datetime(d.year, d.month, d.day, 22, tzinfo=UTC) for d in first],
        },
        schema_overrides={"first": pl.Date, "rows": pl.Int64, "volume": pl.Float64},
    )


@pytest.mark.parametrize(
    ("rows", "volume", "odd", "says"),
    [
        (5_000, 1e9, None, ""),
        (
            4_006,
            1e9,
            None,
            "",
        ),  # the ten nearest have 5,001 to 5,014, in the middle 5,007.5: of that 0.8
        (4_005, 1e9, False, "4,005 symbols where the sessions around it have 5,008"),
        (0, 0.0, True, "no bar at all"),
        (5_000, 1.75e9, None, ""),
        (5_000, 1.76e9, True, "1.76 times the volume of the loudest"),
    ],
)
def test_a_day_is_held_against_the_ten_nearest(rows, volume, odd, says):
    doubt = suspicion(DAY, rows, volume, asked())
    if odd is None:
        assert doubt is None
    else:
        assert (doubt.odd, says in doubt.why) == (odd, True), doubt


def test_nobody_is_doubted_without_neighbours():
    assert suspicion(DAY, 1, 1e15, asked(days=())) is None
    assert suspicion(DAY, 1, 1e15, asked(days=(31, 40))) is None, "more than a month away"
    assert suspicion(DAY, 1, 1e15, asked(days=(0,))) is None, "its own earlier answer"
    assert suspicion(DAY, 1, 1e15, asked(kind="run")) is None, "one symbol's history"
    assert suspicion(DAY, 1, 1.0, asked(days=(30,))).odd is False


def test_days_to_come_are_neighbours_too():
    assert suspicion(DAY, 100, 1e9, asked(days=(-1, -2))).odd is False


def test_two_neighbours_are_no_norm_of_volume():
    assert suspicion(DAY, 5_000, 9e9, asked(days=(1, 2))) is None
    assert suspicion(DAY, 5_000, 9e9, asked(days=(1, 2, 5))).odd is True


def test_empty_answers_are_no_norm_and_the_newest_answer_of_a_day_counts():
    closed = asked(rows=0, volume=0.0, days=(0,)).with_columns(first=DAY - timedelta(days=2))
    part = asked(rows=60, days=(1,)).with_columns(
        pl.col("known_at") - timedelta(hours=3)
    )  # told first, and corrected that evening
    table = pl.concat([asked(days=(1,)), closed, part])
    assert suspicion(DAY, 4_500, 1e9, table) is None
    assert "have 5,001" in suspicion(DAY, 61, 1e9, table).why
