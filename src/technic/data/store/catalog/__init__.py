"""The catalog, in SQL: an index of securities, and what only a database can keep.

`tables` says what there is, `migrations` how it came to be, `engine` which database it is in,
`mirror` how the index follows the Delta tables, `universe` how it is asked. `runs`, `seals`,
`quarantine` and `watchlists` keep what only a database can, `transfer` moves all of that, and `catalog`
is what the rest of technic sees. Every statement is SQLAlchemy Core with bound parameters; the same
ones run on SQLite and PostgreSQL.
"""

from __future__ import annotations

from technic.data.store.catalog.catalog import Catalog

__all__ = ["Catalog"]
