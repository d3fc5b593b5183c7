"""Providers → store."""

from __future__ import annotations

from pathlib import Path

from technic.data.ingest.files import FileStore, Imported
from technic.data.store.remote import fetch, is_remote
from technic.runtime.settings import Settings

__all__ = ["FileStore", "Imported", "open_store"]


def open_store(path: str | Path) -> FileStore:
    """The store in a folder; an empty one is made there at the first import.

    Parameters
    ----------
    path : a folder, or an address of object storage such as `s3://bucket/market`, which is read
        through a copy on this machine that is brought up to date now
    """
    settings = Settings.load()
    if is_remote(str(path)):
        return FileStore(fetch(str(path), settings.mirrors), place=str(path))
    return FileStore(Path(path), settings.database)
