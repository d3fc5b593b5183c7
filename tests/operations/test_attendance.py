"""The roll of a day: who was seen, who is lacking, and when that is enough to tell anybody."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest

from technic.data.providers.source import SNAPSHOT_COLUMNS
from technic.operations.attendance import LEAST_SEEN, PATIENCE, Attendance

DAY = date(2024, 3, 6)
AT = datetime(2024, 3, 6, 15, 0, tzinfo=UTC)
NAMES = [f"S{i:03d}" for i in range(200)]


def snapshot(names=NAMES, volume=1_000.0, price=10.0, day=DAY):
    rows = [(n, day, price, price + 1, price - 1, price, volume, price, price) for n in names]
    return pl.DataFrame(rows, schema=SNAPSHOT_COLUMNS, orient="row")


def untraded(names):
    rows = [(n, DAY, None, None, None, None, 0.0, None, 10.0) for n in names]
    return pl.DataFrame(rows, schema=SNAPSHOT_COLUMNS, orient="row")


def look(roll, table, at=AT):
    rows = roll.sort(table, DAY)
    return rows, roll.call(at, rows.good, rows.quiet)


def test_a_whole_market_is_whole_and_half_of_it_is_a_state():
    roll = Attendance(frozenset(NAMES))
    assert look(roll, snapshot())[1].whole
    call = look(roll, snapshot(NAMES[:100]), AT + timedelta(minutes=1))[1]
    assert not call.whole
    assert call.state == "100 of 200 seen"
    assert call.lacking == tuple(NAMES[100:])
    assert look(roll, snapshot(), AT + timedelta(minutes=2))[1].whole


@pytest.mark.parametrize(
    ("table", "reason", "count"),
    [
        (snapshot(NAMES[:199]), None, 0),
        (pl.concat([snapshot(NAMES[:199]), untraded(NAMES[199:])]), None, 0),
        (pl.concat([snapshot(NAMES[:199]), snapshot(NAMES[199:], day=date(2024, 3, 5))]), "another_day", 1),
        (pl.concat([snapshot(NAMES[:199]), snapshot(NAMES[199:], price=0.0)]), "price_not_positive", 1),
        (pl.concat([snapshot(NAMES[:199]), snapshot(NAMES[199:], volume=999.0)]), "late", 1),
        (pl.concat([snapshot(), snapshot(NAMES[199:], price=11.0)]), "conflicting_duplicate", 2),
        (pl.concat([snapshot(NAMES[:199]), snapshot(NAMES[199:], volume=-1.0)]), "negative_volume", 1),
    ],
)  # fmt: skip
def test_who_was_seen_before_must_be_seen_again_and_what_is_wrong_is_counted(table, reason, count):
    roll = Attendance(frozenset(NAMES))
    assert look(roll, snapshot())[1].whole
    rows, call = look(roll, table, AT + timedelta(minutes=1))
    assert not call.whole
    assert call.lacking == ("S199",)
    assert rows.aside == ({reason: count} if reason else {})
    assert call.state == "199 of 200 seen"


def test_the_same_row_twice_is_one_row():
    roll = Attendance(frozenset(NAMES))
    rows, call = look(roll, pl.concat([snapshot(), snapshot(NAMES[:50])]))
    assert call.whole
    assert rows.good.height == 200


def test_nobody_is_waited_for_longer_than_patience_lasts_but_half_a_market_is_never_enough():
    roll = Attendance(frozenset(NAMES))
    look(roll, snapshot())
    one_less = snapshot(NAMES[:199])
    assert not look(roll, one_less, AT + timedelta(minutes=1))[1].whole
    assert look(roll, one_less, AT + timedelta(minutes=1) + PATIENCE)[1].whole
    for minutes in range(0, 200, 10):
        assert not look(roll, snapshot(NAMES[:100]), AT + timedelta(hours=1, minutes=minutes))[
            1
        ].whole


def test_what_a_vendor_took_back_is_believed_once_patience_has_ended():
    roll = Attendance(frozenset(NAMES))
    look(roll, snapshot(volume=2_000.0))
    corrected = snapshot()
    assert look(roll, corrected, AT + timedelta(minutes=1))[1].seen == 0
    assert look(roll, corrected, AT + timedelta(minutes=1) + PATIENCE)[1].seen == 0
    assert look(roll, corrected, AT + timedelta(minutes=3) + PATIENCE)[1].whole


def test_who_has_not_traded_yet_is_not_lacking_but_a_market_that_has_not_is_not_enough():
    roll = Attendance(frozenset(NAMES))
    few = int(LEAST_SEEN * 200) - 1
    assert not look(roll, pl.concat([snapshot(NAMES[:few]), untraded(NAMES[few:])]))[1].whole
    call = look(roll, pl.concat([snapshot(NAMES[:180]), untraded(NAMES[180:])]))[1]
    assert call.whole
    assert call.lacking == ()


def test_a_few_who_were_never_there_do_not_silence_the_others():
    roll = Attendance(frozenset(NAMES))
    assert look(roll, snapshot(NAMES[:198]))[1].whole
    assert not look(Attendance(frozenset(NAMES)), snapshot(NAMES[:197]))[1].whole


def test_another_day_begins_another_roll():
    roll = Attendance(frozenset(NAMES))
    look(roll, snapshot(volume=9_000.0))
    tomorrow = date(2024, 3, 7)
    rows = roll.sort(snapshot(day=tomorrow), tomorrow)
    assert rows.good.height == 200
