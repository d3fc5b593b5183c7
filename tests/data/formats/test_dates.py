"""Days and instants mean one thing in every format."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from technic.data.formats.dates import as_days, as_instants, counts_from_1904, from_1904
from technic.errors import SchemaError

DAY = dt.date(2024, 1, 12)
NIGHT = dt.datetime(2024, 1, 13, 4, 59, 59, tzinfo=dt.UTC)
NEW_YORK = ZoneInfo("America/New_York")
SPELLINGS = [
    "2024-01-12",
    "2024/01/12",
    "2024-1-12",
    "20240112",
    "12-Jan-2024",
    "12 January 2024",
    "Jan 12, 2024",
    "2024-01-12 00:00:00",
    "2024-01-12T00:00:00.000Z",
    "2024-01-12T00:00:00-05:00",
    20240112,
    45303,
    1_705_017_600,
    1_705_035_600,
    1_705_035_600_000,
    1_705_017_600_000_000,
    1_705_035_600_000_000_000,
    DAY,
    dt.datetime(2024, 1, 12),  # noqa: DTZ001 -- as frames have them
    dt.datetime(2024, 1, 12, tzinfo=dt.UTC),
    dt.datetime(2024, 1, 12, 5, tzinfo=dt.UTC),
]


@pytest.mark.parametrize("stamp", SPELLINGS, ids=str)
def test_a_day_is_that_day_and_known_after_its_night(stamp):
    cells = pl.Series([stamp, None])
    days, nights = as_days(cells), as_instants(cells)
    assert days.values.to_list() == [DAY, None]
    assert nights.values.to_list() == [NIGHT, None]
    assert days.unreadable == nights.unreadable == 0


@pytest.mark.parametrize(
    "stamp",
    ["2024-02-13T21:40:00Z", "2024-02-13T16:40:00-05:00", "2024-02-13 16:40", "02/13/2024 4:40 PM"],
)
def test_an_instant_is_one_whatever_its_zone(stamp):
    told = as_instants(pl.Series([stamp]))
    assert told.values.to_list() == [dt.datetime(2024, 2, 13, 21, 40, tzinfo=dt.UTC)]
    assert as_days(pl.Series([stamp])).values.to_list() == [dt.date(2024, 2, 13)]


@pytest.mark.parametrize(
    ("cells", "order", "day"),
    [
        (["03/02/2023", "01/25/2023"], None, dt.date(2023, 3, 2)),
        (["03/02/2023", "25/01/2023"], None, dt.date(2023, 2, 3)),
        (["03/02/2023"], "mdy", dt.date(2023, 3, 2)),
        (["03.02.2023"], "dmy", dt.date(2023, 2, 3)),
    ],
)
def test_slashes_are_read_where_the_column_or_the_user_decides(cells, order, day):
    assert as_days(pl.Series(cells), order).values[0] == day


@pytest.mark.parametrize(
    ("cells", "order", "word"),
    [
        (["03/02/2023"], None, "--dates"),
        (["25/01/2023", "01/25/2023"], None, "others with the month"),
        (["25/01/2023"], "mdy", "not mdy"),
        ([20240112, 1_705_017_600], None, "one column has one kind"),
        (["2024-01-12"], "ymd", "dmy or mdy"),
    ],
)
def test_two_readings_are_refused(cells, order, word):
    with pytest.raises(SchemaError, match=word):
        as_days(pl.Series(cells), order)


@pytest.mark.parametrize(
    "cell", ["x", "2024-02-30", "2024-13-01", "02.01.24", "2024-01-12 noon", "Foo 3, 2024", "7"]
)
def test_what_is_no_day_is_counted_and_shown(cell):
    told = as_days(pl.Series([cell, ""]))
    assert told.values.to_list() == [None, None]
    assert (told.unreadable, told.example) == (1, cell)


@given(st.lists(st.dates(dt.date(1980, 1, 1), dt.date(2090, 1, 1)), min_size=1), st.data())
def test_every_format_of_days_gives_the_same_days(days, data):
    form = data.draw(st.sampled_from(["%Y-%m-%d", "%Y%m%d", "%d-%b-%Y", "%Y-%m-%dT00:00:00Z"]))
    cells = pl.Series([day.strftime(form) for day in days])
    assert as_days(cells).values.to_list() == days
    nights = as_instants(cells).values.to_list()
    local = [night.astimezone(NEW_YORK) for night in nights]
    assert [at.date() for at in local] == days
    assert {at.time() for at in local} == {dt.time(23, 59, 59)}


@given(st.lists(st.one_of(st.none(), st.text(max_size=20))))
def test_any_text_is_read_refused_or_counted(cells):
    try:
        told = as_days(pl.Series(cells, dtype=pl.String))
    except SchemaError:
        return
    assert len(told.values) == len(cells)
    assert told.values.count() + told.unreadable <= sum(c is not None for c in cells)


@pytest.mark.parametrize(
    ("cells", "days"),
    [
        (["2024-01-11T00:00:00Z", "2024-01-16T21:00:00Z"], [11, 16]),
        (["2024-01-11T00:00:00-04:00", "2024-01-12T00:00:00-04:00"], [11, 12]),
        (["2024-01-11T00:00:00+01:00", "2024-01-12T00:00:00+01:00"], [11, 12]),
        (["1704931200", "1704931200", "n/a", "1705438800"], [11, 11, None, 16]),
    ],
)
def test_a_stamp_at_midnight_means_the_day_that_is_written(cells, days):
    told = as_days(pl.Series(cells)).values.to_list()
    assert [day and day.day for day in told] == days


def test_a_date_that_there_is_not_decides_no_order():
    with pytest.raises(SchemaError, match="are two days"):
        as_days(pl.Series(["01/02/2024", "45/01/2024"]))
    told = as_days(pl.Series(["01/02/2024", "45/01/2024"]), "mdy")
    assert told.values.to_list() == [dt.date(2024, 1, 2), None]


WEEK = [dt.date(2024, 1, d) for d in (8, 9, 10, 11, 12, 16)]


def serials(days, since):
    return pl.Series([(day - since).days for day in days])


@pytest.mark.parametrize("as_text", [False, True])
@pytest.mark.parametrize("reader", [as_days, as_instants])
def test_weekends_say_from_when_a_spreadsheet_counts(reader, as_text):
    for since, late in ((dt.date(1899, 12, 30), False), (dt.date(1904, 1, 1), True)):
        cells = serials(WEEK, since)
        stamps = reader(cells.cast(pl.String) if as_text else cells)
        assert counts_from_1904(stamps) is late
        assert (from_1904(stamps) if late else stamps).values.to_list() == reader(
            pl.Series(WEEK)
        ).values.to_list()


@pytest.mark.parametrize(
    "days",
    [
        WEEK[:4],  # no Friday: both are possible, and 1900 is the rule
        [*WEEK, dt.date(2024, 1, 13)],  # a slip, among Mondays
        [dt.date(2024, 1, 13)],
    ],
)
def test_days_of_a_spreadsheet_count_from_1900_where_nothing_shows_otherwise(days):
    assert not counts_from_1904(as_days(serials(days, dt.date(1899, 12, 30))))


def test_no_day_of_a_spreadsheet_lies_in_the_future():
    days = [dt.date.today() + dt.timedelta(days=k) for k in range(-40, 0)]  # noqa: DTZ011
    saturdays = [day for day in days if day.weekday() in (1, 2, 3, 4, 5)]
    assert not counts_from_1904(as_days(serials(saturdays, dt.date(1899, 12, 30))))


def test_mixed_spellings_are_said_to_be_mixed():
    assert as_days(pl.Series(["13/01/2024", "15/01/2024"])).how == "day/month/year"
    mixed = as_days(pl.Series(["13/01/2024", "2024-01-16", None]))
    assert mixed.how == "days, some of them day/month/year"
    assert mixed.values.to_list() == [dt.date(2024, 1, 13), dt.date(2024, 1, 16), None]
