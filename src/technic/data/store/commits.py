"""A store version comes to be here: rows appended or files exchanged, all or nothing.

What is written to tables is seen by nobody until the record of the new version stands; if it never
does, `undone_on_failure` takes it away again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import polars as pl

from technic.data.store.identity import identity_in
from technic.data.store.joined import WITH_SECURITIES, join_rows
from technic.data.store.span import span_with
from technic.data.store.table_writer import Appended, append, undone_on_failure
from technic.data.store.tables import TableReader, believe_log
from technic.data.store.version import StoreVersion, digest_of, record_path, write_version
from technic.runtime.files import require_room, writing


def commit(
    reader: TableReader,
    rows: Mapping[str, pl.DataFrame],
    tables_before: Mapping[str, int] | None,
    joined: Mapping[int, int],
    changes: Mapping[str, Any],
) -> StoreVersion:
    """Append rows to the tables of a store; see `Store.commit`."""
    folder = reader.folder
    touched = {*rows, *(WITH_SECURITIES if joined else ())}
    with writing(folder), undone_on_failure(folder, touched):
        require_room(folder, sum(int(frame.estimated_size()) for frame in rows.values()))
        before = reader.version()
        tables, written = dict(tables_before or before.tables), list[Path]()
        for name, done in _written(folder, before, rows, tables_before, joined):
            tables[name] = done.version
            written += done.files
        first, last = span_with(reader, before, rows.get("bars"))
        after = before.successor(
            tables=tables,
            first=first,
            last=last,
            identity=before.identity or identity_in(folder, before.identity),
            added=_digests(folder, written),
            previous=digest_of(record_path(folder, before.number)),
            gone=max(before.gone, *joined, 0),
            **changes,
        )
        # Until the record stands, nobody sees what was appended.
        return write_version(folder, after)


def _written(
    folder: Path,
    before: StoreVersion,
    rows: Mapping[str, pl.DataFrame],
    tables_before: Mapping[str, int] | None,
    joined: Mapping[int, int],
) -> Iterator[tuple[str, Appended]]:
    """Write the tables of a commit: each that changes, and what was written."""
    tables = dict(tables_before or before.tables)
    for name in (name for name in WITH_SECURITIES if joined and name in tables):
        if (again := join_rows(folder, name, before, joined)) is not None:
            tables[name] = again.version
            yield name, again
    for name, frame in rows.items():
        if frame.is_empty():
            continue
        if name in before.tables and tables_before is None:
            believe_log(folder, name, before)  # nothing is built on damage
        yield name, append(folder, name, frame, tables.get(name))


def exchange(
    reader: TableReader,
    work: Callable[[StoreVersion], Mapping[str, Appended | None]],
    *,
    merged: bool,
) -> StoreVersion | None:
    """Put other files in the place of those of tables; see `Store.exchange`."""
    folder = reader.folder
    with writing(folder), undone_on_failure(folder, reader.version().tables):
        before = reader.version()
        done = {name: one for name, one in work(before).items() if one is not None}
        if not done:
            return None
        after = before.successor(
            tables={**before.tables, **{name: one.version for name, one in done.items()}},
            added=_digests(folder, [path for one in done.values() for path in one.files]),
            previous=digest_of(record_path(folder, before.number)),
            merged=merged,
        )
        return write_version(folder, after)


def _digests(folder: Path, paths: Iterable[Path]) -> dict[str, tuple[int, str]]:
    """Size and digest of files, by their paths in the store."""
    return {str(path.relative_to(folder)): (path.stat().st_size, digest_of(path)) for path in paths}
