"""Delta tables that only ever grow, and reading them at a pinned version."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from technic.market.schema import TABLES
from technic.store.lock import sync_to_disk

# By default deltalake removes log files after 30 days, and old versions then fail to open.
KEEP_FOREVER = {
    "delta.enableExpiredLogCleanup": "false",
    "delta.logRetentionDuration": "interval 36500 days",
}
PARTITIONS = {"bars": ["year"]}


def append(folder: Path, name: str, rows: pl.DataFrame, pinned: int | None) -> int:
    """Append `rows` behind version `pinned` of a table; returns the new version.

    What an interrupted commit left behind is not part of any store version: the table first
    returns to the pinned one.
    """
    from deltalake import DeltaTable, write_deltalake  # noqa: PLC0415 -- scans never write

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
    write_deltalake(str(path), rows.select(list(TABLES[name])), mode="append")
    table = DeltaTable(str(path))
    log = path / "_delta_log" / f"{table.version():020d}.json"
    sync_to_disk(log, *(Path(uri) for uri in set(table.file_uris()) - before))
    return int(table.version())


def files(folder: Path, name: str, version: int) -> list[str]:
    """The Parquet files that make up one version of a table."""
    from deltalake import DeltaTable  # noqa: PLC0415 -- a scan with a mapped panel needs none

    return sorted(DeltaTable(str(folder / "tables" / name), version=version).file_uris())


def scan_files(name: str, uris: list[str]) -> pl.LazyFrame:
    """A lazy frame over Parquet files of a table, without its partition column."""
    columns = {k: v for k, v in TABLES[name].items() if k not in PARTITIONS.get(name, [])}
    if not uris:
        return pl.LazyFrame(schema=columns)
    return pl.scan_parquet(uris, hive_partitioning=False).select(
        pl.col(column).cast(dtype) for column, dtype in columns.items()
    )
