"""Providers → store: what comes in is checked, compared with what is stored, and committed."""

from __future__ import annotations

from pathlib import Path

from technic.data.ingest.bar_files import Imported
from technic.data.ingest.files import FileStore
from technic.data.store.remote import fetch, is_remote
from technic.runtime.settings import Settings

__all__ = ["FileStore", "Imported", "open_store"]


def open_store(path: str | Path) -> FileStore:
    """Open the store in a folder; an empty one is made there at the first import.

    Parameters
    ----------
    path : a folder, or an address of object storage such as `s3://bucket/market`, which is read
        through a copy on this machine that is brought up to date now

    Returns
    -------
    FileStore
        Nothing of it is read before it is asked for. One that lies in object storage is read only.

    Raises
    ------
    StoreError
        If there is no store at an address of object storage, or it cannot be reached.
    ConfigError
        If a settings file cannot be read, or what object storage needs is not installed.

    Examples
    --------
    >>> import technic as tc
    >>> from tempfile import mkdtemp
    >>> tc.open_store(mkdtemp()).version().number
    0
    """
    settings = Settings.load()
    if is_remote(str(path)):
        return FileStore(fetch(str(path), settings.mirrors), place=str(path))
    return FileStore(Path(path), settings.database)
