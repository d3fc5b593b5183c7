"""The daily loop: whole, repeatable, stoppable, honest about what went wrong."""

from __future__ import annotations

import re
from datetime import timedelta

import orjson
import polars as pl
import pytest

from support.vendors import at_evening, run_sync, tape, vendor
from technic.data.ingest import FileStore
from technic.data.simulated import simulate
from technic.errors import StoreError
from technic.interfaces.cli.monitor import _write
from technic.interfaces.render.changes import night_lines
from technic.operations.alerts import AlertBook
from technic.operations.metrics import history, save_metrics
from technic.operations.nightly import daily
from technic.operations.saved_scans import content_of, save_scan
from technic.operations.spot_check import check_accuracy
from technic.runtime.files import alone
from technic.runtime.settings import Settings
from technic.scanner.scan import scan
from technic.scanner.spec.alert_rules import AlertRules
from technic.scanner.spec.scan_file import ScanFile

FILE = ScanFile(name="up", where="close > sma(10)", rank="ret(5)", top=10, alert=AlertRules())


@pytest.fixture
def settings(tmp_path, monkeypatch, kernels):
    monkeypatch.setenv("TECHNIC_HOME", str(tmp_path / "home"))
    (tmp_path / "home/cache").mkdir(parents=True)
    (tmp_path / "home/cache/kernels").symlink_to(kernels)
    made = Settings.load()
    save_scan(made, "up", content_of(FILE))
    return made


@pytest.fixture
def made(tmp_path, settings):
    with vendor(tape(3, 60, 40)) as (twin, source, _):
        at_evening(twin, 30)
        store = FileStore(tmp_path / "store")
        run_sync(store, twin, source)
        yield twin, source, store


def night(made, settings, n, **options):
    twin, source, store = made
    at_evening(twin, n)
    return daily(
        store, settings, sync=lambda: run_sync(store, twin, source), channels={},
        clock=twin.clock.now, checked=10, **options,
    )  # fmt: skip


def test_a_night_syncs_scans_compares_tells_and_checks(made, settings, tmp_path):
    twin, _, store = made
    assert night(made, settings, 30).ok
    found = night(made, settings, 31, keep=lambda *given: _write(tmp_path / "reports", *given))
    assert found.ok
    assert found.as_of == twin.tape.sessions[31]
    one = found.scans[0]
    assert {c.symbol for c in one.difference.entered} == {
        a.symbol for a in one.alerts if a.kind == "entered"
    }
    assert one.alerts
    assert (found.accuracy.symbols, found.accuracy.off) == (10, 0)
    folder = tmp_path / "reports" / str(found.as_of)
    content = orjson.loads((folder / "up.json").read_bytes())
    assert content["manifest"]["seal"] == scan(store, file=FILE).manifest["seal"]
    assert "up" in (folder / "up.html").read_text()
    assert len(night_lines(found, "x")) <= 20


def test_the_same_night_again_changes_nothing(made, settings, tmp_path):
    _, _, store = made
    night(made, settings, 30)
    keep = lambda *given: _write(tmp_path / "reports", *given)  # noqa: E731
    night(made, settings, 31, keep=keep)
    files = {p: p.read_bytes() for p in (tmp_path / "reports").rglob("*.*")}
    alerts, runs = AlertBook(store.catalog).alerts(), store.catalog.runs()
    again = night(made, settings, 31, keep=keep)
    assert again.scans[0].alerts == []
    assert AlertBook(store.catalog).alerts() == alerts
    assert [r["seal"] for r in store.catalog.runs()] == [r["seal"] for r in runs]
    assert {p: p.read_bytes() for p in (tmp_path / "reports").rglob("*.*")} == files


def test_half_a_session_is_said_and_nobody_is_told_of_who_is_missing(tmp_path, settings):
    market = simulate(seed=5, size=60, sessions=40)
    last = market.bars["date"].max()
    symbols = market.bars["symbol"].unique().sort()
    is_late = (pl.col("date") == last) & pl.col("symbol").is_in(symbols[::2].implode())
    store = FileStore(tmp_path / "store")
    store.import_bars(market.bars.filter(pl.col("date") < last), simulated=market.about)
    assert daily(store, settings, sync=None, channels={}, checked=5).ok
    store.import_bars(
        market.bars.filter((pl.col("date") == last) & ~is_late), simulated=market.about
    )
    thin = daily(store, settings, sync=None, channels={}, checked=5)
    book = AlertBook(store.catalog)
    assert not thin.ok
    assert re.search(r"\d+ of \d+ seen: nobody is told", thin.scans[0].trouble)
    assert book.alerts() == []
    store.import_bars(market.bars.filter(is_late), simulated=market.about)
    whole = daily(store, settings, sync=None, channels={}, checked=5)
    assert whole.ok
    assert whole.scans[0].alerts


def test_a_night_that_was_missed_is_told_the_next(made, settings):
    """Who entered in the missed night and stayed is told: what counts is what was told last."""
    twin, source, store = made
    night(made, settings, 30)
    was = {row.symbol for row in scan(store, file=FILE).shown}
    at_evening(twin, 32)
    run_sync(store, twin, source)
    found = night(made, settings, 33)
    now = {row.symbol for row in scan(store, file=FILE).shown}
    told = found.scans[0].alerts
    assert {a.symbol for a in told if a.kind == "entered"} == now - was
    assert {a.symbol for a in told if a.kind == "left"} == was - now


def test_a_sync_that_fails_is_said_and_the_rest_goes_on(made, settings):
    def broken():
        raise OSError(28, "No space left on device")

    _, _, store = made
    found = daily(store, settings, sync=broken, channels={}, checked=3)
    assert not found.ok
    assert "No space left" in found.trouble["sync"]
    assert found.scans[0].report is not None
    assert any("No space left" in line for line in night_lines(found, "x"))


def test_a_broken_scan_file_is_named_and_the_others_run(made, settings):
    (settings.scans / "broken.toml").write_text("where = 'rsii(14) < 3'")
    _, _, store = made
    found = daily(store, settings, sync=None, channels={}, checked=3)
    troubles = {one.name: one.trouble for one in found.scans}
    assert "rsii" in troubles["broken"]
    assert troubles["up"] == ""
    assert not found.ok


def test_two_loops_at_once_are_refused(made, settings):
    _, _, store = made
    with alone(store.folder, "daily"), pytest.raises(StoreError, match="another daily"):
        daily(store, settings, sync=None, channels={})


def test_the_check_finds_values_that_are_off(made, settings, monkeypatch):
    from technic.operations import spot_check
    from technic.query.reference import Reference

    _, _, store = made
    assert check_accuracy(store, settings, 5).off == 0
    honest = Reference.last
    monkeypatch.setattr(
        spot_check.Reference, "last", lambda self, node, k: (honest(self, node, k) or 0.0) + 1e-6
    )
    assert check_accuracy(store, settings, 5).off > 30


def test_measures_outlast_a_process_and_old_ones_are_forgotten(made):
    twin, _, store = made
    now = twin.clock.now()
    save_metrics(store.catalog, {"x": 1.0}, now - timedelta(days=40))
    save_metrics(store.catalog, {"x": 2.0, "y": 5.0}, now)
    save_metrics(store.catalog, {"x": 3.0}, now)
    found = history(FileStore(store.folder).catalog, ("x", "y"), now - timedelta(days=60))
    assert [value for _, value in found["x"]] == [3.0]
    assert [value for _, value in found["y"]] == [5.0]
