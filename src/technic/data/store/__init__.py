"""Where market data lies: tables that only grow, mapped panels, and a catalog in SQL.

The truth is in the tables: `table_writer` puts a bar there, `tables` reads it back at a version,
`rows` says which of several words counts. Panels (`panels`, `panel_…`, `mapped_panel`) are a cache
of them that scans compute on; deleting it loses nothing. `version` holds the records that tie the
tables together, `recorded` holds files against them, `catalog/` is the SQL side, and the rest looks
after it all: `backup`, `restore`, `vacuum`, `integrity`, `dating`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from technic.data.store.version import StoreVersion

if TYPE_CHECKING:
    from technic.data.store.store import Store

__all__ = ["Store", "StoreVersion"]


def __getattr__(name: str) -> Any:
    """Import `Store` when it is first used: a record of a version is read without Polars."""
    if name == "Store":
        from technic.data.store.store import Store

        return Store
    message = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(message)
