"""The hot path: the adjusted panel of one store version, kept as a file and mapped.

A panel version is a data file shared by many versions, and an index: where in it each symbol's
run lies and how long it is. Nothing that an index points at is ever changed:

1. `_build` writes all runs into a new data file, with spare rows behind them.
2. `_extend` serves a newer version: bars that are simply newer are written behind the lengths
   that older indices know; runs whose past has changed (a revision, a split, a backfill) are
   written to new places behind the last block.
3. `open` finds an index, or makes one by the cheaper of the two ways, and maps the file.
4. A past session is the newest panel with what differed put back, in memory: `past_views`.

It is a cache: deleting the folder loses nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from functools import lru_cache
from hashlib import blake2b
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

import numpy as np
import orjson
import polars as pl

from technic.data.store.past_panels import overwrite, rewritten, tables_of, without_last
from technic.data.store.rows import columns_of_rows, fields_of, lengths_of, newest_rows
from technic.data.store.tickers import directory
from technic.market.adjust import adjust_for_splits
from technic.market.panel import FIELDS, LANES, Panel, arrange, empty_bars, fill
from technic.market.sessions import nyse
from technic.market.typing import FloatArray, IntArray
from technic.runtime.files import sync_to_disk, write_atomically, writing

if TYPE_CHECKING:
    from technic.data.store.store import Store
    from technic.data.store.version import StoreVersion

SPARE_ROWS = 64  # a quarter of a year before the next rebuild
WASTE = 1.5  # rebuild once the file has this many times the blocks it needs
LAYOUT = 2
KEPT_VIEWS = 4  # of past sessions; each holds some tens of megabytes of its own
_GUARD = Lock()
_VIEWS: dict[Path, MappedPanel] = {}


@dataclass(frozen=True, slots=True, eq=False)
class MappedPanel:
    """A panel and who is in it; two are equal if they show the same file.

    Attributes
    ----------
    panel : bars; position `i` is row `i` of `who`
    who : one row per security with a bar or a listing, see `store.directory`
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
    """One panel version as it lies on disk."""

    data: str
    n_blocks: int
    n_fields: int
    n_rows: int
    who: pl.DataFrame
    places: IntArray
    lengths: IntArray


class PanelCache:
    """The mapped panels of one store."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._folder = store.folder / "panels"

    def open(self, version: StoreVersion, as_of: date, cutoff: datetime | None) -> MappedPanel:
        """The panel of a version as of a session, as known before `cutoff`."""
        path = self._path(version, as_of, cutoff)
        if as_of != version.last or cutoff is not None:
            return self._kept(path) or self._keep(path, self._past(version, as_of, cutoff, path))
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

    def _kept(self, path: Path) -> MappedPanel | None:
        with _GUARD:
            return _VIEWS.get(path)

    def _keep(self, path: Path, view: MappedPanel) -> MappedPanel:
        """Keep the last few views of the past, for who asks for the same again."""
        with _GUARD:
            _VIEWS[path] = view
            while len(_VIEWS) > KEPT_VIEWS:
                del _VIEWS[next(iter(_VIEWS))]
        return view

    def _past(
        self, version: StoreVersion, as_of: date, cutoff: datetime | None, path: Path
    ) -> MappedPanel:
        """A past session: the newest panel, of which what differed is written over in memory."""
        index = self._current(version)
        tables = tables_of(self._store.folder, version.identity, tuple(version.tables.items()))
        found = rewritten(
            tables, self._store.table("bars", version), as_of, cutoff, version.adjustment
        )
        every, ids = index.who["security_id"].to_numpy(), found.who["security_id"].to_numpy()
        shape = (index.n_blocks, index.n_fields, index.n_rows, LANES)
        bars = np.asarray(np.memmap(self._folder / index.data, np.float64, "c", shape=shape))
        at = np.searchsorted(every, ids)
        panel = Panel(ids, bars, index.places[at], index.lengths[at]).until(nyse().ordinal(as_of))
        panel, shifted = without_last(panel, found.unknown)
        again = (
            newest_rows(
                self._store.table("bars", version).filter(
                    pl.col("security_id").is_in(shifted.tolist()),
                    pl.col("session") <= as_of,
                    pl.lit(value=True) if cutoff is None else pl.col("known_at") < cutoff,
                )
            )
            if len(shifted)
            else found.bars.clear()
        )
        moved = np.isin(ids, np.concatenate([found.ids, shifted]))
        mine = pl.concat([found.bars, again]).sort("security_id", "session")
        mine = mine.filter(pl.col("security_id").is_in(ids[moved].tolist()))
        lengths = panel.lengths.copy()
        lengths[moved] = lengths_of(mine, ids[moved])
        fields = FIELDS[: index.n_fields]
        fill(bars, panel.places[moved], lengths[moved], columns_of_rows(mine, fields))
        overwrite(panel, found.revised.filter(~pl.col("security_id").is_in(ids[moved].tolist())))
        return MappedPanel(
            replace(panel, lengths=lengths),
            found.who,
            as_of,
            cutoff,
            version,
            path.with_suffix(""),
        )

    def bars(self, version: StoreVersion, as_of: date, ids: IntArray | None = None) -> pl.DataFrame:
        """Adjusted bars until `as_of`, everything known, by security and session; of some or all."""
        return self._bars(version, as_of, ids)

    def _path(self, version: StoreVersion, as_of: date, cutoff: datetime | None) -> Path:
        known = "all" if cutoff is None else cutoff.astimezone(UTC).isoformat()
        view = f"{LAYOUT}|{version.name}|{as_of}|{known}"
        name = blake2b(view.encode(), digest_size=8).hexdigest()
        return self._folder / f"{version.number:08d}-{name}.arrow"

    def _make(self, version: StoreVersion) -> Index:
        """From the newest index there is, if that serves; else from nothing."""
        found = self._base(version)
        if found is not None:
            older, base = found
            index = self._extend(base, older, version)
            if index is not None:
                return index
        return self._build(version)

    def _base(self, version: StoreVersion) -> tuple[StoreVersion, Index] | None:
        """An index of this or an earlier version that shows everything known to it."""
        for number in range(version.number, max(version.number - 50, 0), -1):
            older = version if number == version.number else self._store.version(number)
            if older.last is None:
                return None
            index = _read_index(self._path(older, older.last, None))
            if index is not None and (self._folder / index.data).exists():
                return older, index
        return None

    def _build(self, version: StoreVersion) -> Index:
        assert version.last is not None
        who = self._who(version)
        bars = self.bars(version, version.last)
        ids = who["security_id"].to_numpy()
        lengths = lengths_of(bars, ids)
        fields = fields_of(bars)
        places = arrange(lengths)
        rows = int(lengths.max(initial=0)) + SPARE_ROWS
        made = empty_bars(len(ids), len(fields), rows)
        fill(made, places, lengths, columns_of_rows(bars, fields))
        name = f"{version.number:08d}-{datetime.now(UTC):%Y%m%d%H%M%S%f}.f64"
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        made.tofile(self._folder / name)
        sync_to_disk(self._folder / name)
        return Index(name, made.shape[0], len(fields), rows, who, places, lengths)

    def _extend(self, base: Index, older: StoreVersion, version: StoreVersion) -> Index | None:
        """An index on the same data file; None if it does not serve."""
        who = self._who(version)
        ids = who["security_id"].to_numpy()
        at = np.searchsorted(base.who["security_id"].to_numpy(), ids)
        known = at < len(base.places)
        known[known] &= base.who["security_id"].to_numpy()[at[known]] == ids[known]
        fresh = self._store.added("bars", older, version)
        changed = self._changed(fresh, older, version)
        moved = ~known | np.isin(ids, changed)
        lengths, places = np.zeros(len(ids), np.int64), np.zeros(len(ids), np.int64)
        lengths[known], places[known] = base.lengths[at[known]], base.places[at[known]]
        simple = fresh.filter(~pl.col("security_id").is_in(ids[moved].tolist()))
        newer = newest_rows(simple)
        more = lengths_of(newer, ids)
        rewritten = self._bars(version, version.last, ids[moved])
        runs = lengths_of(rewritten, ids)
        lengths[moved] = runs[moved]
        fields = FIELDS[: base.n_fields]
        highest = self._highest_block(base)
        places[moved] = highest * LANES + arrange(lengths[moved])
        n_blocks = highest + -(-int(moved.sum()) // LANES)
        grown = lengths + more
        if (
            grown.max(initial=0) > base.n_rows
            or n_blocks > WASTE * (len(ids) / LANES + 8)
            or set(fields_of(rewritten)) - set(fields)
        ):
            return None
        with (self._folder / base.data).open("r+b") as handle:
            handle.truncate(n_blocks * base.n_fields * base.n_rows * LANES * 8)
        bars = self._open_data(base.data, (n_blocks, base.n_fields, base.n_rows, LANES), "r+")
        fill(bars, places[moved], runs[moved], columns_of_rows(rewritten, fields))
        starts = np.repeat(lengths, more)
        blocks, lanes = np.divmod(np.repeat(places, more), LANES)
        rows = starts + np.arange(int(more.sum())) - np.repeat(np.cumsum(more) - more, more)
        for j, column in enumerate(columns_of_rows(newer, fields)):
            bars[blocks, j, rows, lanes] = column
        del bars  # unmapped, so that what was written is the file's
        sync_to_disk(self._folder / base.data)
        return Index(base.data, n_blocks, base.n_fields, base.n_rows, who, places, grown)

    def _highest_block(self, base: Index) -> int:
        """How many blocks the data file holds by now: other indices may have added some."""
        block = base.n_fields * base.n_rows * LANES * 8
        return (self._folder / base.data).stat().st_size // block

    def _changed(self, fresh: pl.LazyFrame, older: StoreVersion, version: StoreVersion) -> IntArray:
        """Securities whose past looks different from what `older` showed."""
        splits = self._store.added("actions", older, version).filter(pl.col("kind") == "split")
        changed = [fresh.filter(pl.col("session") <= older.last), splits]
        ids = pl.concat([frame.select("security_id") for frame in changed], how="vertical").unique()
        return ids.collect()["security_id"].to_numpy()

    def _who(self, version: StoreVersion) -> pl.DataFrame:
        assert version.last is not None
        tickers, listings, classes = (
            self._store.table(name, version).collect()
            for name in ("tickers", "listings", "classifications")
        )
        return directory(tickers, listings, classes, version.last, None)

    def _bars(
        self, version: StoreVersion, as_of: date | None, ids: IntArray | None
    ) -> pl.DataFrame:
        """Adjusted bars until `as_of`, everything known, by security and session."""
        bars = self._store.table("bars", version).filter(pl.col("session") <= as_of)
        actions = self._store.table("actions", version).filter(
            pl.col("kind") == "split", pl.col("session") <= as_of
        )
        if ids is not None:
            bars = bars.filter(pl.col("security_id").is_in(ids.tolist()))
            actions = actions.filter(pl.col("security_id").is_in(ids.tolist()))
        table = newest_rows(bars)
        if version.adjustment == "splits":
            return table
        splits = actions.sort("known_at").unique(
            ["security_id", "session"], keep="last", maintain_order=True
        )
        return adjust_for_splits(table, splits.collect())

    def _open_data(self, name: str, shape: tuple[int, ...], mode: Any) -> FloatArray:
        return np.asarray(np.memmap(self._folder / name, np.float64, mode, shape=shape))

    def _map(self, index: Index) -> Panel:
        """Copy-on-write, so that compiled code sees an ordinary array; nobody writes to it."""
        shape = (index.n_blocks, index.n_fields, index.n_rows, LANES)
        path = self._folder / index.data
        now = path.stat()
        bars = _mapped(path, shape, (now.st_ino, now.st_mtime_ns))
        ids = index.who["security_id"].to_numpy()
        return Panel(ids, bars, index.places, index.lengths)


@lru_cache(maxsize=4)
def _mapped(path: Path, shape: tuple[int, ...], _state: tuple[int, int]) -> FloatArray:
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
