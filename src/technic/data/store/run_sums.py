"""Checksums of runs: one number for each security and field, over exactly the bars it has.

A sum is Σ weight[t] · mix(bits of bar t) modulo 2⁶⁴. Every weight is odd and every mix can be
undone, so that no single value can change unseen; bars that changed places, runs that were
swapped and pages of zeros change the sum too. It adds up: bars written behind a run add their
terms, and what lies behind a run (spare rows, bars that only newer indices know) is no part of it.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from os import cpu_count
from typing import Any

import numpy as np
import numpy.typing as npt

from technic.market.panel import LANES
from technic.market.typing import FloatArray, IntArray

SumArray = npt.NDArray[np.uint64]
FOLD = np.uint64(29)  # brings the sign and the exponent down to where a weight spreads them
THREADS = 8  # more of them wait for memory


@lru_cache(maxsize=4)
def weights(n_rows: int) -> SumArray:
    """An odd number for each row: uint64, shape (n_rows,), by SplitMix64."""
    with np.errstate(over="ignore"):
        z = np.arange(1, n_rows + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    odd: SumArray = (z ^ (z >> np.uint64(31))) | np.uint64(1)
    return odd


def sums_of_runs(bars: FloatArray, places: IntArray, lengths: IntArray) -> SumArray:
    """The checksums of whole runs, read block by block.

    Parameters
    ----------
    bars : float64, shape (n_blocks, n_fields, n_rows, LANES)
    places, lengths : int64, shape (n_symbols,); as in `Panel`

    Returns
    -------
    ndarray
        uint64, shape (n_symbols, n_fields).
    """
    ends = np.zeros(bars.shape[0] * LANES, dtype=np.int64)
    ends[places] = lengths
    by_block = ends.reshape(-1, LANES)
    sums = np.zeros((bars.shape[0], LANES, bars.shape[1]), dtype=np.uint64)
    used = np.flatnonzero(by_block.max(axis=1, initial=0))
    words, factors = bars.view(np.uint64), weights(bars.shape[2])

    def work(blocks: IntArray) -> None:
        scratch = np.empty(bars.shape[1:], dtype=np.uint64)
        for b in blocks:
            sums[b] = _block_sums(words[b], by_block[b], factors, scratch)

    threads = min(cpu_count() or 1, THREADS, len(used))
    if threads > 1:
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(work, np.array_split(used, 4 * threads)))
    else:
        work(used)
    return sums.reshape(-1, bars.shape[1])[places]


def _block_sums(words: SumArray, ends: IntArray, factors: SumArray, scratch: SumArray) -> SumArray:
    """The checksums of one block's lanes; uint64, shape (LANES, n_fields)."""
    top = int(ends.max())
    mixed = np.right_shift(words[:, :top], FOLD, out=scratch[:, :top])
    mixed ^= words[:, :top]
    for lane in np.flatnonzero(ends < top):
        mixed[:, ends[lane] :, lane] = 0
    sums: SumArray = np.einsum("r,frl->lf", factors[:top], mixed)
    return sums


def sum_of_run(run: FloatArray) -> int:
    """The checksum of one field of one run.

    Parameters
    ----------
    run : float64, shape (n_bars,)
    """
    words = run.copy().view(np.uint64)
    return int(np.sum((words ^ (words >> FOLD)) * weights(len(words)), dtype=np.uint64))


def sums_of_rows(
    columns: list[FloatArray], at: IntArray, rows: IntArray, n_symbols: int, n_rows: int
) -> SumArray:
    """What single bars add to the checksums of their runs.

    Parameters
    ----------
    columns : one for each field; float64, shape (n_bars,)
    at, rows : int64, shape (n_bars,); whose bar it is, and the how-manieth of its run
    n_symbols, n_rows : of the data file

    Returns
    -------
    ndarray
        uint64, shape (n_symbols, n_fields).
    """
    sums = np.zeros((n_symbols, len(columns)), dtype=np.uint64)
    factors = weights(n_rows)[rows]
    for j, column in enumerate(columns):
        words = np.ascontiguousarray(column, dtype=np.float64).view(np.uint64)
        np.add.at(sums[:, j], at, (words ^ (words >> FOLD)) * factors)
    return sums


def sums_behind(bars: FloatArray, places: IntArray, starts: IntArray, ends: IntArray) -> SumArray:
    """What the bars behind a known part of each run add to its checksums.

    Parameters
    ----------
    bars, places : as in `sums_of_runs`
    starts, ends : int64, shape (n_symbols,); the bars from one to the other

    Returns
    -------
    ndarray
        uint64, shape (n_symbols, n_fields).
    """
    at, rows = bars_between(starts, ends)
    blocks, lanes = np.divmod(places[at], LANES)
    columns: list[Any] = [bars[blocks, j, rows, lanes] for j in range(bars.shape[1])]
    return sums_of_rows(columns, at, rows, len(places), bars.shape[2])


def bars_between(starts: IntArray, ends: IntArray) -> tuple[IntArray, IntArray]:
    """Whose each bar is and the how-manieth of its run, for the bars between two per run.

    Parameters
    ----------
    starts, ends : int64, shape (n_symbols,)
    """
    more = ends - starts
    at = np.repeat(np.arange(len(starts)), more)
    rows = np.arange(int(more.sum())) + np.repeat(starts - (np.cumsum(more) - more), more)
    return at, rows
