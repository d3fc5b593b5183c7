"""The table of sessions, against its generator and against two other sources."""

from __future__ import annotations

import csv
from datetime import UTC, date, datetime

import exchange_calendars
import numpy as np
import pandas as pd
import pytest

from technic.errors import SessionError
from technic.market.sessions import nyse


def test_table_is_what_exchange_calendars_says():
    calendar = exchange_calendars.get_calendar("XNYS", start="1990-01-01", end="2031-12-31")
    np.testing.assert_array_equal(nyse().dates, calendar.sessions.values.astype("datetime64[D]"))
    for session, close in calendar.closes.items():
        ours = nyse().closes(nyse().ordinal(session.date()))
        assert pd.Timestamp(ours) == close


def test_agrees_with_closures_that_two_sources_share(real_data):
    text = (real_data / "calendar/nyse_closures_two_sources_1998_2027.csv").read_text()
    rows = csv.DictReader(text.splitlines())
    checked = 0
    for row in rows:
        if row["kind"] == "early_close" and not row["xnys_lib_early_close"]:
            continue  # a Sunday, in one source only
        day = date.fromisoformat(row["date"])
        is_session = nyse().ordinals(np.array([day], dtype="datetime64[D]"))[0] >= 0
        assert is_session == (row["kind"] != "closed"), row
        assert (day in nyse().early) == (row["kind"] == "early_close")
        checked += 1
    assert checked > 200


def test_a_date_that_is_none_names_its_neighbours():
    with pytest.raises(SessionError, match="2024-03-28 and 2024-04-01"):
        nyse().ordinal(date(2024, 3, 29))
    with pytest.raises(SessionError, match="outside the table"):
        nyse().ordinal(date(1985, 1, 2))


def test_a_session_is_finished_at_its_close_not_before():
    early = date(2024, 11, 29)  # closes at 13:00
    before = datetime(2024, 11, 29, 17, 59, tzinfo=UTC)
    after = datetime(2024, 11, 29, 18, 0, tzinfo=UTC)
    assert nyse().day(nyse().last_finished(after)) == early
    assert nyse().day(nyse().last_finished(before)) == date(2024, 11, 27)


def test_weeks_and_months_never_run_backwards():
    assert (np.diff(nyse().weeks()) >= 0).all()
    assert (np.diff(nyse().months()) >= 0).all()
    friday, monday = nyse().ordinal(date(2024, 3, 8)), nyse().ordinal(date(2024, 3, 11))
    assert nyse().weeks()[monday] == nyse().weeks()[friday] + 1
