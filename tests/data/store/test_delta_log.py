"""Our replay of a table's log, against that of `deltalake`, at every version."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest
from deltalake import DeltaTable

from technic.data.ingest import FileStore
from technic.data.simulated import simulate
from technic.data.store import merged_files
from technic.data.store.dating import date_rows
from technic.data.store.delta_log import entry_path, live_files, replay
from technic.errors import StoreError


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    """A table with appends in two years, an undone commit, merged files and rows dated anew."""
    store = FileStore(tmp_path_factory.mktemp("log") / "store")
    bars = simulate(seed=3, size=6, sessions=280).bars
    days = bars["date"].unique().sort()
    path = store.folder / "tables/bars"
    for k in range(8):
        ahead = datetime(2199, 1, 1 + k, tzinfo=UTC) if k == 5 else None
        part = bars.filter(pl.col("date").is_in(days[35 * k : 35 * k + 35].implode()))
        store.import_bars(part, seen_at=ahead)
        if k == 5:  # a correction from the future
            store.import_bars(part.head(2).with_columns(volume=pl.lit(1.0)), seen_at=ahead)
        if k == 3:  # what an interrupted commit leaves behind
            number = store.version().tables["bars"]
            entry = entry_path(path, number).read_bytes()
            entry_path(path, number + 1).write_bytes(entry.replace(b"part-", b"gone-"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(merged_files, "MANY_FILES", 3)
        assert store.merge_small_files() is not None
    assert date_rows(store)
    return path


def test_every_version_has_the_files_that_deltalake_says(table):
    newest = DeltaTable(str(table)).version()
    assert newest > 12
    read = dict(enumerate(map(set, replay(table, range(newest + 1)))))
    for version in range(newest + 1):
        theirs = DeltaTable(str(table), version=version).file_uris()
        assert read[version] == {Path(uri).relative_to(table).as_posix() for uri in theirs}
        assert set(live_files(table, version)) == read[version]


@pytest.mark.parametrize("harm", ["gone", "cut"])
def test_a_log_that_lacks_an_entry_is_no_log(table, tmp_path, harm):
    entry_path(tmp_path, 0).parent.mkdir()
    for number in range(3):
        entry_path(tmp_path, number).write_bytes(entry_path(table, number).read_bytes())
    if harm == "gone":
        entry_path(tmp_path, 1).unlink()
    else:
        entry_path(tmp_path, 1).write_bytes(b'{"add":')
    assert live_files(tmp_path, 0) == {}
    with pytest.raises(StoreError, match=r"0001\.json: cannot be read"):
        live_files(tmp_path, 2)
