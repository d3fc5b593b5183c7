"""A store that follows a vendor: fewest calls, nothing lost, nothing made up."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

import technic as tc
from support.cases import mostly_slow
from support.vendors import SIMULATED, alpaca, at_evening, run_sync, tape, vendor
from technic.data.ingest.inbox import Answered, Inbox
from technic.data.ingest.planning import Wish, newest_session, sessions_between, sessions_due
from technic.data.ingest.request_cover import cheapest
from technic.data.ingest.securities import SecurityMap
from technic.data.ingest.sync import SyncRequest, plan_sync, sync
from technic.data.ingest.ways import compare_options
from technic.data.providers.source import Ask, Pace
from technic.data.simulated.faults import FaultPlan, Rule
from technic.data.simulated.publications import evening
from technic.data.simulated.tape import record
from technic.data.store.tickers import eras
from technic.errors import ConfigError, StoreError
from technic.market.sessions import nyse
from technic.runtime.files import alone


@pytest.fixture
def store(tmp_path):
    return tc.open_store(tmp_path / "store")


def newest_view(store):
    """(symbol, session) → values, as the store says now."""
    names = eras(store.table("tickers").collect())
    bars = store.table("bars").collect().sort("known_at", maintain_order=True)
    bars = bars.unique(["security_id", "session"], keep="last", maintain_order=True)
    joined = bars.join(names.drop("known_at"), on="security_id").filter(
        pl.col("session") >= pl.col("since"),
        pl.col("until").is_null() | (pl.col("session") <= pl.col("until")),
    )
    columns = ["symbol", "session", "open", "high", "low", "close", "volume"]
    return {(r[0], r[1]): r[2:] for r in joined.select(columns).iter_rows()}


def published(market, nights, now):
    """The same, as the vendor has it at an instant."""
    found = {}
    for session in market.sessions[nights]:
        rows, names = market.bars_of(session, now), market.symbols(session)
        for i, values in zip(rows.listing.tolist(), rows.values.tolist(), strict=True):
            if names[i]:
                found[names[i], session] = tuple(values)
    return found


def test_a_first_sync_holds_what_the_vendor_has(store):
    with vendor() as (twin, source, calls):
        now = at_evening(twin, -1)
        done = run_sync(store, twin, source, first=5)
    assert not done.failed
    expected = published(twin.tape, slice(5, None), now)
    assert newest_view(store) == expected
    days = [c for c in calls if "grouped" in c.endpoint]
    assert len(days) == len(twin.tape.sessions) - 5, "one call per session"
    assert store.version().settled == twin.tape.sessions[-1]


@pytest.mark.slow
def test_nightly_syncs_cost_six_calls_and_catch_up_with_revisions(store):
    market = record(3, 300, 60)
    with vendor(market) as (twin, source, calls):
        at_evening(twin, 25)
        run_sync(store, twin, source, first=15)
        edits = 0
        for night in range(26, 40):
            calls.clear()
            at_evening(twin, night)
            done = run_sync(store, twin, source, first=15)
            weekly = any(s.ask.kind == "tickers" and not s.ask.newest for s in done.plan.steps)
            assert len(calls) <= (9 if weekly else 6)
            edits += sum(done.tally.edits.values())
            calls.clear()
            assert not run_sync(store, twin, source, first=15).plan.steps
            assert not calls, "an up-to-date store asks nothing"
        now = twin.clock.now()
    assert edits > 10
    settled = published(market, slice(15, 34), now)
    view = newest_view(store)
    assert all(view[key] == values for key, values in settled.items())


def test_edits_are_new_versions_and_the_old_ones_stay(store):
    market = record(3, 300, 60)
    with vendor(market) as (twin, source, _):
        for night in range(20, 28):
            at_evening(twin, night)
            run_sync(store, twin, source, first=18)
    bars = store.table("bars").collect()
    doubled = bars.group_by("security_id", "session").len().filter(pl.col("len") > 1)
    assert doubled.height > 0
    key = doubled.row(0)[:2]
    versions = bars.filter(pl.col("security_id") == key[0], pl.col("session") == key[1])
    assert versions["known_at"].n_unique() == versions.height
    first, last = (
        versions.sort("known_at").rows(named=True)[0],
        versions.sort("known_at").rows(named=True)[-1],
    )
    between = first["known_at"] + (last["known_at"] - first["known_at"]) / 2
    for known_at, row in ((between, first), (None, last)):
        panel = store.panel(key[1], known_at).panel if known_at else store.panel().panel
        i = panel.security_ids.tolist().index(key[0])
        sessions = panel.run(i, "session").tolist()
        assert panel.run(i, "volume")[sessions.index(nyse().ordinal(key[1]))] == row["volume"]


def test_what_was_stopped_goes_on_without_asking_twice(store):
    class StopError(Exception):
        pass

    def stop_at(done, _total, _what):
        if done == 9:
            raise StopError

    with vendor() as (twin, source, calls):
        at_evening(twin, 30)
        now = twin.clock.now()
        wish = Wish(twin.tape.sessions[8], now)
        with pytest.raises(StopError):
            sync(
                store,
                SyncRequest({"massive": source}, wish, simulated=SIMULATED),
                clock=lambda: now,
                progress=stop_at,
            )
        assert store.version().last == twin.tape.sessions[30], "a scan is good already"
        run_sync(store, twin, source)
        asked = [request["target"] for request in twin.requests]
    assert len(asked) == len(set(asked)) == len(calls)
    assert newest_view(store) == published(twin.tape, slice(8, 31), now)


def test_answers_that_wait_are_taken_in_first(store, tmp_path):
    with vendor() as (twin, source, calls):
        now = at_evening(twin, 30)
        session = twin.tape.sessions[30]
        ask = Ask("day", session, session)
        Inbox(store.folder / "inbox").put(Answered("massive", ask, now, source.fetch(ask)))
        (store.folder / "inbox" / "20260101T000000-beef.answer").write_bytes(b"torn")
        before = len(calls)
        done = run_sync(store, twin, source, first=29)
    assert done.resumed == 1
    assert not [c for c in calls[before:] if str(session) in c.endpoint]
    assert not list((store.folder / "inbox").iterdir())


def test_two_syncs_do_not_run_at_once(store):
    with vendor() as (twin, source, _), alone(store.folder, "sync"):
        program = (
            "import sys; from pathlib import Path; from technic.runtime.files import alone\n"
            "with alone(Path(sys.argv[1]), 'sync'): pass"
        )
        done = subprocess.run(
            [sys.executable, "-c", program, str(store.folder)],
            capture_output=True,
            text=True,
            check=False,
        )
        assert "another sync is running" in done.stderr
        with pytest.raises(StoreError, match="another sync"):
            run_sync(store, twin, source)
    with vendor() as (twin, source, _):
        at_evening(twin, 30)
        run_sync(store, twin, source, first=28)


def test_today_is_provisional_until_the_evening(store):
    market = tape()
    day = market.sessions[31]
    with vendor() as (twin, source, _):
        at_evening(twin, 30)
        run_sync(store, twin, source, first=20)
        twin.clock.set(evening(day) - timedelta(hours=3))
        run_sync(store, twin, source, first=20)
        assert store.version().last == day
        assert store.version().settled == market.sessions[30]
        assert any("not final" in note for note in tc.scan(store).notes)
        early = newest_view(store)
        at_evening(twin, 31)
        run_sync(store, twin, source, first=20)
        now = twin.clock.now()
    assert store.version().settled == day
    late = newest_view(store)
    assert {k: v for k, v in late.items() if k[1] == day} == published(market, slice(31, 32), now)
    assert early != late
    assert not any("not final" in note for note in tc.scan(store).notes)


def test_hundred_symbols_from_the_multi_symbol_vendor(store):
    market = record(3, 160, 260)
    with vendor(market) as (twin, _, _), alpaca(twin.url) as source:
        names = [s for s in market.symbols(market.sessions[-1]) if s][:100]
        before = len(twin.requests)
        now = at_evening(twin, -1)
        done = sync(
            store,
            SyncRequest(
                {"alpaca": source},
                Wish(market.sessions[9], now, tuple(sorted(names))),
                simulated=SIMULATED,
            ),
            clock=lambda: now,
        )
        # On a busy machine a request may run out of time and be made once more.
        made = len({asked["target"] for asked in twin.requests[before:]})
    assert not done.failed
    assert made <= 5, "three pages of bars, splits, dividends"
    view, truth = newest_view(store), published(market, slice(9, None), now)
    assert view == {k: v for k, v in truth.items() if k[0] in names}


def test_chosen_symbols_cost_one_range_each(store):
    with vendor() as (twin, source, calls):
        now = at_evening(twin, 30)
        names = tuple(sorted(s for s in twin.tape.symbols(twin.tape.sessions[30]) if s)[:7])
        plan = plan_sync(
            store, SyncRequest({"massive": source}, Wish(twin.tape.sessions[8], now, names))
        )
        assert plan.options[0].calls == 7 == len([s for s in plan.steps if s.ask.kind == "run"])
        sync(
            store,
            SyncRequest(
                {"massive": source}, Wish(twin.tape.sessions[8], now, names), simulated=SIMULATED
            ),
            clock=lambda: now,
        )
        assert len([c for c in calls if "/range/" in c.endpoint]) == 7
        calls.clear()
        again = sync(
            store,
            SyncRequest(
                {"massive": source}, Wish(twin.tape.sessions[8], now, names), simulated=SIMULATED
            ),
            clock=lambda: now,
        )
    assert not calls
    assert not again.plan.steps


@pytest.mark.slow
def test_renames_keep_the_security_and_recycled_tickers_do_not(store):
    market = record(11, 400, 90)
    days = market.sessions
    with vendor(market) as (twin, source, _):
        for night in range(35, 85):
            at_evening(twin, night)
            run_sync(store, twin, source, first=33)
    owner, of = {}, {}
    names = eras(store.table("tickers").collect()).to_dicts()
    held = set(store.table("bars").collect().select("security_id", "session").iter_rows())
    for session in days[33:80]:
        rows, symbols = market.bars_of(session, evening(days[84])), market.symbols(session)
        for i in rows.listing.tolist():
            found = [
                e["security_id"] for e in names
                if e["symbol"] == symbols[i] and e["since"] <= session
                and (e["until"] is None or session <= e["until"]) and (e["security_id"], session) in held
            ]  # fmt: skip
            assert len(found) == 1, (symbols[i], session)
            owner.setdefault(i, set()).add(found[0])
            of.setdefault(found[0], set()).add(i)
    assert all(len(listings) == 1 for listings in of.values()), "never merged"
    renamed = [
        i for i, x in enumerate(market.listings)
        if len(x.eras) == 2 and days[36] < x.eras[1].since < days[80] and i in owner
    ]  # fmt: skip
    known = [i for i in renamed if market.listings[i].figi]
    assert len(known) >= 2
    assert all(len(owner[i]) == 1 for i in known), "one security through its rename"
    assert all(len(owner[i]) == 2 for i in renamed if i not in known), "without proof, kept apart"


def plan_of(*names, **rule):
    return FaultPlan((Rule(names, **rule),), 5)


def test_a_part_of_a_day_is_refused_and_a_closed_market_is_no_error(store):
    with vendor() as (twin, source, _):
        at_evening(twin, 29)
        run_sync(store, twin, source, first=20)
        at_evening(twin, 30)
        twin.faults = plan_of("drop_half", endpoint=str(twin.tape.sessions[30]), attempts=9)
        done = run_sync(store, twin, source, first=20)
        assert "a part of a day" in done.failed[0][1]
        assert store.version().last == twin.tape.sessions[29], "nothing of it was stored"
        twin.faults = FaultPlan()
        assert not run_sync(store, twin, source, first=20).failed
    assert store.version().last == twin.tape.sessions[30]


def test_an_unscheduled_closure_is_told_and_not_asked_for_ever(store):
    market = tape()
    gone = market.sessions[30]
    rows = market.rows
    from dataclasses import replace

    from technic.data.simulated.publications import number

    closed = replace(market, rows=rows.at(rows.session != number(gone)), symbol_cache={})
    with vendor(closed) as (twin, source, _):
        at_evening(twin, 29)
        run_sync(store, twin, source, first=20)
        asked = 0
        for night in range(30, 38):
            twin.clock.set(evening(market.sessions[night]) + timedelta(hours=1))
            before = len(twin.requests)
            done = run_sync(store, twin, source, first=20)
            asked += sum(
                str(gone) in r["target"] and "grouped" in r["target"]
                for r in twin.requests[before:]
            )
            if night == 30:
                assert any("market was closed" in note for note in done.tally.notes)
        assert not done.failed
    assert 1 <= asked <= 14
    assert gone not in {session for _, session in newest_view(store)}


@pytest.mark.parametrize(
    "name",
    mostly_slow(
        [
            "nan_values",
            "null_values",
            "string_numbers",
            "huge_ints",
            "negative_price",
            "zero_price",
            "outside_range",
            "conflict_rows",
            "wrong_day_rows",
            "corrupt_ticker",
        ],
        daily=["string_numbers", "conflict_rows", "corrupt_ticker"],
    ),
)
def test_bad_rows_are_set_aside_and_healed_the_next_night(store, name):
    market = record(3, 120, 40)
    with vendor(market) as (twin, source, _):
        at_evening(twin, 29)
        run_sync(store, twin, source, first=20)
        at_evening(twin, 30)
        twin.faults = plan_of(name, endpoint=f"stocks/{market.sessions[30]}", attempts=1)
        done = run_sync(store, twin, source, first=20)
        if name != "nan_values":  # no JSON at all: the page is asked for again
            assert sum(done.tally.quarantined.values()) >= 1
            assert store.catalog.quarantined()
        twin.faults = FaultPlan()
        for night in (31, 32):
            now = at_evening(twin, night)
            run_sync(store, twin, source, first=20)
    assert newest_view(store).items() >= published(market, slice(30, 31), now).items()


def test_withdrawn_actions_are_taken_back(store):
    market = record(3, 600, 60)
    with vendor(market) as (twin, source, _):
        at_evening(twin, 50)
        run_sync(store, twin, source, first=30)
        before = store.table("actions").collect()
        splits = before.filter(pl.col("kind") == "split", pl.col("value") != 1.0)
        gone = next(s for s in market.splits if market.sessions[44] < s[1] <= market.sessions[50])
        market.splits.remove(gone)
        at_evening(twin, 51)
        done = run_sync(store, twin, source, first=30)
    assert splits.height
    assert any("taken back" in note for note in done.tally.notes)
    newest = (
        store.table("actions")
        .collect()
        .sort("known_at")
        .unique(["security_id", "session", "kind"], keep="last")
    )
    assert (
        newest.filter(
            pl.col("session") == gone[1], pl.col("kind") == "split", pl.col("value") == 1.0
        ).height
        == 1
    )


def test_a_dividend_told_in_two_ways_is_doubted_and_not_taken_back(store):
    market = record(3, 600, 60)
    with vendor(market) as (twin, source, _):
        at_evening(twin, 50)
        run_sync(store, twin, source, first=30)
        before = store.table("actions").collect().filter(pl.col("kind") == "dividend")
        twin.faults = plan_of("conflict_rows", endpoint="stocks/v1/dividends", attempts=1)
        at_evening(twin, 51)
        done = run_sync(store, twin, source, first=30)
    assert done.tally.quarantined["conflicting_duplicate"] == 2
    after = store.table("actions").collect().filter(pl.col("kind") == "dividend")
    assert after.filter(pl.col("value") == 0.0).is_empty()
    assert after.height >= before.height


def test_real_and_simulated_markets_never_share_a_store(store):
    with vendor() as (twin, source, _):
        now = at_evening(twin, 30)
        run_sync(store, twin, source, first=28)
        with pytest.raises(StoreError, match="never"):
            sync(
                store,
                SyncRequest({"massive": source}, Wish(twin.tape.sessions[20], now)),
                clock=lambda: now,
            )


MISSING = st.dictionaries(st.integers(0, 9), st.sets(st.integers(0, 9), min_size=1), max_size=8)


@given(MISSING)
def test_the_cover_is_a_cover_and_the_cheapest(missing):
    found = cheapest(missing)
    assert all(s in found.symbols or d in found.days for s, days in missing.items() for d in days)
    assert len(found.days) + len(found.symbols) == found.weight
    days = sorted(set().union(*missing.values())) if missing else []
    best = min(
        (
            mask.bit_count()
            + sum(
                any(not mask >> i & 1 for i, d in enumerate(days) if d in wanted)
                for wanted in missing.values()
            )
            for mask in range(1 << len(days))
        ),
        default=0,
    )
    assert found.weight == best


def test_vendors_are_compared_by_time():
    class Fake:
        def __init__(self, *kinds):
            self.kinds = frozenset(kinds)

        def calls_for(self, ask):
            return -(-len(ask.symbols) * 250 // 10_000)

    days = set(sessions_between(date(2023, 1, 3), date(2023, 12, 29)))
    names = [f"S{j}" for j in range(100)]
    sources = {"massive": Fake("day", "run"), "alpaca": Fake("many", "run")}
    paces = {"massive": Pace(5, 60.0), "alpaca": Pace(190, 60.0)}
    options = compare_options(dict.fromkeys(names, days), sources, paces)
    assert options[0].title.startswith("alpaca")
    assert [o.calls for o in options] == [3, 100]
    assert options[1].minutes == pytest.approx(19.0)


@pytest.mark.parametrize(
    "zone",
    mostly_slow(
        ["Asia/Kolkata", "Pacific/Kiritimati", "America/Los_Angeles"], daily=["Pacific/Kiritimati"]
    ),
)
def test_the_hosts_time_zone_does_not_matter(zone):
    program = """
from datetime import datetime, timedelta, UTC
from technic.market.sessions import nyse, NEW_YORK
from technic.data.ingest.planning import newest_session, is_final
t = nyse()
out = []
start = datetime(2024, 2, 28, tzinfo=UTC)
for k in range(24 * 380):
    now = start + timedelta(hours=k)
    out.append(str(newest_session(now)) + str(is_final(newest_session(now), now))[0])
print(hash(tuple(out)) if False else "|".join(out[::7]))
"""
    runs = [
        subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, "TZ": tz},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for tz in (zone, "UTC")
    ]
    assert runs[0] == runs[1]


@pytest.mark.parametrize(
    ("at", "newest", "today"),
    [
        ("2024-03-08T15:59", "2024-03-07", "2024-03-07"),  # still trading
        ("2024-03-08T16:14", "2024-03-07", "2024-03-07"),  # closed, not for long
        ("2024-03-08T16:16", "2024-03-08", "2024-03-07"),
        ("2024-03-10T02:30", "2024-03-08", "2024-03-08"),  # the hour that does not exist
        ("2024-11-03T01:30", "2024-11-01", "2024-11-01"),  # the hour that exists twice
        ("2024-11-29T13:14", "2024-11-27", "2024-11-27"),  # early close, Thanksgiving before it
        ("2024-11-29T13:16", "2024-11-29", "2024-11-27"),
        ("2024-12-25T12:00", "2024-12-24", "2024-12-24"),  # a holiday
        ("2025-01-09T20:30", "2025-01-08", "2025-01-08"),  # the unscheduled closure
    ],
)
def test_which_session_is_worth_asking_for(at, newest, today):
    from technic.market.sessions import NEW_YORK

    now = datetime.fromisoformat(at).replace(tzinfo=NEW_YORK).astimezone(UTC)
    assert str(newest_session(now)) == newest
    assert str(newest_session(now, today=False)) == today


def test_a_settled_session_is_asked_again_after_one_and_after_five():
    asked = pl.DataFrame(schema=tc.open_store("nowhere").table("asked").collect_schema())
    sessions = sessions_between(date(2024, 1, 2), date(2024, 2, 1))
    seen = []
    for night in sessions[:12]:
        now = nyse().final(nyse().ordinal(night)) + timedelta(hours=1)
        missing, again = sessions_due(asked, Wish(sessions[0], now))
        seen.append((missing, again))
        rows = [
            {
                "kind": "day",
                "first": d,
                "last": d,
                "symbol": None,
                "provider": "x",
                "settled": True,
                "rows": 9,
                "bad": 0,
                "volume": 1.0,
                "known_at": now,
            }
            for d in [*missing, *again]
        ]
        asked = pl.concat([asked, pl.DataFrame(rows, schema=asked.schema)])
    for k, (missing, again) in enumerate(seen):
        assert missing == [sessions[k]]
        assert again == [sessions[j] for j in (k - 5, k - 1) if j >= 0]


def test_identity_needs_proof_to_merge():
    from technic.data.providers.source import TICKER_COLUMNS
    from technic.market.schema import LISTINGS, TICKERS

    empty = SecurityMap.of(pl.DataFrame(schema=TICKERS), pl.DataFrame(schema=LISTINGS), "test")
    rows = pl.DataFrame({"symbol": ["FB", "FB"], "date": [date(2022, 6, 7), date(2022, 6, 8)]})
    first = empty.identify(rows)["security_id"].unique().to_list()
    assert first == [1]
    at = datetime(2022, 6, 9, 2, tzinfo=UTC)

    def listing(symbol, figi, updated=date(2022, 6, 9)):
        row = (symbol, "Meta", "CS", "XNAS", None, figi, True, None, updated)
        return pl.DataFrame([row], schema=TICKER_COLUMNS, orient="row")

    empty.learn(
        listing("FB", "BBG1", date(2012, 5, 18)), at - timedelta(days=1), {1: date(2022, 6, 8)}
    )
    empty.learn(listing("META", "BBG1"), at, {1: date(2022, 6, 8)})
    later = pl.DataFrame({"symbol": ["META"], "date": [date(2022, 6, 9)]})
    assert empty.identify(later)["security_id"].to_list() == [1]
    empty.learn(
        listing("FB", "BBG2", date(2022, 9, 1)),
        datetime(2022, 9, 2, tzinfo=UTC),
        {1: date(2022, 9, 1)},
    )
    reused = pl.DataFrame({"symbol": ["FB"], "date": [date(2022, 9, 2)]})
    assert empty.identify(reused)["security_id"].to_list() == [2]


@pytest.mark.slow
def test_adjusted_bars_are_the_vendors_own_for_fifty_and_a_hundred_symbols(store):
    import httpx2
    import numpy as np

    market = record(3, 300, 60)
    with vendor(market) as (twin, source, _):
        at_evening(twin, -1)
        run_sync(store, twin, source, first=20)
        view = store.panel()
        names = view.who["symbol"].to_list()
        split = {
            market.listings[i].symbol(ex) for i, ex, _ in market.splits if ex > market.sessions[20]
        }
        chosen = sorted(split & set(names)) + [n for n in names if n not in split]
        for count in (50, 100):
            for symbol in chosen[:count]:
                path = f"/v2/aggs/ticker/{symbol}/range/1/day/{market.sessions[20]}/{market.sessions[-1]}"
                told = httpx2.get(twin.url + path, headers={"Authorization": "Bearer k"}).json()
                i = names.index(symbol)
                ours = view.panel.run(i, "close")[-len(told.get("results", [])) :]
                theirs = np.array([bar["c"] for bar in told.get("results", [])])
                assert np.allclose(ours, theirs[-len(ours) :], rtol=1e-5, atol=1e-6)
    assert split


def test_a_vendor_that_lists_nobody_needs_symbols(store):
    with vendor() as (twin, _, _), alpaca(twin.url) as source:
        wish = Wish(twin.tape.sessions[20], twin.clock.now())
        with pytest.raises(ConfigError, match="--symbols"):
            plan_sync(store, SyncRequest({"alpaca": source}, wish))
