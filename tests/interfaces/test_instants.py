"""Days and instants are read in one spelling each, or refused with the right one."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from technic.interfaces.instants import day_of, instant_of


@given(st.dates())
def test_a_day_is_read_as_it_is_written(day):
    assert day_of(day.isoformat()) == day


@pytest.mark.parametrize(
    "text",
    ["20240102", "2026-W47", "2026-W47-1", "2026-11-2", "2026-02-30", "0", "", "soon",
     "2026-11-20T00:00", "٢٠٢٦-١١-٢٠", "2026-11-20 "],
)  # fmt: skip
def test_another_spelling_of_a_day_is_refused_with_the_right_one(text):
    with pytest.raises(ValueError, match="write it as 2026-11-20"):
        day_of(text)


@pytest.mark.parametrize("zone", ["Z", "+00:00"])
def test_an_instant_is_read_with_its_zone(zone):
    wanted = datetime(2024, 1, 2, 13, 30, tzinfo=UTC)
    assert instant_of(f"2024-01-02T13:30{zone}") == wanted
    assert instant_of(f"2024-01-02 13:30:00.000{zone}") == wanted
    assert instant_of("2024-01-02T08:30:00-05:00") == wanted
    assert instant_of("2024-01-02T13:30:00Z").utcoffset() == timedelta()


@pytest.mark.parametrize("text", ["2024-01-02", "2024-01-02T00:00:00", "2024-01-02T00:00"])
def test_an_instant_without_a_zone_is_told_to_write_it(text):
    with pytest.raises(ValueError, match=r"no zone.*2024-01-02T00:00(:00)?Z"):
        instant_of(text)


@pytest.mark.parametrize(
    "text",
    ["20240102", "0", "1704153600", "20240102T000000Z", "2026-W47-1T00:00Z", "2024-01-02T25:00Z",
     "0001-01-01T00:00:00+09:00", "9999-12-31T23:59:59-05:00", "2024-01-02T00:00:00+99:00", "now"],
)  # fmt: skip
def test_what_is_no_instant_is_refused(text):
    with pytest.raises(ValueError, match="is no instant: write it as"):
        instant_of(text)


def test_a_day_is_a_date_and_no_instant():
    assert type(day_of("2026-11-20")) is date
