"""Delta tables: appending to them, and reading them at the versions that a store's records name."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import polars as pl

from technic.data.store.version import StoreVersion, read_version, record_path
from technic.errors import StoreError, first_line
from technic.market.schema import TABLES
from technic.runtime.files import sync_to_disk, write_atomically

# By default deltalake removes log files after 30 days, and old versions then fail to open.
KEEP_FOREVER = {
    "delta.enableExpiredLogCleanup": "false",
    "delta.logRetentionDuration": "interval 36500 days",
}
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
    from deltalake import DeltaTable, WriterProperties, write_deltalake  # scans never write

    path = folder / "tables" / name
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    before: set[str] = set()
    if DeltaTable.is_deltatable(str(path)):
        table = DeltaTable(str(path))
        if table.version() != (pinned or 0):
            table.restore(pinned or 0)
        before = set(table.file_uris())
    else:
        write_deltalake(
            str(path),
            pl.DataFrame(schema=TABLES[name]),
            partition_by=PARTITIONS.get(name),
            configuration=KEEP_FOREVER,
        )
    # Merging lets a table that an older technic began gain columns.
    write_deltalake(
        str(path),
        rows.select(list(TABLES[name])),
        mode="append",
        schema_mode="merge",
        writer_properties=WriterProperties(compression="ZSTD", compression_level=3),
    )
    table = DeltaTable(str(path))
    version = int(table.version())
    written = [Path(uri) for uri in set(table.file_uris()) - before]
    written += log_files(path / "_delta_log", -1 if pinned is None else pinned)
    sync_to_disk(*written, root=folder)
    return Appended(version, tuple(sorted(written)))


def log_files(log: Path, after: int) -> list[Path]:
    """Files of the log that are newer than a version, and the mark of the last checkpoint."""
    entries = [
        path
        for path in log.iterdir()
        if path.name[:20].isdigit() and int(path.name[:20]) > after and path.suffix != ".tmp"
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
    table = DeltaTable(str(path))
    if table.version() != pinned:
        table.restore(pinned)
    table.repair()
    table = DeltaTable(str(path))
    sync_to_disk(*log_files(path / "_delta_log", pinned), root=folder)
    return int(table.version())


def data_files(folder: Path, name: str, version: int) -> list[str]:
    """The Parquet files that make up one version of a table, in order of their names.

    Raises
    ------
    StoreError
        If the version cannot be read.
    """
    path = folder / "tables" / name
    try:
        entry = (path / "_delta_log" / f"{version:020}.json").stat()
    except OSError:  # folded into a checkpoint, or gone
        return list(_files_of_version.__wrapped__(path, version))
    return list(_files_of_version(path, version, entry.st_ino, entry.st_mtime_ns))


@lru_cache(maxsize=256)
def _files_of_version(path: Path, version: int, *_entry: int) -> tuple[str, ...]:
    """Replay the log of a table: slower by the commit, and what a version holds never changes.

    `_entry` tells its entry in the log from that of another store made at the same place.
    """
    from deltalake import DeltaTable  # a scan with a mapped panel needs none
    from deltalake.exceptions import DeltaError

    try:
        return tuple(sorted(DeltaTable(str(path), version=version).file_uris()))
    except (DeltaError, OSError, ValueError) as error:
        raise StoreError(
            f"{path}: version {version} cannot be read ({first_line(error)[:120]}); the "
            "store is damaged, or a copy of it is incomplete. technic doctor --deep says what is "
            "missing; a backup by technic backup is always whole"
        ) from error


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
        """All rows of a table at a version, the newest by default; none if it has no such table."""
        pinned = (version or self.version()).tables.get(name)
        return scan_files(name, [] if pinned is None else data_files(self.folder, name, pinned))

    def rows_added(self, name: str, older: StoreVersion, newer: StoreVersion) -> pl.LazyFrame:
        """The rows that came to a table between two versions."""
        before, after = older.tables.get(name), newer.tables.get(name)
        if after is None or before == after:
            return scan_files(name, [])
        new_files = set(data_files(self.folder, name, after))
        old_files = set() if before is None else set(data_files(self.folder, name, before))
        if not old_files <= new_files:  # files were merged, or taken out
            new_files = self._files_added(name, older, newer)
            if not all(Path(uri).exists() for uri in new_files):  # only dropped versions had them
                rows, there = self.table(name, newer), self.table(name, older)
                return rows.join(
                    there, on=rows.collect_schema().names(), how="anti", nulls_equal=True
                )
        return scan_files(name, sorted(new_files - old_files))

    def _files_added(self, name: str, older: StoreVersion, newer: StoreVersion) -> set[str]:
        """Files that came to a table step by step, without those that only merged others."""
        added, before = set[str](), older
        for number in range(older.number + 1, newer.number + 1):
            version = read_version(self.folder, number, dropped=True)
            if not version.merged and name in version.tables:
                files = set(data_files(self.folder, name, version.tables[name]))
                pinned = before.tables.get(name)
                added |= files - set(
                    () if pinned is None else data_files(self.folder, name, pinned)
                )
            before = version
        return added
