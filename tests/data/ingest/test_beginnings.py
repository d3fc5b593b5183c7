"""Where a vendor's history begins: found by its empty days, remembered, and priced before."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

import technic as tc
from support.cases import mostly_slow
from support.vendors import SIMULATED, tape, vendor
from technic.data.ingest.beginnings import (
    BELIEVED,
    PROOF,
    Beginning,
    beginning_of,
    beginnings,
    sessions_before,
)
from technic.data.ingest.planning import Wish, plan_steps, sessions_between
from technic.data.ingest.sync import WINDOW, SyncRequest, plan_sync, sync
from technic.data.providers.source import Pace
from technic.data.simulated.publications import evening, number
from technic.market.schema import ASKED
from technic.market.sessions import nyse


@pytest.fixture
def store(tmp_path):
    return tc.open_store(tmp_path / "store")


def back(day, sessions):
    """The session so many before a day."""
    return nyse().day(nyse().ordinal(day) - sessions)


def since(market, day):
    """The same market, told by a vendor whose history begins on a day."""
    rows = market.rows
    return replace(market, rows=rows.at(rows.session >= number(day)), symbol_cache={})


def without(market, days):
    """The same market, told by a vendor that has no bar of some days."""
    rows, gone = market.rows, {number(day) for day in days}
    kept = [session not in gone for session in rows.session.tolist()]
    return replace(market, rows=rows.at(kept), symbol_cache={})


class Asker:
    """Syncs a store from a vendor, and counts what that took."""

    def __init__(self, store, made):
        self.store, (self.twin, self.source, self.calls) = store, made

    def request(self, first, **options):
        marks = options.pop("marks", {})
        wish = Wish(first, self.twin.clock.now(), **options)
        return SyncRequest(
            {"massive": self.source}, wish, {"massive": Pace()}, SIMULATED, marks=marks
        )

    def __call__(self, first, **options):
        request = self.request(first, **options)
        plan = plan_sync(self.store, request)
        self.calls.clear()
        done = sync(self.store, request, clock=self.twin.clock.now)
        assert not done.failed
        assert done.plan.calls == plan.calls, "the same planner prices and asks"
        return plan, done, len(self.calls)

    def at(self, day):
        """Put the twin's clock to the evening of a day."""
        self.twin.clock.set(evening(day) + timedelta(hours=1))

    def days_asked(self):
        return [c.endpoint[-10:] for c in self.calls if "grouped" in c.endpoint]


# by hand: sessions of March 2024 around a weekend
MONDAY = date(2024, 3, 11)
WEEK = [date(2024, 3, d) for d in (4, 5, 6, 7, 8)]


@pytest.mark.parametrize(
    ("rows", "begins"),
    [
        ({}, None),
        (dict.fromkeys(WEEK, 0), None),  # nothing has bars: the vendor may be down
        ({MONDAY: 9}, None),
        ({**dict.fromkeys(WEEK, 0), MONDAY: 9}, MONDAY),
        ({**dict.fromkeys(WEEK[1:], 0), MONDAY: 9}, None),  # four are no proof
        ({**dict.fromkeys(WEEK, 0), WEEK[2]: 9, MONDAY: 9}, None),  # a gap is no end
        ({**dict.fromkeys(WEEK, 0), date(2024, 2, 20): 9, MONDAY: 9}, None),
        ({**dict.fromkeys(WEEK, 0), MONDAY: 9, date(2024, 3, 12): 0}, MONDAY),
    ],
)
def test_five_sessions_in_a_row_before_the_oldest_are_where_it_begins(rows, begins):
    assert beginning_of(rows) == begins


@given(st.lists(st.booleans(), min_size=1, max_size=25))
def test_what_lies_before_never_has_bars(has_bars):
    days = sessions_between(date(2024, 3, 4), date(2024, 4, 10))[: len(has_bars)]
    rows = {day: 7 * has for day, has in zip(days, has_bars, strict=False)}
    begins = beginning_of(rows)
    if begins is not None:
        assert rows[begins]
        assert not any(count for day, count in rows.items() if day < begins)
        assert all(rows[day] == 0 for day in sessions_before(begins))


def asked_of(rows, at, provider="massive"):
    """Rows of the table, one for each session: bars, by day."""
    table = [("day", d, d, None, provider, True, n, 0, 1.0, at) for d, n in rows.items()]
    return pl.DataFrame(table, schema=ASKED, orient="row")


def test_each_vendor_has_a_beginning_of_its_own_and_the_newest_word_counts():
    at = datetime(2024, 3, 12, 2, tzinfo=UTC)
    told = {**dict.fromkeys(WEEK, 0), MONDAY: 9}
    asked = pl.concat([asked_of(told, at), asked_of({MONDAY: 8}, at, "flatfiles")])
    assert beginnings(asked) == {"massive": Beginning(MONDAY, at)}
    later = asked_of({WEEK[4]: 9}, at + timedelta(hours=1))
    assert not beginnings(pl.concat([asked, later])), "it has bars of Friday now"
    unsettled = asked_of(told, at).with_columns(settled=pl.lit(value=False))
    assert not beginnings(unsettled)


# sessions asked for before the vendor's first, and how many of them may be asked
@pytest.mark.parametrize(
    ("older", "asked"),
    mostly_slow([(0, 0), (3, 3), (PROOF, PROOF), (60, PROOF)], daily=[(0, 0), (60, PROOF)]),
)
def test_a_plan_prices_what_is_asked_before_and_after_the_beginning_is_known(store, older, asked):
    market = tape()
    first = back(market.sessions[0], older)
    with vendor(market) as made:
        ask = Asker(store, made)
        ask.at(market.sessions[30])
        plan, done, calls = ask(first)
        days = ask.days_asked()
        assert len(days) == len(set(days)), "no day twice"
        assert sum(day < str(market.sessions[0]) for day in days) == asked
        pages = 3 * (12 - 1)  # of listings, where nobody has counted them yet
        assert calls == plan.calls - pages - done.spared
        assert done.spared == older - asked
        assert plan.may_end
        known = older >= PROOF
        assert any("its history begins there" in note for note in done.tally.notes) == known
        plan, _, calls = ask(first)
        assert plan.calls == calls == 0
        for night in (31, 37):
            ask.at(market.sessions[night])
            plan, done, calls = ask(first)
            assert plan.calls == calls > 0
            assert plan.spared == (older if known else 0)
            assert not plan.may_end
            again = sum(day < str(market.sessions[0]) for day in ask.days_asked())
            assert again == (0 if known else older), "a few empty days stay a doubt"


def test_a_longer_history_is_priced_right_once_the_beginning_is_known(store):
    market = tape()
    with vendor(market) as made:
        ask = Asker(store, made)
        ask.at(market.sessions[30])
        ask(back(market.sessions[0], 8))
        plan, _, calls = ask(back(market.sessions[0], 400))
        assert plan.calls == calls == 0
        assert plan.spared == 400
        assert plan.before["massive"].first == market.sessions[0]


def test_empty_days_between_others_stay_doubts(store):
    market = tape()
    gone = market.sessions[12:16]
    with vendor(without(market, gone)) as made:
        ask = Asker(store, made)
        ask.at(market.sessions[30])
        _, done, _ = ask(market.sessions[4])
        asked = ask.days_asked()
        held = set(store.table("bars").collect()["session"])
    assert done.spared == 0
    assert held == set(market.sessions[4:31]) - set(gone), "walking on behind them"
    assert all(asked.count(str(day)) == 2 for day in gone), "asked twice, as any empty day"
    for day in gone:
        assert any(str(day) in note and "no bar at all" in note for note in done.tally.notes)
    assert not beginnings(store.table("asked").collect())


def test_it_is_asked_for_once_more_after_a_month_and_the_vendor_may_have_more(store):
    market = tape(3, 60, 80)
    begins = market.sessions[40]
    first = back(begins, 30)
    with vendor(since(market, begins)) as made:
        ask = Asker(store, made)
        ask.at(market.sessions[50])
        ask(first)
        ask.at(market.sessions[75])
        assert (
            ask.twin.clock.now() - beginnings(store.table("asked").collect())["massive"].seen
            >= BELIEVED
        )
        plan, done, calls = ask(first)
        older = [day for day in ask.days_asked() if day < str(begins)]
        assert plan.calls == calls
        assert older == [str(day) for day in sessions_before(begins)]
        assert any("its history begins there" in note for note in done.tally.notes)
        ask.at(market.sessions[76])
        ask(first)
        assert not [day for day in ask.days_asked() if day < str(begins)], "and not again"

        ask.twin.tape = market  # the vendor has loaded what is older
        ask.at(market.sessions[77])
        plan, done, calls = ask(first, older=True)
        assert plan.calls == calls
        assert any("reaches back before" in note for note in done.tally.notes)
        ask(first)
    assert min(store.table("bars").collect()["session"]) == first


def test_asking_ahead_asks_at_most_a_window_too_many(store):
    market = tape()
    first = back(market.sessions[0], 60)
    with vendor(market) as made:
        ask = Asker(store, made)
        ask.at(market.sessions[30])
        request = ask.request(first)
        done = sync(
            store, request, clock=ask.twin.clock.now,
            ahead=lambda steps: [ask.source.fetch(step.ask) for step in steps],
        )  # fmt: skip
        older = [day for day in ask.days_asked() if day < str(market.sessions[0])]
        assert PROOF <= len(older) < PROOF + WINDOW
        assert done.spared == 60 - len(older)
        assert plan_sync(store, ask.request(first)).calls == 0
    assert set(store.table("bars").collect()["session"]) == set(market.sessions[:31])


def test_chosen_symbols_do_not_ask_for_what_lies_before(store):
    market = tape()
    first = back(market.sessions[0], 30)
    with vendor(market) as made:
        ask = Asker(store, made)
        ask.at(market.sessions[30])
        ask(first)
        names = tuple(sorted(s for s in market.symbols(market.sessions[30]) if s)[:3])
        plan, _, calls = ask(first, symbols=names)
    assert plan.calls == calls == 0


def test_another_key_or_plan_asks_again_and_the_same_one_does_not(store):
    market = tape()
    first = back(market.sessions[0], 30)
    with vendor(market) as made:
        ask = Asker(store, made)
        ask.at(market.sessions[30])
        ask(first, marks={"massive": "small plan"})
        assert ask(first, marks={"massive": "small plan"})[2] == 0
        plan, _, calls = ask(first, marks={"massive": "large plan"})
        assert plan.calls == calls == PROOF
        assert ask(first, marks={"massive": "large plan"})[2] == 0


def test_one_vendor_that_ends_does_not_end_another():
    class Files:
        kinds = frozenset({"day"})

        def calls_for(self, _ask, _rows=None):
            return 1

    class Calls(Files):
        kinds = frozenset({"day", "run"})

    at = datetime(2024, 3, 12, 2, tzinfo=UTC)
    asked = asked_of({**dict.fromkeys(WEEK, 0), MONDAY: 9}, at)
    wish = Wish(date(2024, 2, 20), at)
    both = plan_steps(asked, wish, {"massive": Calls(), "flatfiles": Files()}, {})
    assert both.spared == 0
    older = {s.ask.first for s in both.steps if s.provider == "flatfiles"}
    assert older == set(sessions_between(wish.first, date(2024, 3, 1)))
    alone = plan_steps(asked, wish, {"massive": Calls()}, {})
    assert alone.spared == len(sessions_between(wish.first, WEEK[-1]))
    assert not alone.missing
