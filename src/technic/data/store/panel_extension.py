"""What a newer store version adds to the data file of an older one's panel, and how it is written.

Bars that are simply newer go behind the lengths that older indices know; runs whose past has
changed (a revision, a split, a backfill) go to new places behind the last block.
"""

from __future__ import annotations

import os
from dataclasses import dataclass

import numpy as np
import polars as pl

from technic.data.store.panel_index import Index
from technic.data.store.rows import (
    COLUMNS,
    adjusted_bars,
    columns_of_rows,
    fields_of,
    lengths_of,
    read_newest_bars,
)
from technic.data.store.run_sums import SumArray, bars_between, sums_of_rows
from technic.data.store.tables import TableReader
from technic.data.store.version import StoreVersion
from technic.errors import StoreError
from technic.market.panel import FIELDS, LANES, arrange, fill
from technic.market.typing import BoolArray, FloatArray, IntArray

WASTE = 1.5  # rebuild once the file has this many times the blocks it needs


@dataclass(frozen=True, slots=True)
class Extension:
    """What a newer version adds to the data file of an older one.

    Attributes
    ----------
    who : one row per security, by position
    moved : bool, by position: the whole run is written to a new place
    places, lengths, sums : of the runs, before newer bars are written behind them; a run that
        moves has no bars yet, and a sum of zero
    runs : bars of the runs that moved, by security and session
    newer : bars to be written behind the runs that did not
    n_blocks : of the data file afterwards
    """

    who: pl.DataFrame
    moved: BoolArray
    places: IntArray
    lengths: IntArray
    sums: SumArray
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


def extension_of(
    tables: TableReader,
    base: Index,
    older: StoreVersion,
    version: StoreVersion,
    who: pl.DataFrame,
    n_blocks: int,
) -> Extension:
    """What has to be written so that the data file of `older` shows `version` too.

    Parameters
    ----------
    base : the index of `older`
    who : the securities of `version`
    n_blocks : of the data file by now: other indices may have added some
    """
    assert version.last is not None
    ids = who["security_id"].to_numpy()
    at = np.searchsorted(base.ids, ids)
    there = at < len(base.places)
    there[there] &= base.ids[at[there]] == ids[there]
    fresh = _fresh(tables, older, version)
    moved = ~there | np.isin(ids, _changed_securities(tables, fresh, older, version))
    lengths, places = np.zeros(len(ids), np.int64), np.zeros(len(ids), np.int64)
    lengths[there], places[there] = base.lengths[at[there]], base.places[at[there]]
    sums = np.zeros((len(ids), base.n_fields), np.uint64)
    sums[~moved] = base.sums[at[~moved]]
    newer = read_newest_bars(fresh.filter(~pl.col("security_id").is_in(ids[moved].tolist())))
    runs = adjusted_bars(tables, version, version.last, ids[moved])
    lengths[moved] = lengths_of(runs, ids)[moved]
    places[moved] = n_blocks * LANES + arrange(lengths[moved])
    after = n_blocks + -(-int(moved.sum()) // LANES)
    return Extension(who, moved, places, lengths, sums, runs, newer, after)


def _fresh(tables: TableReader, older: StoreVersion, version: StoreVersion) -> pl.LazyFrame:
    """Rows that `older` did not show: that came since, or waited for their session to come."""
    added = tables.rows_added("bars", older, version)
    waited = tables.table("bars", older).filter(pl.col("session") > older.last)
    columns = [*COLUMNS, "known_at"]
    fresh = pl.concat([added.select(columns), waited.select(columns)])
    return fresh.filter(pl.col("session") <= version.last)


def _changed_securities(
    tables: TableReader, fresh: pl.LazyFrame, older: StoreVersion, version: StoreVersion
) -> IntArray:
    """Securities whose past looks different from what `older` showed."""
    is_split = pl.col("kind") == "split"
    splits = tables.rows_added("actions", older, version).filter(is_split)
    come = tables.table("actions", version).filter(
        is_split, pl.col("session") > older.last, pl.col("session") <= version.last
    )
    changed = [fresh.filter(pl.col("session") <= older.last), splits, come]
    ids = pl.concat([frame.select("security_id") for frame in changed], how="vertical").unique()
    return ids.collect()["security_id"].to_numpy()


def write_extension(bars: FloatArray, extension: Extension, fields: tuple[str, ...]) -> SumArray:
    """Runs that moved to their new places, newer bars behind the others; returns what they add."""
    moved, lengths, places = extension.moved, extension.lengths, extension.places
    runs = columns_of_rows(extension.runs, fields)
    fill(bars, places[moved], lengths[moved], runs)
    starts, ends = np.where(moved, 0, lengths), np.where(moved, lengths, 0)
    n, n_rows = len(places), bars.shape[2]
    whole = sums_of_rows(runs, *bars_between(np.zeros(n, np.int64), ends), n, n_rows)
    at, rows = bars_between(starts, np.where(moved, 0, extension.lengths_after))
    blocks, lanes = np.divmod(places[at], LANES)
    newer = columns_of_rows(extension.newer, fields)
    for j, column in enumerate(newer):
        bars[blocks, j, rows, lanes] = column
    return whole + sums_of_rows(newer, at, rows, n, n_rows)


def reserve(handle: int, size: int) -> None:
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
