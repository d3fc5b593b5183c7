"""Runs whose manifests are kept, each sealed in the transaction that writes it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

import orjson
from sqlalchemy import Connection, Select, insert, select

from technic.data.store.catalog.seals import add_seal, is_sealed, run_content
from technic.data.store.catalog.tables import RUNS, naive
from technic.errors import StoreError


def record_run(
    connection: Connection,
    kind: str,
    name: str,
    as_of: date | None,
    manifest: Mapping[str, Any],
    at: datetime,
) -> int:
    """Keep the manifest of a run, and its seal; returns its number."""
    values = {
        "at": naive(at),
        "kind": kind,
        "name": name,
        "as_of": as_of,
        "store_version": manifest["store_version"],
        "seal": manifest["seal"],
        "manifest": orjson.dumps(dict(manifest)).decode(),
    }
    done = connection.execute(insert(RUNS).values(**values))
    assert done.inserted_primary_key is not None
    number = int(done.inserted_primary_key[0])
    row = connection.execute(select(RUNS).where(RUNS.c.id == number)).mappings().one()
    add_seal(connection, f"run/{number}", run_content(row))
    return number


def runs_query() -> Select[Any]:
    """Every run that was kept, newest first, without its manifest."""
    columns = [column for column in RUNS.columns if column.name != "manifest"]
    return select(*columns).order_by(RUNS.c.id.desc())


def read_run(connection: Connection, number: int) -> dict[str, Any] | None:
    """The manifest of a run; None if there is no such run.

    Raises
    ------
    StoreError
        If it is not what was written down.
    """
    query = select(RUNS).where(RUNS.c.id == number)
    try:
        row = connection.execute(query).mappings().first()
    except ValueError:  # a date that is none
        raise _altered(number) from None
    if row is None:
        return None
    if not is_sealed(connection, f"run/{number}", run_content(row)):
        raise _altered(number)
    manifest: dict[str, Any] = orjson.loads(row["manifest"])
    return manifest


def _altered(number: int) -> StoreError:
    return StoreError(
        f"run {number}: is not what was written down; restore the catalog from a backup"
    )
