"""Stores in object storage: a real S3 server on loopback, read through a verified copy."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

import technic as tc
from technic.data.simulated import simulate
from technic.data.store import merged_files
from technic.data.store.backup import backup
from technic.data.store.object_storage import ObstoreBucket
from technic.data.store.remote import fetch, mirror_folder
from technic.data.store.remote_backup import push, restore_from
from technic.data.store.tables import data_files
from technic.data.store.vacuum import tidy, vacuum
from technic.errors import StoreError
from technic.market.sessions import nyse
from technic.runtime.executors import open_executor
from technic.runtime.settings import Settings
from technic.scanner.scan_sessions import scan_sessions

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


@contextmanager
def s3():
    """An S3 server with one bucket; yields its address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    running = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for _ in range(600):
            try:
                socket.create_connection(("127.0.0.1", port), 0.1).close()
                break
            except OSError:
                time.sleep(0.05)
        yield f"http://127.0.0.1:{port}"
    finally:
        running.kill()
        running.wait()


@pytest.fixture(scope="module")
def bucket():
    with s3() as address:
        patch = pytest.MonkeyPatch()
        for name, value in {
            "AWS_ENDPOINT": address, "AWS_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
        }.items():  # fmt: skip
            patch.setenv(name, value)
        import httpx2

        httpx2.put(f"{address}/market").raise_for_status()
        yield "s3://market"
        patch.undo()


@pytest.fixture(scope="module")
def market():
    return simulate(seed=6, size=60, sessions=60)


@pytest.fixture
def store(market, tmp_path):
    made = tc.open_store(tmp_path / "store")
    days = market.bars["date"].unique().sort()
    made.import_bars(market.bars.filter(market.bars["date"] < days[-3]), simulated=market.about)
    made.import_listings(market.listings)
    return made


@pytest.fixture
def place(bucket, request):
    return f"{bucket}/{request.node.originalname}{id(request.node)}"


@pytest.fixture
def mirrors(tmp_path, monkeypatch, kernels):
    home = tmp_path / "home"
    (home / "cache").mkdir(parents=True)
    (home / "cache" / "kernels").symlink_to(kernels)
    monkeypatch.setenv("TECHNIC_HOME", str(home))
    return Settings.load().mirrors


def test_a_store_in_a_bucket_answers_as_it_does_here(store, place, mirrors):
    push(store, place)
    there = tc.open_store(place)
    bare = Settings.load().uncached()
    assert tc.scan(there, settings=bare).manifest["seal"] == tc.scan(store, settings=bare).manifest["seal"]  # fmt: skip


def test_only_what_is_new_goes_and_comes(store, place, mirrors, market):
    first = push(store, place)
    fetch(place, mirrors)
    assert push(store, place) == 0
    store.import_bars(market.bars, simulated=market.about)
    assert 0 < push(store, place) < first
    there = tc.open_store(place)
    assert there.version().name == store.version().name
    assert there.version(1).name == store.version(1).name


def test_it_is_read_and_not_written(store, place, mirrors, market):
    push(store, place)
    with pytest.raises(StoreError, match="is read here, not written"):
        tc.open_store(place).import_bars(market.bars, simulated=market.about)


def test_its_tables_are_delta_tables_for_any_reader(store, place, mirrors, bucket):
    from deltalake import DeltaTable

    push(store, place)
    options = {"AWS_ENDPOINT_URL": os.environ["AWS_ENDPOINT"], "AWS_ALLOW_HTTP": "true",
               "AWS_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": "test",
               "AWS_SECRET_ACCESS_KEY": "test"}  # fmt: skip
    table = DeltaTable(f"{place}/tables/bars", storage_options=options)
    rows = table.to_pyarrow_table().num_rows
    assert rows == store.table("bars").collect().height


def test_a_file_that_is_not_what_was_named_is_refused_and_nothing_taken_over(
    store, place, mirrors, market
):
    push(store, place)
    fetch(place, mirrors)
    store.import_bars(market.bars, simulated=market.about)
    push(store, place)
    remote = ObstoreBucket(place)
    copy = mirror_folder(place, mirrors)
    name = next(
        n for n in remote.sizes("tables/bars") if n.endswith(".parquet") and not (copy / n).exists()
    )
    content = bytearray(remote.read(name))
    content[len(content) // 2] ^= 1
    remote.write(name, bytes(content))
    with pytest.raises(StoreError, match="is not the file that the store's version names"):
        fetch(place, mirrors)
    assert not (copy / "versions" / "00000003.json").exists()


@pytest.mark.parametrize("name", ["tables/bars/a b", "versions/é.json", "tables/<x>"])
def test_names_that_no_store_has_are_refused(store, place, mirrors, name):
    push(store, place)
    ObstoreBucket(place).write(name, b"{}")
    with pytest.raises(StoreError):
        fetch(place, mirrors)


def test_another_store_is_not_written_over(store, place, mirrors, tmp_path, market):
    push(store, place)
    other = tc.open_store(tmp_path / "other")
    other.import_bars(market.bars, simulated=market.about)
    with pytest.raises(StoreError, match="another store lies there"):
        push(other, place)


def test_a_store_comes_back_from_a_bucket_as_it_was(store, place, mirrors, tmp_path):
    store.catalog.watch("mine", ["AAA"], datetime(2026, 1, 1, tzinfo=UTC))
    (store.folder / "evidence.json").write_text('{"as_of": "2026-01-02"}')
    push(store, place)
    restored = restore_from(place, tmp_path / "back/again", Settings.load())
    back = tc.open_store(tmp_path / "back/again")
    assert restored.manifest.version == store.version().number
    assert back.catalog.kept_digest() == store.catalog.kept_digest()
    assert (back.folder / "evidence.json").read_bytes() == b'{"as_of": "2026-01-02"}'
    assert tc.scan(back).manifest["seal"] == tc.scan(store).manifest["seal"]
    assert [path.name for path in (tmp_path / "back").iterdir()] == ["again"]


def test_what_has_another_content_is_sent_again_though_its_size_is_the_same(store, place, mirrors):
    push(store, place)
    bucket = ObstoreBucket(place)
    for name in bucket.sizes():
        if name not in bucket.sizes():  # a catalog whose table of contents was made anew
            continue
        content = bytearray(bucket.read(name))
        content[len(content) // 2] ^= 1
        bucket.write(name, bytes(content))
        assert push(store, place) >= 1, name
        assert push(store, place) == 0, name
    restore_from(place, mirrors.parent / "back", Settings.load())


def test_a_push_that_fails_leaves_the_backup_before_it_and_nothing_else(
    store, place, mirrors, market, tmp_path, monkeypatch
):
    push(store, place)
    bucket, write = ObstoreBucket(place), ObstoreBucket.write
    before = {name: bucket.read(name) for name in bucket.sizes()}
    store.import_bars(market.bars, simulated=market.about)
    store.catalog.watch("mine", ["AAA"], datetime(2026, 1, 1, tzinfo=UTC))
    count = 0

    def failing(self, name, content):
        nonlocal count
        count += 1
        if count == fails_at:
            raise StoreError(f"{name}: cannot be reached")
        return write(self, name, content)

    monkeypatch.setattr(ObstoreBucket, "write", failing)
    for fails_at in range(1, 100):
        count = 0
        try:
            push(store, place)
        except StoreError:
            now = {name: bucket.read(name) for name in bucket.sizes()}
            hints = {name for name in now if name.endswith("_last_checkpoint")}
            assert {k: v for k, v in now.items() if k not in hints} == before, fails_at
        else:
            break
    assert fails_at > 5
    restore_from(place, tmp_path / "back", Settings.load())
    assert tc.open_store(tmp_path / "back").version().name == store.version().name


def test_an_object_that_is_not_what_was_put_there_is_not_restored(store, place, mirrors, tmp_path):
    push(store, place)
    bucket = ObstoreBucket(place)
    for name in bucket.sizes():
        content = bucket.read(name)
        broken = bytearray(content)
        broken[len(content) // 2] ^= 1
        bucket.write(name, bytes(broken))
        with pytest.raises(StoreError, match=r"nothing was restored|is damaged"):
            restore_from(place, tmp_path / "back", Settings.load())
        assert not (tmp_path / "back").exists()
        bucket.write(name, content)
    assert restore_from(place, tmp_path / "back", Settings.load()).manifest.version == 2


def test_an_older_state_does_not_take_the_place_of_a_newer_one(store, place, mirrors, tmp_path, market):  # fmt: skip
    backup(store, tmp_path / "old")
    store.import_bars(market.bars, simulated=market.about)
    push(store, place)
    with pytest.raises(StoreError, match="holds a newer version"):
        push(tc.open_store(tmp_path / "old"), place)


def nightly(market, folder):
    """A store of many small imports, the files of whose first versions were merged."""
    made = tc.open_store(folder)
    days = market.bars["date"].unique().sort()
    for low in range(0, 60, 3):
        some = market.bars.filter(market.bars["date"].is_in(days[low : low + 3].implode()))
        made.import_bars(some, simulated=market.about)
    tidy(made)
    return made


def data_files_there(place):
    names = ObstoreBucket(place).sizes("tables")
    return {n for n in names if n.endswith(".parquet") and "_delta_log" not in n}


def data_files_here(store):
    paths = (store.folder / "tables").rglob("*.parquet")
    inside = (p.relative_to(store.folder).as_posix() for p in paths)
    return {name for name in inside if "_delta_log" not in name}


def test_what_a_vacuum_takes_here_goes_there_too(place, mirrors, market, tmp_path, monkeypatch):
    monkeypatch.setattr(merged_files, "MANY_FILES", 8)
    store, settings, now = nightly(market, tmp_path / "store"), Settings.load(), datetime.now(UTC)
    push(store, place)
    behind = fetch(place, mirrors)
    all_of_it = data_files_there(place)
    assert all_of_it == data_files_here(store)
    records = {n for n in ObstoreBucket(place).sizes() if n.startswith("versions/")}
    later = now + timedelta(days=500)
    assert vacuum(store, settings, now=later).versions
    push(store, place, now=later)
    assert data_files_there(place) == all_of_it, "they go a day later, here and there"
    assert vacuum(store, settings, now=later + timedelta(days=2)).files
    push(store, place, now=later + timedelta(days=2))
    assert data_files_there(place) == data_files_here(store) < all_of_it
    kept = {n for n in ObstoreBucket(place).sizes() if n.startswith("versions/")}
    assert kept >= records, "records stay: they form the chain"
    bare = Settings.load().uncached()
    want = tc.scan(store, settings=bare).manifest["seal"]
    assert tc.scan(tc.open_store(place), settings=bare).manifest["seal"] == want
    assert fetch(place, mirrors) == behind
    restore_from(place, tmp_path / "again", settings)
    assert tc.scan(tc.open_store(tmp_path / "again"), settings=bare).manifest["seal"] == want


def test_what_only_this_store_has_lost_stays_there(place, mirrors, market, tmp_path, monkeypatch):
    """And what is young: it may belong to a newer version that is on its way there."""
    monkeypatch.setattr(merged_files, "MANY_FILES", 8)
    store, now = nightly(market, tmp_path / "store"), datetime.now(UTC)
    push(store, place)
    all_of_it = data_files_there(place)
    version = store.version()
    paths = [p for table in version.tables for p in data_files(store.folder, table, version)]
    newest = {Path(p).relative_to(store.folder).as_posix() for p in paths}
    older = sorted(data_files_here(store) - newest)
    (store.folder / older[0]).unlink()
    ObstoreBucket(place).write("tables/bars/of-another-push.parquet", b"x")
    ObstoreBucket(place).write("tables/bars/mine.txt", b"x")
    push(store, place)
    assert data_files_there(place) == all_of_it | {"tables/bars/of-another-push.parquet"}
    push(store, place, now=now + timedelta(days=2))
    assert data_files_there(place) == all_of_it, "what a killed push has left goes"
    assert "tables/bars/mine.txt" in ObstoreBucket(place).sizes()


def test_an_empty_place_and_a_dead_server_are_said_to_be_so(mirrors, bucket, monkeypatch):
    with pytest.raises(StoreError, match="there is no store"):
        tc.open_store(f"{bucket}/nothing")
    monkeypatch.setenv("AWS_ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(StoreError, match="cannot be reached"):
        tc.open_store(f"{bucket}/nothing")


def test_workers_elsewhere_fetch_the_store_by_its_address(store, place, mirrors):
    push(store, place)
    there = tc.open_store(place)
    first = nyse().day(nyse().ordinal(there.version().last) - 5)
    with closing(open_executor("processes:2")) as runner:
        remote = scan_sessions(there, first, executor=runner)
    assert remote.seal == scan_sessions(store, first).seal
