"""Delta tables read back: which files make up a table at a store version, each held against its
digest before it is believed, and what is in them.

Rows are written in `table_writer`; a reader opens tables at the versions of one record.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from pathlib import Path

import polars as pl

from technic.data.store.delta_log import entry_path, live_files
from technic.data.store.recorded import believe, recorded_files
from technic.data.store.version import StoreVersion, read_version
from technic.errors import StoreError
from technic.market.schema import TABLES

_LOGS: set[tuple[Path, str, str]] = set()  # of tables and versions that this process has checked
_WHOLE: set[tuple[Path, str, str]] = set()  # so are all files of these
PARTITIONS = {"bars": ["year"]}  # columns by table; they are in names of folders, not in files


def data_files(folder: Path, name: str, version: StoreVersion) -> list[str]:
    """The Parquet files that make up a table at a store version, in order of their names.

    The log that says so is held against the store's records first, once per process; so must
    the files be before they are read, see `recorded.believe`.

    Parameters
    ----------
    folder : of the store
    name : of the table, which the version has

    Raises
    ------
    StoreError
        If the version cannot be read.
    """
    path, number = folder / "tables" / name, version.tables[name]
    believe_log(folder, name, version)
    try:
        entry = entry_path(path, number).stat()
    except OSError:  # gone: the replay says so
        return list(_files_of_version.__wrapped__(path, number))
    return list(_files_of_version(path, number, entry.st_ino, entry.st_mtime_ns))


def believe_log(folder: Path, name: str, version: StoreVersion) -> None:
    """Hold a table's log until a version against the records, once per process.

    Parameters
    ----------
    folder : of the store
    name : of the table, which the version has

    Raises
    ------
    StoreError
        If a file of the log is not what was written.
    """
    if (key := (folder, name, version.content)) in _LOGS:
        return
    recorded, log = recorded_files(folder, version), f"tables/{name}/_delta_log/"
    entries = (entry for entry in recorded if entry.startswith(log))
    numbered = (entry for entry in entries if entry[len(log) :][:20].isdecimal())
    until = version.tables[name]
    believe(folder, recorded, [folder / e for e in numbered if int(e[len(log) :][:20]) <= until])
    _LOGS.add(key)


@lru_cache(maxsize=256)
def _files_of_version(path: Path, version: int, *_entry: int) -> tuple[str, ...]:
    """Replay the log of a table: slower by the commit, and what a version holds never changes.

    `_entry` tells its entry in the log from that of another store made at the same place.
    """
    return tuple(sorted(str(path / name) for name in live_files(path, version)))


def scan_files(name: str, uris: list[str]) -> pl.LazyFrame:
    """A lazy frame over Parquet files of a table, without its partition columns.

    Parameters
    ----------
    name : of the table
    uris : of the files; none gives an empty frame of the table's schema
    """
    columns = {k: v for k, v in TABLES[name].items() if k not in PARTITIONS.get(name, [])}
    if not uris:
        return pl.LazyFrame(schema=columns)
    return pl.scan_parquet(
        uris,
        schema=columns,
        hive_partitioning=False,
        missing_columns="insert",  # columns that came later
        extra_columns="ignore",
    )


@dataclass(frozen=True, slots=True)
class TableReader:
    """The tables of one store, read at the versions that its records name.

    Attributes
    ----------
    folder : of the store
    """

    folder: Path

    def version(self, number: int | None = None) -> StoreVersion:
        """A store version; the newest by default."""
        return read_version(self.folder, number)

    def record(self, number: int) -> StoreVersion:
        """The record of a version, which may have been dropped: its rows may be gone."""
        return read_version(self.folder, number, dropped=True)

    def table(self, name: str, version: StoreVersion | None = None) -> pl.LazyFrame:
        """All rows of a table at a version, the newest by default; none if it has no such table.

        Raises
        ------
        StoreError
            If a file of it is not what was written.
        """
        pinned = version or self.version()
        uris = data_files(self.folder, name, pinned) if name in pinned.tables else []
        if (key := (self.folder, name, pinned.content)) not in _WHOLE:
            believe(self.folder, recorded_files(self.folder, pinned), map(Path, uris))
            _WHOLE.add(key)
        return scan_files(name, uris)

    def rows_added(self, name: str, older: StoreVersion, newer: StoreVersion) -> pl.LazyFrame:
        """The rows that came to a table between two versions."""
        before, after = older.tables.get(name), newer.tables.get(name)
        if after is None or before == after:
            return scan_files(name, [])
        new_files = set(data_files(self.folder, name, newer))
        old_files = set() if before is None else set(data_files(self.folder, name, older))
        if not old_files <= new_files:  # files were merged, or taken out
            new_files = self._files_added(name, older, newer)
            if not all(Path(uri).exists() for uri in new_files):  # only dropped versions had them
                rows, there = self.table(name, newer), self.table(name, older)
                return rows.join(
                    there, on=rows.collect_schema().names(), how="anti", nulls_equal=True
                )
        uris = sorted(new_files - old_files)
        believe(self.folder, recorded_files(self.folder, newer), map(Path, uris))
        return scan_files(name, uris)

    def contains(self, older: StoreVersion, newer: StoreVersion) -> bool:
        """Whether a version has every row of bars and actions that an older one has."""
        try:
            steps = self._steps(older, newer)
            return all(self._grew(name, steps) for name in ("bars", "actions"))
        except (StoreError, KeyError):
            return False

    def _grew(self, name: str, steps: list[StoreVersion]) -> bool:
        """Whether each version added to a table, or only merged files of it."""
        return all(
            after.merged
            or before.tables.get(name) in {None, after.tables.get(name)}
            or set(self._files(name, before)) <= set(self._files(name, after))
            for before, after in pairwise(steps)
        )

    def _steps(self, older: StoreVersion, newer: StoreVersion) -> list[StoreVersion]:
        """The versions from one to another, those that were dropped included."""
        between = (self.record(n) for n in range(older.number + 1, newer.number))
        return [older, *between, newer] if newer.number > older.number else [older, newer]

    def _files(self, name: str, version: StoreVersion) -> list[str]:
        return data_files(self.folder, name, version) if name in version.tables else []

    def _files_added(self, name: str, older: StoreVersion, newer: StoreVersion) -> set[str]:
        """Files that came to a table step by step, without those that only merged others."""
        return {
            path
            for before, after in pairwise(self._steps(older, newer))
            if not after.merged
            for path in set(self._files(name, after)) - set(self._files(name, before))
        }
