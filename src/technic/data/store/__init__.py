"""Where market data lies: tables that only grow, mapped panels, and a catalog in SQL.

The truth is in the tables: `table_writer` puts a bar there, `tables` reads it back at a version,
`rows` says which of several words counts. Panels (`panels`, `panel_…`, `mapped_panel`) are a cache
of them that scans compute on; deleting it loses nothing. `version` holds the records that tie the
tables together, `recorded` holds files against them, `catalog/` is the SQL side, and the rest looks
after it all: `backup`, `restore`, `vacuum`, `integrity`, `dating`.
"""

from __future__ import annotations

from technic.data.store.store import Store
from technic.data.store.version import StoreVersion

__all__ = ["Store", "StoreVersion"]
