"""A store that does not grow without bound, and whose every version reads as it did."""

from __future__ import annotations

import json
import os
import shutil
import threading
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import numpy as np
import polars as pl
import pytest

import technic as tc
from technic.data.simulated import simulate
from technic.data.store import merged_files, table_writer, tables
from technic.data.store.backup import backup
from technic.data.store.integrity import examine_files
from technic.data.store.restore import restore
from technic.data.store.vacuum import vacuum
from technic.errors import StoreError
from technic.runtime.settings import Setting, Settings
from technic.scanner.scan import rerun
from technic.scanner.verify import compare

NIGHTS = 30
NOW = datetime.now(UTC)


@pytest.fixture
def settings(tmp_path, kernels):
    home = tmp_path / "home"
    (home / "cache").mkdir(parents=True)
    (home / "cache/kernels").symlink_to(kernels)
    return Settings({"home": Setting("home", str(home), "test")}).uncached()


@pytest.fixture(scope="module")
def filled(tmp_path_factory):
    """A store that was filled night after night, with a correction each night."""
    folder = tmp_path_factory.mktemp("filled") / "store"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(merged_files, "MANY_FILES", 8)
        fill(folder)
    return folder


@pytest.fixture
def store(filled, tmp_path, monkeypatch):
    """A copy of it, to be changed."""
    monkeypatch.setattr(merged_files, "MANY_FILES", 8)
    shutil.copytree(filled, tmp_path / "store")
    return tc.open_store(tmp_path / "store")


def fill(folder):
    market = simulate(seed=5, size=20, sessions=NIGHTS + 20)
    days = market.bars["date"].unique().sort()
    made = tc.open_store(folder)
    for k in range(NIGHTS):
        bars = market.bars.filter(pl.col("date") <= days[20 + k])
        if k:
            bars = bars.filter(pl.col("date") >= days[19 + k])
            wrong = pl.col("date") == days[19 + k]
            bars = bars.with_columns(
                volume=pl.col("volume") + pl.when(wrong).then(1.0).otherwise(0)
            )
        made.import_bars(bars, simulated=market.about)
        if k == 10:
            made.import_listings(market.listings)


def shown(store, number):
    """All that a version says: its rows, and the panel's bars, as bytes."""
    version = store.version(number)
    rows = {
        name: store.table(name, version).collect().sort(pl.all(), nulls_last=True)
        for name in version.tables
    }
    view = store.panel(version=version)
    runs = [view.panel.run(i, "volume").tobytes() for i in range(len(view.panel))]
    return rows, runs


def same(a, b):
    return (
        a[1] == b[1] and a[0].keys() == b[0].keys() and all(a[0][k].equals(b[0][k]) for k in a[0])
    )


def test_small_files_are_merged_and_every_version_says_what_it_said(store, tmp_path):
    versions = [store.version(n) for n in range(1, store.version().number + 1)]
    merges = [version for version in versions if version.merged]
    assert len(merges) >= 3
    files = tables.data_files(store.folder, "bars", store.version())
    assert len(files) < 16
    from deltalake import DeltaTable  # another reader of Delta sees the same rows

    for merge in merges[-1], versions[-1]:
        read = DeltaTable(str(store.folder / "tables/bars"), version=merge.tables["bars"])
        rows = pl.DataFrame(pl.from_arrow(read.to_pyarrow_table()))
        own = store.table("bars", merge).collect()
        assert rows.select(own.columns).sort(pl.all()).equals(own.sort(pl.all()))
    for merge in merges:
        assert same(shown(store, merge.number), shown(store, merge.number - 1))
    fresh = tc.open_store(tmp_path / "fresh")  # the same rows, never merged
    for older, newer in pairwise(versions):
        rows = {name: store.rows_added(name, older, newer).collect() for name in newer.tables}
        if newer.merged:
            assert all(table.is_empty() for table in rows.values())
            continue
        fresh.commit(
            {n: t.with_columns(year=pl.col("session").dt.year()) if n == "bars" else t for n, t in rows.items()},
            simulated=newer.simulated, adjustment=newer.adjustment, settled=newer.settled,
        )  # fmt: skip
    last = fresh.version().tables
    whole = {n: fresh.table(n).collect().sort(pl.all(), nulls_last=True) for n in last}
    first = {
        n: store.table(n, versions[0]).collect().sort(pl.all(), nulls_last=True)
        for n in versions[0].tables
    }
    for name, rows in shown(store, None)[0].items():
        parts = [t[name] for t in (first, whole) if name in t]
        assert pl.concat(parts).sort(pl.all(), nulls_last=True).equals(rows), name
    assert not examine_files(store).damage


def test_rows_added_across_merges_are_the_rows_that_came(store):
    versions = [store.version(n) for n in range(1, store.version().number + 1)]
    for k in range(0, len(versions) - 1, 5):
        older, newer = versions[k], versions[-1]
        for name in newer.tables:
            came = store.rows_added(name, older, newer).collect()
            before, after = store.table(name, older).collect(), store.table(name, newer).collect()
            assert came.height == after.height - before.height, (name, k)
            both = pl.concat([before, came]).sort(pl.all(), nulls_last=True)
            assert both.equals(after.sort(pl.all(), nulls_last=True)), (name, k)


def test_old_panels_go_and_one_that_is_mapped_goes_on_answering(store):
    folder = store.folder / "panels"
    assert len(list(folder.glob("*.arrow"))) <= 2
    view = store.panel()
    before = view.panel.run(3, "close").tobytes()
    for k in range(3):
        day = view.as_of
        table = pl.DataFrame({"symbol": [f"NEW{k}"], "date": [day], "open": 1.0, "high": 1.0,
                              "low": 1.0, "close": 1.0, "volume": 1.0})  # fmt: skip
        store.import_bars(table, simulated=store.version().simulated)
    assert len(list(folder.glob("*.arrow"))) <= 2
    assert view.panel.run(3, "close").tobytes() == before
    assert shown(store, view.version.number)[1]  # and an old version is mapped anew


def age(store, numbers, days):
    at = (NOW - timedelta(days=days)).timestamp()
    for number in numbers:
        os.utime(store.folder / f"versions/{number:08d}.json", (at, at))


def test_versions_that_nothing_names_are_dropped_and_refused_with_the_reason(
    store, settings, tmp_path
):
    number = store.version().number
    report = tc.scan(store, settings=settings)
    store.catalog.record_run("scan", "kept", report.as_of, report.manifest, NOW)
    day = settings.reports / "2026-01-02"
    day.mkdir(parents=True)
    named = {3: "a run", 9: "a report", 15: "a model"}
    names = {n: store.version(n).name for n in named}
    run = {"store_version": names[3], "seal": "x"}
    store.catalog.record_run("daily", "mine", None, run, NOW)
    (day / "mine.json").write_text(json.dumps({"manifest": {"store_version": names[9]}}))
    (store.folder / "models").mkdir()
    (store.folder / "models/x.card.json").write_text(
        json.dumps({"store_version": names[15]}, indent=2)
    )
    want = {n: shown(store, n) for n in (*named, number)}
    age(store, range(1, number + 1), 401)
    age(store, [20], 399)
    before = {p for p in store.folder.rglob("*") if p.is_file()}
    told = vacuum(store, settings, now=NOW, dry_run=True)
    assert {p for p in store.folder.rglob("*") if p.is_file()} == before
    found = vacuum(store, settings, now=NOW)
    assert (found.versions, found.files) == (told.versions, ()), "their files go a day later"
    assert set(found.versions) == set(range(1, number)) - set(named) - {20}
    later = NOW + timedelta(days=1, minutes=1)
    assert vacuum(store, settings, now=later).files
    assert vacuum(store, settings, now=later).bytes == 0
    for n in (*named, number):
        assert same(shown(store, n), want[n]), n
    with pytest.raises(StoreError, match=r"version 4 was dropped on .* no kept report, run, model"):
        store.version(4)
    assert not examine_files(store).damage
    again = store.rows_added("bars", store.version(3), store.version(9)).collect()
    assert again.height == want[9][0]["bars"].height - want[3][0]["bars"].height
    backup(store, tmp_path / "copy", settings)
    restore(tmp_path / "copy", tmp_path / "back", settings)
    back = tc.open_store(tmp_path / "back")
    assert same(shown(back, 9), want[9])
    assert not examine_files(back).damage
    with pytest.raises(StoreError, match="was dropped"):
        back.version(4)


def test_the_manifest_of_a_dropped_version_is_refused_with_the_reason(store, settings):
    report = tc.scan(store, settings=settings)
    number = store.version().number
    day = store.version().last
    table = pl.DataFrame({"symbol": ["NEW"], "date": [day], "open": 1.0, "high": 1.0, "low": 1.0,
                          "close": 1.0, "volume": 1.0})  # fmt: skip
    store.import_bars(table, simulated=store.version().simulated)
    assert not compare(report.manifest, rerun(store, report.manifest, settings).manifest)
    age(store, [number], 500)
    vacuum(store, settings, now=NOW)
    with pytest.raises(StoreError, match="was dropped on"):
        rerun(store, report.manifest, settings)


def test_what_an_interrupted_commit_left_behind_goes(store, settings):
    table_writer.append(store.folder, "bars", store.table("bars").head(3).collect().with_columns(
        year=pl.lit(2026, dtype=pl.Int32)), store.version().tables["bars"])  # fmt: skip
    want = shown(store, None)
    found = vacuum(store, settings)
    assert len(found.files) == 1
    assert same(shown(store, None), want)
    day = store.version().last
    table = pl.DataFrame({"symbol": ["NEW"], "date": [day], "open": 1.0, "high": 1.0, "low": 1.0,
                          "close": 1.0, "volume": 1.0})  # fmt: skip
    assert store.import_bars(table, simulated=store.version().simulated).added == 1
    assert not examine_files(store).damage


def test_scans_beside_a_vacuum_give_one_answer(store, settings):
    want, number = shown(store, None)[1], store.version().number
    stop, wrong = threading.Event(), []

    def read():
        while not stop.is_set():
            got = shown(tc.open_store(store.folder), number)[1]
            if got != want:
                wrong.append(got)

    readers = [threading.Thread(target=read) for _ in range(2)]
    for reader in readers:
        reader.start()
    for _ in range(20):
        shutil.copyfile(next((store.folder / "panels").glob("*.json")),
                        store.folder / "panels/00000001-aaaaaaaaaaaaaaaa.json")  # fmt: skip
        vacuum(store, settings)
    stop.set()
    for reader in readers:
        reader.join()
    assert wrong == []


def test_doctor_says_how_much_would_be_freed(store, settings):
    from technic.operations.doctor import examine

    spare = store.folder / "panels/00000001-20200101000000000000.f64"
    np.zeros(200_000).tofile(spare)
    rows = {row["what"]: row["detail"] for row in examine(store, settings)}
    assert rows["to be freed"].startswith("1.6 MB: 1 files of old panels")
    vacuum(store, settings)
    assert not spare.exists()
