"""The record of everything that was ever tried on a store: each row is chained to all before it.

The more one looks, the better the best looks by luck alone; a Sharpe ratio is deflated by how many
distinct things were tried. Rows are added by what tries, not by whoever likes the result, and a row
that is changed or taken away breaks the chain.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from hashlib import sha256
from typing import Any

import orjson
from sqlalchemy import Connection, func, insert, select

from technic.data.store import Store
from technic.data.store.catalog.seals import one_at_a_time
from technic.data.store.catalog.tables import TRIALS, naive
from technic.errors import StoreError

FIELDS = ("at", "kind", "digest", "name", "store_version", "model", "content")


def record_trial(
    store: Store,
    kind: str,
    digest: str,
    name: str,
    content: Mapping[str, Any],
    at: datetime,
    model: str | None = None,
) -> int:
    """Write down that something was tried.

    Parameters
    ----------
    kind : "train", "vault" or "backtest"
    digest : of what was tried: the same thing tried again is no other trial
    name : of the file that says what was tried
    content : what was asked and found, as JSON holds it
    at : when, UTC
    model : SHA-256 of what was learned, if anything was

    Returns
    -------
    int
        The number of the trial.
    """
    values = {
        "at": naive(at).replace(microsecond=0),
        "kind": kind,
        "digest": digest,
        "name": name,
        "store_version": store.require().name,
        "model": model,
        "content": orjson.dumps(dict(content)).decode(),
    }

    def work(connection: Connection) -> int:
        one_at_a_time(connection)
        newest = select(TRIALS.c.chain).order_by(TRIALS.c.id.desc()).limit(1)
        before = connection.execute(newest).scalar() or ""
        inserted = connection.execute(insert(TRIALS).values(**values, chain=_link(before, values)))
        assert inserted.inserted_primary_key is not None
        return int(inserted.inserted_primary_key[0])

    return store.catalog.write(work)


def trials(store: Store, kind: str | None = None) -> list[dict[str, Any]]:
    """Read every trial, newest first; what was asked and found is under `content`.

    Parameters
    ----------
    kind : "train", "vault" or "backtest"; all by default

    Raises
    ------
    StoreError
        If the table was altered.
    """
    rows = store.catalog.rows(select(TRIALS).order_by(TRIALS.c.id))
    before = ""
    for row in rows:
        if row["chain"] != _link(before, row):
            raise StoreError(
                f"the table of trials was altered at row {row['id']}: what was tried on this store "
                "is not known any more; restore the catalog from a backup"
            )
        before = row["chain"]
        row["content"] = orjson.loads(row["content"])
    return [row for row in reversed(rows) if kind is None or row["kind"] == kind]


def distinct_trials(store: Store, kind: str, *, with_digest: str = "") -> int:
    """How many distinct things of a kind were ever tried.

    Parameters
    ----------
    kind : "train", "vault" or "backtest"
    with_digest : of one that is about to be tried, and counts already
    """
    query = select(func.count(TRIALS.c.digest.distinct())).where(
        TRIALS.c.kind == kind, TRIALS.c.digest != with_digest
    )
    count = store.catalog.read(lambda connection: connection.execute(query).scalar())
    return int(count or 0) + bool(with_digest)


def _link(before: str, row: Mapping[str, Any]) -> str:
    # Over the link before: to change one row, every later one would have to be changed as well.
    content = [before, row["at"].isoformat(), *(row[name] for name in FIELDS[1:])]
    return sha256(orjson.dumps(content)).hexdigest()
