"""Rows go into Delta tables here: appended, or in files that take the place of others.

`Store.commit` appends to each table, then writes the record that names their new versions: until
that stands, nobody sees what was written, and `undone_on_failure` takes it away again.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from logging import getLogger
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson
import polars as pl

from technic.data.store.delta_log import added_files, is_whole, write_entry
from technic.data.store.tables import PARTITIONS
from technic.data.store.version import read_version, record_path
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
MANY_ROWS = 500_000  # at once
FEW_ROWS = 20_000  # of a file; a day of the whole market has fewer
SOUGHT = ("security_id", "session", "known_at")


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
    _drop_torn(path, -1 if pinned is None else pinned)
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
    before = int(table.version())
    for piece in _pieces(name, rows.select(list(TABLES[name]))):
        # Merging lets a table that an older technic began gain columns.
        write_deltalake(
            table,
            piece,
            mode="append",
            schema_mode="merge",
            writer_properties=_writer_properties(rows.height),
        )
    version = int(table.version())
    entries = range(before + 1, version + 1)
    written = [path / name for number in entries for name in added_files(path, number)]
    written += log_files(path / "_delta_log", -1 if pinned is None else pinned)
    sync_to_disk(*written, root=folder)
    return Appended(version, tuple(sorted(written)))


def _pieces(name: str, rows: pl.DataFrame) -> Iterator[pl.DataFrame]:
    """Rows in what is written at once: of many, a partition, or the writer holds all of them twice."""
    partition = PARTITIONS.get(name)
    if partition is None or rows.height <= MANY_ROWS:
        yield rows
        return
    (column,) = partition
    for value in rows[column].unique().sort():
        yield rows.filter(pl.col(column) == value)


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


def _drop_torn(table: Path, pinned: int) -> None:
    """Take away what of a log was not on the disk when the power went.

    Behind the version that the store's record names, an entry may be cut, or be missing before
    another one, and so may a checkpoint: `deltalake` then opens no version at all. Whole entries
    stay, to be undone by one of their own.
    """
    log, good = table / "_delta_log", pinned
    if not log.is_dir():
        return
    while is_whole(table, good + 1):
        good += 1
    for path in log_files(log, pinned):
        is_entry, number = path.suffix == ".json", path.name[:20]
        if number.isdecimal() and (int(number) > good or not is_entry):
            path.unlink()
            if is_entry:
                log_mended(
                    LOG, f"{path}: was damaged; removed, as no version of the store needs it"
                )
    _drop_false_hint(log)


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
            if not path.exists() or path.read_bytes() != content:
                write_atomically(path, content)
        if isinstance(error, OSError | DeltaError):
            raise StoreError(
                f"{folder}: cannot be written ({first_line(error)[:160]}); the store is as it was "
                "before. Make room on the disk, and run the command again"
            ) from error
        raise


def settled_at(table: Path, pinned: int) -> int:
    """The version of a table to go on from: what an interrupted commit left behind is undone.

    Parameters
    ----------
    table : folder of the table
    pinned : Delta version that the store's newest record names
    """
    from deltalake import DeltaTable  # scans never write

    _drop_torn(table, pinned)
    delta = DeltaTable(str(table))
    if delta.version() != pinned:
        delta.restore(pinned)
    return int(delta.version())


def exchanged_files(
    folder: Path, name: str, pinned: int, actions: list[dict[str, Any]], written: list[Path]
) -> Appended:
    """Let files that were written take the place of others, in a version of its own.

    Parameters
    ----------
    folder : of the store
    name : of the table, as `settled_at` its pinned version
    actions, written : of `delta_log.write_instead`
    """
    path = folder / "tables" / name
    sync_to_disk(*written, root=folder)
    version = (
        max(int(p.stem) for p in log_files(path / "_delta_log", -1) if p.suffix == ".json") + 1
    )
    write_entry(path, version, actions)
    files = [*written, *log_files(path / "_delta_log", pinned)]
    sync_to_disk(*files, root=folder)
    return Appended(version, tuple(sorted(files)))


def drop_missing(folder: Path, name: str, pinned: int) -> int:
    """Take files that are no longer there out of a table; returns its new Delta version.

    Parameters
    ----------
    folder : of the store
    pinned : Delta version to go on from
    """
    from deltalake import DeltaTable  # scans never write

    path = folder / "tables" / name
    settled_at(path, pinned)
    DeltaTable(str(path)).repair()
    table = DeltaTable(str(path))
    sync_to_disk(*log_files(path / "_delta_log", pinned), root=folder)
    return int(table.version())
