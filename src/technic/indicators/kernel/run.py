"""Run a program over a panel. A full run is an incremental run that starts from nothing.

1. `_arrays` lays out what all threads share as the blocks of the panel are.
2. `_share_out` lets threads take stretches of blocks; `_scratch` is each thread's own memory.
3. The kernel (loader.py) runs the program over a stretch; a block's answer depends on no other.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from os import cpu_count
from pathlib import Path
from typing import Any

import numpy as np

from technic.errors import IndicatorError
from technic.indicators.kernel import instructions
from technic.indicators.kernel.loader import is_plain, load
from technic.indicators.kernel.program import Program, compile_program
from technic.indicators.series import MONTHLY, WEEKLY, Series
from technic.market.panel import FIELDS, LANES, Panel
from technic.market.sessions import nyse
from technic.market.typing import FloatArray, IntArray

STRETCHES = 8  # per thread: few enough to cost nothing, enough that none waits for another


@dataclass(frozen=True, slots=True)
class Advance:
    """The values that a run has computed, and the state it ended with.

    Attributes
    ----------
    values : float64, shape (n_columns, n_symbols), or (n_columns, n_fresh_bars) symbol after
        symbol when every bar was asked for; NaN is unknown
    state : float64, shape (n_symbols, state_width); carries a later run on
    """

    values: FloatArray
    state: FloatArray


@dataclass(frozen=True, slots=True)
class Continuation:
    """Where a run takes up what an earlier one has left.

    Attributes
    ----------
    state : float64, shape (n_symbols, state_width), as `Advance.state`; None starts from nothing
    fresh : int64, shape (n_symbols,); bars not yet seen, counted from the end
    """

    state: FloatArray | None
    fresh: IntArray


@dataclass(frozen=True, slots=True)
class Destination:
    """Memory of the caller's that a run writes its values into.

    Attributes
    ----------
    values : float64 with at least as many rows as the program has columns
    starts : int64, shape (n_symbols,); where each symbol's bars begin, if other symbols' lie
        between them
    """

    values: FloatArray
    starts: IntArray | None = None


@dataclass(frozen=True, slots=True)
class Places:
    """Lays numbers of symbols out as the blocks are; lanes without a symbol hold zero.

    Attributes
    ----------
    panel : whose places count
    """

    panel: Panel

    def spread(self, numbers: IntArray) -> IntArray:
        """Numbers per symbol → int64, shape (n_blocks, LANES)."""
        out = np.zeros(self.panel.bars.shape[0] * LANES, dtype=np.int64)
        out[self.panel.places] = numbers
        return out.reshape(-1, LANES)

    def spread_state(self, state: FloatArray) -> FloatArray:
        """State per symbol → float64, shape (n_blocks, state_width, LANES)."""
        n_blocks, width = self.panel.bars.shape[0], state.shape[1]
        flat = np.zeros((n_blocks * LANES, width))
        flat[self.panel.places] = state
        return np.ascontiguousarray(flat.reshape(n_blocks, LANES, width).transpose(0, 2, 1))

    def gather_state(self, state: FloatArray) -> FloatArray:
        """The way back from `spread_state`."""
        flat = state.transpose(0, 2, 1).reshape(-1, state.shape[1])
        return flat[self.panel.places]


def advance(
    program: Program,
    panel: Panel,
    kernels: Path,
    *,
    since: Continuation | None = None,
    benchmark: FloatArray | None = None,
    threads: int | None = None,
    into: Destination | None = None,
) -> Advance:
    """Carry every symbol forward over its fresh bars and evaluate the program's columns.

    Parameters
    ----------
    kernels : folder of the compiled kernel
    since : what an earlier run has left; without it all bars are fresh
    benchmark : one close per session ordinal, float64; NaN where there was none
    threads : how many blocks are worked on at once; never changes the answer
    into : where to write the values; memory of its own if omitted

    Returns
    -------
    Advance
        The values, and the state that a later run goes on from.

    Raises
    ------
    IndicatorError
        If the program reads a field that the panel lacks, or the kernel is not compiled.
    """
    if lacking := [name for name in FIELDS[len(panel.fields) :] if program.reads(name)]:
        raise IndicatorError(f"these bars have no {', '.join(lacking)}; import a file that has it")
    arrays = _arrays(program, panel, since, into)
    arrays["benchmark"] = np.full(len(nyse()), np.nan) if benchmark is None else benchmark
    run = load(kernels)

    def work(spans: Iterator[tuple[int, int]]) -> None:
        own = _scratch(program, panel)
        with np.errstate(all="ignore"):  # unknown values are meant; it holds per thread
            for first, last in spans:
                run(**arrays, **own, first_block=first, last_block=last)

    _share_out(work, panel.bars.shape[0], threads or cpu_count() or 1)
    carried = Places(panel).gather_state(arrays["state"])
    carried[panel.lengths == 0] = 0.0  # lanes beside others run on; who has no bar has no state
    return Advance(arrays["out"], carried)


def _arrays(
    program: Program, panel: Panel, since: Continuation | None, into: Destination | None
) -> dict[str, Any]:
    """What all threads share, by the names of `arguments.ARGUMENTS`."""
    places, n_blocks = Places(panel), panel.bars.shape[0]
    state = None if since is None else since.state
    fresh = panel.lengths if since is None else since.fresh
    counts = fresh if program.every_bar else np.minimum(panel.lengths, 1)
    values, starts = _room(program, counts, into)
    span_of, last_of = spans()
    return {
        "program": program.code,
        "params": program.params,
        "used": program.used,
        "bars": panel.bars,
        "lengths": places.spread(panel.lengths),
        "fresh_counts": places.spread(fresh),
        "state": (
            np.zeros((n_blocks, max(program.state_width, 1), LANES))
            if state is None
            else places.spread_state(state)
        ),
        "span_of": span_of,
        "last_of": last_of,
        "out": values,
        "starts": places.spread(starts),
        "counts": places.spread(counts),
    }


def _room(
    program: Program, counts: IntArray, into: Destination | None
) -> tuple[FloatArray, IntArray]:
    """Where the values are written, and where those of each symbol begin."""
    n_values = int(counts.sum()) if program.every_bar else len(counts)
    if into is None:
        values = np.empty((program.n_columns, n_values))
    else:
        values = into.values[: program.n_columns]
    if not program.every_bar:  # who has no bar has no last one; of every bar each is written
        values.fill(np.nan)
    if into is not None and into.starts is not None:
        return values, into.starts
    starts = np.cumsum(counts) - counts if program.every_bar else np.arange(len(counts))
    return values, starts


def _scratch(program: Program, panel: Panel) -> dict[str, Any]:
    """What each thread needs for itself: memory that stays in the cache from block to block."""
    scratch = np.empty((program.n_registers, panel.bars.shape[2], LANES))
    registers: Any = list(scratch)
    if not is_plain():  # compiled code reads registers by their addresses
        registers = np.array([rows.ctypes.data for rows in scratch], dtype=np.uintp)
    edges = np.zeros((instructions.N_FRAMES, 2, LANES))
    return {"scratch": scratch, "registers": registers, "edges": edges}


def _share_out(
    work: Callable[[Iterator[tuple[int, int]]], None], n_blocks: int, threads: int
) -> None:
    """Let threads take stretches of blocks until none is left: the first blocks are the longest."""
    threads = max(1, min(threads, n_blocks // 2))
    stretches = min(n_blocks, STRETCHES * threads) if threads > 1 else 1
    bounds = [n_blocks * j // stretches for j in range(stretches + 1)]
    left = iter(list(itertools.pairwise(bounds)))  # `next` of a list's iterator is one step
    if threads == 1:
        work(left)
        return
    with ThreadPoolExecutor(threads - 1) as pool:
        others = [pool.submit(work, left) for _ in range(threads - 1)]
        work(left)  # the caller is one of them
        for other in others:
            other.result()


@cache
def spans() -> tuple[IntArray, IntArray]:
    """Week and month of each session, and the last session of it.

    Returns
    -------
    span_of, last_of
        int64, shape (N_FRAMES, n_sessions). The row of daily bars is zero: nobody reads it.
    """
    sessions = nyse()
    span_of = np.zeros((instructions.N_FRAMES, len(sessions)), dtype=np.int64)
    span_of[WEEKLY], span_of[MONTHLY] = sessions.weeks(), sessions.months()
    last_of = np.zeros_like(span_of)
    for frame in (WEEKLY, MONTHLY):
        last_of[frame] = np.searchsorted(span_of[frame], span_of[frame], side="right") - 1
    return span_of, last_of


def evaluate(
    series: Sequence[Series],
    panel: Panel,
    kernels: Path,
    *,
    benchmark: FloatArray | None = None,
    every_bar: bool = False,
    threads: int | None = None,
    out: FloatArray | None = None,
) -> FloatArray:
    """The values of `series` at each symbol's last bar, or at every bar.

    Parameters
    ----------
    series : one for each row of the answer
    kernels : folder of the compiled kernel
    benchmark : one close per session ordinal, float64; NaN where there was none
    every_bar : whether every bar is answered, rather than the last one of each symbol
    threads : how many blocks are worked on at once; never changes the answer
    out : where to write, if given: float64 with at least as many rows as `series`

    Returns
    -------
    array of float64
        As `Advance.values`, which says its shape; NaN is unknown.
    """
    program = compile_program(series, every_bar=every_bar)
    into = None if out is None else Destination(out)
    return advance(program, panel, kernels, benchmark=benchmark, threads=threads, into=into).values
