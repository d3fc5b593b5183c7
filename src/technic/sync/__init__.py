"""Providers → store."""

from __future__ import annotations

from technic.sync.files import FileStore, Imported

__all__ = ["FileStore", "Imported"]
