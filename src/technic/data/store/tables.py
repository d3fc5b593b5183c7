"""Delta tables that only ever grow, and reading them at a pinned version."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import polars as pl

from technic.errors import StoreError, first_line
from technic.market.schema import TABLES
from technic.runtime.files import sync_to_disk

# By default deltalake removes log files after 30 days, and old versions then fail to open.
KEEP_FOREVER = {
    "delta.enableExpiredLogCleanup": "false",
    "delta.logRetentionDuration": "interval 36500 days",
}
PARTITIONS = {"bars": ["year"]}


@dataclass(frozen=True, slots=True)
class Appended:
    """What a commit to one table made.

    Attributes
    ----------
    version : of the Delta table
    files : everything that was written, log included
    """

    version: int
    files: tuple[Path, ...]


def append(folder: Path, name: str, rows: pl.DataFrame, pinned: int | None) -> Appended:
    """Append `rows` behind version `pinned` of a table.

    What an interrupted commit left behind is not part of any store version: the table first
    returns to the pinned one. Files and folders are on the disk when this returns.
    """
    from deltalake import DeltaTable, write_deltalake  # scans never write

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
    columns = rows.select(list(TABLES[name]))
    write_deltalake(str(path), columns, mode="append", schema_mode="merge")
    table = DeltaTable(str(path))
    version = int(table.version())
    made = [Path(uri) for uri in set(table.file_uris()) - before]
    made += _logged(path / "_delta_log", -1 if pinned is None else pinned)
    sync_to_disk(*made, root=folder)
    return Appended(version, tuple(sorted(made)))


def _logged(log: Path, after: int) -> list[Path]:
    """Files of the log that are newer than a version, and the mark of the last checkpoint."""
    found = [
        path
        for path in log.iterdir()
        if path.name[:20].isdigit() and int(path.name[:20]) > after and path.suffix != ".tmp"
    ]
    mark = log / "_last_checkpoint"
    return [*found, mark] if mark.exists() else found


def drop_missing(folder: Path, name: str, pinned: int) -> int:
    """Take files that are no longer there out of a table; returns the new version."""
    from deltalake import DeltaTable  # scans never write

    path = folder / "tables" / name
    table = DeltaTable(str(path))
    if table.version() != pinned:
        table.restore(pinned)
    table.repair()
    table = DeltaTable(str(path))
    sync_to_disk(*_logged(path / "_delta_log", pinned), root=folder)
    return int(table.version())


def files(folder: Path, name: str, version: int) -> list[str]:
    """The Parquet files that make up one version of a table."""
    from deltalake import DeltaTable  # a scan with a mapped panel needs none
    from deltalake.exceptions import DeltaError

    path = folder / "tables" / name
    try:
        return sorted(DeltaTable(str(path), version=version).file_uris())
    except (DeltaError, OSError, ValueError) as error:
        raise StoreError(
            f"{path}: version {version} cannot be read ({first_line(error)[:120]}); the "
            "store is damaged, or a copy of it is incomplete. technic doctor --deep says what is "
            "missing; a backup by technic backup is always whole"
        ) from error


def scan_files(name: str, uris: list[str]) -> pl.LazyFrame:
    """A lazy frame over Parquet files of a table, without its partition column."""
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
