"""The bars behind a view: nobody sees one of a file before its checksum was right.

1. `MappedBars.panel` maps the data file of an index, holds every run against its checksum, once
   per process, and has the file made anew if one is wrong.
2. What a scan over cached columns needs (ids, lengths, newest sessions) comes from the index,
   which is sealed; and `MappedBars.run` checks one run alone.
3. `HeldBars` are bars in memory, made from checked ones: of the past, or of a day so far.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from threading import RLock
from typing import Protocol

import numpy as np

from technic.data.store.panel_index import Index, is_of_older_layout, read_index
from technic.data.store.run_sums import SumArray, sum_of_run, sums_behind, sums_of_runs
from technic.errors import StoreError
from technic.market.panel import FIELDS, LANES, Panel
from technic.market.typing import FloatArray, IntArray

TRIES = 3  # a data file that was made anew and is damaged again: the disk is at fault
AGAIN = "the next scan makes it anew"
LITTLE = 0.2  # share of the bars up to which new ones are gathered rather than read by blocks
Stamp = tuple[int, int]  # inode of a file, and when it was last written


class PanelBars(Protocol):
    """What a view asks of its bars."""

    @property
    def data(self) -> str:
        """Name of the file of the runs; a run that it shows at a place never changes."""
        ...

    @property
    def security_ids(self) -> IntArray:
        """Securities by position: int64, ascending."""
        ...

    @property
    def lengths(self) -> IntArray:
        """Bars of each security: int64."""
        ...

    @property
    def newest(self) -> FloatArray:
        """Session of each last bar: float64, NaN without one."""
        ...

    def panel(self) -> Panel:
        """All bars, checked."""
        ...

    def run(self, symbol: int, field: str) -> FloatArray:
        """One field of the bars of one security, checked.

        Parameters
        ----------
        symbol : its position
        field : one of the panel's
        """
        ...


@dataclass(frozen=True)
class HeldBars:
    """Bars in memory.

    Attributes
    ----------
    held : the bars
    data : names the file of those runs that were not written over
    """

    held: Panel
    data: str = ""

    @property
    def security_ids(self) -> IntArray:
        """Securities by position: int64, ascending."""
        return self.held.security_ids

    @property
    def lengths(self) -> IntArray:
        """Bars of each security: int64."""
        return self.held.lengths

    @cached_property
    def newest(self) -> FloatArray:
        """Session of each last bar: float64, NaN without one."""
        return self.held.last("session")

    def panel(self) -> Panel:
        """All bars."""
        return self.held

    def run(self, symbol: int, field: str) -> FloatArray:
        """One field of the bars of one security."""
        return self.held.run(symbol, field)


class MappedBars:
    """The bars that an index points at.

    Parameters
    ----------
    folder : of the index
    index : read and whole
    make_anew : gives an index of the same bars in another data file, in place of one whose data
        file is damaged
    """

    def __init__(self, folder: Path, index: Index, make_anew: Callable[[Index], Index]) -> None:
        self._folder, self._index, self._make_anew = folder, index, make_anew
        self._checked: Panel | None = None
        self._stamp: Stamp = (0, 0)  # of the data file when it was checked
        self._guard = RLock()

    @property
    def data(self) -> str:
        """Name of the data file."""
        return self._index.data

    @property
    def security_ids(self) -> IntArray:
        """Securities by position: int64, ascending."""
        return self._index.ids

    @property
    def lengths(self) -> IntArray:
        """Bars of each security: int64."""
        return self._index.lengths

    @property
    def newest(self) -> FloatArray:
        """Session of each last bar: float64, NaN without one."""
        return self._index.newest

    def panel(self) -> Panel:
        """All bars, checked; made anew where they are damaged.

        Raises
        ------
        StoreError
            If what was made anew is damaged too, or cannot be made.
        """
        with self._guard:
            if self._checked is not None and not self._was_written():
                return self._checked
            for _ in range(TRIES):
                panel = map_panel(self._folder, self._index)
                if panel is not None and _CHECKED.has(self._folder, self._index, panel):
                    self._stamp = stamp_of(self._folder / self._index.data)
                    self._checked = panel
                    return panel
                self._checked = None
                self._index = self._make_anew(self._index)
        raise StoreError(
            f"{self._folder / self._index.data}: is damaged each time it is made; check the disk"
        )

    def _was_written(self) -> bool:
        """Whether the file is not as it was when it was checked; one that is gone, we still hold."""
        try:
            return stamp_of(self._folder / self._index.data) != self._stamp
        except OSError:
            return False

    def run(self, symbol: int, field: str) -> FloatArray:
        """One field of the bars of one security, checked."""
        if self._checked is None:
            panel = map_panel(self._folder, self._index)
            if panel is not None:
                run = panel.run(symbol, field)
                if sum_of_run(run) == int(self._index.sums[symbol, FIELDS.index(field)]):
                    return run
        return self.panel().run(symbol, field)


def map_panel(folder: Path, index: Index) -> Panel | None:
    """The bars of an index as they lie there, unchecked; None if the file is too short.

    Copy-on-write, so that compiled code sees an ordinary array; nobody writes to it.
    """
    path = folder / index.data
    try:
        stamp = stamp_of(path)
        if path.stat().st_size < index.n_bytes:
            return None
        bars = _map_file(path, index.shape, stamp)
    except (OSError, ValueError):
        return None
    return Panel(index.ids, bars, index.places, index.lengths)


@lru_cache(maxsize=4)
def _map_file(path: Path, shape: tuple[int, ...], _state: Stamp) -> FloatArray:
    """A data file in memory: views of one process share it, or each would count its pages anew."""
    return np.asarray(np.memmap(path, np.float64, "c", shape=shape))


def stamp_of(path: Path) -> Stamp:
    """What tells a file, and one state of it, from others."""
    about = path.stat()
    return about.st_ino, about.st_mtime_ns


@dataclass(frozen=True, slots=True)
class _Seen:
    """What of a data file was right: by place, how many bars and what they add up to."""

    stamp: Stamp
    lengths: IntArray
    sums: SumArray


class _CheckedFiles:
    """Which data files this process has checked, and how far."""

    def __init__(self) -> None:
        self._seen: dict[Path, _Seen] = {}
        self._guard = RLock()

    def has(self, folder: Path, index: Index, panel: Panel) -> bool:
        """Whether every run is what the index says; read only as far as that is not known."""
        path = folder / index.data
        stamp = stamp_of(path)
        with self._guard:
            seen = self._seen.get(path)
            before = None if seen is None or seen.stamp != stamp else seen
            if not np.array_equal(self._sums(before, index, panel), index.sums):
                self._seen.pop(path, None)
                return False
            room = index.n_blocks * LANES
            lengths = np.zeros(room, dtype=np.int64)
            sums = np.zeros((room, index.n_fields), dtype=np.uint64)
            lengths[index.places], sums[index.places] = index.lengths, index.sums
            self._seen[path] = _Seen(stamp, lengths, sums)
            while len(self._seen) > 8:
                del self._seen[next(iter(self._seen))]
        return True

    def _sums(self, before: _Seen | None, index: Index, panel: Panel) -> SumArray:
        """The sums of the runs, from those that are known on."""
        places, lengths = index.places, index.lengths
        if before is not None:
            known = places < len(before.lengths)
            at = np.where(known, places, 0)
            starts = np.where(known, before.lengths[at], 0)
            starts[starts > lengths] = 0  # an older index: it shows less of the run
            if (lengths - starts).sum() <= LITTLE * lengths.sum():
                base = np.where((starts > 0)[:, None], before.sums[at], np.uint64(0))
                return base + sums_behind(panel.bars, places, starts, lengths)
        return sums_of_runs(panel.bars, places, lengths)

    def follow(self, path: Path, before: Stamp) -> None:
        """See `note_written`."""
        with self._guard:
            seen = self._seen.get(path)
            if seen is not None and seen.stamp == before:
                self._seen[path] = _Seen(stamp_of(path), seen.lengths, seen.sums)


_CHECKED = _CheckedFiles()


def note_written(path: Path, before: Stamp) -> None:
    """Note that we have written behind the runs of a data file: what was right is so still.

    Parameters
    ----------
    before : its stamp before that
    """
    _CHECKED.follow(path, before)


def damaged_panels(folder: Path) -> list[tuple[str, str]]:
    """Which files of panels are not what was written: name, and what is wrong.

    Every seal is looked at, and every data file read through, by the newest index of it.

    Parameters
    ----------
    folder : of the panels
    """
    wrong, newest = [], dict[str, Index]()
    for seal in sorted(folder.glob("[0-9]*.json")):
        path = seal.with_suffix(".arrow")
        if is_of_older_layout(path):
            continue
        index = read_index(path)
        if index is None:
            wrong.append((path.name, f"is not what was written; {AGAIN}"))
        else:
            newest[index.data] = index
    for name, index in newest.items():
        panel = map_panel(folder, index)
        if panel is None or not np.array_equal(
            sums_of_runs(panel.bars, index.places, index.lengths), index.sums
        ):
            wrong.append((name, f"does not hold what was written; {AGAIN}"))
    return wrong
