"""Stores that lie elsewhere, with a folder in the place of a bucket: what is read is what was put."""

from __future__ import annotations

import pytest

import technic as tc
from technic.data.simulated import simulate
from technic.data.store.object_storage import ObstoreBucket
from technic.data.store.remote import fetch, is_remote, mirror_folder
from technic.data.store.remote_backup import push
from technic.errors import StoreError
from technic.scanner.scan import scan


@pytest.fixture(scope="module")
def market():
    return simulate(seed=2, size=25, sessions=40)


@pytest.fixture
def store(tmp_path, market):
    made = tc.open_store(tmp_path / "store")
    made.import_bars(market.bars, simulated=market.about)
    return made


@pytest.fixture
def bucket(tmp_path):
    (tmp_path / "bucket").mkdir()
    return tmp_path / "bucket"


@pytest.fixture
def place(bucket):
    return f"file://{bucket}"


def files(folder):
    return {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()}


def test_a_store_that_was_pushed_and_fetched_answers_as_it_does_here(
    store, place, bucket, tmp_path, kernels
):
    sent = push(store, place)
    assert sent == len(files(bucket)) > 2
    folder = fetch(f"{place}/", tmp_path / "mirrors")
    assert folder == mirror_folder(place, tmp_path / "mirrors")
    here, there = (scan(s, rank="ret(5)") for s in (store, tc.open_store(folder)))
    assert here.manifest["seal"] == there.manifest["seal"]


def test_only_what_is_new_goes_and_comes(store, place, bucket, tmp_path, market):
    push(store, place)
    folder = fetch(place, tmp_path / "mirrors")
    assert push(store, place) == 0
    before = files(folder)
    stamps = {name: (folder / name).stat().st_ino for name in before if name[:2] in {"ta", "ve"}}
    store.import_listings(market.listings)
    assert 0 < push(store, place) < len(files(bucket))
    fetch(place, tmp_path / "mirrors")
    assert tc.open_store(folder).version().name == store.version().name
    assert files(folder) > before
    assert {name: (folder / name).stat().st_ino for name in stamps} == stamps


def test_a_place_without_a_store_says_how_to_put_one_there(place, tmp_path):
    with pytest.raises(StoreError, match=f"technic backup {place}"):
        fetch(place, tmp_path / "mirrors")


def test_another_store_is_not_written_over(store, place, tmp_path, market):
    push(store, place)
    other = tc.open_store(tmp_path / "other")
    other.import_bars(market.bars, simulated=market.about)
    with pytest.raises(StoreError, match="another store lies there"):
        push(other, place)


def test_a_file_that_is_not_the_one_that_was_named_is_refused(store, place, bucket, tmp_path):
    push(store, place)
    path = max((bucket / "tables").rglob("*.parquet"), key=lambda p: p.stat().st_size)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(StoreError, match="is not the file that the store's version names"):
        fetch(place, tmp_path / "mirrors")
    folder = mirror_folder(place, tmp_path / "mirrors")
    assert not list(folder.glob("versions/*.json")), "nothing of the version was taken over"


@pytest.mark.parametrize("content", [b"no json", b"[1, 2]", b'{"added": {"tables/x": [1]}}'])
def test_a_record_that_is_none_is_refused(store, place, bucket, tmp_path, content):
    push(store, place)
    record = next(iter(sorted((bucket / "versions").glob("*.json"))))
    record.write_bytes(content)
    with pytest.raises(StoreError, match="is no record of a version"):
        fetch(place, tmp_path / "mirrors")


@pytest.mark.parametrize("name", ["tables/a b.parquet", "tables/x;y", "tables/é"])
def test_a_name_that_no_store_has_is_refused(store, place, bucket, tmp_path, name):
    push(store, place)
    (bucket / name).write_bytes(b"x")
    with pytest.raises(StoreError, match="no file of a store is"):
        fetch(place, tmp_path / "mirrors")


def test_a_bucket_holds_names_and_bytes(place):
    bucket = ObstoreBucket(f"{place}/")
    assert bucket.url == place
    bucket.write("a/b", b"one")
    bucket.write("a/b", b"two!")
    bucket.write("c", b"")
    assert bucket.sizes() == {"a/b": 4, "c": 0}
    assert bucket.sizes("a") == {"a/b": 4}
    assert bucket.read("a/b") == b"two!"
    with pytest.raises(StoreError, match=r"nothing.* cannot be reached .*Nothing was changed"):
        bucket.read("nothing")


def test_what_is_no_address_is_said_to_be_none():
    with pytest.raises(StoreError, match="is no address of object storage"):
        ObstoreBucket("gopher://market")
    assert is_remote("s3://market")
    assert not is_remote("/stores/market")
