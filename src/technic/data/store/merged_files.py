"""Many small files of a table, written once more into one: a commit that changes no row.

Every import appends a file to each table, so that reading slows from night to night. Once there
are `MANY_FILES` that were never merged, their rows go, in the order in which they came, into one
file for each partition. Each row is merged once. The small files stay until no version names them.
"""

from __future__ import annotations

from pathlib import Path
from time import time_ns
from typing import Any
from urllib.parse import unquote
from uuid import uuid4

import orjson
import polars as pl

from technic.data.store.delta_log import entry_path, live_files
from technic.data.store.recorded import believe, recorded_files
from technic.data.store.tables import Appended, data_files, log_files, scan_files
from technic.data.store.version import StoreVersion
from technic.runtime.files import sync_to_disk, write_atomically

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
    from deltalake import DeltaTable  # scans never write

    path, pinned = folder / "tables" / name, version.tables[name]
    paths = map(Path, data_files(folder, name, version))
    small = [path for path in paths if MERGED not in path.name]
    if len(small) < MANY_FILES:
        return None
    believe(folder, recorded_files(folder, version), small)
    table = DeltaTable(str(path))
    before = int(table.version())
    if before != pinned:  # what an interrupted commit left behind
        table.restore(pinned)
        before = int(table.version())
    adds = [add for add in live_files(path, before).values() if MERGED not in add["path"]]
    actions, written = [], list[Path]()
    for values in {tuple(sorted(add["partitionValues"].items())) for add in adds}:
        group = [add for add in adds if tuple(sorted(add["partitionValues"].items())) == values]
        place, action = _merge(path, name, group)
        written.append(place)
        actions += [_removal(add) for add in group] + [action]
    sync_to_disk(*written, root=folder)
    note = {"commitInfo": {"timestamp": _now(), "operation": "OPTIMIZE", "engineInfo": "technic"}}
    lines = (orjson.dumps(line) for line in (note, *actions))
    write_atomically(entry_path(path, before + 1), b"\n".join(lines) + b"\n")
    written += log_files(path / "_delta_log", pinned)
    sync_to_disk(*written, root=folder)
    return Appended(before + 1, tuple(sorted(written)))


def _merge(path: Path, name: str, group: list[dict[str, Any]]) -> tuple[Path, dict[str, Any]]:
    """Write the rows of some files of one partition into a new one; returns it, and its action."""
    uris = [str(path / unquote(add["path"])) for add in group]
    rows = pl.concat([scan_files(name, [uri]) for uri in uris]).collect()
    parent = Path(unquote(group[0]["path"])).parent
    place = path / parent / f"{MERGED}{uuid4()}.zstd.parquet"
    rows.write_parquet(place, compression="zstd", compression_level=3)
    place.chmod(0o600)
    about = {
        "path": (parent / place.name).as_posix(),
        "partitionValues": group[0]["partitionValues"],
        "size": place.stat().st_size,
        "modificationTime": _now(),
        "dataChange": False,
        "stats": orjson.dumps({"numRecords": rows.height}).decode(),
    }
    return place, {"add": about}


def _removal(add: dict[str, Any]) -> dict[str, Any]:
    return {
        "remove": {
            "path": add["path"],
            "deletionTimestamp": _now(),
            "dataChange": False,
            "extendedFileMetadata": True,
            "partitionValues": add["partitionValues"],
            "size": add["size"],
        }
    }


def _now() -> int:
    return time_ns() // 1_000_000
