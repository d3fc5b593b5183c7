"""Bars of a file, on their way into a store.

1. `formats.bars.read_bars` reads files of any known layout under our names.
2. `_with_instants` gives every row the instant it became known.
3. `market.quality.examine` sets aside what cannot be believed.
4. `held.hold_against_store` looks up each symbol's security (`filers.identify_symbols`), sets
   symbols aside that are told on another scale (`scales.one_scale`), and holds splits and
   dividends against prices (`file_actions.take_actions`).
5. `merge.new_bars` leaves out what the store already says.

No step keeps the rows of the step before: a market of ten years is held once.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import polars as pl

from technic.data.formats.bar_file import BarFile, FileHints
from technic.data.formats.bars import read_bars
from technic.data.ingest.filers import spelt_as_ours
from technic.data.ingest.held import HeldRows, hold_against_store
from technic.data.ingest.joining import AsJoined
from technic.data.ingest.merge import (
    ADJUSTMENTS,
    NewBars,
    as_source,
    new_bars,
    refuse_mixture,
    session_closes,
    stated_instants,
)
from technic.data.store import Store, StoreVersion
from technic.errors import SchemaError, counted
from technic.market.quality import REASONS, Sorted, closed_days, examine
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
    doubts : a line for each split or dividend that was set aside or taken back, and for nights
        that look like a split which nobody told
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


@dataclass(frozen=True, slots=True)
class AskedBars:
    """What is to be imported.

    Attributes
    ----------
    source : a path or its text, or a frame of Polars, Arrow or pandas
    adjusted : "none" or "splits"; None for what the layout says
    hints : what the file does not say itself
    simulated : how the market was made; None for a real one
    """

    source: Any
    adjusted: str | None = None
    hints: FileHints | None = None
    simulated: dict[str, Any] | None = None

    @property
    def label(self) -> str:
        """The source's name, for messages."""
        return Path(self.source).name if isinstance(self.source, str | Path) else "frame"


@dataclass(frozen=True, slots=True)
class TakenBars:
    """What of a file is to be stored.

    Attributes
    ----------
    tables : rows to commit, by table
    adjusted : "none" or "splits"
    bad : rows and actions set aside, with a column `reason`
    outcome : what becomes of every row; its version is the one before
    label : the file's name
    joined : stored securities that are others now, and which
    """

    tables: dict[str, pl.DataFrame]
    adjusted: str
    bad: pl.DataFrame
    outcome: Imported
    label: str
    joined: dict[int, int] = field(default_factory=dict)


def take_bars(
    store: Store,
    before: StoreVersion,
    asked: AskedBars,
    seen: datetime,
    progress: Callable[[str], None],
) -> TakenBars:
    """Read bars and decide what of them is to be stored; nothing is stored.

    Parameters
    ----------
    before : the version that they are held against
    seen : the instant from which corrections of stored bars are known
    progress : is told which stage begins

    Raises
    ------
    SchemaError
        If the file cannot be read or believed.
    StoreError
        If the store holds bars of the other kind.
    """
    progress("reading")
    file, adjusted = _read(store, before, asked)
    progress("checking")
    judged = believed(file, seen)
    refuse_unbelievable(judged, file.rows, asked.label)
    counts, file = _Counts.of(file), replace(file, rows=file.rows.clear())
    progress("comparing with the store")
    held = hold_against_store(
        store, before, judged, seen, as_traded=adjusted == "none", label=asked.label
    )
    as_one = AsJoined(store, held.joined) if held.joined else store
    merged = new_bars(as_one, before, held.bars, seen)
    tables = {
        "bars": merged.bars,
        "actions": held.actions.rows,
        "waiting": held.actions.waiting,
        "tickers": held.tickers,
    }
    bad = pl.concat(
        [held.judged.bad.drop("cells", "lost"), held.actions.bad], how="diagonal_relaxed"
    )
    outcome = _outcome(before, counts, held, merged, bad)
    outcome = replace(outcome, file=file)
    return TakenBars(tables, adjusted, bad, outcome, asked.label, held.joined)


@dataclass(frozen=True, slots=True)
class _Counts:
    """Of a file, before its rows are let go: rows, and cells that were kept or not used."""

    rows: int
    read: int
    used: int
    unused: int
    strange: int

    @classmethod
    def of(cls, file: BarFile) -> _Counts:
        used = int(file.rows["cells"].sum())
        return cls(file.rows.height, file.cells, used, file.cells_unused, file.cells_strange)

    def cells(self, judged: Sorted, refused: int) -> Cells:
        """What became of the cells.

        Parameters
        ----------
        judged : the rows; those that were there more than once say nothing new
        refused : splits and dividends set aside, of rows that were kept
        """
        bad = int(judged.bad["cells"].sum())
        lost = int(judged.good["lost"].sum()) + refused
        return Cells(self.read, self.used - bad - lost, bad + lost + self.strange, self.unused)


def _read(store: Store, before: StoreVersion, asked: AskedBars) -> tuple[BarFile, str]:
    """The file in our spelling of symbols, and how its prices are adjusted."""
    if asked.adjusted is not None and asked.adjusted not in ADJUSTMENTS:
        raise SchemaError(f"adjusted is one of {', '.join(ADJUSTMENTS)}; got {asked.adjusted!r}")
    file = read_bars(as_source(asked.source), asked.hints, asked.adjusted, refuse_closed)
    adjusted = asked.adjusted or file.adjusted or "none"
    refuse_mixture(store, "imported", adjustment=adjusted, simulated=bool(asked.simulated))
    return replace(file, rows=spelt_as_ours(store, file.rows, before)), adjusted


def _outcome(
    before: StoreVersion, counts: _Counts, held: HeldRows, merged: NewBars, bad: pl.DataFrame
) -> Imported:
    judged, acts = held.judged, held.actions
    reasons = bad.group_by("reason").len().sort("len", descending=True)
    return Imported(
        rows=counts.rows,
        added=merged.bars.height - merged.revised,
        revised=merged.revised,
        known=merged.known,
        repeated=judged.repeated,
        quarantined=dict(judged.bad.group_by("reason").len().sort("reason").iter_rows()),
        actions=acts.rows.height,
        symbols=judged.good["symbol"].n_unique(),
        version=before,
        splits_set_aside=acts.bad.height,
        told=held.told,
        notes=[str(reason) for reason, _ in reasons.iter_rows()],
        cells=counts.cells(judged, acts.of_kept),
        doubts=held.doubts,
    )


def believed(file: BarFile, seen: datetime) -> Sorted:
    """The rows of a file that can be believed, each with the instant it became known.

    Parameters
    ----------
    seen : when it is taken in; a session that was not over by then has no bar
    """
    return examine(_with_instants(file.rows), _last_over(seen), max(datetime.now(UTC), seen))


def refuse_unbelievable(judged: Sorted, raw: pl.DataFrame, name: str) -> None:
    """Refuse a file of which too little can be believed; nothing has been stored yet.

    Raises
    ------
    SchemaError
        If no row is left, or a fifth of the rows stands on days without a session.
    """
    closed = judged.bad.filter(pl.col("reason") == "no_session")["date"]
    _refuse_days(closed, raw.height, name)
    if judged.good.is_empty():
        counts = judged.bad.group_by("reason").len().sort("len", descending=True)
        told = "; ".join(f"{n:,}: {REASONS[reason]}" for reason, n in counts.iter_rows())
        raise SchemaError(
            f"{name}: {_disbelieved(raw.height)} ({told}). Nothing was imported"
            if raw.height
            else f"{name}: a header and no rows. Nothing was imported"
        )


def _disbelieved(rows: int) -> str:
    return (
        "its one row cannot be believed"
        if rows == 1
        else f"none of its {rows:,} rows can be believed"
    )


def refuse_closed(file: BarFile, name: str) -> None:
    """Refuse one file of several whose days are not what they seem; its rows are not judged yet.

    Raises
    ------
    SchemaError
        If a fifth of its rows stands on days without a session.
    """
    days = file.rows["date"]
    closed = closed_days(days.filter(days <= nyse().last))
    of_those = file.rows["date"].is_in(closed.implode()).fill_null(value=False)
    _refuse_days(file.rows["date"].filter(of_those), file.rows.height, name)


def _refuse_days(closed: pl.Series, rows: int, name: str) -> None:
    if len(closed) >= max(CLOSED * rows, 1) and rows >= FEW:
        day = closed[0]
        raise SchemaError(
            f"{name}: {len(closed):,} of {counted(rows, 'row')} stand on days on which the NYSE was "
            f"closed, such as {day:%A} {day}: are day and month swapped, or the days of another "
            "time zone or market? See technic import --check, and --dates. Nothing was imported"
        )


def cells_of(file: BarFile, judged: Sorted, refused: int) -> Cells:
    """What became of a file's cells; see `_Counts.cells`."""
    return _Counts.of(file).cells(judged, refused)


def _last_over(seen: datetime) -> date | None:
    """The last session that was over when a file was taken in; None beyond the calendar."""
    clock = max(datetime.now(UTC), seen)
    return nyse().day(nyse().last_finished(clock)) if clock.date() < nyse().last else None


def settled_until(before: StoreVersion, new: pl.DataFrame) -> date | None:
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
        # Whatever is stated, no bar is known before its session is over.
        known_at=pl.max_horizontal(pl.coalesce(stated_instants(rows, "as_of"), close), close),
        assumed=rows["as_of"].is_null(),
    )
