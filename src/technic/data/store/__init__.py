"""Where market data lies: tables that only grow, mapped panels, and a catalog in SQL."""

from __future__ import annotations

from technic.data.store.store import Store
from technic.data.store.version import StoreVersion

__all__ = ["Store", "StoreVersion"]
