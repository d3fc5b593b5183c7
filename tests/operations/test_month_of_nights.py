"""A month of nights with faults: daily, pages, a watch and alerts together; nothing lost, nothing wrong.

The same nights are also lived through cleanly, by another store; every night's answers must be
equal. Faults strike 5 % of the vendor's answers; there are two splits, a rename, a restart, a
cache server that is killed and a night on which the disk is full.
"""

from __future__ import annotations

import gc
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import psutil
import pytest

from support.hooks import hook
from support.servers import valkey
from support.serving import served
from support.vendors import FAST, massive, run_sync
from technic.data.ingest import FileStore
from technic.data.simulated.faults import FaultPlan, Rule
from technic.data.simulated.publications import ListedSpan, evening
from technic.data.simulated.server import serving
from technic.data.simulated.tape import record
from technic.data.simulated.twin import Twin
from technic.market.sessions import nyse
from technic.operations.alerts import AlertBook, channels_of, deliver, keep_channel
from technic.operations.alerts.channels import forget_channel
from technic.operations.feed import Snapshots
from technic.operations.intraday import Watch
from technic.operations.nightly import daily
from technic.operations.saved_scans import content_of, save_scan
from technic.runtime.settings import Setting, Settings
from technic.scanner.scan import scan
from technic.scanner.spec.alert_rules import AlertRules
from technic.scanner.spec.scan_file import ScanFile

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
NIGHTS = 22
FIRST = 30
FILES = {
    "ups": ScanFile(name="Ups", where="close > sma(10)", rank="ret(5)", top=12, alert=AlertRules(to=("desk",))),
    "lows": ScanFile(name="Lows", where="rsi(14) < 45", rank="dollar_volume(20)", top=8,
                     alert=AlertRules(to=("desk",), debounce=1)),
}  # fmt: skip
FAULTS = (
    "reset",
    "short_body",
    "http_500",
    "http_429_after",
    "truncated_json",
    "html200",
    "empty200",
    "null_results",
)


def month():
    """A tape of two months with two more splits and a rename within the nights."""
    tape = record(5, 90, FIRST + NIGHTS + 2)
    days = tape.sessions
    held = [
        i for i, one in enumerate(tape.listings) if one.until is None and one.since is None
    ][:3]  # fmt: skip
    split = [*tape.splits, (held[0], days[FIRST + 6], 2.0), (held[1], days[FIRST + 14], 3.0)]
    rows = tape.rows
    for listing, day, ratio in split[-2:]:
        after = (rows.listing == listing) & (rows.session >= (day - date(1970, 1, 1)).days)
        rows.values[after, :4] = (rows.values[after, :4] / ratio).round(4)
        rows.values[after, 4] *= ratio
    one = tape.listings[held[2]]
    turn = days[FIRST + 10]
    eras = (replace(one.eras[0], until=days[FIRST + 9]), ListedSpan("RENAMED", turn, None))
    tape.listings[held[2]] = replace(one, eras=eras)
    return replace(tape, splits=split, symbol_cache={})


def home(tmp_path, name, kernels, **values):
    folder = tmp_path / name
    (folder / "cache").mkdir(parents=True)
    (folder / "cache/kernels").symlink_to(kernels)
    settings = Settings({"home": Setting("home", str(folder), "test"), **values})
    keep_channel("desk", "https://hooks.example.com/x", settings)
    for key, file in FILES.items():
        save_scan(settings, key, content_of(file))
    forget_channel("desk", settings)  # a night that delivers brings its own
    return settings


@contextmanager
def living(tape, faults=None):
    twin = Twin(tape, faults=faults)
    with (
        serving(twin) as served_,
        massive(served_.url, manners=replace(FAST, attempts=8)) as source,
    ):
        yield twin, source


def night_of(store, settings, twin, source, n):
    twin.clock.set(evening(twin.tape.sessions[n]) + timedelta(hours=1))
    return daily(
        store, settings, sync=lambda: run_sync(store, twin, source), channels=channels_of(settings),
        clock=twin.clock.now, checked=20,
    )  # fmt: skip


def answers(store, settings):
    """Everything that a night's scans say, without what names the store; and who is on the lists.

    The lists are by security, whose numbers are the store's own.
    """
    found, lists = {}, {}
    for key, file in FILES.items():
        report = scan(store, file=file, settings=settings.uncached())
        rows = [(r.rank, r.symbol, r.score, r.values) for r in report.shown]
        found[key] = (report.as_of, rows, report.ledger_book.counts(), report.n_ranked)
        lists[key] = {report.security_ids[i] for i in report.ranked[: len(rows)]}
    return found, lists


def five_percent():
    return FaultPlan((Rule(FAULTS, probability=0.05, attempts=99),), seed=3)


def test_a_month_with_faults_loses_no_alert_and_gets_no_night_wrong(tmp_path, kernels, monkeypatch):
    tape = month()
    clean_settings = home(tmp_path, "clean", kernels)
    clean, expected = FileStore(tmp_path / "clean-store"), []
    with living(tape) as (twin, source):
        for n in range(FIRST, FIRST + NIGHTS):
            night_of(clean, clean_settings, twin, source, n)
            expected.append(answers(clean, clean_settings)[0])
    assert "RENAMED" in set(clean.panel().who["symbol"])

    with (
        hook([500, 503]) as (url, authority, got),
        valkey() as (cache, port),
        living(tape, five_percent()) as (twin, source),
    ):
        authority.cert_pem.write_to_path(tmp_path / "ca.pem")
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
        monkeypatch.setenv("TECHNIC_CACHE_SECRET", "shared")
        settings = home(
            tmp_path, "faulty", kernels,
            cache=Setting("cache", f"memory,redis://127.0.0.1:{port}/0", "test"),
            webhook_hosts=Setting("webhook_hosts", "localhost", "test"),
        )  # fmt: skip
        keep_channel("desk", url, settings)
        store, process, sizes = FileStore(tmp_path / "faulty-store"), psutil.Process(), []
        failed, first = 0, None
        for k, n in enumerate(range(FIRST, FIRST + NIGHTS)):
            if k == 8:
                store.catalog.close()
                store = FileStore(tmp_path / "faulty-store")  # a restart
            if k == 12:
                cache.kill()
            with served(store, settings=settings, feed=None) as client:
                if k:
                    looked_at(store, settings, twin, source, n)
                if k == 16:
                    full_disk(store, settings, twin, source, n, monkeypatch)
                found = night_of(store, settings, twin, source, n)
                while found.as_of != tape.sessions[n] or (found.synced and found.synced.failed):
                    failed += 1
                    assert failed < 80
                    found = night_of(store, settings, twin, source, n)
                assert found.accuracy.off == 0
                assert client.get("/api/v1/today").is_success
                assert client.get("/api/v1/about").json()["as_of"] == str(tape.sessions[n])
            said, lists = answers(store, settings)
            assert said == expected[k], tape.sessions[n]
            first = first or lists
            assert told_lists(store, first) == lists, tape.sessions[n]
            gc.collect()
            sizes.append((process.memory_info().rss, process.num_fds()))
        assert sum(twin.faults.struck.values()) > 5
        for hours in range(12):  # what a channel refused is sent when its time has come
            later = datetime.now(UTC) + timedelta(hours=4 * hours)
            deliver(store.catalog, channels_of(settings), store.folder, lambda t=later: t)
    every_alert_arrived_once(store, got)
    kinds = {(row["kind"], row["provisional"]) for row in AlertBook(store.catalog).alerts(5_000)}
    assert kinds == {(kind, of_the_day) for kind in ("entered", "left") for of_the_day in (0, 1)}
    memory, files = zip(*sizes, strict=True)
    assert max(memory[12:]) - memory[6] < 120e6
    assert max(files) - files[1] < 12
    disk = sum(p.stat().st_size for p in (tmp_path / "faulty-store").rglob("*") if p.is_file())
    clean_disk = sum(p.stat().st_size for p in (tmp_path / "clean-store").rglob("*") if p.is_file())
    assert disk < 1.6 * clean_disk + 5e6


def looked_at(store, settings, twin, source, n):
    """The day is watched before its night, under the name of its scan; the looks tell alerts too."""
    opens = nyse().opens(nyse().ordinal(twin.tape.sessions[n]))
    watch = Watch(
        store, Snapshots(source, twin.clock.now), FILES["ups"], "ups", settings=settings,
        book=AlertBook(store.catalog),
    )  # fmt: skip
    for minutes in (15, 200, 385):
        twin.clock.set(opens + timedelta(minutes=minutes))
        glance = watch.glance()
        assert (
            glance.report is not None
            or glance.state.startswith("massive")
            or glance.state == "closed"
        )


def full_disk(store, settings, twin, source, n, monkeypatch):
    """A night on which nothing can be written: it is said, nothing is lost, the next try works."""
    from technic.data.store import commits

    before = store.version().name

    def no_room(*_given):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(commits, "append", no_room)
        found = night_of(store, settings, twin, source, n)
    assert not found.ok
    assert "No space left" in str(found.trouble)
    assert store.version().name == before


def every_alert_arrived_once(store, got):
    """Each alert was taken at least once; each message that came twice had its key."""
    rows = AlertBook(store.catalog).alerts(5_000)
    assert rows
    arrived = [alert["key"] for _, body in got for alert in body["alerts"]]
    assert set(arrived) == {row["key"] for row in rows}
    assert all(d["state"] == "delivered" for row in rows for d in row["deliveries"])
    by_key = {}
    for key, body in got:
        assert by_key.setdefault(key, body) == body


def told_lists(store, first):
    """The lists that whoever knew the first night's and read every alert since has before him."""
    known = {name: set(members) for name, members in first.items()}
    for row in reversed(AlertBook(store.catalog).alerts(5_000)):
        members = known[row["scan"]]
        (members.add if row["kind"] == "entered" else members.remove)(row["security_id"])
    return known
