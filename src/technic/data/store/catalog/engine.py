"""Which database a catalog is in, and transactions in it.

SQLite in a file beside the store by default; PostgreSQL where a URL says so, in a schema of its
own for every store.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from importlib import import_module
from pathlib import Path
from typing import Any, TypeVar
from weakref import finalize

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError, OperationalError

from technic.errors import ConfigError, StoreError, not_installed
from technic.runtime.files import make_file

T = TypeVar("T")

ATTEMPTS = 3
# SQLSTATEs: serialisation failure, deadlock, and a server that went away in the middle.
PASSING = {"40001", "40P01", "57P01", "57P02", "57P03", "08000", "08003", "08006"}
# What SQLite and PostgreSQL say when there is no room left, or a write was cut short.
FULL = ("disk is full", "disk i/o error", "no space left", "could not extend file")
PRAGMAS = (
    "PRAGMA journal_mode=WAL",  # readers beside a writer
    "PRAGMA synchronous=FULL",  # commits survive a power cut
    "PRAGMA busy_timeout=5000",
    "PRAGMA cache_size=-16000",
)


def open_engine(url: str, identity: str, owner: object) -> Engine:
    """An engine for a URL; connections of PostgreSQL see only the schema of one store.

    Parameters
    ----------
    url : sqlite:///file or postgresql://user@host/name
    identity : of the store
    owner : with which the engine's connections go, if nobody closes them before

    Raises
    ------
    ConfigError
        If the URL is none of a database technic knows, or what it needs is not installed.
    """
    engine = _engine(url, identity)
    # A process that was forked since has not opened the connections, and leaves them alone.
    finalize(owner, _dispose, engine, os.getpid())
    return engine


def _engine(url: str, identity: str) -> Engine:
    if url.startswith("sqlite:///"):
        return _sqlite(url)
    if url.startswith(("postgres://", "postgresql://", "postgresql+psycopg://")):
        try:
            module = import_module("technic.data.store.catalog.postgres")
        except ModuleNotFoundError as error:
            raise not_installed(error, "postgres", "database") from error
        engine: Engine = module.open_engine(url, identity)
        return engine
    raise ConfigError(
        f"database {url.split(':', 1)[0]}: there are sqlite:///file and postgresql://host/name"
    )


def _dispose(engine: Engine, pid: int) -> None:
    if os.getpid() == pid:
        engine.dispose()


def prepare(engine: Engine) -> None:
    """Make room for the tables of a store, where the database does not by itself."""
    if engine.dialect.name == "postgresql":
        import_module("technic.data.store.catalog.postgres").make_schema(engine)


def _sqlite(url: str) -> Engine:
    engine = create_engine(url)

    @event.listens_for(engine, "do_connect")
    def connecting(*_about: Any) -> None:
        with suppress(OSError):  # a store that is only read; what SQLite writes beside has its mode
            make_file(Path(url.removeprefix("sqlite:///")))

    @event.listens_for(engine, "connect")
    def connected(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # the driver would not begin before creating tables
        for pragma in PRAGMAS:
            connection.execute(pragma)

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        writes = connection.get_execution_options().get("writes", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """A transaction that writes: all of it, or nothing."""
    with engine.connect() as connection:
        writer = connection.execution_options(writes=True)
        with writer.begin():
            yield writer


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """A connection that only reads; a single statement needs no transaction of its own."""
    with engine.connect() as connection:
        if engine.dialect.name == "postgresql":  # two round trips less
            yield connection.execution_options(isolation_level="AUTOCOMMIT")
        else:
            yield connection


@contextmanager
def snapshot(engine: Engine) -> Iterator[Connection]:
    """A connection whose statements all see the database as it was at the first of them."""
    with engine.connect() as connection:
        reader = connection
        if engine.dialect.name == "postgresql":
            reader = connection.execution_options(isolation_level="REPEATABLE READ")
        with reader.begin():
            yield reader


def retry(work: Callable[[], T], what: str) -> T:
    """Do a whole transaction, up to `ATTEMPTS` times if another one, or the server, is in its way.

    Parameters
    ----------
    what : the catalog, for an error

    Raises
    ------
    StoreError
        If the database cannot be reached, or refuses.
    """
    for attempt in range(1, ATTEMPTS + 1):
        try:
            return work()
        except DBAPIError as error:
            state = getattr(error.orig, "sqlstate", None)
            busy = "locked" in str(error.orig)
            silent = "no answer" in str(error.orig) or "timeout expired" in str(error.orig)
            again = error.connection_invalidated or state in PASSING or busy
            if attempt == ATTEMPTS or silent or not again:  # who was silent long will be so again
                raise _refusal(error, what) from error
    raise AssertionError(what)


def _refusal(error: DBAPIError, what: str) -> StoreError:
    reason = " ".join(str(error.orig).split())[:160]
    if any(word in reason.lower() for word in FULL):
        return StoreError(
            f"catalog {what}: cannot be written ({reason}); it is as it was before. Make room, and "
            "run the command again"
        )
    verb = "cannot be reached" if isinstance(error, OperationalError) else "refused"
    return StoreError(
        f"catalog {what}: {verb} ({reason}); bars and filings are untouched. Start the database, "
        "or leave DATABASE_URL empty for a file"
    )


def describe_engine(engine: Engine) -> str:
    """Where a catalog is, without a password."""
    if engine.url.get_backend_name() == "sqlite":
        return str(engine.url.database)
    return engine.url.render_as_string(hide_password=True)
