"""How a catalog came to be as it is: steps, each whole or not at all.

A step and the note that it was taken are one transaction, which both databases extend to
creating and dropping tables: a process killed between any two statements leaves the catalog as
it was before the step. A catalog that knows steps this technic does not know is refused.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from importlib import import_module

from sqlalchemy import (
    Column,
    Connection,
    DateTime,
    Integer,
    MetaData,
    Table,
    func,
    insert,
    inspect,
    select,
)
from sqlalchemy.schema import DropTable

from technic.data.store.catalog.seals import add_seal, run_content
from technic.data.store.catalog.tables import (
    ALERT_MEMORIES,
    ALERTS,
    API_KEYS,
    CALLS,
    DELIVERIES,
    KEPT,
    MEASURES,
    METADATA,
    MIRRORED,
    MODELS,
    QUARANTINE,
    RUNS,
    SEALS,
    TRIALS,
    WATCHLISTS,
)
from technic.errors import StoreError, install_hint

STEPS = Table(
    "migrations",
    MetaData(),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("at", DateTime, nullable=False),
)


def _first(connection: Connection) -> None:
    """What lives only here: rows set aside, watch-lists, calls."""
    METADATA.create_all(connection, tables=[QUARANTINE, WATCHLISTS, CALLS])


def _second(connection: Connection) -> None:
    """The index anew, dated; and the ledger of runs."""
    schema = connection.get_execution_options().get("schema_translate_map", {}).get(None)
    there = set(inspect(connection).get_table_names(schema=schema))
    for table in MIRRORED:
        if table.name in there:
            connection.execute(DropTable(table))
    METADATA.create_all(connection, tables=[*MIRRORED, RUNS])


def _third(connection: Connection) -> None:
    """Alerts and where they went, keys of the HTTP API, measures over time."""
    METADATA.create_all(connection, tables=[ALERTS, DELIVERIES, ALERT_MEMORIES, API_KEYS, MEASURES])


def _fourth(connection: Connection) -> None:
    """Trials of models and of backtests, and which model forecasts."""
    METADATA.create_all(connection, tables=[TRIALS, MODELS])


def _fifth(connection: Connection) -> None:
    """Seals of what is believed; those of the runs that are there already."""
    METADATA.create_all(connection, tables=[SEALS])
    for row in connection.execute(select(RUNS).order_by(RUNS.c.id)).mappings():
        add_seal(connection, f"run/{row['id']}", run_content(row))


def _sixth(connection: Connection) -> None:
    """Numbers of rows that an earlier technic had moved here go on behind the highest."""
    restart_sequences(connection)


def restart_sequences(connection: Connection) -> None:
    """Let every table number its next row behind the highest; SQLite does so by itself."""
    if connection.dialect.name == "postgresql":
        postgres = import_module("technic.data.store.catalog.postgres")
        postgres.restart_sequences(connection, KEPT)


MIGRATIONS: tuple[Callable[[Connection], None], ...] = (
    _first,
    _second,
    _third,
    _fourth,
    _fifth,
    _sixth,
)
MOVED = 0  # the note that what a file beside the store kept was moved here


def was_moved(connection: Connection) -> bool:
    """Whether a database has taken over what a file beside the store kept."""
    return connection.execute(select(STEPS).where(STEPS.c.number == MOVED)).first() is not None


def note_move(connection: Connection) -> None:
    """Note it, in the transaction that does it."""
    connection.execute(insert(STEPS).values(number=MOVED, at=_now()))


def _now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)


def migrate(begin: Callable[[], object], what: str) -> None:
    """Take every step that has not been taken.

    Parameters
    ----------
    begin : opens a writing transaction, as a context manager that gives a connection
    what : the catalog, for an error

    Raises
    ------
    StoreError
        If a newer technic made it.
    """
    with begin() as connection:  # type: ignore[attr-defined]
        STEPS.create(connection, checkfirst=True)
        done = connection.execute(select(func.max(STEPS.c.number))).scalar() or 0
    if done > len(MIGRATIONS):
        raise StoreError(
            f"{what}: was made by a newer technic, in a form that this one does not know; nothing "
            f"was changed. Upgrade: {install_hint()}"
        )
    for number, step in enumerate(MIGRATIONS[done:], start=done + 1):
        with begin() as connection:  # type: ignore[attr-defined]
            taken = connection.execute(select(func.max(STEPS.c.number))).scalar() or 0
            if taken < number:  # another process may have been quicker
                step(connection)
                connection.execute(insert(STEPS).values(number=number, at=_now()))


assert {*MIRRORED, *KEPT} == set(METADATA.tables.values())
