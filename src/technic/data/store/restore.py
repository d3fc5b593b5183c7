"""A store, and all that belongs to it, from a backup.

1. `_take_store` copies the store's files, each held against the table of contents.
2. `_take_catalog` makes a catalog of the rows that lived only there; the index is made anew.
3. `_take_home` puts saved scans, kept reports, rollouts and settings where there are none.
4. The store gets its name once all of it is on the disk.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from technic.data.store.backup import CATALOG, home_folders, whole_or_nothing
from technic.data.store.backup_manifest import HOME, BackupManifest, read_manifest
from technic.data.store.version import digest_of
from technic.errors import StoreError
from technic.runtime.files import make_folder, sync_to_disk, write_atomically
from technic.runtime.settings import Settings, settings_file, write_settings
from technic.runtime.toml_file import read_toml


@dataclass(frozen=True, slots=True)
class Restored:
    """What a restore brought back.

    Attributes
    ----------
    manifest : of the backup
    untouched : files and settings of the user's that were there already with other content, and
        stayed as they were
    notes : what else a user should know
    """

    manifest: BackupManifest
    untouched: tuple[str, ...]
    notes: tuple[str, ...]


def restore(source: Path, folder: Path, settings: Settings) -> Restored:
    """Make a store of a backup, in a folder that is not there yet; all of it, or nothing.

    Saved scans, kept reports, rollouts and settings come back too. What is there already is never
    written over.

    Parameters
    ----------
    source : folder of the backup; it is only read
    folder : of the store to be
    settings : say where the rest goes, and which database the catalog is in

    Raises
    ------
    StoreError
        If the backup is damaged or none, the folder is there already or cannot be written, or the
        database refuses.
    """
    manifest = read_manifest(source)
    refuse_existing(folder)
    if folder.resolve().is_relative_to(source.resolve()):
        raise StoreError(
            f"{folder}: lies in the backup itself; nothing was restored. Name another folder: "
            "--store DIR"
        )
    if folder.exists():
        folder.rmdir()
    made: list[Path] = []
    file = settings_file(settings)
    before = file.read_bytes() if file.exists() else None
    try:
        # The store gets its name last: one that is killed is run again, and finds all else there.
        with whole_or_nothing(folder, "nothing was restored") as scratch:
            _take_store(source, scratch, manifest)
            notes = _take_catalog(source, scratch, manifest, settings)
            untouched = _take_home(source, manifest, settings, made)
            untouched += _take_settings(source, manifest, settings)
    except BaseException:
        for path in made:
            path.unlink(missing_ok=True)
        _put_back(file, before)
        raise
    return Restored(manifest, untouched, notes)


def _put_back(file: Path, before: bytes | None) -> None:
    """Let a file hold what it held; None if there was none."""
    if before is None:
        file.unlink(missing_ok=True)
    elif file.read_bytes() != before:
        write_atomically(file, before)
        file.chmod(0o600)


def refuse_existing(folder: Path) -> None:
    """Refuse to restore over anything.

    Raises
    ------
    StoreError
        If the folder is there, and not empty.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise StoreError(
            f"{folder}: is there already, and a restore writes over nothing; name a folder that is "
            "not: --store DIR"
        )


def _take_store(source: Path, target: Path, manifest: BackupManifest) -> None:
    """Copy every file of the store; those of the user's are looked at, too, before any is written."""
    for name in manifest.files:
        path = source / name
        if name.startswith(HOME):
            _check(path, digest_of(path), manifest.files[name])
            continue
        place = target / name
        make_folder(place.parent)
        _check(path, "", None)
        shutil.copyfile(path, place)
        place.chmod(0o600)
        _check(path, digest_of(place), manifest.files[name])
        sync_to_disk(place, root=target)


def _check(path: Path, digest: str, expected: tuple[int, str] | None) -> None:
    """Refuse a file of a backup that is not what was put there."""
    if not path.is_file():
        raise StoreError(
            f"{path}: is missing, so that this backup is not whole; nothing was restored. Use "
            "another one"
        )
    if expected is not None and digest != expected[1]:
        raise StoreError(
            f"{path}: does not hold what the backup put there; nothing was restored. Use another one"
        )


def _take_catalog(
    source: Path, target: Path, manifest: BackupManifest, settings: Settings
) -> tuple[str, ...]:
    """A catalog with the rows of the backup's, in the file or the database that is set."""
    from technic.data.store.catalog import Catalog  # SQLAlchemy takes 0.25 s

    _check(source / CATALOG, "", None)
    old_folder = target / "backup"  # a copy: opening a file of SQLite writes to it
    make_folder(old_folder)
    shutil.copyfile(source / CATALOG, old_folder / CATALOG)
    notes: tuple[str, ...] = ()
    try:
        old, new = Catalog.of(old_folder, None, ""), Catalog.of(target, None, "")
        try:
            _check(source / CATALOG, old.kept_digest(), (0, manifest.catalog))
            new.take_over(old)
        finally:
            old.close()
            new.close()
        if settings.database:
            notes = _move_to_database(target, manifest, settings.database)
    finally:
        shutil.rmtree(old_folder)
    (target / CATALOG).chmod(0o600)
    sync_to_disk(target / CATALOG, root=target)
    return notes


def _move_to_database(target: Path, manifest: BackupManifest, database: str) -> tuple[str, ...]:
    from technic.data.store.catalog import Catalog

    catalog = Catalog.of(target, database, manifest.identity)
    try:
        if catalog.kept_digest() == manifest.catalog:
            return ()
        text = f"{catalog.what}: holds rows of this store that are not those of the backup; they"
        return (f"{text} stand as they are",)
    finally:
        catalog.close()


def _take_home(
    source: Path, manifest: BackupManifest, settings: Settings, made: list[Path]
) -> tuple[str, ...]:
    """Write the user's files where there are none; names those that differ, and stay.

    Parameters
    ----------
    made : every file that is written is added to it
    """
    untouched = []
    for folder, start, _pattern in home_folders(settings):
        for name in sorted(n for n in manifest.files if n.startswith(f"{HOME}{start}/")):
            place = folder / name.removeprefix(f"{HOME}{start}/")
            if not place.exists():
                made.append(place)
                write_atomically(place, (source / name).read_bytes())
                place.chmod(0o600)
            elif digest_of(place) != manifest.files[name][1]:
                untouched.append(str(place))
    return tuple(untouched)


def _take_settings(source: Path, manifest: BackupManifest, settings: Settings) -> tuple[str, ...]:
    """Keep settings that are not set; names those that are set to something else, and stay."""
    name = f"{HOME}technic.toml"
    if name not in manifest.files:
        return ()
    there = read_toml(settings_file(settings))
    given = read_toml(source / name)
    missing = {key: str(value) for key, value in given.items() if key not in there}
    if missing:
        write_settings(settings, **missing)
    return tuple(f"setting {k}" for k, v in given.items() if k in there and there[k] != v)
