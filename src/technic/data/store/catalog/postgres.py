"""The catalog in PostgreSQL, through psycopg."""

from __future__ import annotations

from collections.abc import Iterable
from time import monotonic
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

from technic.errors import StoppedError
from technic.runtime.deadline import check

STATEMENT_MS = 30_000  # for any one statement
LOCK_MS = 10_000
ANSWER_S = 40  # without a sign of life; the server ends any statement before
POOL = 5


class PatientConnection(psycopg.Connection[Any]):
    """A connection that waits for its server only so long, and only while its answer is wanted.

    The server's own time-outs do not help where the server itself hangs, or the network does.
    """

    def wait(self, gen: Any, *given: Any, **options: Any) -> Any:
        """Wait for an answer, looking at the deadline of the work several times a second.

        Raises
        ------
        OperationalError
            If none came in `ANSWER_S` seconds. The connection is closed: what it would hear next
            is the answer to another question.
        StoppedError
            If the deadline of the work that waits has passed.
        """
        try:
            return super().wait(_watched(gen), *given, **options)
        except (SilentError, StoppedError):
            self.close()
            raise


class SilentError(psycopg.OperationalError):
    """The server has not answered."""


def _watched(gen: Any) -> Any:
    """The same steps, with a look at the clock before each: the driver wakes them regularly."""
    until = monotonic() + ANSWER_S
    try:
        step = next(gen)
        while True:
            ready = yield step
            check()
            if monotonic() > until and not ready:
                raise SilentError(f"no answer in {ANSWER_S} s")
            step = gen.send(ready)
    except StopIteration as done:
        return done.value


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

    @event.listens_for(engine, "do_connect")
    def connect(_dialect: Any, _record: Any, arguments: Any, options: Any) -> Any:
        return PatientConnection.connect(*arguments, **options)

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
