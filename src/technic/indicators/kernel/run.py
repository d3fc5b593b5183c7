"""Run a program over a panel. A full run is an incremental run that starts from nothing."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from os import cpu_count
from pathlib import Path
from typing import Any

import numpy as np

from technic.errors import IndicatorError
from technic.indicators.kernel import instructions as m
from technic.indicators.kernel.loader import is_plain, load
from technic.indicators.kernel.program import Program, compile_program
from technic.indicators.series import MONTHLY, WEEKLY, Series
from technic.market.panel import FIELDS, LANES, Panel
from technic.market.sessions import nyse
from technic.market.typing import FloatArray, IntArray

STRETCHES = 8  # per thread: few enough to cost nothing, enough that none waits for another


@dataclass(frozen=True, slots=True)
class Advance:
    """What a run returns.

    Attributes
    ----------
    values : float64, shape (n_columns, n_symbols), or (n_columns, n_fresh_bars) symbol after
        symbol when every bar was asked for; NaN is unknown
    state : float64, shape (n_symbols, state_width); carries a later run on
    """

    values: FloatArray
    state: FloatArray


@dataclass(frozen=True, slots=True)
class Places:
    """Per-symbol numbers laid out as the blocks are; lanes without a symbol hold zero."""

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
    state: FloatArray | None = None,
    fresh: IntArray | None = None,
    benchmark: FloatArray | None = None,
    every_bar: bool = False,
    threads: int | None = None,
    out: FloatArray | None = None,
    starts: IntArray | None = None,
) -> Advance:
    """Carry every symbol forward over its fresh bars and evaluate the program's columns.

    Parameters
    ----------
    kernels : folder of the compiled kernel
    state : what an earlier run returned; None starts from nothing
    fresh : int64, shape (n_symbols,); bars not yet seen, counted from the end; all if omitted
    benchmark : float64, one close per session ordinal, NaN where there was none
    every_bar : whether the program was compiled for every bar
    threads : how many blocks are worked on at once; never changes the answer
    out : where to write, if given: float64 with at least as many rows as columns
    starts : int64, shape (n_symbols,); where in `out` each symbol's bars begin, if other symbols'
        lie between them

    Raises
    ------
    IndicatorError
        If the program reads a field that the panel lacks.
    """
    if lacking := [name for name in FIELDS[len(panel.fields) :] if program.reads(name)]:
        raise IndicatorError(f"these bars have no {', '.join(lacking)}; import a file that has it")
    fresh = panel.lengths if fresh is None else fresh
    counts = fresh if every_bar else np.minimum(panel.lengths, 1)
    if starts is None:
        starts = np.cumsum(counts) - counts if every_bar else np.arange(len(panel))
    places = Places(panel)
    width = max(program.state_width, 1)
    blocks = (
        np.zeros((panel.bars.shape[0], width, LANES))
        if state is None
        else places.spread_state(state)
    )
    width = int(counts.sum()) if every_bar else len(panel)
    values = np.empty((program.n_columns, width)) if out is None else out[: program.n_columns]
    if not every_bar:  # who has no bar has no last one; of every bar each is written
        values.fill(np.nan)
    run = load(kernels)
    arguments = (
        places.spread(panel.lengths),
        places.spread(fresh),
        blocks,
    )
    answers = (values, places.spread(starts), places.spread(counts))

    def work(span: tuple[int, int]) -> None:
        rows = panel.bars.shape[2]
        scratch = np.empty((program.n_registers, rows, LANES))
        registers: Any = list(scratch)
        if not is_plain():
            registers = np.array([rows.ctypes.data for rows in scratch], dtype=np.uintp)
        with np.errstate(all="ignore"):  # unknown values are meant; it holds per thread
            run(
                program.code,
                program.params,
                panel.bars,
                *arguments,
                scratch,
                np.zeros((m.N_FRAMES, 2, LANES)),
                registers,
                program.used,
                *spans(),
                np.full(len(nyse()), np.nan) if benchmark is None else benchmark,
                *answers,
                *span,
            )

    _share_out(work, panel.bars.shape[0], threads or cpu_count() or 1)
    carried = places.gather_state(blocks)
    carried[panel.lengths == 0] = 0.0  # lanes beside others run on; who has no bar has no state
    return Advance(values, carried)


def _share_out(work: Callable[[tuple[int, int]], None], n_blocks: int, threads: int) -> None:
    """Give the threads stretches of blocks, one after another: the first blocks are the longest."""
    if threads < 2 or n_blocks < 2 * threads:
        work((0, n_blocks))
        return
    stretches = min(n_blocks, STRETCHES * threads)
    bounds = [n_blocks * j // stretches for j in range(stretches + 1)]
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(work, itertools.pairwise(bounds)))


@cache
def spans() -> tuple[IntArray, IntArray]:
    """Week and month of each session, and the last session of it; row per frame."""
    sessions = nyse()
    span_of = np.zeros((m.N_FRAMES, len(sessions)), dtype=np.int64)
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
    """The values of `series` at each symbol's last bar, or at every bar: see `Advance`."""
    program = compile_program(series, every_bar=every_bar)
    return advance(
        program, panel, kernels, benchmark=benchmark, every_bar=every_bar, threads=threads, out=out
    ).values
