"""The SQL side of one store, as the rest of technic sees it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import polars as pl
from sqlalchemy import Connection, insert, select

from technic.data.store.catalog import watchlists
from technic.data.store.catalog.engine import (
    describe_engine,
    open_engine,
    prepare,
    reading,
    retry,
    snapshot,
    writing,
)
from technic.data.store.catalog.migrations import migrate, was_moved
from technic.data.store.catalog.mirror import STORE, Read, mirror, mirrored_versions
from technic.data.store.catalog.quarantine import count_by_reason, records_of, set_aside
from technic.data.store.catalog.runs import read_run, record_run, runs_query
from technic.data.store.catalog.seals import add_seal, check_seals, is_sealed
from technic.data.store.catalog.tables import CALLS, naive
from technic.data.store.catalog.transfer import (
    Kept,
    digest_of_kept,
    insert_kept,
    kept_rows,
    move_in,
)
from technic.data.store.catalog.universe import (
    UniverseFilter,
    has_volumes,
    read_universe,
    replace_volumes,
)
from technic.data.store.version import StoreVersion
from technic.errors import StoreError
from technic.runtime.files import make_folder

T = TypeVar("T")
FILE = "catalog.sqlite"


class Catalog:
    """The SQL side of one store: an index of its tables, and what only a database can keep.

    Parameters
    ----------
    url : of the database: sqlite:///file or postgresql://user@host/name
    identity : of the store, whose schema it is in PostgreSQL

    Attributes
    ----------
    what : where it is, without a password

    Raises
    ------
    StoreError
        If the database cannot be reached, or a newer technic made the catalog.
    """

    def __init__(self, url: str, identity: str = "") -> None:
        self._engine = open_engine(url, identity, self)
        self.what = describe_engine(self._engine)
        self._measured: set[date] = set()  # sessions whose mean volumes are known to be indexed
        try:
            retry(lambda: prepare(self._engine), self.what)
            begin = partial(writing, self._engine)
            retry(lambda: migrate(begin, self.what), self.what)
        except StoreError:
            self.close()
            raise

    @classmethod
    def of(cls, folder: Path, url: str | None, identity: str) -> Catalog:
        """The catalog of a store. A new database takes over what a file beside the store kept.

        Parameters
        ----------
        folder : of the store
        url : of a database; None for a file in the folder
        identity : of the store
        """
        beside = folder / FILE
        if not url:
            make_folder(folder)
            return cls(f"sqlite:///{beside}")
        catalog = cls(url, identity)
        if beside.exists() and not catalog.read(was_moved):
            file = cls(f"sqlite:///{beside}")
            try:
                catalog.move_in(file)
            except StoreError:
                catalog.close()
                raise
            finally:
                file.close()
        return catalog

    @property
    def is_file(self) -> bool:
        """Whether it is a file beside its store."""
        return self._engine.dialect.name == "sqlite"

    def mirror(self, version: StoreVersion, read: Read) -> None:
        """Make the index say what a store version says.

        Parameters
        ----------
        read : gives all rows of a table, by its name
        """
        self._measured.clear()
        self.write(lambda connection: mirror(connection, version, read))

    def mirrors(self) -> int:
        """The store version that the index was made from; 0 if none."""
        return self.read(mirrored_versions).get(STORE, 0)

    def take_over(self, other: Catalog) -> None:
        """Copy what lives only in another catalog, as it is at one instant; all or nothing.

        Parameters
        ----------
        other : of which this one holds no row yet
        """
        rows = other.kept_rows()
        self.write(lambda connection: insert_kept(connection, rows))

    def move_in(self, other: Catalog) -> None:
        """Take another catalog over unless that was done, or there are rows already.

        Doing it and noting it is one transaction: a move that is killed is made by the next
        process that opens the catalog.
        """
        rows = other.kept_rows()
        self.write(lambda connection: move_in(connection, rows))

    def kept_rows(self) -> Kept:
        """Every row of the tables that live only here, by table, as it is at one instant."""

        def once() -> Kept:
            with snapshot(self._engine) as connection:
                return kept_rows(connection)

        return retry(once, self.what)

    def kept_digest(self) -> str:
        """A digest of the rows that live only here: the same in either database."""
        return digest_of_kept(self.kept_rows())

    def universe(self, day: date, known_on: date, wanted: UniverseFilter) -> pl.DataFrame:
        """Securities listed on a day, described by what was known on another.

        See `Store.load_universe` for what comes back. A bound on volumes needs those of `day`:
        `add_volumes`.
        """
        return self.read(lambda connection: read_universe(connection, day, known_on, wanted))

    def has_volumes(self, session: date) -> bool:
        """Whether mean volumes of a session are indexed."""
        if session not in self._measured and self.read(partial(has_volumes, session=session)):
            self._measured.add(session)
        return session in self._measured

    def add_volumes(self, session: date, volumes: pl.DataFrame) -> None:
        """Index mean volumes of a session.

        Parameters
        ----------
        volumes : `security_id` and `volume`, mean shares a day
        """
        self.write(lambda connection: replace_volumes(connection, session, volumes))

    def record_run(
        self, kind: str, name: str, as_of: date | None, manifest: Mapping[str, Any], at: datetime
    ) -> int:
        """Keep the manifest of a run; returns the number under which `run` finds it.

        Parameters
        ----------
        kind : scan, evaluate, …
        manifest : with `store_version` and `seal`
        """
        return self.write(
            lambda connection: record_run(connection, kind, name, as_of, manifest, at)
        )

    def runs(self) -> list[dict[str, Any]]:
        """Every run that was kept, newest first, without its manifest."""
        return self.rows(runs_query())

    def run(self, number: int) -> dict[str, Any] | None:
        """The manifest of a run; None if there is no such run.

        Raises
        ------
        StoreError
            If it is not what was written down.
        """
        return self.read(lambda connection: read_run(connection, number))

    def seal(self, what: str, content: bytes) -> None:
        """Write down the digest of something that will be believed, before it is written.

        Parameters
        ----------
        what : its name, such as card/SHA-256 or evidence
        content : as its file will hold it
        """
        self.write(lambda connection: add_seal(connection, what, content))

    def is_sealed(self, what: str, content: bytes) -> bool:
        """Whether this very content was ever written down under a name.

        Raises
        ------
        StoreError
            If the record itself was altered there.
        """
        return self.read(lambda connection: is_sealed(connection, what, content))

    def check_seals(self) -> int:
        """Hold the whole record of seals against its chain; returns how many there are.

        Raises
        ------
        StoreError
            If it was altered.
        """
        return self.read(check_seals)

    def quarantine(self, rows: pl.DataFrame, source: str, seen_at: datetime) -> None:
        """Keep rows that were set aside, with their reasons; the same row is kept once.

        Parameters
        ----------
        rows : with `reason`, and `symbol` and `date` where there are such
        source : a file or a vendor
        """
        records = records_of(rows, source, seen_at)
        self.write(lambda connection: set_aside(connection, records))

    def quarantined(self) -> dict[str, int]:
        """How many rows were set aside, by reason."""
        return self.read(count_by_reason)

    def log_call(self, row: Mapping[str, Any], at: datetime) -> None:
        """Write down one request to a vendor.

        Parameters
        ----------
        row : the fields of `VendorCall`, by name
        """
        statement = insert(CALLS).values(at=naive(at), **row)
        self.write(lambda connection: connection.execute(statement))

    def calls(self, since: datetime | None = None) -> list[dict[str, Any]]:
        """Requests to vendors, oldest first."""
        query = select(CALLS).order_by(CALLS.c.id)
        if since is not None:
            query = query.where(CALLS.c.at >= naive(since))
        return self.rows(query)

    def watch(self, name: str, symbols: Iterable[str], at: datetime) -> int:
        """Add symbols to a watch-list; returns how many were new."""
        wanted = set(symbols)
        return self.write(lambda connection: watchlists.add_symbols(connection, name, wanted, at))

    def unwatch(self, name: str, symbols: Iterable[str]) -> int:
        """Remove symbols from a watch-list; returns how many were there."""
        wanted = set(symbols)
        return self.write(lambda connection: watchlists.remove_symbols(connection, name, wanted))

    def watched(self, name: str) -> list[str]:
        """The symbols of a watch-list, in order; empty if there is none."""
        return self.read(lambda connection: watchlists.symbols_on(connection, name))

    def watchlists(self) -> dict[str, int]:
        """Every watch-list and how many symbols it holds."""
        return self.read(watchlists.count_by_list)

    def close(self) -> None:
        """Give back every connection."""
        self._engine.dispose()

    def write(self, work: Callable[[Connection], T]) -> T:
        """Do some work in one transaction, and once more if somebody else was in the way.

        Raises
        ------
        StoreError
            If the database cannot be reached, or refuses.
        """

        def once() -> T:
            with writing(self._engine) as connection:
                return work(connection)

        return retry(once, self.what)

    def read(self, work: Callable[[Connection], T]) -> T:
        """Do some work over a connection that only reads; see `write` for errors."""

        def once() -> T:
            with reading(self._engine) as connection:
                return work(connection)

        return retry(once, self.what)

    def rows(self, query: Any) -> list[dict[str, Any]]:
        """The rows of a query, by name."""
        rows = self.read(lambda connection: connection.execute(query).mappings().all())
        return [{str(name): value for name, value in row.items()} for row in rows]
