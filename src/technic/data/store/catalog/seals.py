"""The record of what is believed: digests of cards, evidence and runs, each chained to all before.

A file that says when a model may speak, or what a score was worth, is believed only if its digest
stands here. To change what is believed, every later row would have to be changed as well.
"""

from __future__ import annotations

from hashlib import sha256

import orjson
from sqlalchemy import Connection, RowMapping, func, insert, select

from technic.data.store.catalog.tables import SEALS
from technic.errors import StoreError

RUN = ("at", "kind", "name", "as_of", "store_version", "seal", "manifest")
CHAINS = 0x7EC4_5EA1  # names our lock among those of a server
ALTERED = "was altered at row {}: what this store believes is not known any more; restore the catalog from a backup"  # fmt: skip


def add_seal(connection: Connection, what: str, content: bytes) -> None:
    """Write down the digest of something, in the transaction of the caller.

    Parameters
    ----------
    what : its name
    content : all of it
    """
    one_at_a_time(connection)
    newest = select(SEALS.c.chain).order_by(SEALS.c.id.desc()).limit(1)
    before = connection.execute(newest).scalar() or ""
    digest = sha256(content).hexdigest()
    link = _link(before, what, digest)
    connection.execute(insert(SEALS).values(what=what, digest=digest, chain=link))


def one_at_a_time(connection: Connection) -> None:
    """Keep others from adding to a chain until this transaction is over.

    SQLite has one writer at a time anyway; in PostgreSQL two could follow the same row.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(select(func.pg_advisory_xact_lock(CHAINS)))


def is_sealed(connection: Connection, what: str, content: bytes, *, newest: bool = False) -> bool:
    """Whether this very content was ever written down under a name, or as its newest.

    Raises
    ------
    StoreError
        If the row that says so was altered.
    """
    digest = sha256(content).hexdigest()
    wanted = select(SEALS).where(SEALS.c.what == what)
    if not newest:
        wanted = wanted.where(SEALS.c.digest == digest)
    row = connection.execute(wanted.order_by(SEALS.c.id.desc()).limit(1)).mappings().first()
    if row is None or row["digest"] != digest:
        return False
    last = select(SEALS.c.chain).where(SEALS.c.id < row["id"]).order_by(SEALS.c.id.desc()).limit(1)
    before = connection.execute(last).scalar() or ""
    if row["chain"] != _link(before, row["what"], row["digest"]):
        raise StoreError(f"the record of seals {ALTERED.format(row['id'])}")
    return True


def check_seals(connection: Connection) -> int:
    """Hold every row against the one before; returns how many there are.

    Raises
    ------
    StoreError
        If one was altered or taken away.
    """
    before, count = "", 0
    for row in connection.execute(select(SEALS).order_by(SEALS.c.id)).mappings():
        if row["chain"] != _link(before, row["what"], row["digest"]):
            raise StoreError(f"the record of seals {ALTERED.format(row['id'])}")
        before, count = row["chain"], count + 1
    return count


def run_content(row: RowMapping) -> bytes:
    """All that a row of the table of runs says, in one spelling on every database."""
    return orjson.dumps([row[name] for name in RUN])


def _link(before: str, what: str, digest: str) -> str:
    return sha256(orjson.dumps([before, what, digest])).hexdigest()
