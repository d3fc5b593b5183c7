"""A copy of a store that is one version, whole, made while others read and write.

1. `_copy_catalog` takes what lives only in the database, as it is at one instant.
2. `_copy_tables` takes the newest version, and every file that it or an older one names.
3. `_copy_beside` takes models and evidence, `_copy_home` saved scans, kept reports, rollouts and
   settings; secrets stay behind.
4. `backup` writes the table of contents, and gives the copy its name once all of it is on the disk.

The catalog comes first: what it names was written before it.
"""

from __future__ import annotations

import errno
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime
from hashlib import blake2b
from pathlib import Path

import orjson
import tomli_w

from technic.data.store.backup_manifest import FILE, HOME, BackupManifest
from technic.data.store.delta_log import added_files
from technic.data.store.store import Store
from technic.data.store.tables import data_files
from technic.data.store.version import DROPPED, StoreVersion, digest_of, read_version
from technic.errors import ConfigError, StoreError
from technic.runtime.files import make_file, make_folder, open_private, sync_to_disk, write_private
from technic.runtime.secrets import secrets_under
from technic.runtime.settings import Settings, settings_file, without_password
from technic.runtime.toml_file import read_toml

CATALOG = "catalog.sqlite"
NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EROFS}
UNREADABLE = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
HINT = "_last_checkpoint"  # of a Delta log: only where to begin to read, and written over


def backup(store: Store, target: Path, settings: Settings | None = None) -> BackupManifest:
    """Copy a store as it is now to a folder that does not exist yet; returns what was copied.

    Files of a store are never changed once a version names them, so that the pinned version can
    be copied beside a writer. The copy gets its name when it is complete and on the disk; one
    that fails leaves nothing behind.

    Parameters
    ----------
    target : the folder of the copy
    settings : whose saved scans, kept reports, rollouts and settings are copied too; None for the
        store alone. Secrets are never copied

    Raises
    ------
    StoreError
        If the store is empty or damaged, or `target` is there already, lies in the store, or cannot
        be written.
    """
    if store.version().number == 0:
        raise StoreError(f"{store.folder}: holds nothing; there is nothing to back up")
    if target.exists():
        raise StoreError(f"{target}: is there already; name a folder that is not")
    if target.resolve().is_relative_to(store.folder.resolve()):
        raise StoreError(
            f"{target}: lies in the store itself, and would be lost with it; no backup was made. "
            "Name another folder, best on another disk"
        )
    with whole_or_nothing(target, "no backup was made") as scratch:
        copy = _Copy(scratch)
        digest = _copy_catalog(store, scratch)
        version = store.version()
        _copy_tables(store, version, copy)
        _copy_beside(store, copy)
        left_out = () if settings is None else _copy_home(settings, copy)
        made = datetime.now(UTC).isoformat(timespec="seconds")
        manifest = BackupManifest(
            version.identity,
            version.number,
            made,
            digest,
            digest_of(scratch / CATALOG),
            dict(copy.files),
            left_out,
        )
        copy.write(manifest.content(), FILE)
    return manifest


@contextmanager
def whole_or_nothing(target: Path, outcome: str) -> Iterator[Path]:
    """A folder to fill beside `target`, which takes its name at the end; gone if anything fails.

    Parameters
    ----------
    outcome : of a failure, in words

    Raises
    ------
    StoreError
        If the disk or the database refuses.
    """
    scratch = target.with_name(f".{target.name}.partial")
    strange = [folder for folder in target.parents if not folder.exists()]
    try:
        if scratch.exists():  # of one that was killed
            shutil.rmtree(scratch)
        make_folder(scratch)
        yield scratch
        scratch.rename(target)
        sync_to_disk(target, root=target.parent)
    except BaseException as error:
        shutil.rmtree(scratch, ignore_errors=True)
        for folder in strange:
            with suppress(OSError):
                folder.rmdir()
        if isinstance(error, OSError | sqlite3.Error):
            raise StoreError(f"{_blamed(error, target, scratch)}; {outcome}") from error
        raise


def _blamed(error: OSError | sqlite3.Error, target: Path, scratch: Path) -> str:
    """Which file could not be written, or read: an error of the source is none of the target."""
    reason = getattr(error, "strerror", None) or str(error)
    name = getattr(error, "filename", None)
    place = Path(name) if isinstance(name, str) else target
    ours = any(place.is_relative_to(folder) for folder in (scratch, target))
    if ours or place in scratch.parents or getattr(error, "errno", 0) in NO_ROOM:
        return f"{target}: cannot be written ({reason})"
    return f"{place}: cannot be read ({reason})"


class _Copy:
    """A folder that is being filled, and what was put there."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.files: dict[str, tuple[int, str]] = {}

    def take(self, path: Path, name: str, expected: str | None = None) -> None:
        """Copy a file; one that is not what a version names is refused."""
        place = self._place(name)
        with open(place, "wb", opener=open_private) as copy:
            copy.writelines(_parts(path))
        digest = digest_of(place)
        if expected is not None and digest != expected:
            raise StoreError(_damage_message(path, "does not hold what was written"))
        self._done(place, name, digest)

    def write(self, content: bytes, name: str) -> None:
        """Put a file of this content there."""
        place = self._place(name)
        write_private(place, content)
        self._done(place, name, blake2b(content, digest_size=16).hexdigest())

    def _place(self, name: str) -> Path:
        place = self.folder / name
        make_folder(place.parent)
        return place

    def _done(self, place: Path, name: str, digest: str) -> None:
        sync_to_disk(place, root=self.folder)
        if place.name != HINT:
            self.files[name] = (place.stat().st_size, digest)


def _parts(path: Path) -> Iterator[bytes]:
    """The content of a file of the store; if it cannot be read, it is to blame, and not the copy."""
    try:
        with path.open("rb") as file:
            yield from iter(lambda: file.read(1 << 20), b"")
    except OSError as error:
        raise StoreError(_damage_message(path, f"cannot be read ({error.strerror})")) from error


def _damage_message(path: Path, what: str) -> str:
    return (
        f"{path}: {what}, so that a backup would not be whole; none was made. technic doctor --deep "
        "says what is damaged, technic sync --repair mends it"
    )


def _copy_catalog(store: Store, target: Path) -> str:
    """What lives only in the catalog, as a file; returns the digest of its rows."""
    from technic.data.store.catalog import Catalog  # SQLAlchemy takes 0.25 s

    file = store.folder / CATALOG
    if not store.database and file.exists():
        with (
            closing(sqlite3.connect(f"{file.as_uri()}?mode=ro", uri=True)) as old,
            closing(sqlite3.connect(make_file(target / CATALOG))) as new,
        ):
            try:
                old.backup(new)
            except sqlite3.DatabaseError as error:
                if error.sqlite_errorcode & 0xFF not in UNREADABLE:
                    raise
                raise StoreError(_damage_message(file, f"cannot be read ({error})")) from error
    copy = Catalog.of(target, None, "")
    try:
        if store.database:
            copy.take_over(store.catalog)
        digest = copy.kept_digest()
    finally:
        copy.close()
    (target / CATALOG).chmod(0o600)
    sync_to_disk(target / CATALOG, root=target)
    return digest


def _copy_tables(store: Store, version: StoreVersion, copy: _Copy) -> None:
    """Records and tables as of a version, each file held against the record that names it."""
    source = store.folder
    numbers = [int(path.stem) for path in (source / "versions").glob("[0-9]*.json")]
    named: dict[str, str] = {}
    for number in sorted(number for number in numbers if number <= version.number):
        named |= {
            name: digest
            for name, (_, digest) in read_version(source, number, dropped=True).added.items()
        }
        copy.take(source / "versions" / f"{number:08d}.json", f"versions/{number:08d}.json")
    # Its name is in every record, which is sealed: the file beside them is only written from it.
    copy.write(orjson.dumps({"identity": version.identity}), "store.json")
    if (source / "versions" / DROPPED).exists():
        copy.take(source / "versions" / DROPPED, f"versions/{DROPPED}")
    for table, pinned in version.tables.items():
        for path in _table_files(source / "tables" / table, pinned):
            name = path.relative_to(source).as_posix()
            copy.take(path, name, None if path.name == HINT else named.get(name))
        for name in data_files(
            source, table, version
        ):  # what the newest version shows is all there
            if Path(name).relative_to(source).as_posix() not in copy.files:
                raise StoreError(_damage_message(Path(name), "is missing"))


def _copy_beside(store: Store, copy: _Copy) -> None:
    """Models with their cards, and the newest evidence."""
    paths = [*sorted((store.folder / "models").glob("[0-9a-z]*")), store.folder / "evidence.json"]
    for path in paths:
        if path.is_file():
            copy.take(path, path.relative_to(store.folder).as_posix())


def _copy_home(settings: Settings, copy: _Copy) -> tuple[str, ...]:
    """What a user keeps beside stores; returns the names of what stays behind."""
    for folder, start, pattern in home_folders(settings):
        for path in sorted(folder.glob(pattern)):
            if path.is_file() and not path.name.startswith("."):
                copy.take(path, f"{HOME}{start}/{path.relative_to(folder).as_posix()}")
    given = read_toml(settings_file(settings))
    plain = {k: v for k, v in given.items() if without_password(str(v)) == str(v)}
    if plain:
        copy.write(tomli_w.dumps(plain).encode(), f"{HOME}technic.toml")
    try:
        secrets = sorted(secrets_under("", settings))
    except ConfigError:  # a file that others may read: its names are no better than its values
        secrets = ["secrets.toml"]
    return (*secrets, *(f"the setting {name}" for name in given if name not in plain))


def home_folders(settings: Settings) -> tuple[tuple[Path, str, str], ...]:
    """Folders of what a user keeps beside stores, their names in a backup, and which files count."""
    return (
        (settings.scans, "scans", "*.toml"),
        (settings.reports, "reports", "*/*.*"),
        (settings.state / "rollout", "rollout", "*.json*"),
    )


def _table_files(table: Path, pinned: int) -> list[Path]:
    """Log entries until the pinned version, and every data file that was ever added by then."""
    log = [
        p
        for p in (table / "_delta_log").iterdir()
        if p.name[:20].isdecimal() and int(p.name[:20]) <= pinned
    ]
    mark = table / "_delta_log" / "_last_checkpoint"
    if _hinted(mark) <= pinned:
        log.append(mark)
    named: set[Path] = set()
    for path in log:
        if path.suffix == ".json":
            named |= {table / add for add in added_files(table, int(path.stem))}
    return [*log, *sorted(path for path in named if path.exists())]


def _hinted(mark: Path) -> float:
    """The version that a mark of the last checkpoint names; infinite where none can be read."""
    try:
        return int(orjson.loads(mark.read_bytes())["version"])
    except (OSError, orjson.JSONDecodeError, KeyError, TypeError, ValueError):
        return float("inf")
