"""A backup: whole whatever befell the store, or refused with the file that is to blame."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime

import orjson
import pytest

import technic as tc
from technic.data.ingest import FileStore
from technic.data.simulated import simulate
from technic.data.store.backup import backup
from technic.data.store.restore import restore
from technic.errors import StoreError
from technic.runtime.settings import Settings


@pytest.fixture(scope="module")
def market():
    return simulate(seed=5, size=5, sessions=30)


@pytest.fixture
def store(market, tmp_path):
    made = FileStore(tmp_path / "store")
    made.import_bars(market.bars, simulated=market.about)
    made.catalog.watch("mine", ["AAA"], datetime.now(UTC))
    return made


def a_folder(path):
    path.unlink()
    path.mkdir()


NAMES = [
    b"",
    b"{",
    b"[]",
    b"\xff\xfe",
    b'{"identity": 3}',
    b'{"identity": "0123456789abcdef"}',
    None,
]


@pytest.mark.parametrize("content", NAMES, ids=range(len(NAMES)))
def test_a_store_whose_name_is_damaged_has_a_whole_backup(store, tmp_path, content):
    """The records hold it too, and are sealed."""
    identity, path = store.version().identity, store.folder / "store.json"
    a_folder(path) if content is None else path.write_bytes(content)
    backup(store, tmp_path / "copy")
    named = orjson.loads((tmp_path / "copy/store.json").read_bytes())["identity"]
    assert named == identity
    restore(tmp_path / "copy", tmp_path / "again", Settings.load({"TECHNIC_HOME": str(tmp_path)}))
    assert tc.open_store(tmp_path / "again").require().identity == identity


DAMAGE = {
    "a data file that is none": (a_folder, "tables/bars/**/*.parquet"),
    "a record that is none": (a_folder, "versions/00000001.json"),
    "a log that is not there": (shutil.rmtree, "tables/bars/_delta_log"),
    "a catalog that is none": (lambda path: path.write_bytes(b"x" * 9000), "catalog.sqlite"),
    "half of a catalog": (lambda path: path.write_bytes(path.read_bytes()[:5000]), "catalog.sqlite"),
}  # fmt: skip


@pytest.mark.parametrize("kind", DAMAGE)
def test_what_cannot_be_read_is_named_and_not_the_copy(store, tmp_path, kind):
    damage, pattern = DAMAGE[kind]
    path = min(store.folder.glob(pattern))
    store.catalog.close()
    for beside in store.folder.glob("catalog.sqlite-*"):
        beside.unlink()
    damage(path)
    with pytest.raises(StoreError) as told:
        backup(FileStore(store.folder), tmp_path / "copy")
    message = str(told.value)
    assert message.startswith(str(store.folder))
    assert "copy" not in message
    assert "\n" not in message
    assert sorted(p.name for p in tmp_path.iterdir()) == ["store"]


@pytest.mark.parametrize(
    "name", ["store/copy", "store/tables/copy", "store/../store/a/copy", "link/copy"]
)
def test_a_store_does_not_hold_its_own_backup(store, tmp_path, name):
    (tmp_path / "link").symlink_to(store.folder)
    before = sorted(store.folder.rglob("*"))
    with pytest.raises(StoreError, match="lies in the store itself"):
        backup(store, tmp_path / name)
    assert sorted(store.folder.rglob("*")) == before


def test_a_backup_does_not_hold_the_store_that_is_made_of_it(store, tmp_path):
    backup(store, tmp_path / "copy")
    before = sorted((tmp_path / "copy").rglob("*"))
    settings = Settings.load({"TECHNIC_HOME": str(tmp_path / "home")})
    with pytest.raises(StoreError, match="lies in the backup itself"):
        restore(tmp_path / "copy", tmp_path / "copy/new", settings)
    assert sorted((tmp_path / "copy").rglob("*")) == before


def test_a_copy_that_cannot_be_written_is_to_blame_itself(store, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match=r"file/copy: cannot be written .*; no backup was made"):
        backup(store, tmp_path / "file" / "copy")
