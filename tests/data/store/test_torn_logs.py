"""What a power cut leaves behind the version that counts: cut entries, gaps, checkpoints. None of it
stands in the way of the next import.
"""

from __future__ import annotations

import shutil

import polars as pl
import pytest

from technic.data.ingest import FileStore
from technic.data.simulated import simulate
from technic.data.store.delta_log import entry_path
from technic.data.store.integrity import examine_files

MARKET = simulate(seed=2, size=5, sessions=30)
DAYS = MARKET.bars["date"].unique().sort()
OLD, NEW = pl.col("date") < DAYS[-3], pl.col("date") >= DAYS[-3]


def imported(folder, rows):
    store = FileStore(folder)
    store.import_bars(MARKET.bars.filter(rows), simulated=MARKET.about)
    return store


@pytest.fixture(scope="module")
def before(tmp_path_factory):
    return imported(tmp_path_factory.mktemp("torn") / "store", OLD).folder


@pytest.fixture(scope="module")
def after(before, tmp_path_factory):
    """What an undisturbed second import ends with; and the entry it wrote."""
    folder = shutil.copytree(before, tmp_path_factory.mktemp("torn") / "store")
    store = imported(folder, NEW)
    entry = entry_path(folder / "tables/bars", store.version().tables["bars"])
    return store.fresh_bars(store.version()), entry.read_bytes()


def cut(share):
    return lambda whole: whole[: int(len(whole) * share)]


LEFT = {
    "nothing": lambda whole: b"",
    "a byte": cut(0.001),
    "half": cut(0.5),
    "nearly all": cut(0.99),
    "zeros": lambda whole: bytes(len(whole)),
    "an array": lambda whole: b"[1]",
    "all of it": lambda whole: whole,
    "all of it, without the end of its line": lambda whole: whole.rstrip(),
}


@pytest.mark.parametrize("behind", [1, 2, 5])
@pytest.mark.parametrize("left", LEFT)
def test_the_next_import_ends_where_an_undisturbed_one_ends(before, after, tmp_path, left, behind):
    """`behind` 1 is the next entry; with more, those between were lost."""
    folder = shutil.copytree(before, tmp_path / "store")
    pinned = FileStore(folder).version().tables["bars"]
    entry_path(folder / "tables/bars", pinned + behind).write_bytes(LEFT[left](after[1]))
    judged(folder, after)


@pytest.mark.parametrize("mark", [b"", b'{"version":2,"size":3}', b'{"version":7,"size":3}'])
def test_a_checkpoint_that_was_cut_is_not_looked_at(before, after, tmp_path, mark):
    folder = shutil.copytree(before, tmp_path / "store")
    log = folder / "tables/bars/_delta_log"
    (log / f"{2:020}.checkpoint.parquet").write_bytes(b"PAR1 and no more")
    (log / "_last_checkpoint").write_bytes(mark)
    judged(folder, after)


@pytest.mark.parametrize("left", ["nothing", "half", "zeros"])
def test_the_first_import_of_all_may_have_been_cut(after, tmp_path, left):
    folder = tmp_path / "store"
    entry_path(folder / "tables/bars", 0).parent.mkdir(parents=True)
    entry_path(folder / "tables/bars", 0).write_bytes(LEFT[left](after[1]))
    imported(folder, OLD)
    judged(folder, after)


def judged(folder, after):
    """The second import works, as it does undisturbed; and nothing is damaged."""
    store = imported(folder, NEW)
    assert store.fresh_bars(store.version()).equals(after[0])
    assert not examine_files(store).damage
    again = FileStore(folder)
    assert again.table("bars").collect().height == MARKET.bars.height
