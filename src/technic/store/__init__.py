"""Where market data lies."""

from __future__ import annotations

from technic.store.store import Store
from technic.store.version import StoreVersion

__all__ = ["Store", "StoreVersion"]
