"""The log of a Delta table, replayed: which files make it up at a version; and files exchanged.

Entries are JSON and are never cleaned away (`table_writer.KEEP_FOREVER`), so that any version can be
replayed from the first entry. Rows are appended by `deltalake` (`table_writer.append`); where files take
the place of others, the entry is written here, as `deltalake` has no word for just that.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path
from time import time_ns
from typing import Any
from urllib.parse import unquote
from uuid import uuid4

import orjson
import polars as pl

from technic.errors import StoreError
from technic.runtime.files import write_atomically

Add = dict[str, Any]  # what an entry says of a file: path, partitionValues, size, stats


def entry_path(table: Path, version: int) -> Path:
    """Where the entry stands that made a version of a table."""
    return table / "_delta_log" / f"{version:020d}.json"


def replay(table: Path, versions: Collection[int]) -> Iterator[dict[str, Add]]:
    """The files of a table at some of its versions, in the order in which the files came.

    Parameters
    ----------
    table : folder of the table
    versions : of the table; its log is read once, until the last of them

    Yields
    ------
    dict
        What the log says of each file, by its path in the table; one for each version, in
        ascending order. It is the same object each time: copy what is to stay.

    Raises
    ------
    StoreError
        If an entry is missing or cannot be read.
    """
    live: dict[str, Add] = {}
    for number in range(max(versions, default=-1) + 1):
        for action in _actions(entry_path(table, number)):
            if "add" in action:
                live[unquote(action["add"]["path"])] = action["add"]
            elif "remove" in action:
                live.pop(unquote(action["remove"]["path"]), None)
        if number in versions:
            yield live


def added_files(table: Path, version: int) -> list[str]:
    """Paths in the table of the files that its entry of a version added; see `replay`."""
    return [unquote(a["add"]["path"]) for a in _actions(entry_path(table, version)) if "add" in a]


def live_files(table: Path, version: int) -> dict[str, Add]:
    """The files of a table at a version; see `replay`."""
    return next(replay(table, {version}))


def is_whole(table: Path, version: int) -> bool:
    """Whether the entry of a version is there, and is one."""
    try:
        actions = _lines(entry_path(table, version))
    except (OSError, orjson.JSONDecodeError):
        return False
    return bool(actions) and all(isinstance(action, dict) for action in actions)


def _lines(entry: Path) -> list[Any]:
    return [orjson.loads(line) for line in entry.read_bytes().splitlines() if line]


def _actions(entry: Path) -> list[dict[str, Any]]:
    """What an entry did."""
    try:
        return _lines(entry)
    except (OSError, orjson.JSONDecodeError) as error:
        raise StoreError(
            f"{entry}: cannot be read, so that nobody knows which rows the table holds; the store "
            "is damaged, or a copy of it is incomplete. technic doctor --deep says what is missing; "
            "a backup by technic backup is always whole"
        ) from error


def write_instead(
    table: Path, files: Collection[Add], rows: pl.DataFrame, start: str
) -> tuple[Path, list[dict[str, Any]]]:
    """Write rows into a new file that takes the place of others.

    Parameters
    ----------
    table : folder of the table
    files : that go, all of one partition; not empty
    rows : without the columns of the partition
    start : of the new file's name

    Returns
    -------
    Path, list
        The file, and what is to be written into the log for it.
    """
    like = next(iter(files))
    parent = Path(unquote(like["path"])).parent
    place = table / parent / f"{start}{uuid4()}.zstd.parquet"
    rows.write_parquet(place, compression="zstd", compression_level=3)
    place.chmod(0o600)
    about = {
        "path": (parent / place.name).as_posix(),
        "partitionValues": like["partitionValues"],
        "size": place.stat().st_size,
        "modificationTime": _now(),
        "dataChange": False,
        "stats": orjson.dumps({"numRecords": rows.height}).decode(),
    }
    return place, [*map(_removal, files), {"add": about}]


def write_entry(table: Path, version: int, actions: Collection[dict[str, Any]]) -> None:
    """Make a version of a table in which files have taken the place of others.

    Parameters
    ----------
    table : folder of the table, to which nobody else writes now
    version : to be made, the next one
    actions : of `write_instead`
    """
    note = {"commitInfo": {"timestamp": _now(), "operation": "OPTIMIZE", "engineInfo": "technic"}}
    lines = (orjson.dumps(line) for line in (note, *actions))
    write_atomically(entry_path(table, version), b"\n".join(lines) + b"\n")


def _removal(add: Add) -> dict[str, Any]:
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
