"""The log of a Delta table, replayed: which files make it up at a version.

Entries are JSON and are never cleaned away (`tables.KEEP_FOREVER`), so that any version can be
replayed from the first entry. `deltalake` itself is needed only to write.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import orjson

from technic.errors import StoreError

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


def live_files(table: Path, version: int) -> dict[str, Add]:
    """The files of a table at a version; see `replay`."""
    return next(replay(table, {version}))


def _actions(entry: Path) -> list[dict[str, Any]]:
    """What an entry did."""
    try:
        return [orjson.loads(line) for line in entry.read_bytes().splitlines() if line]
    except (OSError, orjson.JSONDecodeError) as error:
        raise StoreError(
            f"{entry}: cannot be read, so that nobody knows which rows the table holds; the store "
            "is damaged, or a copy of it is incomplete. technic doctor --deep says what is missing; "
            "a backup by technic backup is always whole"
        ) from error
