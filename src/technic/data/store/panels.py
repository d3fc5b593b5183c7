"""The hot path: the adjusted panel of one store version, kept as a file and mapped.

A panel version is a data file shared by many versions, and an index: where in it each symbol's
run lies and how long it is. Nothing that an index points at is ever changed:

1. `PanelCache.open` finds an index, or has one made by the cheaper of two ways, and maps the file.
2. `PanelCache._build` writes all runs into a new data file, with spare rows behind them.
3. `PanelCache._extend` serves a newer version: bars that are simply newer are written behind the
   lengths that older indices know; runs whose past has changed (a revision, a split, a backfill)
   are written to new places behind the last block.
4. `PanelCache._past` shows a past session: the newest panel with what differed put back, in
   memory, by `past_panels.past_differences`.

It is a cache: deleting the folder loses nothing.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from functools import lru_cache
from hashlib import blake2b
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
import orjson
import polars as pl

from technic.data.store.past_panels import (
    overwrite,
    past_differences,
    read_past_tables,
    without_last,
)
from technic.data.store.rows import (
    adjusted_bars,
    columns_of_rows,
    fields_of,
    lengths_of,
    read_newest_bars,
)
from technic.data.store.tables import TableReader
from technic.data.store.tickers import directory
from technic.data.store.version import StoreVersion
from technic.errors import StoreError
from technic.market.panel import FIELDS, LANES, Panel, arrange, empty_bars, fill
from technic.market.sessions import nyse
from technic.market.typing import BoolArray, FloatArray, IntArray
from technic.runtime.files import sync_to_disk, write_atomically, writing

SPARE_ROWS = 64  # a quarter of a year before the next rebuild
WASTE = 1.5  # rebuild once the file has this many times the blocks it needs
LAYOUT = 2  # of data and index files; a part of their names, so that older ones are not read
PAST_VIEWS = 4  # kept per process; each holds some tens of megabytes of its own
OLDER_VERSIONS = 50  # how far back an index is looked for that can be extended
_GUARD = Lock()
_VIEWS: dict[Path, MappedPanel] = {}


@dataclass(frozen=True, slots=True, eq=False)
class MappedPanel:
    """A panel and the securities in it; two are equal if they show the same file.

    Attributes
    ----------
    panel : bars; position `i` is row `i` of `who`
    who : one row per security with a bar or a listing, see `tickers.directory`
    as_of : the session it stands in
    known_at : what was known before this instant; None for everything
    version : the store version it shows
    path : of its index
    data : names the file of its runs: a run that it shows at a place never changes
    provisional : names the bars of the day so far that it shows too; empty if it shows none
    anew : securities whose runs are not those of the file; only of a provisional view
    """

    panel: Panel
    who: pl.DataFrame
    as_of: date
    known_at: datetime | None
    version: StoreVersion
    path: Path
    data: str = ""
    provisional: str = ""
    anew: tuple[int, ...] = ()

    @property
    def name(self) -> str:
        """A digest that names the view: equal names, equal bars."""
        return f"{self.version.identity}/{self.path.name}"

    def __hash__(self) -> int:
        return hash(self.path)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, MappedPanel) and other.path == self.path


@dataclass(frozen=True, slots=True)
class Index:
    """One panel version as it lies on disk.

    Attributes
    ----------
    data : name of the data file, in the folder of the index
    n_blocks, n_fields, n_rows : shape of the data file, whose last axis has `LANES`
    who : one row per security, by security
    places : int64, shape (n_symbols,), block and lane of each run as one number
    lengths : int64, shape (n_symbols,), bars of each run
    """

    data: str
    n_blocks: int
    n_fields: int
    n_rows: int
    who: pl.DataFrame
    places: IntArray
    lengths: IntArray

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """Shape of the data file."""
        return self.n_blocks, self.n_fields, self.n_rows, LANES

    @property
    def ids(self) -> IntArray:
        """Securities by position: int64, ascending."""
        ids: IntArray = self.who["security_id"].to_numpy()
        return ids


@dataclass(frozen=True, slots=True)
class _Extension:
    """What a newer version adds to the data file of an older one.

    Attributes
    ----------
    moved : bool, by position: the whole run is written to a new place
    places, lengths : of the runs, before newer bars are written behind them
    runs : bars of the runs that moved, by security and session
    newer : bars to be written behind the runs that did not
    n_blocks : of the data file afterwards
    """

    who: pl.DataFrame
    moved: BoolArray
    places: IntArray
    lengths: IntArray
    runs: pl.DataFrame
    newer: pl.DataFrame
    n_blocks: int

    @property
    def ids(self) -> IntArray:
        """Securities by position."""
        ids: IntArray = self.who["security_id"].to_numpy()
        return ids

    @property
    def lengths_after(self) -> IntArray:
        """Lengths of the runs afterwards."""
        return self.lengths + lengths_of(self.newer, self.ids)

    def fits(self, base: Index) -> bool:
        """Whether the data file has the rows and fields, and would not hold too much waste."""
        return (
            self.lengths_after.max(initial=0) <= base.n_rows
            and self.n_blocks <= WASTE * (len(self.who) / LANES + 8)
            and set(fields_of(self.runs)) <= set(FIELDS[: base.n_fields])
        )


class PanelCache:
    """The mapped panels of one store.

    Parameters
    ----------
    tables : of the store that the panels show
    """

    def __init__(self, tables: TableReader) -> None:
        self._tables = tables
        self._folder = tables.folder / "panels"

    def open(self, version: StoreVersion, as_of: date, cutoff: datetime | None) -> MappedPanel:
        """The panel of a version as of a session.

        Parameters
        ----------
        cutoff : only what was known before this instant; None for everything
        """
        try:
            return self._open(version, as_of, cutoff)
        except FileNotFoundError:  # a vacuum took the file away in between: it is made anew
            return self._open(version, as_of, cutoff)

    def _open(self, version: StoreVersion, as_of: date, cutoff: datetime | None) -> MappedPanel:
        path = self._path(version, as_of, cutoff)
        if as_of != version.last or cutoff is not None:
            return _view_at(path) or _keep_view(self._past(version, as_of, cutoff, path))
        index = self._current(version)
        return MappedPanel(
            self._map(index),
            index.who,
            as_of,
            cutoff,
            version,
            path.with_suffix(""),
            f"{version.identity}/{index.data}",
        )

    def _current(self, version: StoreVersion) -> Index:
        """The index of everything a version knows; made if there is none."""
        assert version.last is not None
        path = self._path(version, version.last, None)
        index = _read_index(path)
        if index is None:
            with writing(self._folder):
                index = _read_index(path) or self._make(version)
                _write_index(path, index)
        return index

    def _past(
        self, version: StoreVersion, as_of: date, cutoff: datetime | None, path: Path
    ) -> MappedPanel:
        """A past session: the newest panel, of which what differed is written over in memory."""
        index = self._current(version)
        past = read_past_tables(
            self._tables.folder, version.identity, tuple(version.tables.items())
        )
        every_bar = self._tables.table("bars", version)
        differences = past_differences(past, every_bar, as_of, cutoff, version.adjustment)
        ids = differences.who["security_id"].to_numpy()
        bars = self._open_data(index.data, index.shape, "c")
        at = np.searchsorted(index.ids, ids)
        panel = Panel(ids, bars, index.places[at], index.lengths[at]).until(nyse().ordinal(as_of))
        panel, shifted = without_last(panel, differences.unknown)
        runs = differences.bars
        if len(shifted):
            rows = every_bar.filter(
                pl.col("security_id").is_in(shifted.tolist()),
                pl.col("session") <= as_of,
                pl.lit(value=True) if cutoff is None else pl.col("known_at") < cutoff,
            )
            runs = pl.concat([runs, read_newest_bars(rows)])
        replaced = np.isin(ids, np.concatenate([differences.ids, shifted]))
        panel = _with_runs(panel, replaced, runs)
        others = ~pl.col("security_id").is_in(ids[replaced].tolist())
        overwrite(panel, differences.revised.filter(others))
        return MappedPanel(panel, differences.who, as_of, cutoff, version, path.with_suffix(""))

    def _path(self, version: StoreVersion, as_of: date, cutoff: datetime | None) -> Path:
        instant = "all" if cutoff is None else cutoff.astimezone(UTC).isoformat()
        view = f"{LAYOUT}|{version.name}|{as_of}|{instant}"
        name = blake2b(view.encode(), digest_size=8).hexdigest()
        return self._folder / f"{version.number:08d}-{name}.arrow"

    def _make(self, version: StoreVersion) -> Index:
        """From the newest index there is, if that serves; else from nothing."""
        base = self._base(version)
        extended = None if base is None else self._extend(*base, version)
        return extended or self._build(version)

    def _base(self, version: StoreVersion) -> tuple[Index, StoreVersion] | None:
        """An index of this or an earlier version that shows everything known to it."""
        for number in range(version.number, max(version.number - OLDER_VERSIONS, 0), -1):
            older = version if number == version.number else self._tables.record(number)
            if older.last is None:
                return None
            index = _read_index(self._path(older, older.last, None))
            if index is not None and (self._folder / index.data).exists():
                return index, older
        return None

    def _build(self, version: StoreVersion) -> Index:
        assert version.last is not None
        who = self._who(version)
        bars = adjusted_bars(self._tables, version, version.last)
        lengths = lengths_of(bars, who["security_id"].to_numpy())
        fields = fields_of(bars)
        places = arrange(lengths)
        rows = int(lengths.max(initial=0)) + SPARE_ROWS
        blocks = empty_bars(len(who), len(fields), rows)
        fill(blocks, places, lengths, columns_of_rows(bars, fields))
        name = f"{version.number:08d}-{datetime.now(UTC):%Y%m%d%H%M%S%f}.f64"
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        try:
            blocks.tofile(self._folder / name)
            sync_to_disk(self._folder / name)
        except OSError as error:
            (self._folder / name).unlink(missing_ok=True)
            raise StoreError(
                f"{self._folder}: the panel cannot be written ({error.strerror or error}); what is "
                "stored is whole. Make room on the disk, and run the command again"
            ) from error
        return Index(name, blocks.shape[0], len(fields), rows, who, places, lengths)

    def _extend(self, base: Index, older: StoreVersion, version: StoreVersion) -> Index | None:
        """An index on the same data file; None if it does not serve."""
        extension = self._extension(base, older, version)
        if not extension.fits(base):
            return None
        shape = (extension.n_blocks, *base.shape[1:])
        path = self._folder / base.data
        with path.open("r+b") as handle:
            _reserve(handle.fileno(), int(np.prod(shape)) * 8)
        bars = self._open_data(base.data, shape, "r+")
        _write_extension(bars, extension, FIELDS[: base.n_fields])
        del bars  # unmapped, so that what was written is the file's
        sync_to_disk(path)
        lengths = extension.lengths_after
        return Index(base.data, *shape[:3], extension.who, extension.places, lengths)

    def _extension(self, base: Index, older: StoreVersion, version: StoreVersion) -> _Extension:
        """What has to be written so that the data file of `older` shows `version` too."""
        assert version.last is not None
        who = self._who(version)
        ids = who["security_id"].to_numpy()
        at = np.searchsorted(base.ids, ids)
        there = at < len(base.places)
        there[there] &= base.ids[at[there]] == ids[there]
        fresh = self._tables.rows_added("bars", older, version)
        moved = ~there | np.isin(ids, self._changed_securities(fresh, older, version))
        lengths, places = np.zeros(len(ids), np.int64), np.zeros(len(ids), np.int64)
        lengths[there], places[there] = base.lengths[at[there]], base.places[at[there]]
        newer = read_newest_bars(fresh.filter(~pl.col("security_id").is_in(ids[moved].tolist())))
        runs = adjusted_bars(self._tables, version, version.last, ids[moved])
        lengths[moved] = lengths_of(runs, ids)[moved]
        highest = self._highest_block(base)
        places[moved] = highest * LANES + arrange(lengths[moved])
        n_blocks = highest + -(-int(moved.sum()) // LANES)
        return _Extension(who, moved, places, lengths, runs, newer, n_blocks)

    def _highest_block(self, base: Index) -> int:
        """How many blocks the data file holds by now: other indices may have added some."""
        block = base.n_fields * base.n_rows * LANES * 8
        return (self._folder / base.data).stat().st_size // block

    def _changed_securities(
        self, fresh: pl.LazyFrame, older: StoreVersion, version: StoreVersion
    ) -> IntArray:
        """Securities whose past looks different from what `older` showed."""
        splits = self._tables.rows_added("actions", older, version).filter(
            pl.col("kind") == "split"
        )
        changed = [fresh.filter(pl.col("session") <= older.last), splits]
        ids = pl.concat([frame.select("security_id") for frame in changed], how="vertical").unique()
        return ids.collect()["security_id"].to_numpy()

    def _who(self, version: StoreVersion) -> pl.DataFrame:
        assert version.last is not None
        tickers, listings, classes = (
            self._tables.table(name, version).collect()
            for name in ("tickers", "listings", "classifications")
        )
        return directory(tickers, listings, classes, version.last, None)

    def _open_data(self, name: str, shape: tuple[int, ...], mode: Any) -> FloatArray:
        return np.asarray(np.memmap(self._folder / name, np.float64, mode, shape=shape))

    def _map(self, index: Index) -> Panel:
        """Copy-on-write, so that compiled code sees an ordinary array; nobody writes to it."""
        path = self._folder / index.data
        about = path.stat()
        bars = _map_file(path, index.shape, (about.st_ino, about.st_mtime_ns))
        return Panel(index.ids, bars, index.places, index.lengths)


def _reserve(handle: int, size: int) -> None:
    """Give a file its size, and the room for it: a full disk would end whoever writes to the map."""
    before = os.fstat(handle).st_size
    if size <= before:
        return
    try:
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(handle, 0, size)
        else:
            os.truncate(handle, size)
    except OSError as error:
        os.truncate(handle, before)
        raise StoreError(
            f"the panel cannot be written ({error.strerror}); what is stored is whole. Make room on "
            "the disk, and run the command again"
        ) from error


def _view_at(path: Path) -> MappedPanel | None:
    with _GUARD:
        return _VIEWS.get(path.with_suffix(""))


def _keep_view(view: MappedPanel) -> MappedPanel:
    """Keep the last few views of the past, for whoever asks for the same once more."""
    with _GUARD:
        _VIEWS[view.path] = view
        while len(_VIEWS) > PAST_VIEWS:
            del _VIEWS[next(iter(_VIEWS))]
    return view


def _with_runs(panel: Panel, replaced: BoolArray, runs: pl.DataFrame) -> Panel:
    """A panel whose runs at some positions are those of rows; its bars are written over."""
    ids = panel.security_ids[replaced]
    rows = runs.sort("security_id", "session").filter(pl.col("security_id").is_in(ids.tolist()))
    lengths = panel.lengths.copy()
    lengths[replaced] = lengths_of(rows, ids)
    columns = columns_of_rows(rows, panel.fields)
    fill(panel.bars, panel.places[replaced], lengths[replaced], columns)
    return replace(panel, lengths=lengths)


def _write_extension(bars: FloatArray, extension: _Extension, fields: tuple[str, ...]) -> None:
    """Runs that moved to their new places, newer bars behind the runs that did not."""
    moved, lengths, places = extension.moved, extension.lengths, extension.places
    fill(bars, places[moved], lengths[moved], columns_of_rows(extension.runs, fields))
    more = extension.lengths_after - lengths
    starts = np.repeat(lengths, more)
    blocks, lanes = np.divmod(np.repeat(places, more), LANES)
    rows = starts + np.arange(int(more.sum())) - np.repeat(np.cumsum(more) - more, more)
    for j, column in enumerate(columns_of_rows(extension.newer, fields)):
        bars[blocks, j, rows, lanes] = column


@lru_cache(maxsize=4)
def _map_file(path: Path, shape: tuple[int, ...], _state: tuple[int, int]) -> FloatArray:
    """A data file in memory: views of one process share it, or each would count its pages anew."""
    return np.asarray(np.memmap(path, np.float64, "c", shape=shape))


def _write_index(path: Path, index: Index) -> None:
    table = index.who.with_columns(
        pl.Series("place", index.places, pl.Int64), pl.Series("length", index.lengths, pl.Int64)
    )
    shape = {name: getattr(index, name) for name in ("data", "n_blocks", "n_fields", "n_rows")}
    table.write_ipc(path.with_suffix(".writing"))
    sync_to_disk(path.with_suffix(".writing"))
    path.with_suffix(".writing").replace(path)
    write_atomically(path.with_suffix(".json"), orjson.dumps(shape))


def _read_index(path: Path) -> Index | None:
    """The index at `path`; None if it is not there or cannot be read."""
    try:
        stamp = path.with_suffix(".json").stat().st_mtime_ns
    except OSError:
        return None
    return _index_at(path, stamp)


@lru_cache(maxsize=8)
def _index_at(path: Path, _written: int) -> Index | None:
    """An index once written never changes; it is read once per process."""
    try:
        shape = orjson.loads(path.with_suffix(".json").read_bytes())
        table = pl.read_ipc(path)
    except (OSError, ValueError, pl.exceptions.PolarsError):
        return None
    if not (path.parent / shape["data"]).exists():
        return None
    who = table.drop("place", "length")
    return Index(
        **shape, who=who, places=table["place"].to_numpy(), lengths=table["length"].to_numpy()
    )
