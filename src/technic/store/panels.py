"""The hot path: the adjusted panel of one store version, kept as a file and mapped.

A panel version is a data file shared by many versions, and an index: where in it each symbol's
run lies and how long it is. Nothing that an index points at is ever changed:

1. `_build` writes all runs into a new data file, with spare rows behind them.
2. `_extend` serves a newer version, or an earlier session: bars that are simply newer are
   written behind the lengths that older indices know; runs whose past has changed (a revision,
   a split, a backfill) are written to new places behind the last block.
3. `open` finds an index, or makes one by the cheaper of the two ways, and maps the file.

It is a cache: deleting the folder loses nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import lru_cache
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import orjson
import polars as pl

from technic.market.adjust import adjust_for_splits
from technic.market.panel import FIELDS, LANES, Panel, arrange, empty_bars, fill
from technic.market.sessions import nyse
from technic.store.directory import directory
from technic.store.lock import sync_to_disk, write_atomically, writing
from technic.typing import FloatArray, IntArray

if TYPE_CHECKING:
    from technic.store.store import Store
    from technic.store.version import StoreVersion

SPARE_ROWS = 64  # a quarter of a year before the next rebuild
WASTE = 1.5  # rebuild once the file has this many times the blocks it needs
LAYOUT = 2


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
    """

    panel: Panel
    who: pl.DataFrame
    as_of: date
    known_at: datetime | None
    version: StoreVersion
    path: Path
    data: str = ""

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
        index = _read_index(path)
        if index is None:
            with writing(self._folder):
                index = _read_index(path) or self._make(version, as_of, cutoff)
                _write_index(path, index)
        return MappedPanel(
            self._map(index), index.who, as_of, cutoff, version, path.with_suffix(""),
            f"{version.identity}/{index.data}",
        )  # fmt: skip

    def bars(self, version: StoreVersion, as_of: date) -> pl.DataFrame:
        """Adjusted bars until `as_of`, everything known, by security and session."""
        return self._bars(version, as_of, None, None)

    def _path(self, version: StoreVersion, as_of: date, cutoff: datetime | None) -> Path:
        known = "all" if cutoff is None else cutoff.astimezone(UTC).isoformat()
        view = f"{LAYOUT}|{version.name}|{as_of}|{known}"
        name = blake2b(view.encode(), digest_size=8).hexdigest()
        return self._folder / f"{version.number:08d}-{name}.arrow"

    def _make(self, version: StoreVersion, as_of: date, cutoff: datetime | None) -> Index:
        """From the newest index there is, if that serves; else from nothing."""
        found = self._base(version)
        if found is not None:
            older, base = found
            index = self._extend(base, older, version, as_of, cutoff)
            if index is not None:
                return index
        return self._build(version, as_of, cutoff)

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

    def _build(self, version: StoreVersion, as_of: date, cutoff: datetime | None) -> Index:
        who = self._who(version, as_of, cutoff)
        bars = self._bars(version, as_of, cutoff, None)
        ids = who["security_id"].to_numpy()
        lengths = _lengths(bars, ids)
        fields = _fields(bars)
        places = arrange(lengths)
        rows = int(lengths.max(initial=0)) + SPARE_ROWS
        made = empty_bars(len(ids), len(fields), rows)
        fill(made, places, lengths, _columns(bars, fields))
        name = f"{version.number:08d}-{datetime.now(UTC):%Y%m%d%H%M%S%f}.f64"
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        made.tofile(self._folder / name)
        sync_to_disk(self._folder / name)
        return Index(name, made.shape[0], len(fields), rows, who, places, lengths)

    def _extend(
        self,
        base: Index,
        older: StoreVersion,
        version: StoreVersion,
        as_of: date,
        cutoff: datetime | None,
    ) -> Index | None:
        """An index on the same data file; None if it does not serve."""
        who = self._who(version, as_of, cutoff)
        ids = who["security_id"].to_numpy()
        at = np.searchsorted(base.who["security_id"].to_numpy(), ids)
        known = at < len(base.places)
        known[known] &= base.who["security_id"].to_numpy()[at[known]] == ids[known]
        fresh = self._store.added("bars", older, version)
        changed = self._changed(fresh, older, version, as_of, cutoff)
        moved = ~known | np.isin(ids, changed)

        panel = Panel(
            base.who["security_id"].to_numpy(), self._map(base).bars, base.places, base.lengths
        ).until(nyse().ordinal(as_of))
        lengths, places = np.zeros(len(ids), np.int64), np.zeros(len(ids), np.int64)
        lengths[known], places[known] = panel.lengths[at[known]], base.places[at[known]]

        simple = fresh.filter(
            pl.col("session") <= as_of, ~pl.col("security_id").is_in(ids[moved].tolist())
        )
        if cutoff is not None:
            simple = simple.filter(pl.col("known_at") < cutoff)
        newer = newest_rows(simple)
        more = _lengths(newer, ids)
        rewritten = self._bars(version, as_of, cutoff, ids[moved])
        runs = _lengths(rewritten, ids)
        lengths[moved] = runs[moved]
        fields = FIELDS[: base.n_fields]
        highest = self._highest_block(base)
        places[moved] = highest * LANES + arrange(lengths[moved])
        n_blocks = highest + -(-int(moved.sum()) // LANES)
        grown = lengths + more
        if (
            grown.max(initial=0) > base.n_rows
            or n_blocks > WASTE * (len(ids) / LANES + 8)
            or set(_fields(rewritten)) - set(fields)
        ):
            return None
        with (self._folder / base.data).open("r+b") as handle:
            handle.truncate(n_blocks * base.n_fields * base.n_rows * LANES * 8)
        bars = self._open_data(base.data, (n_blocks, base.n_fields, base.n_rows, LANES), "r+")
        fill(bars, places[moved], runs[moved], _columns(rewritten, fields))
        starts = np.repeat(lengths, more)
        blocks, lanes = np.divmod(np.repeat(places, more), LANES)
        rows = starts + np.arange(int(more.sum())) - np.repeat(np.cumsum(more) - more, more)
        for j, column in enumerate(_columns(newer, fields)):
            bars[blocks, j, rows, lanes] = column
        del bars  # unmapped, so that what was written is the file's
        sync_to_disk(self._folder / base.data)
        return Index(base.data, n_blocks, base.n_fields, base.n_rows, who, places, grown)

    def _highest_block(self, base: Index) -> int:
        """How many blocks the data file holds by now: other indices may have added some."""
        block = base.n_fields * base.n_rows * LANES * 8
        return (self._folder / base.data).stat().st_size // block

    def _changed(
        self,
        fresh: pl.LazyFrame,
        older: StoreVersion,
        version: StoreVersion,
        as_of: date,
        cutoff: datetime | None,
    ) -> IntArray:
        """Securities whose past looks different from what `older` showed."""
        last = older.last
        changed = [
            fresh.filter(pl.col("session") <= last),
            self._store.added("actions", older, version).filter(pl.col("kind") == "split"),
        ]
        splits = self._store.table("actions", version).filter(pl.col("kind") == "split")
        changed.append(splits.filter(pl.col("session") > as_of))
        if cutoff is not None:
            late = pl.col("known_at") >= cutoff
            changed.append(splits.filter(late))
            changed.append(
                self._store.table("bars", version).filter(pl.col("session") <= as_of, late)
            )
        ids = pl.concat([frame.select("security_id") for frame in changed], how="vertical").unique()
        return ids.collect()["security_id"].to_numpy()

    def _who(self, version: StoreVersion, as_of: date, cutoff: datetime | None) -> pl.DataFrame:
        return directory(
            self._store.table("tickers", version).collect(),
            self._store.table("listings", version).collect(),
            self._store.table("classifications", version).collect(),
            as_of,
            cutoff,
        )

    def _bars(
        self, version: StoreVersion, as_of: date, cutoff: datetime | None, ids: IntArray | None
    ) -> pl.DataFrame:
        """Adjusted bars until `as_of` as known before `cutoff`, by security and session."""
        bars = self._store.table("bars", version).filter(pl.col("session") <= as_of)
        actions = self._store.table("actions", version).filter(
            pl.col("kind") == "split", pl.col("session") <= as_of
        )
        if ids is not None:
            bars = bars.filter(pl.col("security_id").is_in(ids.tolist()))
            actions = actions.filter(pl.col("security_id").is_in(ids.tolist()))
        if cutoff is not None:
            bars = bars.filter(pl.col("known_at") < cutoff)
            actions = actions.filter(pl.col("known_at") < cutoff)
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


def newest_rows(bars: pl.LazyFrame) -> pl.DataFrame:
    """One row per security and session, the one that became known last; in that order.

    The table is a few long sorted runs, which a stable sort of one integer key merges quickly.
    """
    columns = ["security_id", "session", "open", "high", "low", "close", "volume", "vwap"]
    table = bars.select(*columns, "known_at").collect()
    key = _key(table)
    order = np.argsort(key, kind="stable")
    if len(key) > 1 and (np.diff(key[order]) == 0).any():
        order = order[np.lexsort((table["known_at"].to_physical().to_numpy()[order], key[order]))]
        last = np.append(np.diff(key[order]) != 0, True)
        order = order[last]
    if not np.array_equal(order, np.arange(len(key))):
        table = table[order]
    return table.select(columns)


def _key(table: pl.DataFrame) -> IntArray:
    """Security and session as one integer."""
    days = table["session"].to_physical().to_numpy().astype(np.int64)
    key: IntArray = table["security_id"].to_numpy() * (1 << 24) + days
    return key


def _fields(bars: pl.DataFrame) -> tuple[str, ...]:
    has_vwap = bars["vwap"].null_count() < bars.height
    return FIELDS if has_vwap else FIELDS[:-1]


def _columns(bars: pl.DataFrame, fields: tuple[str, ...]) -> list[FloatArray]:
    ordinals = nyse().ordinals(bars["session"].to_numpy()).astype(np.float64)
    return [
        ordinals if name == "session" else bars[name].fill_null(float("nan")).to_numpy()
        for name in fields
    ]


def _lengths(bars: pl.DataFrame, ids: IntArray) -> IntArray:
    """How many rows each of `ids` has in `bars`, which is sorted by security."""
    column = bars["security_id"].to_numpy()
    return np.searchsorted(column, ids, "right") - np.searchsorted(column, ids, "left")


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
