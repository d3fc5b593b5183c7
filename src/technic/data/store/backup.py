"""A copy of a store that is one version, whole, made while others read and write."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from urllib.parse import unquote

import orjson

from technic.data.store.store import Store
from technic.data.store.version import StoreVersion
from technic.errors import StoreError
from technic.runtime.files import make_file, make_folder, sync_to_disk


def backup(store: Store, target: Path) -> StoreVersion:
    """Copy a store as it is now to a folder that does not exist yet; returns the version copied.

    Files of a store are never changed once a version names them, so that the pinned version can
    be copied beside a writer. The copy gets its name when it is complete and on the disk.

    Parameters
    ----------
    target : the folder of the copy

    Raises
    ------
    StoreError
        If the store is empty, or `target` is there already or cannot be written.
    """
    version = store.version()
    if version.number == 0:
        raise StoreError(f"{store.folder}: holds nothing; there is nothing to back up")
    if target.exists():
        raise StoreError(f"{target}: is there already; name a folder that is not")
    scratch = target.with_name(f".{target.name}.partial")
    try:
        if scratch.exists():
            shutil.rmtree(scratch)
        _copy(store, scratch, version)
        scratch.rename(target)
    except OSError as error:
        raise StoreError(
            f"{target}: cannot be written ({error.strerror}); no backup was made"
        ) from error
    sync_to_disk(target, root=target.parent)
    return version


def _copy(store: Store, target: Path, version: StoreVersion) -> None:
    """Records, tables and catalog as of a version, each file synced to the disk."""
    source = store.folder
    paths = [source / "store.json"]
    paths += [p for p in (source / "versions").glob("[0-9]*.json") if int(p.stem) <= version.number]
    for name, pinned in version.tables.items():
        paths += _table_files(source / "tables" / name, pinned)
    for path in paths:
        place = target / path.relative_to(source)
        make_folder(place.parent)
        shutil.copy2(path, place)
        sync_to_disk(place, root=target)
    if store.database:
        _dump(store, target)
        return
    catalog = source / "catalog.sqlite"
    if catalog.exists():
        with (
            closing(sqlite3.connect(f"file:{catalog}?mode=ro", uri=True)) as old,
            closing(sqlite3.connect(make_file(target / "catalog.sqlite"))) as new,
        ):
            old.backup(new)
        sync_to_disk(target / "catalog.sqlite", root=target)


def _dump(store: Store, target: Path) -> None:
    """What lives only in a database, as the file that a store without one keeps."""
    from technic.data.store.catalog import Catalog  # SQLAlchemy takes 0.25 s

    dump = Catalog.of(target, None, "")
    dump.take_over(store.catalog)
    dump.close()
    sync_to_disk(target / "catalog.sqlite", root=target)


def _table_files(table: Path, pinned: int) -> list[Path]:
    """Log entries until the pinned version, and every data file that was ever added by then."""
    log = [
        p
        for p in (table / "_delta_log").iterdir()
        if p.name[:20].isdigit() and int(p.name[:20]) <= pinned
    ]
    mark = table / "_delta_log" / "_last_checkpoint"
    if mark.exists() and orjson.loads(mark.read_bytes())["version"] <= pinned:
        log.append(mark)
    named: set[Path] = set()
    for path in log:
        if path.suffix == ".json":
            named |= {table / add for add in _added_files(path)}
    return [*log, *sorted(path for path in named if path.exists())]


def _added_files(entry: Path) -> list[str]:
    """Names of the data files that an entry of a Delta log adds."""
    lines = [orjson.loads(line) for line in entry.read_bytes().splitlines() if line]
    return [unquote(line["add"]["path"]) for line in lines if "add" in line]
