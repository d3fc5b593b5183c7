"""Backups in object storage: put there by `push`, taken from there by `pull`.

Tables and records lie under their own names, so that a store is read there. Whatever is written
over from one backup to the next (catalog, evidence, saved scans, settings, the models' cards) lies
under the digest of its content, and the table of contents says what it is called: the old backup
is whole until the new one is.

1. What is missing, or is not what it should be by its digest, is sent and held against its digest.
2. The records of versions follow, then the table of contents: `backup.json`.
3. What only older tables of contents named is removed, and so are data files that a vacuum of the
   store would remove: of versions that were dropped a day ago. A push that fails removes what it
   sent.
"""

from __future__ import annotations

import hashlib
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime
from hashlib import blake2b
from pathlib import Path

import orjson

from technic.data.store.backup import CATALOG, HINT, backup
from technic.data.store.backup_manifest import FILE, BackupManifest, manifest_of
from technic.data.store.remote import DIGITS, Bucket, is_remote, open_bucket
from technic.data.store.restore import Restored, refuse_existing, restore
from technic.data.store.store import Store
from technic.data.store.vacuum import PATIENCE, files_needed
from technic.errors import StoreError, TechnicError
from technic.runtime.files import make_folder, write_private
from technic.runtime.settings import Settings

BY_DIGEST = "content"  # folder of the objects that are called by their digests
OWN_NAMES = ("tables/", "versions/", "store.json")
MD5 = re.compile(r"[0-9a-f]{32}")


def push(
    store: Store, place: str, settings: Settings | None = None, *, now: datetime | None = None
) -> int:
    """Put a backup of a store, or what is new in it, into object storage; returns files sent.

    Parameters
    ----------
    place : address in object storage
    settings : whose saved scans, kept reports, rollouts and settings go along; None for none
    now : what the clock says; the system's by default

    Raises
    ------
    StoreError
        If another store, or a newer version of this one, lies there already, or what arrived is
        not what was sent.
    """
    bucket = open_bucket(place)
    sizes = bucket.sizes()
    if _identity_at(bucket, sizes) not in {"", store.version().identity}:
        raise StoreError(f"{place}: another store lies there; name another place")
    scratch = Path(tempfile.mkdtemp(prefix="technic-push-"))
    try:
        manifest = backup(store, scratch / "store", settings)
        newest = max((name for name in sizes if name.startswith("versions/0")), default="")
        if newest > f"versions/{manifest.version:08d}.json":
            raise StoreError(
                f"{place}: holds a newer version of this store, {newest}; nothing was sent. Name "
                "another place"
            )
        if _is_there(bucket, manifest, sizes):
            manifest = manifest_of(bucket.read(FILE), place)
            (scratch / "store" / FILE).write_bytes(bucket.read(FILE))
            (scratch / "store" / CATALOG).write_bytes(bucket.read(_catalog_object(manifest)))
        sent = _send(scratch / "store", bucket, manifest, sizes)
        bucket.remove(_needless(store, bucket, manifest, (now or datetime.now(UTC)) - PATIENCE))
        return sent
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def pull(place: str, folder: Path) -> BackupManifest:
    """Fetch the backup at an address into a folder, each file held against its digest.

    Parameters
    ----------
    place : address in object storage
    folder : to be filled, as `backup` would

    Raises
    ------
    StoreError
        If there is no backup, or an object is not what was put there.
    """
    bucket = open_bucket(place)
    if FILE not in bucket.sizes():
        raise StoreError(f"{place}: holds no backup; put one there: technic backup {place}")
    content = bucket.read(FILE)
    manifest = manifest_of(content, f"{place}/{FILE}")
    for name, (_, digest) in manifest.files.items():
        _pull_file(bucket, _object(name, digest), folder / name, digest)
    catalog = _catalog_object(manifest)
    _pull_file(bucket, catalog, folder / CATALOG, manifest.catalog_file)
    write_private(folder / FILE, content)
    return manifest


def restore_from(source: str, folder: Path, settings: Settings) -> Restored:
    """Bring back a store from a backup in a folder or in object storage: see `restore.restore`.

    Parameters
    ----------
    source : a folder, or an address such as s3://bucket/x
    folder : of the store to be
    settings : say where the rest goes
    """
    if not is_remote(source):
        return restore(Path(source), folder, settings)
    refuse_existing(folder)  # before all of it is fetched
    fetched = folder.with_name(f".{folder.name}.fetched")
    try:
        make_folder(fetched)
        pull(source, fetched)
        return restore(fetched, folder, settings)
    except OSError as error:
        raise StoreError(
            f"{folder}: cannot be written ({error.strerror}); nothing was restored"
        ) from error
    finally:
        shutil.rmtree(fetched, ignore_errors=True)


def _pull_file(bucket: Bucket, name: str, path: Path, digest: str) -> None:
    content = bucket.read(name)
    if blake2b(content, digest_size=DIGITS).hexdigest() != digest:
        raise StoreError(
            f"{bucket.url}/{name}: does not hold what the backup put there; nothing was restored. "
            "Use another one"
        )
    make_folder(path.parent)
    write_private(path, content)


def _object(name: str, digest: str) -> str:
    """What a file of a backup is called in object storage."""
    return name if name.startswith(OWN_NAMES) else f"{BY_DIGEST}/{digest}"


def _catalog_object(manifest: BackupManifest) -> str:
    return _object(CATALOG, manifest.catalog_file)


def _identity_at(bucket: Bucket, sizes: Mapping[str, int]) -> str:
    """Whose backup lies there; empty if nobody's, or if nothing that says so can be read.

    The table of contents is sealed, so it is believed before the plain file beside it.
    """
    with suppress(StoreError):
        if FILE in sizes:
            return manifest_of(bucket.read(FILE), bucket.url).identity
    try:
        content = orjson.loads(bucket.read("store.json")) if "store.json" in sizes else {}
        return str(content["identity"])
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return ""


def _is_there(bucket: Bucket, manifest: BackupManifest, sizes: Mapping[str, int]) -> bool:
    """Whether the backup at the address holds the same, though it was made at another time."""
    if FILE not in sizes:
        return False
    try:
        old = manifest_of(bucket.read(FILE), bucket.url)
    except StoreError:  # damaged: it is made anew
        return False
    again = replace(manifest, made=old.made, catalog_file=old.catalog_file)
    if again != old or _catalog_object(old) not in sizes:
        return False
    content = bucket.read(_catalog_object(old))
    return blake2b(content, digest_size=DIGITS).hexdigest() == old.catalog_file


def _send(folder: Path, bucket: Bucket, manifest: BackupManifest, sizes: Mapping[str, int]) -> int:
    """Send what is missing or differs, the table of contents last; remove what nobody names."""
    objects = _objects(folder, manifest)
    tags, sent = bucket.tags(), list[str]()
    with _removing_on_failure(bucket, sent, sizes):
        for name, path in objects.items():
            content = path.read_bytes()
            if name in sizes and _holds(bucket, name, content, sizes[name], tags.get(name, "")):
                continue
            sent.append(name)
            tag = bucket.write(name, content)
            if not _holds(bucket, name, content, len(content), tag):
                raise StoreError(
                    f"{bucket.url}/{name}: what arrived there is not what was sent; no backup was "
                    "made"
                )
    bucket.remove(n for n in sizes if n.startswith(f"{BY_DIGEST}/") and n not in objects)
    return len(sent)


def _needless(
    store: Store, bucket: Bucket, manifest: BackupManifest, before: datetime
) -> list[str]:
    """Data files there that no version needs which was not dropped by an instant.

    What was put there later may belong to a push of a newer version that has not ended. What only
    the store has lost stays: it is told by its logs and records, not by its files.
    """
    needed = files_needed(store.folder, before) | set(manifest.files)
    return [
        name
        for name, at in bucket.written("tables").items()
        if name.endswith(".parquet")
        and "/_delta_log/" not in name
        and name not in needed
        and at < before
    ]


def _objects(folder: Path, manifest: BackupManifest) -> dict[str, Path]:
    """What to send, by name, in this order: what is named is there before what names it."""
    files = {_object(name, digest): folder / name for name, (_, digest) in manifest.files.items()}
    files[_catalog_object(manifest)] = folder / CATALOG
    hints = {path.relative_to(folder).as_posix(): path for path in folder.glob(f"tables/**/{HINT}")}
    last = [name for name in files if name == "store.json" or name.startswith("versions/")]
    first = {name: path for name, path in files.items() if name not in last}
    records = {name: files[name] for name in sorted(last)}
    return {**first, **hints, **records, FILE: folder / FILE}


def _holds(bucket: Bucket, name: str, content: bytes, size: int, tag: str) -> bool:
    """Whether an object is this content: by its MD5 where the storage tells it, else read back."""
    if size != len(content):
        return False
    if MD5.fullmatch(tag):
        return tag == hashlib.md5(content, usedforsecurity=False).hexdigest()
    return bucket.read(name) == content


@contextmanager
def _removing_on_failure(
    bucket: Bucket, sent: list[str], there: Mapping[str, int]
) -> Iterator[None]:
    """Take away what a push that fails has sent, the last first."""
    try:
        yield
    except BaseException:
        with suppress(TechnicError):
            bucket.remove(name for name in reversed(sent) if name not in there)
        raise
