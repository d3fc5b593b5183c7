"""Providers → store."""

from __future__ import annotations

from pathlib import Path

from technic.config import Settings
from technic.sync.files import FileStore, Imported

__all__ = ["FileStore", "Imported", "open_store"]


def open_store(path: str | Path) -> FileStore:
    """The store in a folder; an empty one is made there at the first import."""
    return FileStore(Path(path), Settings.load().database)
