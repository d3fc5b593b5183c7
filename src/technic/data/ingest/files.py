"""From the user's files into a store.

1. `bar_files.take_bars` reads bars, judges them, and holds them against the store.
2. `Store.commit` takes bars, actions and tickers at once, or nothing.
3. `FileStore.import_bars` puts the rows set aside into the quarantine, and maps the panel.

Listings are `listing_files`', filings `filing_files`' and `sec_files`'.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl

from technic.data.formats.bar_file import FileHints
from technic.data.formats.sec_archives import sec_files_of
from technic.data.ingest.bar_files import AskedBars, Imported, settled_until, take_bars
from technic.data.ingest.filing_facts import TakenFilings
from technic.data.ingest.filing_files import take_filings
from technic.data.ingest.listing_files import TakenListings, take_listings
from technic.data.ingest.merge import as_source, checked_instant
from technic.data.ingest.sec_files import take_sec_files
from technic.data.store import Store
from technic.data.store.vacuum import tidy


def _silent(_stage: str) -> None:
    """No progress is shown unless an interface asks for it."""


class FileStore(Store):
    """A store that takes in files and frames; what `tc.open_store` returns."""

    def import_bars(
        self,
        source: pl.DataFrame | Path | str | Any,
        adjusted: str | None = None,
        *,
        seen_at: datetime | None = None,
        simulated: dict[str, Any] | None = None,
        hints: FileHints | None = None,
        progress: Callable[[str], None] = _silent,
    ) -> Imported:
        """Import bars from a file, a folder, an archive or a frame; all good rows, or nothing.

        Parameters
        ----------
        source : a file of any layout that `formats.dialects` knows, a folder or zip of such, or a
            frame of Polars, Arrow or pandas
        adjusted : "none" if prices are as traded, "splits" if the vendor adjusted them; None for
            what the layout says, and as traded where it says nothing
        seen_at : the instant corrections of stored bars became known; now by default
        simulated : how the market was made; None for a real one
        hints : what the file does not say itself: its symbol, the order of its dates
        progress : is told which stage begins

        Returns
        -------
        Imported
            What became of every row.

        Raises
        ------
        SchemaError
            If a column is missing, the file cannot be read, no row of it can be believed, or
            `seen_at` has no time zone.
        StoreError
            If the store holds bars of the other kind, or cannot be written.

        Examples
        --------
        >>> import polars as pl, technic as tc
        >>> from tempfile import mkdtemp
        >>> bars = pl.DataFrame({
        ...     "symbol": ["A", "A"], "date": ["2026-01-05", "2026-01-06"],
        ...     "open": [9.0, 10.0], "high": [10.0, 11.0], "low": [9.0, 10.0],
        ...     "close": [10.0, 11.0], "volume": [1e6, 2e6],
        ... })
        >>> store = tc.open_store(mkdtemp())
        >>> store.import_bars(bars).added
        2
        """
        asked = AskedBars(source, adjusted, hints, simulated)
        before, seen = self.version(), checked_instant(seen_at, self)
        taken = take_bars(self, before, asked, seen, progress)
        progress("writing")
        after = before
        if any(not table.is_empty() for table in taken.tables.values()):
            settled = settled_until(before, taken.tables["bars"])
            after = self.commit(
                taken.tables,
                joined=taken.joined,
                adjustment=taken.adjusted,
                simulated=simulated,
                settled=settled,
            )
        sessions = taken.tables["bars"]["session"]
        outcome = replace(taken.outcome, waiting=int((sessions > after.last).sum()))
        taken.tables.clear()  # the panel needs the room
        del sessions
        if not taken.bad.is_empty():
            self.catalog.quarantine(taken.bad, taken.label, seen)
        if after.last is not None:
            progress("mapping")
            self.panel()
            tidy(self)
        return replace(outcome, version=self.version())

    def import_listings(
        self,
        source: pl.DataFrame | Path | str | Any,
        *,
        seen_at: datetime | None = None,
        dates: str | None = None,
        keep: bool = True,
    ) -> TakenListings:
        """Import names, types and classes of companies: see `listing_files`.

        Parameters
        ----------
        source : a file of any layout that `formats.listing_layouts` knows, a folder or zip of
            such, or a frame with a row per listing
        seen_at : the instant from which sectors and market values without a date of their own
            are known; now by default
        dates : order of day and month between slashes, "dmy" or "mdy"
        keep : whether it is stored; otherwise it is only found out what would become of it

        Raises
        ------
        SchemaError
            If it has no readable symbol.
        """
        seen = checked_instant(seen_at, self)
        return take_listings(self, as_source(source), seen, dates, keep=keep)

    def import_filings(
        self,
        source: pl.DataFrame | Path | str | Any,
        *,
        dates: str | None = None,
        seen_at: datetime | None = None,
        keep: bool = True,
        progress: Callable[[str], None] = _silent,
    ) -> TakenFilings:
        """Import what companies filed: see `filing_files` and `sec_files`.

        Parameters
        ----------
        source : Parquet or CSV file, or a frame, with a row per filing; or company facts or data
            sets of the SEC, as a file, a folder or a zip
        dates : order of day and month in `03/02/2024`, "dmy" or "mdy"; None to let the file decide
        seen_at : the instant from which numbers count that were changed without a new filing;
            now by default
        keep : whether it is stored; otherwise it is only found out what would become of it
        progress : is told how far it is

        Raises
        ------
        SchemaError
            If it cannot be read, no filing in it belongs to a symbol of the store, or none of its
            numbers can be believed.
        """
        given, seen = as_source(source), checked_instant(seen_at, self)
        if isinstance(given, Path) and (files := sec_files_of(given)) is not None:
            return take_sec_files(self, files, seen, progress, keep=keep)
        return take_filings(self, given, seen, dates, keep=keep)
