"""The SQL side of one store, as the rest of technic sees it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, date, datetime
from functools import partial
from hashlib import blake2b
from pathlib import Path
from typing import Any, TypeVar

import orjson
import polars as pl
from sqlalchemy import Connection, delete, func, insert, select

from technic.data.store.catalog.engine import (
    describe_engine,
    open_engine,
    prepare,
    reading,
    retry,
    snapshot,
    writing,
)
from technic.data.store.catalog.migrations import (
    migrate,
    note_move,
    restart_sequences,
    was_moved,
)
from technic.data.store.catalog.mirror import STORE, Read, fill, mirror, mirrored_versions
from technic.data.store.catalog.seals import add_seal, check_seals, is_sealed, run_content
from technic.data.store.catalog.tables import CALLS, KEPT, QUARANTINE, RUNS, VOLUMES, WATCHLISTS
from technic.data.store.catalog.universe import SCHEMA, UniverseFilter, universe_query
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
        self._engine = open_engine(url, identity)
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
        self.write(lambda connection: _insert_kept(connection, rows))

    def move_in(self, other: Catalog) -> None:
        """Take another catalog over unless that was done, or there are rows already.

        Doing it and noting it is one transaction: a move that is killed is made by the next
        process that opens the catalog.
        """
        rows = other.kept_rows()

        def work(connection: Connection) -> None:
            if was_moved(connection):
                return
            if not any(connection.execute(select(t).limit(1)).first() for t in KEPT):
                _insert_kept(connection, rows)
            note_move(connection)

        self.write(work)

    def kept_rows(self) -> dict[str, list[dict[str, Any]]]:
        """Every row of the tables that live only here, by table, as it is at one instant."""

        def once() -> dict[str, list[dict[str, Any]]]:
            with snapshot(self._engine) as connection:
                return {
                    table.name: [dict(row) for row in connection.execute(select(table)).mappings()]
                    for table in KEPT
                }

        return retry(once, self.what)

    def kept_digest(self) -> str:
        """A digest of the rows that live only here: the same in either database."""
        digest = blake2b(digest_size=16)
        for name, rows in self.kept_rows().items():
            lines = sorted(orjson.dumps(list(row.values())) for row in rows)
            digest.update(orjson.dumps([name, len(lines)]) + b"\n".join(lines))
        return digest.hexdigest()

    def universe(
        self,
        day: date,
        known_on: date,
        wanted: UniverseFilter,
    ) -> pl.DataFrame:
        """Securities listed on a day, described by what was known on another.

        See `Store.load_universe` for what comes back. A bound on volumes needs those of `day`:
        `add_volumes`.
        """
        query, values = universe_query(day, known_on, wanted)
        # The driver's own rows: wrapping fifteen hundred of them takes longer than finding them.
        rows = self.read(lambda connection: connection.execute(query, values).cursor.fetchall())
        columns = zip(*rows, strict=True) if rows else ([] for _ in SCHEMA)
        return pl.DataFrame(dict(zip(SCHEMA, map(list, columns), strict=True)), schema=SCHEMA)

    def has_volumes(self, session: date) -> bool:
        """Whether mean volumes of a session are indexed."""
        if session not in self._measured:
            query = select(VOLUMES.c.session).where(VOLUMES.c.session == session).limit(1)
            if self.read(lambda connection: connection.execute(query).first()) is not None:
                self._measured.add(session)
        return session in self._measured

    def add_volumes(self, session: date, volumes: pl.DataFrame) -> None:
        """Index mean volumes of a session.

        Parameters
        ----------
        volumes : `security_id` and `volume`, mean shares a day
        """

        def work(connection: Connection) -> None:
            connection.execute(delete(VOLUMES).where(VOLUMES.c.session == session))
            fill(connection, VOLUMES, volumes.with_columns(session=pl.lit(session)))

        self.write(work)

    def record_run(
        self, kind: str, name: str, as_of: date | None, manifest: Mapping[str, Any], at: datetime
    ) -> int:
        """Keep the manifest of a run; returns the number under which `run` finds it.

        Parameters
        ----------
        kind : scan, evaluate, …
        manifest : with `store_version` and `seal`
        """
        values = {
            "at": naive(at),
            "kind": kind,
            "name": name,
            "as_of": as_of,
            "store_version": manifest["store_version"],
            "seal": manifest["seal"],
            "manifest": orjson.dumps(dict(manifest)).decode(),
        }

        def work(connection: Connection) -> int:
            done = connection.execute(insert(RUNS).values(**values))
            assert done.inserted_primary_key is not None
            number = int(done.inserted_primary_key[0])
            row = connection.execute(select(RUNS).where(RUNS.c.id == number)).mappings().one()
            add_seal(connection, f"run/{number}", run_content(row))
            return number

        return self.write(work)

    def runs(self) -> list[dict[str, Any]]:
        """Every run that was kept, newest first, without its manifest."""
        columns = [column for column in RUNS.columns if column.name != "manifest"]
        query = select(*columns).order_by(RUNS.c.id.desc())
        return self.rows(query)

    def run(self, number: int) -> dict[str, Any] | None:
        """The manifest of a run; None if there is no such run.

        Raises
        ------
        StoreError
            If it is not what was written down.
        """
        query = select(RUNS).where(RUNS.c.id == number)
        try:
            row = self.read(lambda connection: connection.execute(query).mappings().first())
        except ValueError:  # a date that is none
            raise _altered(number) from None
        if row is None:
            return None
        if not self.is_sealed(f"run/{number}", run_content(row)):
            raise _altered(number)
        manifest: dict[str, Any] = orjson.loads(row["manifest"])
        return manifest

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
        records = []
        for row in rows.iter_rows(named=True):
            text = orjson.dumps(row, default=str).decode()
            content = f"{source}\0{text}".encode()
            records.append(
                {
                    "digest": blake2b(content, digest_size=16).hexdigest(),
                    "symbol": _plain(row.get("symbol")),
                    "session": row.get("date"),
                    "reason": row["reason"],
                    "source": source,
                    "row": text,
                    "seen_at": naive(seen_at),
                }
            )
        unique = {record["digest"]: record for record in records}

        def work(connection: Connection) -> None:
            present = _present(connection, list(unique))
            new = [record for digest, record in unique.items() if digest not in present]
            if new:
                connection.execute(insert(QUARANTINE), new)

        self.write(work)

    def quarantined(self) -> dict[str, int]:
        """How many rows were set aside, by reason."""
        query = select(QUARANTINE.c.reason, func.count()).group_by(QUARANTINE.c.reason)
        rows = self.read(lambda connection: connection.execute(query).fetchall())
        return {str(reason): int(n) for reason, n in sorted(rows)}

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
        wanted = sorted(set(symbols))

        def work(connection: Connection) -> int:
            present = {symbol for (symbol,) in connection.execute(_on_list(name))}
            rows = [
                {"name": name, "symbol": symbol, "added_at": naive(at)}
                for symbol in wanted
                if symbol not in present
            ]
            if rows:
                connection.execute(insert(WATCHLISTS), rows)
            return len(rows)

        return self.write(work)

    def unwatch(self, name: str, symbols: Iterable[str]) -> int:
        """Remove symbols from a watch-list; returns how many were there."""
        statement = delete(WATCHLISTS).where(
            WATCHLISTS.c.name == name, WATCHLISTS.c.symbol.in_(sorted(set(symbols)))
        )
        return int(self.write(lambda connection: connection.execute(statement)).rowcount)

    def watched(self, name: str) -> list[str]:
        """The symbols of a watch-list, in order; empty if there is none."""
        rows = self.read(lambda connection: connection.execute(_on_list(name)).fetchall())
        return sorted(str(symbol) for (symbol,) in rows)

    def watchlists(self) -> dict[str, int]:
        """Every watch-list and how many symbols it holds."""
        query = select(WATCHLISTS.c.name, func.count()).group_by(WATCHLISTS.c.name)
        rows = self.read(lambda connection: connection.execute(query).fetchall())
        return {str(name): int(n) for name, n in sorted(rows)}

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


def _on_list(name: str) -> Any:
    return select(WATCHLISTS.c.symbol).where(WATCHLISTS.c.name == name)


def naive(instant: datetime) -> datetime:
    """An instant as both databases keep it: UTC, without saying so."""
    return instant.astimezone(UTC).replace(tzinfo=None)


def _insert_kept(connection: Connection, rows: Mapping[str, list[dict[str, Any]]]) -> None:
    """Add rows with the numbers they have; what comes next is numbered behind them."""
    is_postgres = connection.dialect.name == "postgresql"
    for table in KEPT:
        records = rows[table.name]
        if is_postgres:
            records = [{k: _holdable(v) for k, v in row.items()} for row in records]
        if records:
            connection.execute(insert(table), records)
    restart_sequences(connection)


def _holdable(value: Any) -> Any:
    return _plain(value) if isinstance(value, str) else value


def _plain(text: str | None) -> str | None:
    """Text that PostgreSQL can hold: it knows no NUL; the row itself is kept escaped."""
    return text if text is None else text.replace("\0", "\ufffd")


def _present(connection: Any, digests: list[str]) -> set[str]:
    """Which of `digests` are in quarantine already; asked for in portions SQLite can take."""
    present: set[str] = set()
    for start in range(0, len(digests), 500):
        portion = digests[start : start + 500]
        query = select(QUARANTINE.c.digest).where(QUARANTINE.c.digest.in_(portion))
        present.update(digest for (digest,) in connection.execute(query))
    return present


def _altered(number: int) -> StoreError:
    return StoreError(
        f"run {number}: is not what was written down; restore the catalog from a backup"
    )
