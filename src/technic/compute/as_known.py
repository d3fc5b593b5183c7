"""Values of the past as they were known then, where a bar was told late or revised since.

A history is folded over the bars as they are known now. Where a bar became known only after the
open that follows its session, or was corrected later, a scan of the sessions in between saw
something else: nothing there, or the older numbers.

1. `_late_bars` finds the pairs of symbol and session on which something was not as it is now.
2. `_Histories.values` computes each of those values from the bars of its symbol known that night.
3. What compares with the market `_values_of_session` computes from the whole market of that night.
"""

from __future__ import annotations

from bisect import bisect
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import numpy as np
import polars as pl

from technic.compute.benchmark import benchmark_closes
from technic.compute.last_bar import reads_benchmark
from technic.compute.panel_series import PanelSeries
from technic.data.store.mapped_panel import MappedPanel
from technic.data.store.past_panels import PastTables, read_past_tables
from technic.data.store.rows import columns_of_rows, newest_bars, newest_per
from technic.indicators import Series
from technic.indicators.kernel.run import evaluate
from technic.market.adjust import adjust_for_splits
from technic.market.panel import Panel, pack
from technic.market.sessions import nyse
from technic.market.typing import BoolArray, FloatArray, IntArray

STRETCH = 4_000  # runs that are held at once
WIDE = 1 << 20  # more than there are sessions
RevisedValues = tuple[IntArray, IntArray, FloatArray]  # rows, series, and what stands there


def revised_values(history: PanelSeries) -> Iterator[RevisedValues]:
    """Yield the values that scans gave where a bar was told late, or revised since.

    A bar that was not known on its own session has no value: a scan found the symbol without one.

    Yields
    ------
    tuple
        Rows of the history, positions among the series, and float64 of shape (n_series, n_rows).
    """
    late = _late_bars(history.view, history.store.folder, history.panel.security_ids.tobytes())
    if not len(late.pairs):
        return
    places = range(len(history.series))
    own = [j for j in places if not reads_benchmark(history.series[j])]
    if own:
        series = [history.series[j] for j in own]
        for start in range(0, len(late.pairs), STRETCH):
            some = slice(start, start + STRETCH)
            values = late.histories.values(late.pairs[some], series, history.kernels)
            yield late.rows[some], np.array(own), values
    relative = [j for j in places if reads_benchmark(history.series[j])]
    if relative:
        beside = replace(history, series=tuple(history.series[j] for j in relative))
        for ordinal in late.moved:
            rows, values = _values_of_session(beside, late.keys, int(ordinal))
            yield rows, np.array(relative), values


@dataclass(frozen=True, slots=True)
class _LateBars:
    """What was not known in time.

    Attributes
    ----------
    pairs : int64, shape (n, 2): position of a symbol, and a session on which something of it was
        not as it is now
    rows : of those bars, where bars lie symbol after symbol
    keys : of all bars, see `_keys`
    moved : sessions on which a close was not as it is now: those of the market differ
    """

    pairs: IntArray
    rows: IntArray
    keys: IntArray
    moved: IntArray
    histories: _Histories


@lru_cache(maxsize=1)
def _late_bars(view: MappedPanel, folder: Path, ids: bytes) -> _LateBars:
    """What was not known in time of some securities, by their ids."""
    version = view.version
    tables = read_past_tables(folder, version.content, version.number)
    securities = np.frombuffer(ids, dtype=view.panel.security_ids.dtype)
    panel = view.panel.select(np.searchsorted(view.panel.security_ids, securities))
    keys = _keys(panel)
    pairs = _pairs(tables.late, view, panel)
    rows, there = _rows_of_pairs(keys, pairs)
    moved = np.unique(_pairs(_moving(tables), view, view.panel)[:, 1])
    return _LateBars(pairs[there], rows[there], keys, moved, _Histories.of(tables, panel))


def _moving(tables: PastTables) -> pl.DataFrame:
    """Rows told late that are not the only word on their close."""
    keys = ["security_id", "session"]
    closes = tables.versions.group_by(keys).agg(
        differ=pl.col("close").n_unique() > 1, first=pl.col("known_at").min()
    )
    late = tables.late.join(closes, on=keys, how="left")
    return late.filter(pl.col("differ") | (pl.col("first") >= pl.col("known_at")))


def _pairs(late: pl.DataFrame, view: MappedPanel, panel: Panel) -> IntArray:
    """Position of the symbol, and each session on which a late row was still to come."""
    late = late.filter(
        pl.col("session") <= view.as_of,
        pl.col("security_id").is_in(panel.security_ids.tolist()),
    )
    if late.is_empty():
        return np.empty((0, 2), dtype=np.int64)
    first = nyse().ordinals(late["session"].to_numpy()).astype(np.int64)
    known_at = late["known_at"].to_physical().to_numpy()
    opens = _opens(int(first.min()), nyse().ordinal(view.as_of) + 1)
    # The last session whose following open lies before the instant at which the row was known.
    last = int(first.min()) + np.searchsorted(opens, known_at, side="right") - 2
    last = np.minimum(last, nyse().ordinal(view.as_of))
    counts = np.maximum(last - first + 1, 0)
    at = np.searchsorted(panel.security_ids, late["security_id"].to_numpy())
    steps = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
    sessions = np.repeat(first, counts) + steps
    pairs: IntArray = np.unique(np.stack([np.repeat(at, counts), sessions], axis=1), axis=0)
    return pairs


def _opens(first: int, last: int) -> IntArray:
    """µs since 1970 at which each session opens."""
    opens = [nyse().opens(k).timestamp() for k in range(first, last + 1)]
    return (np.array(opens) * 1e6).astype(np.int64)


def _keys(panel: Panel) -> IntArray:
    """A number for each bar, by symbol and session, ascending as bars lie."""
    sessions = np.concatenate([panel.run(i, "session") for i in range(len(panel))])
    keys: IntArray = np.repeat(np.arange(len(panel)), panel.lengths) * WIDE + sessions.astype(int)
    return keys


def _rows_of_pairs(keys: IntArray, pairs: IntArray) -> tuple[IntArray, BoolArray]:
    """Where the bar of each pair lies, and whether there is one."""
    wanted = pairs[:, 0] * WIDE + pairs[:, 1]
    rows = np.searchsorted(keys, wanted)
    return rows, keys[np.minimum(rows, len(keys) - 1)] == wanted


@dataclass(frozen=True, slots=True)
class _RevisedBars:
    """The bars of a symbol in one adjustment epoch, and the rows that some of them had before.

    Attributes
    ----------
    bars : a column for each field; as they are known now
    days, known_at, rows : of each earlier row its session, when it became known in µs since 1970,
        and its fields, shape (n_fields, n_rows); by session and then by when they became known
    """

    bars: Sequence[FloatArray]
    days: FloatArray
    known_at: IntArray
    rows: FloatArray

    def until(self, day: int, ordinal: int, cutoff: int) -> FloatArray:
        """The bars up to a session as they were known before an instant.

        Parameters
        ----------
        day : position of the field that holds sessions
        ordinal : the last session
        cutoff : µs since 1970
        """
        n = int(np.searchsorted(self.bars[day], ordinal, side="right"))
        bars = np.stack([column[:n] for column in self.bars])
        until = np.flatnonzero(self.days <= ordinal)
        hidden = []
        for session in np.unique(self.days[until]):
            words = until[self.days[until] == session]
            in_time = words[self.known_at[words] < cutoff]
            at = int(np.searchsorted(bars[day], session))
            if len(in_time):
                bars[:, at] = self.rows[:, in_time[-1]]
            else:
                hidden.append(at)
        return np.delete(bars, hidden, axis=1) if hidden else bars


@dataclass(frozen=True, slots=True)
class _Histories:
    """Runs as they were known on a session.

    Attributes
    ----------
    versions : every row of the bars that have a late one, by security
    split : every row of the securities that ever had a split, by security
    splits, days : the newest word on every split, in order, by security; and their sessions
    """

    panel: Panel
    versions: dict[int, pl.DataFrame]
    split: dict[int, pl.DataFrame]
    splits: dict[int, pl.DataFrame]
    days: dict[int, list[int]]
    runs: dict[tuple[int, int], _RevisedBars]

    @classmethod
    def of(cls, tables: PastTables, panel: Panel) -> _Histories:
        keys = ["security_id", "session"]
        newest = newest_per(tables.splits.lazy(), *keys).collect().sort(keys)
        splits = _by_security(newest)
        days = {who: nyse().ordinals(t["session"].to_numpy()).tolist() for who, t in splits.items()}
        return cls(
            panel, _by_security(tables.versions), _by_security(tables.split), splits, days, {}
        )

    def values(self, pairs: IntArray, series: Sequence[Series], kernels: Path) -> FloatArray:
        """The series at the last bar of each run; NaN where that bar itself was not known."""
        day = self.panel.fields.index("session")
        cutoffs = {t: int(nyse().opens(int(t) + 1).timestamp() * 1e6) for t in set(pairs[:, 1])}
        runs = [self._run(int(i), int(t)).until(day, int(t), cutoffs[t]) for i, t in pairs]
        lengths = np.array([run.shape[1] for run in runs], dtype=np.int64)
        whole = np.concatenate(runs, axis=1)
        columns = dict(zip(self.panel.fields, whole, strict=True))
        values = evaluate(list(series), pack(np.arange(len(runs)), lengths, columns), kernels)
        ends = [run[day, -1] if run.shape[1] else np.nan for run in runs]
        values[:, np.array(ends) != pairs[:, 1]] = np.nan
        return values

    def _run(self, i: int, ordinal: int) -> _RevisedBars:
        """The run of a symbol in the adjustment epoch of a session."""
        who = int(self.panel.security_ids[i])
        splits = self.splits.get(who)
        epoch = 0 if splits is None else bisect(self.days[who], ordinal)
        if (i, epoch) not in self.runs:
            self.runs[i, epoch] = self._epoch(i, None if splits is None else splits[:epoch])
        return self.runs[i, epoch]

    def _epoch(self, i: int, splits: pl.DataFrame | None) -> _RevisedBars:
        who, fields = int(self.panel.security_ids[i]), self.panel.fields
        words = self.versions[who]
        if splits is None:
            bars = [self.panel.run(i, name) for name in fields]
        else:
            rows = adjust_for_splits(newest_bars(self.split[who]), splits)
            bars = columns_of_rows(rows, fields)
            words = adjust_for_splits(words, splits)
        words = words.sort("session", "known_at")
        columns = np.stack(columns_of_rows(words, fields))
        known_at = words["known_at"].to_physical().to_numpy()
        return _RevisedBars(bars, columns[fields.index("session")], known_at, columns)


def _by_security(table: pl.DataFrame) -> dict[int, pl.DataFrame]:
    return {int(part["security_id"][0]): part for part in table.partition_by("security_id")}


def _values_of_session(
    history: PanelSeries, keys: IntArray, ordinal: int
) -> tuple[IntArray, FloatArray]:
    """Of everybody that traded on a session, with the market as it was known that night."""
    version, ids = history.view.version, history.panel.security_ids
    day = nyse().day(ordinal)
    then = history.store.panel(None if day == version.last else day, version=version)
    closes = benchmark_closes(then, "market")
    _, here, there = np.intersect1d(ids, then.panel.security_ids, return_indices=True)
    traded = then.panel.last("session")[there] == ordinal
    here, there = here[traded], there[traded]
    values = evaluate(list(history.series), then.panel, history.kernels, benchmark=closes)[:, there]
    rows, exists = _rows_of_pairs(keys, np.stack([here, np.full(len(here), ordinal)], axis=1))
    return rows[exists], values[:, exists]
