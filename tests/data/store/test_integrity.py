"""Every flipped bit is found; copies are whole or told apart; old stores open."""

from __future__ import annotations

import os
import shutil
import threading
import time
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

import technic as tc
from support.vendors import at_evening, run_sync, vendor
from technic.data.ingest.repair import set_aside_damage
from technic.data.store.backup import backup
from technic.data.store.integrity import examine_files
from technic.errors import StoreError
from technic.market.sessions import nyse
from technic.scanner.scan import rerun
from technic.scanner.verify import compare

GOLDEN = Path(__file__).parent / "golden"


def bars(day=date(2024, 3, 7), symbols=("A", "B"), close=10.0):
    return pl.DataFrame(
        [
            {
                "symbol": s,
                "date": day,
                "open": close,
                "high": close + 1,
                "low": close - 1,
                "close": close,
                "volume": 100.0,
            }
            for s in symbols
        ]
    )


@pytest.fixture
def store(tmp_path):
    made = tc.open_store(tmp_path / "store")
    for k in range(3):
        made.import_bars(bars(nyse().day(nyse().ordinal(date(2024, 3, 4)) + k)))
    return made


def kept_files(store):
    """Everything that is not a cache, a lock, or SQLite's own."""
    return [
        p for p in store.folder.rglob("*")
        if p.is_file() and p.parts[len(store.folder.parts)] in {"tables", "versions", "store.json"}
    ]  # fmt: skip


def test_a_whole_store_is_found_whole(store):
    found = examine_files(store)
    assert found.damage == ()
    assert found.files >= 9


def test_every_flipped_bit_is_found(store):
    missed = []
    for path in kept_files(store):
        content = path.read_bytes()
        for at in {0, len(content) // 3, len(content) // 2, len(content) - 1}:
            for bit in (0, 5):
                bad = bytearray(content)
                bad[at] ^= 1 << bit
                path.write_bytes(bad)
                try:
                    if not examine_files(store).damage:
                        missed.append((path.name, at, bit))
                except StoreError:
                    pass  # said so at once
        path.write_bytes(content)
    assert not missed
    assert not examine_files(store).damage


@pytest.mark.parametrize("change", ["truncate", "extend", "remove", "swap"])
def test_files_that_were_exchanged_are_found(store, change):
    files = [p for p in kept_files(store) if p.suffix == ".parquet" and "bars" in str(p)]
    path = files[-1]
    if change == "truncate":
        path.write_bytes(path.read_bytes()[:-7])
    elif change == "extend":
        path.write_bytes(path.read_bytes() + b"0")
    elif change == "remove":
        path.unlink()
    else:
        shutil.copy(files[0], path)
    assert [str(d.path) for d in examine_files(store).damage] == [
        str(path.relative_to(store.folder))
    ]


def test_a_damaged_panel_is_found_and_made_again(store):
    data = next((store.folder / "panels").glob("*.f64"))
    content = bytearray(data.read_bytes())
    content[8] ^= 1
    data.write_bytes(content)
    assert "panel" in str(examine_files(store).damage[0])
    set_aside_damage(store)
    assert not examine_files(store).damage


def test_repair_fetches_just_what_was_lost(tmp_path):
    store = tc.open_store(tmp_path / "store")
    with vendor() as (twin, source, calls):
        at_evening(twin, 28)
        run_sync(store, twin, source, first=22)
        for night in (29, 30):
            at_evening(twin, night)
            run_sync(store, twin, source, first=22)
        before = store.table("bars").collect().select("security_id", "session", "close", "volume")
        newest = max(
            (store.folder / "tables/bars").rglob("*.parquet"), key=lambda p: p.stat().st_mtime
        )
        newest.write_bytes(newest.read_bytes()[:100])
        assert len(examine_files(store).damage) == 1
        said = set_aside_damage(store)
        assert any("repeated" in line for line in said)
        calls.clear()
        done = run_sync(store, twin, source, first=22)
        assert not done.failed
        days = [c for c in calls if "grouped" in c.endpoint]
        assert 1 <= len(days) <= 3
    newest = ["security_id", "session"]
    after = store.table("bars").collect().select("security_id", "session", "close", "volume")
    assert after.unique(newest, keep="last").height == before.unique(newest).height
    assert store.panel().panel.n_bars == before.unique(newest).height


def test_a_backup_is_whole_and_restores(store, tmp_path):
    report = tc.scan(store)
    version = store.version()
    assert backup(store, tmp_path / "copy").version == version.number
    copy = tc.open_store(tmp_path / "copy")
    assert not examine_files(copy).damage
    assert copy.version() == version
    assert tc.scan(copy).manifest == report.manifest
    assert not compare(report.manifest, rerun(copy, report.manifest).manifest)
    with pytest.raises(StoreError, match="is there already"):
        backup(store, tmp_path / "copy")
    with pytest.raises(StoreError, match="nothing to back up"):
        backup(tc.open_store(tmp_path / "none"), tmp_path / "x")
    copy.import_bars(bars(date(2024, 3, 8)))
    assert copy.version().number == version.number + 1


def test_backups_beside_a_writer_are_always_whole(store, tmp_path):
    stop = threading.Event()

    def write():
        k = 0
        while not stop.is_set():
            store.import_bars(
                bars(date(2024, 3, 7), close=20.0 + (k := k + 1)), seen_at=datetime.now(UTC)
            )

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for k in range(6):
            time.sleep(0.05)
            backup(tc.open_store(store.folder), tmp_path / f"copy{k}")
    finally:
        stop.set()
        writer.join()
    for k in range(6):
        copy = tc.open_store(tmp_path / f"copy{k}")
        assert not examine_files(copy).damage
        assert copy.panel().panel.n_bars > 0


def test_a_copy_that_lacks_files_is_told(store, tmp_path):
    shutil.copytree(store.folder, tmp_path / "copy")
    log = max((tmp_path / "copy/tables/bars/_delta_log").glob("*.json"))
    log.unlink()
    shutil.rmtree(tmp_path / "copy/panels")
    copy = tc.open_store(tmp_path / "copy")
    with pytest.raises(StoreError, match="incomplete"):
        copy.panel()
    assert examine_files(copy).damage


@pytest.mark.parametrize(
    "name", sorted(p.name for p in GOLDEN.iterdir()) if GOLDEN.exists() else []
)
def test_stores_of_every_past_format_open_and_grow(name, tmp_path, kernels):
    shutil.copytree(GOLDEN / name, tmp_path / "store")
    store = tc.open_store(tmp_path / "store")
    assert store.panel().panel.n_bars == 6
    assert not examine_files(store).damage
    assert tc.scan(store, rank="close").n_ranked == 3
    store.import_bars(bars(date(2024, 3, 8), ("AAA", "NEW")))
    assert store.panel().panel.n_bars == 8
    assert store.table("tickers").collect()["known_at"].null_count() == (
        3 if name == "format-1" else 0
    )
    assert not examine_files(store).damage


@pytest.mark.slow
def test_five_hundred_nights_and_a_log_of_sixty_days_ago_still_verify(tmp_path, kernels):
    store = tc.open_store(tmp_path / "store")
    last = nyse().ordinal(date(2024, 3, 8))
    days = [nyse().day(k) for k in range(last - 504, last + 1)]
    old = None
    for k, day in enumerate(days):
        rows = bars(day, ("A", "B", "C"), 10.0 + k % 7)
        store.commit(_tables(store, rows, k), adjustment="none")
        if k == 40:
            old = tc.scan(store, rank="close").manifest
    ago = time.time() - 60 * 86_400
    for path in store.folder.rglob("*"):
        os.utime(path, (ago, ago))
    store.import_bars(bars(date(2024, 3, 11), ("A", "B", "C")))
    assert not compare(old, rerun(store, old).manifest)
    assert not examine_files(store).damage
    assert store.version(1).number == 1
    assert store.table("bars", store.version(7)).collect().height == 21


def _tables(store, rows, k):
    """One night's commit, without the checks of an import."""
    from technic.data.ingest.merge import as_bars
    from technic.market.schema import TICKERS

    at = nyse().closes(nyse().ordinal(rows["date"][0])) + timedelta(hours=3)
    good = rows.with_columns(
        security_id=pl.int_range(1, 4), known_at=pl.lit(at), assumed=pl.lit(value=False)
    )
    made = {"bars": as_bars(good)}
    if k == 0:
        names = [(i, s, rows["date"][0], None, 0, at, "test") for i, s in enumerate("ABC", 1)]
        made["tickers"] = pl.DataFrame(names, schema=TICKERS, orient="row")
    return made
