"""Days and instants are read in one spelling each, or refused with the right one."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

import technic as tc
from technic.interfaces.cli import options
from technic.interfaces.http.requests import ScanRequest
from technic.market.instants import day_of, instant_given, instant_of
from technic.market.sessions import NEW_YORK


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


NAIVE = datetime(2024, 1, 2, 13, 30)  # noqa: DTZ001 -- that is what is refused
FAR = datetime(9999, 12, 31, 23, tzinfo=timezone(timedelta(hours=-5)))


@pytest.mark.parametrize(
    "given", [NAIVE, FAR, date(2024, 1, 2), "2024-01-02T13:30:00Z", 0, None, b"x"]
)
def test_what_is_given_in_python_is_refused_in_the_same_words(given):
    with pytest.raises(
        ValueError, match=r"is no instant: write it as|names no zone: write one, such as"
    ):
        instant_given(given)


def test_an_instant_of_any_zone_is_the_same_instant():
    there = datetime(2024, 1, 2, 19, tzinfo=timezone(timedelta(hours=5, minutes=30)))
    assert (
        instant_given(there)
        == instant_of("2024-01-02T13:30Z")
        == instant_of("2024-01-02T08:30-05:00")
    )
    assert instant_of("2024-01-02T08:30", NEW_YORK) == instant_given(there)
    assert instant_of("2024-01-02", NEW_YORK) == datetime(2024, 1, 2, 5, tzinfo=UTC)


DOORS = {
    "panel": lambda store, value: store.panel(known_at=value),
    "scan": lambda store, value: tc.scan(store, known_at=value),
    "bars": lambda store, value: store.import_bars(BARS, seen_at=value),
    "listings": lambda store, value: store.import_listings(BARS, seen_at=value),
    "filings": lambda store, value: store.import_filings(BARS, seen_at=value),
}
BARS = pl.DataFrame(
    {"symbol": ["A"], "date": ["2024-01-02"], "close": [10.0], "volume": [1e6]}
).with_columns(open="close", high="close", low="close")


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize(
    ("value", "says"),
    [(NAIVE, "'2024-01-02T13:30:00' names no zone: write one, such as 2024-01-02T13:30:00Z"),
     ("soon", "'soon' is no instant: write it as datetime(2026, 11, 20, 21, tzinfo=UTC)")],
)  # fmt: skip
def test_every_door_says_it_in_the_same_words(tmp_path, door, value, says):
    store = tc.open_store(tmp_path / "store")
    store.import_bars(BARS)
    with pytest.raises(tc.TechnicError) as told:
        DOORS[door](store, value)
    assert str(told.value) in {f"known_at: {says}", f"seen_at: {says}"}


@pytest.mark.parametrize("text", ["2024-01-02", "soon", "2024-01-02T25:00Z"])
def test_a_command_and_an_api_say_it_in_the_same_words(text):
    """A terminal takes what names no zone as of New York; nobody else does."""
    with pytest.raises(ValidationError) as over_http:
        ScanRequest(known_at=text)
    if text == "2024-01-02":
        assert "names no zone" in str(over_http.value)
        assert options.instant(text).utcoffset() == timedelta()
        return
    with pytest.raises(tc.TechnicError) as typed:
        options.instant(text)
    words = str(typed.value).removeprefix("--known-at: ")
    assert words == f"{text!r} is no instant: write it as 2026-11-20T21:00:00Z"
    assert words in str(over_http.value)
