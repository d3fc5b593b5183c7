"""What the doctor says of a sound installation, and of one that was spoilt on purpose."""

from __future__ import annotations

import platform
import shutil
from dataclasses import replace
from datetime import UTC, datetime
from types import SimpleNamespace

import polars as pl
import pytest

import technic as tc
from technic.data.simulated.market import simulate
from technic.operations import doctor
from technic.runtime.settings import Setting, Settings


@pytest.fixture
def store(tmp_path):
    made = simulate(seed=2, size=20, sessions=15)
    store = tc.open_store(tmp_path / "store")
    store.import_bars(made.bars, simulated=made.about)
    return store


def said(store, settings=None, **how):
    rows = doctor.examine(store, settings or Settings.load().uncached(), **how)
    return {row["what"]: (row["ok"], row["detail"]) for row in rows}


def test_a_sound_installation_is_sound(store, kernels):
    found = said(store, deep=True)
    assert all(ok for ok, _ in found.values()), found
    assert found["technic"][1] == f"{tc.__version__}, Python {platform.python_version()}"
    assert found["compiled indicators"][1] == f"ready in {kernels}"
    version = store.version()
    n, bars = len(store.panel().panel), store.panel().panel.n_bars
    assert found["store"][1] == f"{version.first} to {version.last}, {n} symbols, {bars} bars"
    assert found["store writable"][1] == "yes"
    assert found["files"][1].endswith("each as it was written")


def test_kernels_that_are_not_there_are_no_fault(store, tmp_path):
    settings = Settings({"home": Setting("home", str(tmp_path / "new"), "test")}).uncached()
    ok, detail = said(store, settings)["compiled indicators"]
    assert ok
    assert detail.startswith("not yet")


def test_no_store_is_told_with_what_to_do(tmp_path):
    ok, detail = said(tc.open_store(tmp_path / "nothing" / "here"))["store"]
    assert not ok
    assert "technic" in detail, "names the command that makes one"
    assert "store writable" not in said(tc.open_store(tmp_path / "nothing"))


def test_a_spoilt_file_is_found_only_by_a_deep_look(store):
    victim = next((store.folder / "tables" / "bars").glob("**/*.parquet"))
    content = bytearray(victim.read_bytes())
    content[len(content) // 2] ^= 1
    victim.write_bytes(content)
    assert "file" not in said(store)
    found = said(store, deep=True)
    ok, detail = found["file"]
    assert not ok
    assert detail.startswith(str(victim.relative_to(store.folder)))
    assert "does not hold what was written" in detail
    assert "import it again" in found["cannot be fetched"][1], "it came from a file of the user's"


def test_little_room_is_a_fault(store, monkeypatch):
    for free, fine in ((1 << 30, False), ((1 << 30) + 1, True)):
        monkeypatch.setattr(
            shutil, "disk_usage", lambda _folder, free=free: SimpleNamespace(free=free)
        )
        assert said(store)["disk"] == (fine, f"1.0 GiB free at {store.folder}")


def test_a_cache_server_that_does_not_answer_is_told(store, monkeypatch):
    monkeypatch.setenv("TECHNIC_CACHE_SECRET", "the same everywhere")
    settings = Settings.load()
    away = Setting("cache", "memory,redis://127.0.0.1:9/0", "test")
    settings = replace(settings, given={**settings.given, "cache": away})
    found = {what: told for what, told in said(store, settings).items() if "redis" in what}
    (told,) = found.values()
    assert told[0] is False


def test_a_quick_look_finds_panels_sizes_and_records(store):
    folder = store.folder
    data = next((folder / "panels").glob("*.f64"))
    content = bytearray(data.read_bytes())
    content[64] ^= 4
    data.write_bytes(content)
    ok, detail = said(store)["file"]
    assert not ok
    assert detail.startswith(f"panels/{data.name}: does not hold what was written")
    found = said(store)  # opening the store has mended it
    assert found["files"][0]
    victim = next((folder / "tables" / "bars").glob("**/*.parquet"))
    whole = victim.read_bytes()
    victim.write_bytes(whole[:-1])
    assert "was written with" in said(store)["file"][1]
    victim.write_bytes(whole)
    record = folder / "versions/00000001.json"
    record.write_bytes(
        record.read_bytes().replace(b'"adjustment": "none"', b'"adjustment": "nine"')
    )
    assert "is damaged" in said(store)["file"][1]


def test_rows_from_the_future_are_named(tmp_path):
    store = tc.open_store(tmp_path / "real")
    table = simulate(seed=2, size=20, sessions=15).bars
    store.import_bars(table)
    assert not [what for what in said(store) if what.startswith("clock")]
    first = table.head(1).with_columns(volume=pl.lit(1.0))
    store.import_bars(first, seen_at=datetime(2199, 5, 1, tzinfo=UTC))
    ok, detail = said(store)["clock, bars"]
    assert not ok
    assert detail.startswith("1 row known only from 2199-05-01")
    assert str(first["date"][0]) in detail


def test_nights_that_look_like_a_split_nobody_told_are_named_and_are_no_fault(tmp_path):
    made = simulate(seed=2, size=20, sessions=15).bars
    symbol, day = made["symbol"][0], sorted(made["date"].unique())[9]
    late = (pl.col("symbol") == symbol) & (pl.col("date") >= day)
    prices = ["open", "high", "low", "close"]
    shares = [pl.when(late).then(pl.col(n) / 4.0).otherwise(n).alias(n) for n in prices]
    more = pl.when(late).then(pl.col("volume") * 4.0).otherwise("volume").alias("volume")
    store = tc.open_store(tmp_path / "store")
    store.import_bars(made.filter(pl.col("symbol") == symbol).with_columns(*shares, more))
    ok, detail = said(store, deep=True)["split?"]
    assert ok
    assert detail.startswith(f"{symbol}: ")
    assert detail.endswith(f" on {day} with no split told; about 4:1?")
    assert "split?" not in said(store)
