"""The source of listings gives what the directory of the view says, and claims made of it."""

from __future__ import annotations

from datetime import date

import numpy as np

from technic.scanner.columns.bar_counts import BarCounts
from technic.scanner.columns.listings import (
    LISTING_NAMES,
    Listings,
    listed_between,
    listed_on,
    listing_columns,
)

EIGHTH_AND_LATER = (date(2024, 3, 8), date(2024, 6, 3))


def test_every_column_of_the_directory_is_given(attributes):
    source = Listings()
    assert all(source.gives(name) for name in LISTING_NAMES)
    assert not source.gives("assets")
    values = source.load(sorted(LISTING_NAMES), attributes).values
    who = attributes.panel_view.who
    assert set(values) == LISTING_NAMES == set(listing_columns(who))
    assert values["symbol"].tolist() == who["symbol"].to_list()
    common = [None if kind is None else float(kind == "common") for kind in who["type"]]
    assert [None if np.isnan(x) else x for x in values["is_common"].tolist()] == common


def test_bars_are_counted(attributes):
    bars = BarCounts().load(["bars"], attributes).values["bars"]
    np.testing.assert_array_equal(bars, attributes.panel_view.panel.lengths)


def test_a_listing_stands_from_its_first_day_to_its_last():
    nat = np.datetime64("NaT")
    first, last = np.datetime64("2024-03-05"), np.datetime64("2024-03-07")
    since = np.array([nat, first, first, nat], dtype="datetime64[D]")
    until = np.array([nat, nat, last, last], dtype="datetime64[D]")
    listed = {day: listed_between(since, until, date(2024, 3, day)).tolist() for day in (4, 5, 8)}
    assert listed[4] == [True, False, False, True]
    assert listed[5] == [True, True, True, True]
    assert listed[8] == [True, True, False, False]


def test_a_listing_that_ended_hides_nobody_who_trades():
    days = ["2024-03-08", "2024-03-07", "2024-03-08", "2024-02-01", "NaT"]
    traded = np.array(days, dtype="datetime64[D]")
    until = np.full(5, np.datetime64("2024-03-07"))
    since = np.full(5, np.datetime64("NaT"), dtype="datetime64[D]")
    listed = {day: listed_between(since, until, day, traded).tolist() for day in EIGHTH_AND_LATER}
    assert list(listed.values()) == [[True, False, True, False, False], [False] * 5]
    early = np.full(5, np.datetime64("2024-04-01"))
    never = np.full(5, np.datetime64("NaT"), dtype="datetime64[D]")
    assert listed_between(early, never, date(2024, 3, 8), traded).tolist() == [True] * 4 + [False]


def test_everybody_without_known_ends_is_listed(simulated):
    view = simulated.panel()
    ends = view.who.select("since", "until").rows()
    open_ended = np.array([since is None and until is None for since, until in ends])
    assert listed_on(view)[open_ended].all()
