"""The day so far: merged in memory, equal to what the store will say, and never in it."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from time import monotonic, sleep

import numpy as np
import polars as pl
import pytest

from support.vendors import at_evening, run_sync, tape, vendor
from technic.compute.last_bar import carry_ahead, columns_of
from technic.data.ingest import FileStore
from technic.data.providers import stream as stream_module
from technic.data.simulated import server
from technic.data.simulated.faults import FaultPlan, Rule
from technic.data.simulated.live_faults import DROPPED_LINE, MINUTES, OLD_SNAPSHOT, SNAPSHOT_ROWS
from technic.data.simulated.publications import evening
from technic.data.store.intraday_panel import merge
from technic.errors import ProviderError, VerifyError
from technic.interfaces.render.changes import glance_line
from technic.market.sessions import nyse
from technic.operations.alerts import AlertBook
from technic.operations.feed import Snapshots
from technic.operations.intraday import Watch, session_at, watch_repeatedly
from technic.runtime.settings import Settings
from technic.scanner.answer import report_of
from technic.scanner.pipeline import Pinned, evaluate_question
from technic.scanner.scan import rerun, scan
from technic.scanner.spec.alert_rules import AlertRules
from technic.scanner.spec.question import resolve_question
from technic.scanner.spec.scan_file import ScanFile

ASKED = ScanFile(
    name="live", where="close > sma(10)", rank="ret(5) + 0.1 * rsi(14)", top=20,
    columns=("close", "rsi(14)", "ema(close, 20)", "adx(14)", "volume"),
)  # fmt: skip
NIGHT = 30


@pytest.fixture
def made(tmp_path, kernels):
    with vendor(tape(3, 80, 60)) as (twin, source, calls):
        at_evening(twin, NIGHT)
        store = FileStore(tmp_path / "store")
        run_sync(store, twin, source)
        yield twin, source, store, calls


def at_minute(twin, minutes, night=NIGHT + 1):
    opens = nyse().opens(nyse().ordinal(twin.tape.sessions[night]))
    twin.clock.set(opens + timedelta(minutes=minutes))
    return twin.clock.now()


def looked(made, file=ASKED, **options):
    twin, source, store, _ = made
    feed = Snapshots(source, twin.clock.now)
    return Watch(store, feed, file, "live", settings=Settings.load(), **options)


def answer_of(report):
    rows = [(r.rank, r.symbol, r.score, r.values) for r in report.shown]
    return rows, report.ledger_book.counts(), report.n_ranked


def test_the_day_when_it_is_over_gives_what_the_store_gives_after_the_sync(made):
    """Oracle: the same session, synced. The same rows, scores, values and ledger, bit for bit."""
    twin, source, store, _ = made
    watch = looked(made)
    at_minute(twin, 1)
    watch.glance()
    twin.clock.set(evening(twin.tape.sessions[NIGHT + 1]) + timedelta(minutes=10))
    live = watch.glance().report
    assert live.manifest["provisional"]
    run_sync(store, twin, source)
    stored = scan(store, file=ASKED)
    assert stored.as_of == live.as_of == twin.tape.sessions[NIGHT + 1]
    assert answer_of(live) == answer_of(stored)


def test_a_session_that_the_store_lacks_is_said(made):
    twin, *_ = made
    watch = looked(made)
    at_minute(twin, 60)
    assert not any("missing in the store" in note for note in watch.glance().report.notes)
    at_minute(twin, 60, NIGHT + 3)
    notes = watch.glance().report.notes
    assert any(note.startswith("2 sessions before today are missing") for note in notes)


def test_states_are_carried_on_by_one_bar_and_give_what_a_whole_fold_gives(made):
    twin, source, store, _ = made
    now = at_minute(twin, 200)
    bars = Snapshots(source, twin.clock.now).bars()
    merged = merge(store, store.panel(), bars, session_at(now))
    settings = Settings.load()
    series = resolve_question(ASKED).series
    carry_ahead(series, store.panel(), settings)
    carried = columns_of(series, "market", merged.view, settings.reading())
    anew = columns_of(series, "market", merged.view, settings.uncached())
    assert carried.work["advanced"] == merged.bars > 0
    for one in series:
        assert np.array_equal(carried.values[one], anew.values[one], equal_nan=True)


def test_nothing_of_it_reaches_the_store_or_a_cache(made):
    twin, _, store, _ = made
    before = (store.version().name, scan(store, file=ASKED).manifest["seal"])
    panels = {p: p.read_bytes() for p in (store.folder / "panels").iterdir() if p.is_file()}
    watch = looked(made)
    for minutes in (5, 100, 300):
        at_minute(twin, minutes)
        assert watch.glance().state == "trading"
    after = (
        store.version().name,
        scan(store, file=ASKED, settings=Settings.load().uncached()).manifest["seal"],
    )
    assert after == before
    assert {p: p.read_bytes() for p in panels} == panels


def test_a_provisional_answer_cannot_be_run_again(made):
    twin, _, store, _ = made
    watch = looked(made)
    at_minute(twin, 60)
    with pytest.raises(VerifyError, match="nobody keeps"):
        rerun(store, watch.glance().report.manifest)


def test_one_call_per_look_and_none_while_the_market_is_closed(made):
    twin, _, _, calls = made
    watch = looked(made)
    before = len(calls)
    at_minute(twin, -10)
    assert watch.glance().state == "closed"
    assert len(calls) == before
    at_minute(twin, 10)
    watch.glance()
    assert len(calls) == before + 1
    at_minute(twin, 10, NIGHT)  # a session that is stored
    assert watch.glance().state == "stored"
    assert len(calls) == before + 1


def test_differences_follow_the_day_and_alerts_are_written_down(made):
    twin, _, store, _ = made
    file = replace(ASKED, alert=AlertRules())
    watch = looked(made, file, book=AlertBook(store.catalog))
    shown = {row.symbol for row in scan(store, file=ASKED).shown}
    told = set()
    for minutes in (1, 120, 380):
        at_minute(twin, minutes)
        glance = watch.glance()
        entered, left = (
            {c.symbol for c in part} for part in (glance.difference.entered, glance.difference.left)
        )
        shown = (shown | entered) - left
        assert shown == {row.symbol for row in glance.report.shown}
        told |= {(a.kind, a.symbol) for a in glance.alerts}
    rows = AlertBook(store.catalog).alerts()
    assert told == {(row["kind"], row["symbol"]) for row in rows}
    assert all(row["provisional"] for row in rows)
    assert told


def test_bars_that_cannot_be_believed_are_left_out_and_named(made):
    twin, source, _, _ = made
    now = at_minute(twin, 100)
    good = Snapshots(source, twin.clock.now).bars()
    bad = good.with_columns(
        high=pl.when(pl.int_range(pl.len()) == 0).then(0.0).otherwise(pl.col("high")),
        before=pl.when(pl.int_range(pl.len()) == 1).then(999.0).otherwise(pl.col("before")),
        symbol=pl.when(pl.int_range(pl.len()) == 2).then(pl.lit("NOSUCH")).otherwise(pl.col("symbol")),
        date=pl.when(pl.int_range(pl.len()) == 3).then(twin.tape.sessions[5]).otherwise(pl.col("date")),
    )  # fmt: skip
    glance = looked(made).glance(now=now, bars=bad)
    plain = looked(made).glance(now=now, bars=good)
    assert glance.aside == {"another_day": 1, "price_not_positive": 1}
    assert glance.strangers == plain.strangers + 1
    assert len(glance.doubtful) == len(plain.doubtful) + 1
    assert glance.bars == plain.bars - 4


@pytest.mark.parametrize("fault", [*SNAPSHOT_ROWS, OLD_SNAPSHOT])
def test_a_faulty_snapshot_is_a_state_and_nobody_is_told(made, fault):
    """Every fault of a snapshot, between two looks at a healthy one: an answer, and no alert of it."""
    twin, _, store, _ = made
    book = AlertBook(store.catalog)
    watch = looked(made, replace(ASKED, alert=AlertRules()), book=book)
    at_minute(twin, 30)
    assert watch.glance().state == "trading"
    told = book.newest()
    twin.faults = FaultPlan((Rule((fault,), "/snapshot/", attempts=1 << 30),), seed=4)
    at_minute(twin, 31)
    glance = watch.glance()
    if fault != "same_rows":  # the same row twice is one row
        assert glance.state == f"{glance.seen:,} of {glance.expected:,} seen"
        assert glance.difference is None
        assert glance.alerts == ()
        assert book.newest() == told
    assert "Traceback" not in glance_line(glance)
    twin.faults = FaultPlan()
    at_minute(twin, 32)
    assert watch.glance().state == "trading"


def test_who_has_no_bar_yet_has_not_left_and_comes_back_without_a_word(made):
    twin, source, _, _ = made
    watch = looked(made)
    now = at_minute(twin, 30)
    bars = Snapshots(source, twin.clock.now).bars()
    first = watch.glance(now=now, bars=bars)
    gone = first.report.shown[0].symbol
    has_not_traded = [
        pl.when(pl.col("symbol") == gone).then(pl.lit(value)).otherwise(pl.col(name)).alias(name)
        for name, value in [*dict.fromkeys(("open", "high", "low", "close", "vwap")).items(), ("volume", 0.0)]
    ]  # fmt: skip
    fresh = looked(made)  # a watch that has not seen it today cannot know that it traded
    fresh.glance(now=now, bars=bars.with_columns(has_not_traded))
    second = fresh.glance(now=now + timedelta(minutes=1), bars=bars.with_columns(has_not_traded))
    assert second.state == "trading"
    assert gone not in {row.symbol for row in second.report.shown}
    assert gone not in {change.symbol for change in second.difference.left}
    third = fresh.glance(now=now + timedelta(minutes=2), bars=bars)
    assert gone in {row.symbol for row in third.report.shown}
    assert gone not in {change.symbol for change in third.difference.changes}


def test_a_watch_that_begins_again_does_not_tell_of_yesterday(made):
    twin, _, store, _ = made
    book, file = AlertBook(store.catalog), replace(ASKED, alert=AlertRules())
    at_minute(twin, 200)
    assert looked(made, file, book=book).glance().alerts
    told = book.newest()
    assert looked(made, file, book=book).glance().alerts == ()
    assert book.newest() == told


@pytest.mark.parametrize("fault", [*MINUTES, DROPPED_LINE])
def test_whatever_a_stream_sends_its_thread_lives_and_the_day_is_the_day(made, fault, monkeypatch):
    """A faulty line, then a healthy one: in the end the bars are those of a snapshot."""
    monkeypatch.setattr(stream_module, "REST", (0.05,))
    monkeypatch.setattr(server, "STREAM_EVERY", 0.02)
    twin, source, _, _ = made
    at_minute(twin, 30)
    snapshots = Snapshots(source, twin.clock.now)
    twin.faults = FaultPlan((Rule((fault,), "/stocks", attempts=8),), seed=3)
    stream = stream_module.Stream(
        twin.url.replace("http", "ws") + "/stocks", "canary-key", snapshots
    )
    try:
        wait(stream)
        for minutes in (60, 90, 120):
            at_minute(twin, minutes)
            sleep(0.1)
        until = monotonic() + 10
        want = snapshots.bars().sort("symbol")
        names = ["symbol", "date", "high", "low", "close", "volume"]
        while monotonic() < until:
            with suppress(ProviderError):
                found = stream.bars().sort("symbol")
                if found.select(names).equals(want.select(names)):
                    break
            sleep(0.05)
        assert found.select(names).equals(want.select(names))
        assert stream.is_alive
        counted = {
            "late_minutes",
            "early_minutes",
            "minutes_of_another_day",
            "zero_minutes",
            "absurd_minutes",
            "garbage",
        }
        assert (fault in counted) == bool(stream.aside())
    finally:
        stream.close()


def test_a_vendor_that_fails_is_said_and_the_next_look_works(made):
    twin, source, store, _ = made

    class Flaky(Snapshots):
        tries = 0

        def bars(self):
            self.tries += 1
            if self.tries == 1:
                raise ProviderError("massive: asleep")
            return super().bars()

    at_minute(twin, 60)
    watch = Watch(store, Flaky(source, twin.clock.now), ASKED, settings=Settings.load())
    slept = []
    looks = list(watch_repeatedly(watch, timedelta(seconds=7), sleep=slept.append, looks=2))
    assert [look.state for look in looks] == ["massive: asleep", "trading"]
    assert len(slept) == 1
    assert 0.0 <= slept[0] <= 7.0


def test_a_split_today_is_known_before_the_first_bar_of_today_is_stored(made):
    """A split that the store knows for today puts the whole run into today's terms."""
    twin, source, store, _ = made
    now = at_minute(twin, 100)
    bars = Snapshots(source, twin.clock.now).bars()
    view = store.panel()
    symbol = bars.sort("volume")["symbol"][-1]
    at = view.who["symbol"].to_list().index(symbol)
    session = session_at(now)
    rows = pl.DataFrame({
        "security_id": [int(view.panel.security_ids[at])], "session": [session], "kind": ["split"],
        "value": [2.0], "known_at": [twin.clock.now()], "assumed": [False], "source": ["test"],
    })  # fmt: skip
    from technic.market.schema import ACTIONS, conform

    schema_rows = rows.select(c for c in rows.columns if c in ACTIONS)
    store.commit({"actions": conform(schema_rows, ACTIONS, "actions")})
    halved = bars.with_columns(
        [pl.when(pl.col("symbol") == symbol).then(pl.col(c) / 2).otherwise(pl.col(c)).alias(c)
         for c in ("open", "high", "low", "close", "vwap", "before")]
    )  # fmt: skip
    fresh = store.panel()
    merged = merge(store, fresh, halved, session)
    run = merged.view.panel.run(at, "close")
    assert np.allclose(run[:-1], fresh.panel.run(at, "close") / 2)
    assert symbol not in merged.doubtful
    assert merged.view.anew == (int(view.panel.security_ids[at]),)
    settings = Settings.load()
    carry_ahead(resolve_question(ASKED).series, fresh, settings)
    section = evaluate_question(
        store,
        resolve_question(ASKED),
        settings=settings.reading(),
        pinned=Pinned(view=merged.view),
    )
    anew = evaluate_question(
        store,
        resolve_question(ASKED),
        settings=settings.uncached(),
        pinned=Pinned(view=merged.view),
    )
    assert answer_of(report_of(section)) == answer_of(report_of(anew))


def test_minutes_by_websocket_give_what_snapshots_give(made):
    from technic.data.providers.stream import Stream

    twin, source, _, _ = made
    at_minute(twin, 30)
    snapshots = Snapshots(source, twin.clock.now)
    stream = Stream(twin.url.replace("http", "ws") + "/stocks", "canary-key", snapshots)
    try:
        wait(stream)
        at_minute(twin, 240)
        want = snapshots.bars().sort("symbol")
        until = monotonic() + 10
        names = ["symbol", "date", "open", "high", "low", "close", "volume"]
        while monotonic() < until:
            found = stream.bars().sort("symbol")
            if found.select(names).equals(want.select(names)):
                break
            sleep(0.1)
        assert found.select(names).equals(want.select(names))
    finally:
        stream.close()


def test_a_stream_that_is_closed_while_it_asks_ends_without_a_word(made):
    """A command that ends early closes the vendor's client under the stream."""
    import threading

    from technic.data.providers.stream import Stream

    asked, closed = threading.Event(), threading.Event()

    class Closing:
        def bars(self):
            asked.set()
            closed.wait(10)
            raise AssertionError("the client is closed")

    stream = Stream(made[0].url.replace("http", "ws") + "/stocks", "canary-key", Closing())
    assert asked.wait(10)
    stream.close()
    closed.set()
    stream._thread.join(10)  # an exception that nobody caught would be an error of this test
    assert not stream.is_alive


def wait(stream):
    until = monotonic() + 10
    while True:
        try:
            return stream.bars()
        except ProviderError:
            if monotonic() > until:
                raise
            sleep(0.05)


def test_a_key_is_only_sent_over_an_encrypted_line():
    from technic.data.providers.stream import Stream
    from technic.errors import ConfigError

    with pytest.raises(ConfigError, match="wss"):
        Stream("ws://example.com/stocks", "key", None)
