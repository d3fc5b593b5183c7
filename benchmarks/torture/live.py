"""Days that are thin, late or wrong, watched: nobody is told what is not so, nothing is lost for good.

1. `snapshots` looks at a scan twice at every minute: at what a healthy vendor says (the oracle), and
   at what a faulty one says. An alert is false if the oracle's list says otherwise at that instant;
   a change is lost if the next healthy look does not bring both lists together.
2. `minutes` does the same with the messages of a stream, a faulty message in every second of them.
3. `threads` breaks real lines again and again; each feed's thread must live, and end at the day as
   it is.
"""

from __future__ import annotations

import logging
import random
import sys
import tempfile
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from importlib import import_module
from pathlib import Path
from time import monotonic, sleep

import orjson

from technic.data.ingest import FileStore
from technic.data.providers import stream as streams
from technic.data.providers.minutes import DaySoFar
from technic.data.simulated import server, snapshots_api
from technic.data.simulated.faults import Fault, FaultPlan, Rule
from technic.data.simulated.live_faults import DROPPED_LINE, MINUTES, OLD_SNAPSHOT, SNAPSHOT_ROWS
from technic.errors import ProviderError
from technic.market.sessions import nyse
from technic.operations.alerts import AlertBook
from technic.operations.feed import Snapshots
from technic.operations.intraday import Watch, session_at
from technic.runtime.settings import Settings
from technic.scanner.inspect.diff import Side
from technic.scanner.spec.alert_rules import AlertRules
from technic.scanner.spec.scan_file import ScanFile

from .patience import BUSY

FILE = ScanFile(
    name="live", where="close > sma(10)", rank="ret(5) + 0.1 * rsi(14)", top=15, alert=AlertRules()
)
TRANSPORT = ("http_500", "empty200", "truncated_json", "bad_json")
KINDS = (*SNAPSHOT_ROWS, OLD_SNAPSHOT, *TRANSPORT)
NIGHT, LAST = 30, 58
FOREVER = 1 << 30
LOOKS = {1: (120, 60, 4), 2: (7_000, 3_000, 60)}  # at snapshots, at minutes, and lines, by tier


@dataclass
class Seen:
    """What became of the looks."""

    looks: int = 0
    struck: int = 0
    alerts: int = 0
    false: int = 0
    lost: int = 0
    kinds: set[str] = field(default_factory=set)

    def judge(self, tried, oracle, healthy: bool) -> None:
        """One look at faulty data against one at clean data, at the same instant."""
        self.looks += 1
        self.alerts += len(tried.alerts)
        if oracle.report is None:
            self.false += len(tried.alerts)
            return
        on_list = set(Side(oracle.report).shown)
        for alert in tried.alerts:
            self.false += (alert.kind == "entered") != (alert.security_id in on_list)
        if healthy and oracle.state == "trading":
            same = tried.report is not None and set(Side(tried.report).shown) == on_list
            self.lost += tried.state != "trading" or not same


def checks_snapshots(tier: int, seed: int):
    wanted = LOOKS[tier][0]
    rng, seen = random.Random(seed), Seen()
    with _market() as (twin, source, store):
        feed = Snapshots(source, twin.clock.now)
        for night in range(NIGHT, LAST):
            left = (wanted - seen.looks) // (LAST - night)
            tried, oracle = _watch(store, feed, "tried"), _watch(store, feed, "oracle")
            for minute in sorted(rng.sample(range(1, 390), min(left, 389))):
                _to(twin, night + 1, minute)
                twin.faults = FaultPlan()
                truth = oracle.glance()
                kind = rng.choice(KINDS) if rng.random() < 0.5 else ""
                if kind:
                    rule = Rule((kind,), "/snapshot/", attempts=FOREVER if kind in SNAPSHOT_ROWS or kind == OLD_SNAPSHOT else 1)  # fmt: skip
                    twin.faults = FaultPlan((rule,), seed=rng.randrange(1 << 30))
                seen.judge(tried.glance(), truth, healthy=not kind)
                seen.struck += bool(kind)
                seen.kinds |= {kind} - {""}
                if rng.random() < 0.005:
                    tried = _watch(store, feed, "tried")
            twin.faults = FaultPlan()
            _sync(twin, source, store, night + 1)
    yield from _figures("snapshots", seen)


def checks_minutes(tier: int, seed: int):
    wanted = LOOKS[tier][1]
    rng, seen = random.Random(seed), Seen()
    with _market() as (twin, source, store):
        feed = Snapshots(source, twin.clock.now)
        for night in range(NIGHT, LAST):
            left = (wanted - seen.looks) // (LAST - night)
            tried, oracle = _watch(store, feed, "tried"), _watch(store, feed, "oracle")
            _to(twin, night + 1, 1)
            faulty, clean, said = DaySoFar(), DaySoFar(), {}
            for day in (faulty, clean):
                day.begin(feed.bars())
            for minute in sorted(rng.sample(range(2, 390), min(left, 388))):
                now = _to(twin, night + 1, minute)
                bars, said = snapshots_api.minutes(twin.tape, now, said)
                clean.take(bars, now)
                kind = rng.choice([*MINUTES]) if rng.random() < 0.5 else ""
                fault = Fault(kind, rng.randrange(1 << 30))
                frames = MINUTES[kind](bars, fault.rng) if kind else [orjson.dumps(bars)]
                for frame in frames:
                    faulty.take(streams.rows_of(frame), now)
                truth = oracle.glance(now=now, bars=clean.frame())
                seen.judge(tried.glance(now=now, bars=faulty.frame()), truth, healthy=True)
                seen.struck += bool(kind)
                seen.kinds |= {kind} - {""}
            _sync(twin, source, store, night + 1)
    yield from _figures("minutes", seen)


def checks_threads(tier: int, seed: int):
    lines = LOOKS[tier][2]
    rng, dead, wrong = random.Random(seed), 0, 0
    before = streams.REST, server.STREAM_EVERY
    streams.REST, server.STREAM_EVERY = (0.02,), 0.02
    said = streams.LOG.level
    streams.LOG.setLevel(logging.ERROR)  # every line breaks, twenty times: that is what is asked
    try:
        with _market() as (twin, source, _):
            for _ in range(lines):
                _to(twin, NIGHT + 1, rng.randrange(20, 200))
                alive, right = _broken_line(twin, source, rng, 20 * BUSY[tier])
                dead, wrong = dead + (not alive), wrong + (not right)
    finally:
        streams.REST, server.STREAM_EVERY = before
        streams.LOG.setLevel(said)
    yield "threads of feeds dead after faulty lines", dead, lines, "real lines, 20 faults each"
    yield "days not as they are once the line is healthy", wrong, lines, ""


def _broken_line(twin, source, rng, patience) -> tuple[bool, bool]:
    """A line of which 20 messages are faulty; whether its thread lives, and ends at the day as it is."""
    rule = Rule((*MINUTES, DROPPED_LINE), "/stocks", attempts=20)
    twin.faults = FaultPlan((rule,), seed=rng.randrange(1 << 30))
    snapshots = Snapshots(source, twin.clock.now)
    stream = streams.Stream(twin.url.replace("http", "ws") + "/stocks", "canary-key", snapshots)
    try:
        until = monotonic() + patience
        while twin.faults.attempts["/stocks"] <= 20 and monotonic() < until:
            twin.clock.set(twin.clock.now() + timedelta(minutes=1))
            sleep(0.03)
        want, right = snapshots.bars().sort("symbol"), False
        names = ["symbol", "date", "high", "low", "close", "volume"]
        while not right and monotonic() < until + patience / 2:
            with suppress(ProviderError):
                right = stream.bars().sort("symbol").select(names).equals(want.select(names))
            sleep(0.02)
        return stream.is_alive, right
    finally:
        stream.close()


def _figures(what: str, seen: Seen):
    more = f"{seen.struck:,} of them faulty, {len(seen.kinds)} kinds; {seen.alerts:,} alerts"
    yield f"watch, {what}: false alerts, by look", seen.false, seen.looks, more
    yield f"watch, {what}: changes lost at the next healthy look", seen.lost, seen.looks, ""


class _market:  # noqa: N801 -- a context
    """A served twin, our client, and a store that is synced to the night before."""

    def __enter__(self):
        folder = str(Path(__file__).parents[2] / "tests")
        if folder not in sys.path:
            sys.path.insert(0, folder)
        self._vendors = import_module("support.vendors")
        self._folder = tempfile.TemporaryDirectory()
        self._vendor = self._vendors.vendor(self._vendors.tape(3, 80, 60))
        twin, source, _ = self._vendor.__enter__()
        store = FileStore(Path(self._folder.name) / "store")
        _sync(twin, source, store, NIGHT)
        return twin, source, store

    def __exit__(self, *error: object) -> None:
        self._vendor.__exit__(*error)
        self._folder.cleanup()


def _sync(twin, source, store, night: int) -> None:
    vendors = import_module("support.vendors")
    vendors.at_evening(twin, night)
    vendors.run_sync(store, twin, source)


def _to(twin, night: int, minute: int):
    """Put the clock to a minute of a session that is not over."""
    opens = nyse().opens(nyse().ordinal(twin.tape.sessions[night]))
    twin.clock.set(opens + timedelta(minutes=minute))
    assert session_at(twin.clock.now())
    return twin.clock.now()


def _watch(store, feed, name: str) -> Watch:
    return Watch(store, feed, FILE, name, settings=Settings.load(), book=AlertBook(store.catalog))


CHECKS = {
    "snapshots": checks_snapshots,
    "minutes": checks_minutes,
    "threads": checks_threads,
}
