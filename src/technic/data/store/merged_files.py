"""Many small files of a table, written once more into one: a commit that changes no row.

Every import appends a file to each table, so that reading slows from night to night. Once there
are `MANY_FILES` that were never merged, their rows go, in the order in which they came, into one
file for each partition. Each row is merged once. The small files stay until no version names them.
"""

from __future__ import annotations

from pathlib import Path
from urllib.parse import unquote

import polars as pl

from technic.data.store.delta_log import live_files, write_instead
from technic.data.store.recorded import believe, recorded_files
from technic.data.store.table_writer import Appended, exchanged_files, settled_at
from technic.data.store.tables import data_files, scan_files
from technic.data.store.version import StoreVersion

MANY_FILES = 64
MERGED = "merged-"  # begins the name of a file that holds the rows of others


def merge_small_files(folder: Path, name: str, version: StoreVersion) -> Appended | None:
    """Write the rows of a table's small files into larger ones; None if there are few of them.

    Parameters
    ----------
    folder : of the store, whose lock the caller holds
    name : of the table
    version : of the store, to go on from

    Raises
    ------
    StoreError
        If a file is not what was written: damage is not copied into another file.
    """
    path, pinned = folder / "tables" / name, version.tables[name]
    paths = map(Path, data_files(folder, name, version))
    small = [path for path in paths if MERGED not in path.name]
    if len(small) < MANY_FILES:
        return None
    believe(folder, recorded_files(folder, version), small)
    before = settled_at(path, pinned)
    adds = [add for add in live_files(path, before).values() if MERGED not in add["path"]]
    actions, written = [], list[Path]()
    for values in {tuple(sorted(add["partitionValues"].items())) for add in adds}:
        group = [add for add in adds if tuple(sorted(add["partitionValues"].items())) == values]
        uris = [str(path / unquote(add["path"])) for add in group]
        rows = pl.concat([scan_files(name, [uri]) for uri in uris]).collect()
        place, exchanged = write_instead(path, group, rows, MERGED)
        written.append(place)
        actions += exchanged
    return exchanged_files(folder, name, pinned, actions, written)
