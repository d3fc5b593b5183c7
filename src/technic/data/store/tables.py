"""Delta tables: bars and all other rows are written here (`append`) and read back (`TableReader`).

`Store.commit` appends to each table, then writes the record that names their new versions; a
reader opens tables at the versions of one record.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from logging import getLogger
from pathlib import Path
from typing import TYPE_CHECKING

import orjson
import polars as pl

from technic.data.store.delta_log import entry_path, live_files
from technic.data.store.recorded import believe, recorded_files
from technic.data.store.version import StoreVersion, read_version, record_path
from technic.errors import StoreError, first_line
from technic.market.schema import TABLES
from technic.runtime.files import make_folder, sync_to_disk, write_atomically
from technic.runtime.logs import log_mended

if TYPE_CHECKING:
    from deltalake import WriterProperties

# By default deltalake removes log files after 30 days, and old versions then fail to open.
KEEP_FOREVER = {
    "delta.enableExpiredLogCleanup": "false",
    "delta.logRetentionDuration": "interval 36500 days",
}
LOG = getLogger(__name__)
FEW_ROWS = 20_000  # of a file; a day of the whole market has fewer
SOUGHT = ("security_id", "session", "known_at")
_LOGS: set[tuple[Path, str, str]] = set()  # of tables and versions that this process has checked
_WHOLE: set[tuple[Path, str, str]] = set()  # so are all files of these
PARTITIONS = {"bars": ["year"]}  # columns by table; they are in names of folders, not in files


@dataclass(frozen=True, slots=True)
class Appended:
    """What an append to one table wrote.

    Attributes
    ----------
    version : of the Delta table, afterwards
    files : everything that was written, log included, in order of their paths
    """

    version: int
    files: tuple[Path, ...]


def append(folder: Path, name: str, rows: pl.DataFrame, pinned: int | None) -> Appended:
    """Append rows behind a version of a table.

    What an interrupted commit left behind is not part of any store version: the table first
    returns to the pinned one. Files and folders are on the disk when this returns.

    Parameters
    ----------
    folder : of the store
    rows : with the columns of the table's schema
    pinned : Delta version to append behind; None if the store has no such table yet
    """
    from deltalake import DeltaTable, write_deltalake  # scans never write

    path = folder / "tables" / name
    make_folder(path.parent)
    _drop_false_hint(path / "_delta_log")
    if not DeltaTable.is_deltatable(str(path)):
        write_deltalake(
            str(path),
            pl.DataFrame(schema=TABLES[name]),
            partition_by=PARTITIONS.get(name),
            configuration=KEEP_FOREVER,
        )
    table = DeltaTable(str(path))  # replays the log, which takes longer than all the rest
    if table.version() != (pinned or 0):
        table.restore(pinned or 0)
    before = live_files(path, int(table.version()))
    # Merging lets a table that an older technic began gain columns.
    write_deltalake(
        table,
        rows.select(list(TABLES[name])),
        mode="append",
        schema_mode="merge",
        writer_properties=_writer_properties(rows.height),
    )
    version = int(table.version())
    written = [path / name for name in live_files(path, version).keys() - before.keys()]
    written += log_files(path / "_delta_log", -1 if pinned is None else pinned)
    sync_to_disk(*written, root=folder)
    return Appended(version, tuple(sorted(written)))


def _writer_properties(rows: int) -> WriterProperties:
    """How Parquet is written: of few rows, dictionaries and bounds are larger than what they save.

    Nothing is read by the bounds of prices; those of `SOUGHT` let a reader pass over a file.
    """
    from deltalake import ColumnProperties, WriterProperties

    plain = ColumnProperties(dictionary_enabled=False, statistics_enabled="NONE")
    sought = ColumnProperties(dictionary_enabled=False, statistics_enabled="CHUNK")
    return WriterProperties(
        compression="ZSTD",
        compression_level=3,
        default_column_properties=plain if rows <= FEW_ROWS else None,
        column_properties=dict.fromkeys(SOUGHT, sought) if rows <= FEW_ROWS else None,
    )


def _drop_false_hint(log: Path) -> None:
    """Remove a mark of the last checkpoint that names none: Delta then finds its way without.

    A mark that cannot be read does no harm; one that names a checkpoint that is not there makes
    every version of the table unreadable.
    """
    mark = log / "_last_checkpoint"
    try:
        named = orjson.loads(mark.read_bytes())["version"]
    except (OSError, orjson.JSONDecodeError, KeyError, TypeError):
        return
    if not any(log.glob(f"{named:020}.checkpoint*") if isinstance(named, int) else ()):
        log_mended(LOG, f"{mark}: was damaged; removed, as it is only a hint")
        with suppress(OSError):
            mark.unlink()


def log_files(log: Path, after: int) -> list[Path]:
    """Files of the log that are newer than a version, and the mark of the last checkpoint."""
    entries = [
        path
        for path in log.iterdir()
        if path.name[:20].isdecimal() and int(path.name[:20]) > after and path.suffix != ".tmp"
    ]
    mark = log / "_last_checkpoint"
    return [*entries, mark] if mark.exists() else entries


@contextmanager
def undone_on_failure(folder: Path, names: Collection[str]) -> Iterator[None]:
    """Leave the tables as they were, log included, if what is done inside fails.

    Parameters
    ----------
    folder : of the store
    names : of the tables that are written to

    Raises
    ------
    StoreError
        If the disk refuses.
    """
    from deltalake.exceptions import DeltaError

    roots = [folder / "tables" / name for name in names]
    before = {path for root in roots for path in root.rglob("*")}
    marks = {path: path.read_bytes() for path in before if path.name == "_last_checkpoint"}
    number = read_version(folder).number
    try:
        yield
    except BaseException as error:
        if record_path(folder, number + 1).exists():  # it stands: what failed came after
            raise
        fresh = {path for root in roots for path in root.rglob("*")} - before
        for path in sorted(fresh, reverse=True):
            path.rmdir() if path.is_dir() else path.unlink(missing_ok=True)
        for path, content in marks.items():
            if path.read_bytes() != content:
                write_atomically(path, content)
        if isinstance(error, OSError | DeltaError):
            raise StoreError(
                f"{folder}: cannot be written ({first_line(error)[:160]}); the store is as it was "
                "before. Make room on the disk, and run the command again"
            ) from error
        raise


def drop_missing(folder: Path, name: str, pinned: int) -> int:
    """Take files that are no longer there out of a table; returns its new Delta version.

    Parameters
    ----------
    folder : of the store
    pinned : Delta version to go on from
    """
    from deltalake import DeltaTable  # scans never write

    path = folder / "tables" / name
    _drop_false_hint(path / "_delta_log")
    table = DeltaTable(str(path))
    if table.version() != pinned:
        table.restore(pinned)
    table.repair()
    table = DeltaTable(str(path))
    sync_to_disk(*log_files(path / "_delta_log", pinned), root=folder)
    return int(table.version())


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
