"""Adjusted bars of one store version, kept as a file and mapped: what a scan computes on.

A panel version is a data file shared by many versions, and an index: where in it each symbol's
run lies and how long it is. Nothing that an index points at is ever changed:

1. `PanelCache.open` finds an index, or has one made by the cheaper of two ways, and maps the file.
2. `PanelCache._build` writes all runs into a new data file, with spare rows behind them.
3. `PanelCache._extend` serves a newer version (panel_extension.py): bars that are simply newer are written behind the
   lengths that older indices know; runs whose past has changed (a revision, a split, a backfill)
   are written to new places behind the last block.
4. `PanelCache._past` shows a past session: the newest panel with what differed put back, in
   memory, by `past_panels.past_differences`.
5. `PanelCache.make_anew` replaces a data file whose checksums are wrong (panel_bars.py).

It is a cache: deleting the folder loses nothing, and damage in it mends itself.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from hashlib import blake2b
from logging import getLogger
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
import polars as pl

from technic.data.store.mapped_panel import MappedPanel, keep_view, view_at
from technic.data.store.panel_bars import (
    HeldBars,
    MappedBars,
    note_written,
    stamp_of,
)
from technic.data.store.panel_extension import extension_of, reserve, write_extension
from technic.data.store.panel_index import (
    Index,
    is_index,
    read_index,
    remove_data,
    write_index,
)
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
from technic.data.store.run_sums import sums_of_runs
from technic.data.store.tables import TableReader
from technic.data.store.tickers import directory
from technic.data.store.version import StoreVersion
from technic.errors import StoreError
from technic.market.panel import FIELDS, LANES, Panel, arrange, empty_bars, fill
from technic.market.sessions import nyse
from technic.market.typing import BoolArray, FloatArray
from technic.runtime.files import make_folder, sync_to_disk, writing
from technic.runtime.logs import log_mended

SPARE_ROWS = 64  # a quarter of a year before the next rebuild
LAYOUT = 3  # of data and index files; a part of their names, so that older ones are not read
OLDER_VERSIONS = 50  # how far back an index is looked for that can be extended
OPEN_PANELS = 4  # data files kept mapped per process
LOG = getLogger(__name__)
_GUARD = Lock()
_BARS: dict[tuple[Path, str, str], MappedBars] = {}


class PanelCache:
    """The mapped panels of one store.

    Parameters
    ----------
    tables : of the store that the panels show

    Attributes
    ----------
    folder : of the files
    """

    def __init__(self, tables: TableReader) -> None:
        self._tables = tables
        self.folder = tables.folder / "panels"

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
            return view_at(path, version) or keep_view(self._past(version, as_of, cutoff, path))
        index = self._current(version)
        return MappedPanel(
            _bars_of(self, version, index),
            index.who,
            as_of,
            cutoff,
            version,
            path.with_suffix(""),
            index.content,
        )

    def _current(self, version: StoreVersion) -> Index:
        """The index of everything a version knows; made if there is none, or none that is whole."""
        path = self._current_path(version)
        index = read_index(path)
        if index is None:
            with writing(self.folder):
                index = read_index(path)
                if index is None:
                    if is_index(path):
                        log_mended(LOG, f"{path}: was damaged; it was made anew")
                    index = self._write(path, self._make(version))
        return index

    def _write(self, path: Path, made: Index) -> Index:
        write_index(path, made)
        index = read_index(path)
        if index is None:
            raise StoreError(f"{path}: is not what was written just now; check the disk")
        return index

    def make_anew(self, version: StoreVersion, damaged: Index) -> Index:
        """An index of the same bars in another data file; the damaged file is removed.

        Parameters
        ----------
        version : that is shown
        damaged : its index, whose data file is not what was written
        """
        path = self._current_path(version)
        with writing(self.folder):
            index = read_index(path)
            if index is not None and index.data != damaged.data:
                return index  # another process was quicker
            log_mended(LOG, f"{self.folder / damaged.data}: was damaged; it was made anew")
            remove_data(self.folder, damaged.data)
            return self._write(path, self._build(version))

    def _past(
        self, version: StoreVersion, as_of: date, cutoff: datetime | None, path: Path
    ) -> MappedPanel:
        """A past session: the newest panel, of which what differed is written over in memory."""
        index = self._current(version)
        bars = _bars_of(self, version, index)
        whole = bars.panel()
        past = read_past_tables(self._tables.folder, version.content, version.number)
        every_bar = self._tables.table("bars", version)
        differences = past_differences(past, every_bar, as_of, cutoff, version.adjustment)
        ids = differences.who["security_id"].to_numpy()
        at = np.searchsorted(whole.security_ids, ids)
        own = self._open_data(bars.data, whole.bars.shape, "c")
        panel = Panel(ids, own, whole.places[at], whole.lengths[at]).until(nyse().ordinal(as_of))
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
        return MappedPanel(
            HeldBars(panel),
            differences.who,
            as_of,
            cutoff,
            version,
            path.with_suffix(""),
            index.content,
        )

    def _current_path(self, version: StoreVersion) -> Path:
        assert version.last is not None
        return self._path(version, version.last, None)

    def _path(self, version: StoreVersion, as_of: date, cutoff: datetime | None) -> Path:
        instant = "all" if cutoff is None else cutoff.astimezone(UTC).isoformat()
        view = f"{LAYOUT}|{version.name}|{as_of}|{instant}"
        name = blake2b(view.encode(), digest_size=8).hexdigest()
        return self.folder / f"{version.number:08d}-{name}.arrow"

    def _make(self, version: StoreVersion) -> Index:
        """From the newest index there is, if that serves; else from nothing."""
        base = self._base(version)
        extended = None if base is None else self._extend(*base, version)
        return extended or self._build(version)

    def _base(self, version: StoreVersion) -> tuple[Index, StoreVersion] | None:
        """An index of this or an earlier version that shows everything known to it."""
        for number in range(version.number, max(version.number - OLDER_VERSIONS, 0), -1):
            try:
                older = version if number == version.number else self._tables.record(number)
            except StoreError:
                return None  # whoever reads the tables is told
            if older.last is None:
                return None
            index = read_index(self._current_path(older))
            if index is not None and self._tables.contains(older, version):
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
        make_folder(self.folder)
        try:
            blocks.tofile(self.folder / name)
            sync_to_disk(self.folder / name)
        except OSError as error:
            (self.folder / name).unlink(missing_ok=True)
            raise StoreError(
                f"{self.folder}: the panel cannot be written ({error.strerror or error}); what is "
                "stored is whole. Make room on the disk, and run the command again"
            ) from error
        sums = sums_of_runs(blocks, places, lengths)
        newest = Panel(who["security_id"].to_numpy(), blocks, places, lengths).last("session")
        shape = blocks.shape[0], len(fields), rows
        return Index(name, *shape, who, places, lengths, newest, sums)

    def _extend(self, base: Index, older: StoreVersion, version: StoreVersion) -> Index | None:
        """An index on the same data file; None if it does not serve."""
        extension = extension_of(
            self._tables, base, older, version, self._who(version), self._highest_block(base)
        )
        if not extension.fits(base):
            return None
        shape = (extension.n_blocks, *base.shape[1:])
        path = self.folder / base.data
        before = stamp_of(path)
        with path.open("r+b") as handle:
            reserve(handle.fileno(), int(np.prod(shape)) * 8)
        bars = self._open_data(base.data, shape, "r+")
        sums = extension.sums + write_extension(bars, extension, FIELDS[: base.n_fields])
        lengths = extension.lengths_after
        newest = Panel(extension.ids, bars, extension.places, lengths).last("session")
        del bars  # unmapped, so that what was written is the file's
        sync_to_disk(path)
        note_written(path, before)
        return Index(base.data, *shape[:3], extension.who, extension.places, lengths, newest, sums)

    def _highest_block(self, base: Index) -> int:
        """How many blocks the data file holds by now: other indices may have added some."""
        block = base.n_fields * base.n_rows * LANES * 8
        return (self.folder / base.data).stat().st_size // block

    def _who(self, version: StoreVersion) -> pl.DataFrame:
        assert version.last is not None
        tickers, listings, classes = (
            self._tables.table(name, version).collect()
            for name in ("tickers", "listings", "classifications")
        )
        return directory(tickers, listings, classes, version.last, None)

    def _open_data(self, name: str, shape: tuple[int, ...], mode: Any) -> FloatArray:
        return np.asarray(np.memmap(self.folder / name, np.float64, mode, shape=shape))


def _bars_of(cache: PanelCache, version: StoreVersion, index: Index) -> MappedBars:
    """The bars of an index; views of one process share what was checked of them."""
    key = cache.folder, f"{version.content}/{index.content}", index.data
    with _GUARD:
        bars = _BARS.pop(key, None)
        if bars is None:
            bars = MappedBars(cache.folder, index, lambda bad: cache.make_anew(version, bad))
        _BARS[key] = bars
        while len(_BARS) > OPEN_PANELS:
            del _BARS[next(iter(_BARS))]
    return bars


def _with_runs(panel: Panel, replaced: BoolArray, runs: pl.DataFrame) -> Panel:
    """A panel whose runs at some positions are those of rows; its bars are written over."""
    ids = panel.security_ids[replaced]
    rows = runs.sort("security_id", "session").filter(pl.col("security_id").is_in(ids.tolist()))
    lengths = panel.lengths.copy()
    lengths[replaced] = lengths_of(rows, ids)
    columns = columns_of_rows(rows, panel.fields)
    fill(panel.bars, panel.places[replaced], lengths[replaced], columns)
    return replace(panel, lengths=lengths)
