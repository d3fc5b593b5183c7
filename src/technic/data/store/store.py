"""A store: bars as traded and all that belongs to them, in one folder.

store.json        its random name
versions/         what readers open: one record per commit
tables/           Delta tables: bars, actions, waiting, tickers, listings, filings, facts, …
catalog.sqlite    SQL index, quarantine, watch-lists, runs; or in PostgreSQL
panels/           mapped panels: a cache; deleting it loses nothing

Bars come in through `data/ingest`, which judges them and calls `Store.commit`; `commits`
makes a version of them and `table_writer` writes them.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from datetime import UTC, date, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from technic.data.store.clock import after_newest, note_on_clock
from technic.data.store.commits import commit, exchange
from technic.data.store.identity import identity_in
from technic.data.store.mapped_panel import MappedPanel
from technic.data.store.merged_files import merge_small_files
from technic.data.store.panels import PanelCache
from technic.data.store.rows import adjusted_bars, mean_volumes, newest_word
from technic.data.store.span import bounds_of
from technic.data.store.table_writer import Appended
from technic.data.store.tables import TableReader
from technic.data.store.version import StoreVersion, shown_folder
from technic.errors import SchemaError, StoreError
from technic.market.listing_types import type_named
from technic.market.schema import sector_named

if TYPE_CHECKING:
    from technic.data.store.catalog import Catalog

LATEST = date(9999, 12, 30)  # when everything is known


class Store:
    """One folder of market data. Cheap to make: nothing is read before it is asked for.

    Parameters
    ----------
    folder : made at the first commit
    database : URL of the catalog's database; None for a file in the folder
    place : address in object storage that it was fetched from; empty if it lies here. A store
        that was fetched is not written to

    Attributes
    ----------
    tables : reads the Delta tables, at the versions that the store's records name
    catalog : the SQL side
    """

    def __init__(self, folder: Path, database: str | None = None, place: str = "") -> None:
        self.folder = folder.absolute()  # a process may change its working directory
        self.database = database
        self.place = place
        self.tables = TableReader(self.folder)
        self._catalog: Catalog | None = None

    def __repr__(self) -> str:
        """Where it is and what it holds."""
        version = self.version()
        span = f"{version.first} to {version.last}" if version.last else "empty"
        return f"Store({str(self.folder)!r}, {span})"

    @cached_property
    def catalog(self) -> Catalog:
        """The SQL side; opened, and made to match the newest version, at first use."""
        from technic.data.store.catalog import Catalog  # SQLAlchemy takes 0.25 s

        catalog = self._catalog or Catalog.of(
            self.folder, self.database, identity_in(self.folder, self.version().identity)
        )
        version = self.version()
        self._catalog = catalog
        if catalog.mirrors() != version.number:
            catalog.mirror(version, lambda name: self.table(name, version).collect())
        return catalog

    def load_universe(
        self,
        *,
        sectors: Collection[str] = (),
        min_market_cap: float | None = None,
        min_volume: float | None = None,
        types: Collection[str] = (),
        exchanges: Collection[str] = (),
        as_of: date | None = None,
    ) -> pl.DataFrame:
        """The securities listed on a day, by what was known of them by then.

        Parameters
        ----------
        sectors : names of sectors or their aliases; none means any, the unknown included
        min_market_cap : USD, as it was told by that day
        min_volume : shares a day, mean of the last 20 bars
        types, exchanges : as listings have them: common, etf, …; XNYS, XNAS, …
        as_of : a session; the newest stored by default

        Returns
        -------
        DataFrame
            `security_id`, `symbol`, `name`, `type`, `exchange`, `sector`, `market_cap`, by symbol;
            null where nobody told.

        Raises
        ------
        SchemaError
            If a sector is none of the eleven, or a type is none; lists them.
        """
        from technic.data.store.catalog.universe import UniverseFilter  # SQLAlchemy takes 0.25 s

        for what, texts in (("sectors", sectors), ("types", types), ("exchanges", exchanges)):
            if isinstance(texts, str):
                raise SchemaError(f"{what} is a list of texts: [{texts!r:.60}]")
        wanted = UniverseFilter(
            [sector_named(name) for name in sectors],
            [type_named(name) for name in types],
            exchanges,
            min_market_cap,
            min_volume,
        )
        version = self.require()
        assert version.last is not None
        session = as_of or version.last
        # Standing at the newest session one knows all there is, whenever it was told.
        known_on = session if as_of is not None and as_of != version.last else LATEST
        catalog = self.catalog
        if min_volume is not None and not catalog.has_volumes(session):
            catalog.add_volumes(session, mean_volumes(self.tables, version, session))
        return catalog.universe(session, known_on, wanted)

    def version(self, number: int | None = None) -> StoreVersion:
        """A store version; the newest by default.

        Raises
        ------
        StoreError
            If there is no such version, or it cannot be read.
        """
        return self.tables.version(number)

    @staticmethod
    def identity_of(version: StoreVersion) -> str:
        """Names a version of this very store: equal names, equal data."""
        return f"{version.identity}/{version.name}"

    def require(self) -> StoreVersion:
        """The newest version of a store that has bars.

        Raises
        ------
        StoreError
            If it has none; says how to get some.
        """
        version = self.version()
        if version.last is None:
            raise StoreError(
                f"{shown_folder(self.folder)}: holds no bars yet. Bring some with technic import FILE, or "
                "try the simulated market: technic demo"
            )
        return version

    def table(self, name: str, version: StoreVersion | None = None) -> pl.LazyFrame:
        """All rows of a table at a version, the newest by default; none if it has no such table.

        Several rows may say something of the same thing: `rows.newest_per` gives the one that
        counts.

        Parameters
        ----------
        name : bars, actions, waiting, tickers, listings, classifications, filings, facts, news or asked

        Raises
        ------
        StoreError
            If the version cannot be read.
        """
        return self.tables.table(name, version)

    def rows_added(self, name: str, older: StoreVersion, newer: StoreVersion) -> pl.LazyFrame:
        """The rows that came to a table between two versions; see `table` for its names."""
        return self.tables.rows_added(name, older, newer)

    def learned_at(self, now: datetime | None = None) -> datetime:
        """When something that comes in now becomes known: never before what is stored.

        Of two rows about the same thing the later counts; a clock that was wrong once, or is
        behind, must not hide what comes after it.

        Parameters
        ----------
        now : what the clock says; the system's by default
        """
        return after_newest(newest_word(self.tables, self.version()), now or datetime.now(UTC))

    def clock_note(self, now: datetime | None = None) -> str:
        """What is to be said of a clock that is behind what is stored; empty if it is not.

        Parameters
        ----------
        now : what the clock says; the system's by default
        """
        version, clock = self.version(), now or datetime.now(UTC)
        newest = None if version.is_simulated else newest_word(self.tables, version)
        return note_on_clock(newest, clock, self.folder)

    def commit(
        self,
        rows: dict[str, pl.DataFrame],
        *,
        tables_before: dict[str, int] | None = None,
        joined: Mapping[int, int] | None = None,
        **changes: Any,
    ) -> StoreVersion:
        """Append rows to tables, all or nothing; returns the version that has them.

        Parameters
        ----------
        rows : per table, rows of its schema
        tables_before : Delta versions to append behind, where a repair has moved on
        joined : for a security, which one it turned out to be: its rows become that one's
        changes : of `StoreVersion`: adjustment, simulated, settled

        Raises
        ------
        StoreError
            If the store was fetched from object storage, or cannot be written.
        """
        if self.place:
            raise StoreError(
                f"{self.place}: is read here, not written; bring data into the store it was put "
                "there from, and put it there again: technic backup"
            )
        after = commit(self.tables, rows, tables_before, joined or {}, changes)
        self.__dict__.pop("catalog", None)  # it is brought up to date at its next use
        return after

    def merge_small_files(self) -> StoreVersion | None:
        """Hold the newest version in fewer files, if some table has many small ones.

        It makes a version that says nothing new; older ones are read as before. None if there was
        nothing to do.

        Raises
        ------
        StoreError
            If the store cannot be written.
        """
        if self.place:
            return None
        return self.exchange(
            lambda before: {
                name: merge_small_files(self.folder, name, before) for name in before.tables
            },
            merged=True,
        )

    def exchange(
        self, work: Callable[[StoreVersion], Mapping[str, Appended | None]], *, merged: bool = False
    ) -> StoreVersion | None:
        """Make a version whose tables hold other files, all or nothing; None if none does.

        Parameters
        ----------
        work : of the newest version; says of each table what it wrote, None for nothing
        merged : whether the new files hold just the rows of the old

        Raises
        ------
        StoreError
            If the store cannot be written.
        """
        after = exchange(self.tables, work, merged=merged)
        if after is not None:
            self.__dict__.pop("catalog", None)
        return after

    def panel(
        self,
        as_of: date | None = None,
        known_at: datetime | None = None,
        version: StoreVersion | None = None,
    ) -> MappedPanel:
        """The panel as of a session, mapped into memory, and who is in it.

        Parameters
        ----------
        as_of : the last session that is visible; the newest one by default
        known_at : only what was known before this instant; by default the open of the session
            after `as_of`, or everything if no `as_of` is given
        version : to show; the newest by default

        Raises
        ------
        StoreError
            If the store is empty.
        SpanError
            If `as_of` is no date or lies outside it, or `known_at` is no instant with its zone or
            lies outside the calendar.
        """
        pinned = version or self.require()
        if pinned.last is None or pinned.first is None:
            raise StoreError(f"{self.folder}: version {pinned.number} holds no bars")
        session, cutoff = bounds_of(pinned, as_of, known_at)
        return PanelCache(self.tables).open(pinned, session, cutoff)

    def fresh_bars(self, version: StoreVersion) -> pl.DataFrame:
        """The newest adjusted bars of a version, read from the tables: what a panel must show."""
        assert version.last is not None
        return adjusted_bars(self.tables, version, version.last)
