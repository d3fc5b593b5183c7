"""Securities that turned out to be one: their rows are written once more, under one number.

Older versions of the store go on naming the files of before, and show two.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from urllib.parse import unquote

import polars as pl

from technic.data.store.delta_log import live_files, write_instead
from technic.data.store.recorded import believe, recorded_files
from technic.data.store.table_writer import Appended, exchanged_files, settled_at
from technic.data.store.tables import data_files, scan_files
from technic.data.store.version import StoreVersion
from technic.market.schema import TABLES

JOINED = "joined-"  # begins the name of a file in which rows have another security's number
ID = "security_id"
WITH_SECURITIES = tuple(name for name, schema in TABLES.items() if ID in schema)


def as_joined(name: str, rows: pl.LazyFrame, into: Mapping[int, int]) -> pl.LazyFrame:
    """Rows of a table as they are once some securities are others.

    Of a security that is another one no ticker is left: the other's says it all.

    Parameters
    ----------
    name : of the table, one of `WITH_SECURITIES`
    into : for a security, which one it turned out to be
    """
    if name == "tickers":
        return rows.filter(~pl.col(ID).is_in(list(into)))
    return rows.with_columns(pl.col(ID).replace(dict(into)))


def join_rows(
    folder: Path, name: str, version: StoreVersion, into: Mapping[int, int]
) -> Appended | None:
    """Write the files of a table once more that have rows of some securities; None if none has.

    Parameters
    ----------
    folder : of the store, whose lock the caller holds
    name : of the table, one of `WITH_SECURITIES`
    version : of the store, to go on from
    into : for a security, which one it turned out to be

    Raises
    ------
    StoreError
        If a file is not what was written: damage is not copied into another file.
    """
    path, pinned = folder / "tables" / name, version.tables[name]
    theirs = pl.col(ID).is_in(list(into)).any()
    uris = data_files(folder, name, version)
    if not any(scan_files(name, [uri]).select(theirs).collect().item() for uri in uris):
        return None
    believe(folder, recorded_files(folder, version), map(Path, uris))
    before = settled_at(path, pinned)
    actions, written = [], list[Path]()
    for add in live_files(path, before).values():
        rows = scan_files(name, [str(path / unquote(add["path"]))])
        if rows.select(theirs).collect().item():
            joined = as_joined(name, rows, into).collect()
            place, exchanged = write_instead(path, [add], joined, JOINED)
            written.append(place)
            actions += exchanged
    return exchanged_files(folder, name, pinned, actions, written)
