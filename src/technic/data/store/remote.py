"""Stores that lie elsewhere: in object storage, read through a copy on this machine.

Files of a store never change once a version names them, so a copy is brought up to date by
fetching what it lacks:

1. The records of versions are listed and fetched first: what they name was there before them.
2. Files that are missing, or of another size, are fetched and held against their digests.
3. The records are put in place last; a copy that was interrupted shows the version before.

The tables below the address are Delta tables, as on a disk: any reader of Delta opens them there.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime
from hashlib import blake2b
from importlib import import_module
from pathlib import Path, PurePosixPath
from typing import Any, Protocol

import orjson

from technic.data.store.version import DROPPED
from technic.errors import StoreError, not_installed
from technic.runtime.files import (
    make_folder,
    sync_to_disk,
    write_atomically,
    write_private,
    writing,
)

NAME = re.compile(r"[A-Za-z0-9_.=%+-]+(/[A-Za-z0-9_.=%+-]+)*")
DIGITS = 16  # bytes of a digest, see `version.digest_of`


class Bucket(Protocol):
    """Objects below one address: names and bytes. Implemented by `object_storage.ObstoreBucket`.

    Every method raises `StoreError` if the storage cannot be reached. Objects become visible
    whole or not at all.

    Attributes
    ----------
    url : the address, without a slash at its end
    """

    url: str

    def sizes(self, prefix: str = "") -> dict[str, int]:
        """Size in bytes of every object, by name.

        Parameters
        ----------
        prefix : only names that begin with it; a whole part of a path
        """
        ...

    def read(self, name: str) -> bytes:
        """The content of an object; `StoreError` if there is none."""
        ...

    def tags(self, prefix: str = "") -> dict[str, str]:
        """What the storage says of each object's content, by name: of most its MD5, in hex.

        Parameters
        ----------
        prefix : only names that begin with it; a whole part of a path
        """
        ...

    def written(self, prefix: str = "") -> dict[str, datetime]:
        """When each object was put there, by name.

        Parameters
        ----------
        prefix : only names that begin with it; a whole part of a path
        """
        ...

    def write(self, name: str, content: bytes) -> str:
        """Put an object in its place, over one that is there; returns its tag.

        Parameters
        ----------
        name : of the object, below the address
        content : all of it
        """
        ...

    def remove(self, names: Iterable[str]) -> None:
        """Take objects away.

        Parameters
        ----------
        names : below the address; those that are not there are passed over
        """
        ...


def is_remote(place: str) -> bool:
    """Whether a place is an address of object storage rather than a folder."""
    return place.startswith(("s3://", "s3a://"))


def mirror_folder(place: str, mirrors: Path) -> Path:
    """Where the copy of a remote store lies.

    Parameters
    ----------
    mirrors : folder of all such copies
    """
    return mirrors / blake2b(place.rstrip("/").encode(), digest_size=8).hexdigest()


def fetch(place: str, mirrors: Path) -> Path:
    """Bring the copy of a remote store up to date; returns its folder.

    Parameters
    ----------
    place : address of the store in object storage
    mirrors : folder of all such copies

    Raises
    ------
    StoreError
        If the address holds no store, or what is there is not what its versions name.
    """
    bucket = open_bucket(place)
    folder = mirror_folder(place, mirrors)
    with writing(folder):
        records = sorted(name for name in bucket.sizes("versions") if name.endswith(".json"))
        if not records:
            raise StoreError(f"{place}: there is no store; put one there: technic backup {place}")
        fresh = {
            name: bucket.read(_checked_name(name, place))
            for name in records
            if not (folder / name).exists() or name.endswith(DROPPED)
        }
        digests = _digests(fresh, place)
        for name, size in bucket.sizes("tables").items():
            path = folder / _checked_name(name, place)
            if not path.exists() or path.stat().st_size != size:
                try:
                    _fetch_file(bucket, name, path, digests.get(name), folder)
                except StoreError:  # unless it went since: of a version that was dropped long ago
                    if name in bucket.sizes(str(PurePosixPath(name).parent)):
                        raise
        if not (folder / "store.json").exists():
            write_atomically(folder / "store.json", bucket.read("store.json"))
        for name, content in fresh.items():
            write_atomically(folder / name, content)
    return folder


def _fetch_file(bucket: Bucket, name: str, path: Path, digest: str | None, folder: Path) -> None:
    """Fetch one file of a table; it takes its place once it is whole."""
    content = bucket.read(name)
    if digest is not None and blake2b(content, digest_size=DIGITS).hexdigest() != digest:
        raise StoreError(
            f"{bucket.url}/{name}: is not the file that the store's version names; nothing of the "
            "new version was taken over"
        )
    make_folder(path.parent)
    scratch = path.with_name(f".{path.name}.fetching")
    write_private(scratch, content)
    scratch.replace(path)
    sync_to_disk(path, root=folder)


def _digests(records: dict[str, bytes], place: str) -> dict[str, str]:
    """What each file must be, by the newest record that names it."""
    digests: dict[str, str] = {}
    for name, content in records.items():
        try:
            added: dict[str, Any] = orjson.loads(content).get("added", {})
            digests |= {path: str(about[1]) for path, about in added.items()}
        except (orjson.JSONDecodeError, AttributeError, TypeError, IndexError) as error:
            raise StoreError(f"{place}/{name}: is no record of a version") from error
    return digests


def _checked_name(name: str, place: str) -> str:
    """A name that stays below our folder."""
    if not NAME.fullmatch(name) or ".." in name.split("/"):
        raise StoreError(f"{place}: an object is called {name[:80]!r}; no file of a store is")
    return name


def open_bucket(place: str) -> Bucket:
    """The objects below an address.

    Raises
    ------
    ConfigError
        If what object storage needs is not installed.
    """
    try:
        module = import_module("technic.data.store.object_storage")
    except ModuleNotFoundError as error:
        raise not_installed(error, "s3", place) from error
    bucket: Bucket = module.ObstoreBucket(place)
    return bucket
