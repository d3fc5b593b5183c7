"""From the user's files into a store.

1. `formats.bars.read_bars` reads files of any known layout under our names.
2. `_with_instants` gives every row the instant it became known.
3. `market.quality.examine` sets aside what cannot be believed.
4. `held.hold_against_store` looks up each symbol's security (`filers.identify_symbols`), sets
   symbols aside that are told on another scale (`scales.one_scale`), and holds splits and
   dividends against prices (`file_actions.take_actions`).
5. `merge.new_bars` leaves out what the store already says.
6. `FileStore._store` commits bars, actions and tickers at once.
7. `FileStore.import_bars` puts the rows set aside into the quarantine.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import polars as pl

from technic.data.formats.bars import BarFile, Wish, read_bars
from technic.data.formats.sec_archives import sec_files_of
from technic.data.ingest.filers import spelt_as_ours
from technic.data.ingest.filing_files import TakenFilings, take_filings
from technic.data.ingest.held import hold_against_store
from technic.data.ingest.listing_files import TakenListings, take_listings
from technic.data.ingest.merge import (
    ADJUSTMENTS,
    as_source,
    checked_instant,
    new_bars,
    refuse_mixture,
    session_closes,
    stated_instants,
)
from technic.data.ingest.sec_files import take_sec_files
from technic.data.store import Store, StoreVersion
from technic.data.store.vacuum import tidy
from technic.errors import SchemaError
from technic.market.quality import REASONS, Sorted, examine
from technic.market.sessions import nyse

CLOSED = 0.2  # of the rows on days without a session: the dates are not what they seem
FEW = 5  # rows of which a share says something


@dataclass(frozen=True, slots=True)
class Imported:
    """What became of a file: every row is in exactly one of the counts.

    Attributes
    ----------
    rows : in the file
    added : bars that are new
    revised : bars that say something else than the store did, and now count
    known : bars the store already had, word for word
    repeated : rows that stood in the file more than once
    quarantined : rows set aside, by reason
    actions : splits and dividends that are new
    symbols : how many symbols the good rows have
    told : what was learnt of who is who: symbols that two securities had
    waiting : new bars of sessions that are none of the market yet: too few symbols have them
    version : the store version afterwards
    splits_set_aside : splits and dividends that prices contradict, or that cannot be meant
    notes : reasons for which rows were set aside, the most frequent first
    file : what was recognised, and what of it was not used
    cells : how many cells the file has, and what became of them
    doubts : a line for each split or dividend that was set aside or taken back
    """

    rows: int
    added: int
    revised: int
    known: int
    repeated: int
    quarantined: dict[str, int]
    actions: int
    symbols: int
    version: StoreVersion
    splits_set_aside: int = 0
    waiting: int = 0
    told: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    doubts: list[str] = field(default_factory=list)
    file: BarFile | None = None
    cells: Cells | None = None


@dataclass(frozen=True, slots=True)
class Cells:
    """What became of the cells of a file: `read` is the sum of the others.

    Attributes
    ----------
    read : cells of the file, the header and blank lines aside
    stored : in rows that were kept, as the store now has them or had them before
    set_aside : in rows that were set aside, or unreadable in a row that was kept
    unused : in columns that were left out by name
    """

    read: int
    stored: int
    set_aside: int
    unused: int


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
        wish: Wish | None = None,
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
        wish : what the file does not say itself: its symbol, the order of its dates
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
        if adjusted is not None and adjusted not in ADJUSTMENTS:
            raise SchemaError(f"adjusted is one of {', '.join(ADJUSTMENTS)}; got {adjusted!r}")
        before = self.version()
        seen = checked_instant(seen_at, self)
        progress("reading")
        file = read_bars(as_source(source), wish, adjusted)
        adjusted = adjusted or file.adjusted or "none"
        refuse_mixture(self, "imported", adjustment=adjusted, simulated=bool(simulated))
        name = source.name if isinstance(source, Path) else Path(str(source)).name
        label = name if isinstance(source, str | Path) else "frame"
        progress("checking")
        raw = spelt_as_ours(self, file.rows, before)
        file = replace(file, rows=raw)
        judged = believed(file, seen)
        refuse_unbelievable(judged, raw, label)
        progress("comparing with the store")
        held = hold_against_store(
            self, before, judged, seen, as_traded=adjusted == "none", label=label
        )
        judged, acts = held.judged, held.actions
        merged = new_bars(self, before, held.bars, seen)
        progress("writing")
        tables = {"bars": merged.bars, "actions": acts.rows, "tickers": held.tickers}
        after = self._store(before, tables, adjusted, simulated)
        bad = pl.concat([judged.bad.drop("cells", "lost"), acts.bad], how="diagonal")
        if not bad.is_empty():
            self.catalog.quarantine(bad, label, seen)
        if after.last is not None:
            progress("mapping")
            self.panel()
            tidy(self)
        reasons = bad.group_by("reason").len().sort("len", descending=True)
        return Imported(
            rows=raw.height,
            added=merged.bars.height - merged.revised,
            revised=merged.revised,
            known=merged.known,
            repeated=judged.repeated,
            quarantined=dict(judged.bad.group_by("reason").len().sort("reason").iter_rows()),
            actions=acts.rows.height,
            symbols=judged.good["symbol"].n_unique(),
            version=self.version(),
            splits_set_aside=acts.bad.height,
            told=held.told,
            waiting=int((merged.bars["session"] > after.last).sum()),
            notes=[str(reason) for reason, _ in reasons.iter_rows()],
            file=replace(file, rows=file.rows.clear()),
            cells=cells_of(file, judged, acts.of_kept),
            doubts=held.doubts,
        )

    def import_listings(
        self,
        source: pl.DataFrame | Path | str | Any,
        *,
        seen_at: datetime | None = None,
        dates: str | None = None,
    ) -> TakenListings:
        """Import names, types and classes of companies: see `listing_files`.

        Parameters
        ----------
        source : a file of any layout that `formats.listing_layouts` knows, a folder or zip of
            such, or a frame with a row per listing
        seen_at : the instant from which sectors and market values without a date of their own
            are known; now by default
        dates : order of day and month between slashes, "dmy" or "mdy"

        Raises
        ------
        SchemaError
            If it has no readable symbol.
        """
        return take_listings(self, as_source(source), checked_instant(seen_at, self), dates)

    def import_filings(
        self,
        source: pl.DataFrame | Path | str | Any,
        *,
        dates: str | None = None,
        seen_at: datetime | None = None,
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
        progress : is told how far it is

        Raises
        ------
        SchemaError
            If it cannot be read, no filing in it belongs to a symbol of the store, or none of its
            numbers can be believed.
        """
        given, seen = as_source(source), checked_instant(seen_at, self)
        if isinstance(given, Path) and (files := sec_files_of(given)) is not None:
            return take_sec_files(self, files, seen, progress)
        return take_filings(self, given, seen, dates)

    def _store(
        self,
        before: StoreVersion,
        tables: dict[str, pl.DataFrame],
        adjusted: str,
        simulated: dict[str, Any] | None,
    ) -> StoreVersion:
        """Commit what is new; the version before if nothing is."""
        if all(table.is_empty() for table in tables.values()):
            return before
        settled = _settled_until(before, tables["bars"])
        return self.commit(tables, adjustment=adjusted, simulated=simulated, settled=settled)


def believed(file: BarFile, seen: datetime) -> Sorted:
    """The rows of a file that can be believed, each with the instant it became known.

    Parameters
    ----------
    seen : when it is taken in; a session that was not over by then has no bar
    """
    return examine(_with_instants(file.rows), _last_over(seen))


def refuse_unbelievable(judged: Sorted, raw: pl.DataFrame, name: str) -> None:
    """Refuse a file of which too little can be believed; nothing has been stored yet.

    Raises
    ------
    SchemaError
        If no row is left, or a fifth of the rows stands on days without a session.
    """
    closed = judged.bad.filter(pl.col("reason") == "no_session")
    if closed.height >= max(CLOSED * raw.height, 1) and raw.height >= FEW:
        day = closed["date"][0]
        raise SchemaError(
            f"{name}: {closed.height:,} of {raw.height:,} rows stand on days on which the NYSE was "
            f"closed, such as {day:%A} {day}: are day and month swapped, or the days of another "
            "time zone or market? See technic import --check, and --dates. Nothing was imported"
        )
    if judged.good.is_empty():
        counts = judged.bad.group_by("reason").len().sort("len", descending=True)
        told = "; ".join(f"{n:,}: {REASONS[reason]}" for reason, n in counts.iter_rows())
        raise SchemaError(
            f"{name}: none of its {raw.height:,} rows can be believed ({told}). Nothing was imported"
        )


def cells_of(file: BarFile, judged: Sorted, refused: int) -> Cells:
    """What became of a file's cells.

    Parameters
    ----------
    judged : its rows; those that were there more than once say nothing new
    refused : splits and dividends set aside, of rows that were kept
    """
    bad = int(judged.bad["cells"].sum())
    kept = int(file.rows["cells"].sum()) - bad
    lost = int(judged.good["lost"].sum()) + refused
    return Cells(file.cells, kept - lost, bad + lost + file.cells_strange, file.cells_unused)


def _last_over(seen: datetime) -> date | None:
    """The last session that was over when a file was taken in; None beyond the calendar."""
    clock = max(datetime.now(UTC), seen)
    return nyse().day(nyse().last_finished(clock)) if clock.date() < nyse().last else None


def _settled_until(before: StoreVersion, new: pl.DataFrame) -> date | None:
    """The session until which bars are final: files hold sessions that are over.

    None for a store that never synced: nobody told it.
    """
    newest = new["session"].max()
    if before.settled is None or not isinstance(newest, date):
        return before.settled
    return max(before.settled, newest)


def _with_instants(rows: pl.DataFrame) -> pl.DataFrame:
    """Rows with `known_at` and `assumed`: as told, or the close of their own session."""
    close = session_closes(rows)
    if "as_of" not in rows.columns:
        return rows.with_columns(known_at=close, assumed=pl.lit(True))
    return rows.drop("as_of").with_columns(
        known_at=pl.coalesce(stated_instants(rows, "as_of"), close),
        assumed=rows["as_of"].is_null(),
    )
