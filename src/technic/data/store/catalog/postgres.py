"""The catalog in PostgreSQL, through psycopg."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import psycopg
from psycopg import sql
from sqlalchemy import (
    Connection,
    Engine,
    Table,
    create_engine,
    event,
    func,
    make_url,
    select,
    text,
)
from sqlalchemy.schema import CreateSchema

STATEMENT_MS = 30_000  # for any one statement
LOCK_MS = 10_000
POOL = 5


def open_engine(url: str, identity: str) -> Engine:
    """An engine whose connections see the schema of one store.

    Parameters
    ----------
    identity : of the store; its schema is technic_<identity>
    """
    parsed = make_url(url).set(drivername="postgresql+psycopg")
    schema = f"technic_{identity}"
    engine = create_engine(
        parsed,
        pool_size=POOL,
        max_overflow=POOL,
        connect_args={
            "connect_timeout": 5,
            "options": f"-c statement_timeout={STATEMENT_MS} -c lock_timeout={LOCK_MS} "
            f"-c idle_in_transaction_session_timeout={STATEMENT_MS}",
        },
    ).execution_options(schema_translate_map={None: schema})

    @event.listens_for(engine, "begin")
    def one_writer(connection: Connection) -> None:
        # Writers of one store come one after another, as they do in a file.
        if connection.get_execution_options().get("writes", False):
            connection.execute(_LOCK, {"key": int(identity[:12] or "0", 16)})

    return engine


def make_schema(engine: Engine) -> None:
    """The schema of the engine's store, if it is missing."""
    schema = engine.get_execution_options()["schema_translate_map"][None]
    with engine.connect() as connection:
        writer = connection.execution_options(writes=True)
        with writer.begin():
            writer.execute(CreateSchema(schema, if_not_exists=True))


def restart_sequences(connection: Connection, tables: Iterable[Table]) -> None:
    """Let every table number its next row behind the highest that is there.

    Rows that are moved bring their numbers along, of which a sequence of the server knows nothing.

    Parameters
    ----------
    tables : those without numbers are left as they are
    """
    schema = connection.get_execution_options()["schema_translate_map"][None]
    for table in tables:
        column = table.autoincrement_column
        if column is not None:
            sequence = func.pg_get_serial_sequence(f"{schema}.{table.name}", column.name)
            following = func.coalesce(func.max(column), 0) + 1
            connection.execute(select(func.setval(sequence, following, False)))


_LOCK = text("SELECT pg_advisory_xact_lock(:key)")


def copy_rows(connection: Connection, table: Table, names: list[str], rows: list[Any]) -> None:
    """Write rows into a table by COPY, many times quicker than one INSERT each.

    Parameters
    ----------
    names : columns of the table, in the order of a row's values
    """
    schema = connection.get_execution_options()["schema_translate_map"][None]
    statement = sql.SQL("COPY {} ({}) FROM STDIN").format(
        sql.Identifier(schema, table.name), sql.SQL(", ").join(map(sql.Identifier, names))
    )
    driver: psycopg.Connection[Any] = connection.connection.driver_connection  # type: ignore[assignment]
    with driver.cursor() as cursor, cursor.copy(statement) as copy:
        for row in rows:
            copy.write_row(row)
