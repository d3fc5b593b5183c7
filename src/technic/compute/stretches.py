"""A program over a panel, stretch by stretch where a deadline is to be kept.

One call of the kernel cannot be stopped. So where somebody holds the work to a deadline, a run that
would take long is cut into stretches of blocks, and the deadline is looked at between them. Cutting
changes no bit: no symbol reads another.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from technic.indicators.kernel.program import Program
from technic.indicators.kernel.run import Advance, Continuation, advance
from technic.market.panel import Panel
from technic.market.typing import FloatArray
from technic.runtime.deadline import check, is_held
from technic.runtime.executors import spans

NANOSECONDS = 4.0  # of one instruction at one bar, on one core
SECONDS = 0.25  # of one stretch, about


def advance_last_bars(
    program: Program,
    panel: Panel,
    kernels: Path,
    *,
    since: Continuation | None = None,
    benchmark: FloatArray | None = None,
    threads: int | None = None,
) -> Advance:
    """Carry every symbol forward to its last bar; see `advance` for what is what.

    Raises
    ------
    StoppedError
        If the deadline of the work has passed, or it was called off.
    """
    check()
    n_blocks = panel.bars.shape[0]
    size = _blocks_at_once(program, panel, since)
    if not is_held() or size >= n_blocks:
        return advance(program, panel, kernels, since=since, benchmark=benchmark, threads=threads)
    values = np.full((program.n_columns, len(panel)), np.nan)
    state = np.zeros((len(panel), max(program.state_width, 1)))
    for first, last in spans(n_blocks, size):
        check()
        chosen, part = panel.stretch(first, last)
        run = advance(
            program,
            part,
            kernels,
            since=None if since is None else _only(since, chosen),
            benchmark=benchmark,
            threads=threads,
        )
        values[:, chosen], state[chosen] = run.values, run.state
    return Advance(values, state)


def _blocks_at_once(program: Program, panel: Panel, since: Continuation | None) -> int:
    """How many blocks take about `SECONDS`."""
    bars = int((panel.lengths if since is None else since.fresh).sum())
    seconds = 1e-9 * NANOSECONDS * len(program.code) * bars
    n_blocks = panel.bars.shape[0]
    return max(1, int(n_blocks * SECONDS / seconds)) if seconds > SECONDS else n_blocks


def _only(since: Continuation, chosen: np.ndarray) -> Continuation:
    state = None if since.state is None else since.state[chosen]
    return Continuation(state, since.fresh[chosen])
