"""One program at every bar of a panel, spread over an executor block by block.

The panel and the program are put once; a part is two numbers. Parts write where all can see it,
or return what they made. Cutting changes no bit: no symbol reads another.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from technic.compute.kernel import ensure_compiled
from technic.data.store import Store, StoreVersion
from technic.data.store.remote import fetch
from technic.errors import StoreError
from technic.indicators.kernel.codegen import digest as kernel_digest
from technic.indicators.kernel.loader import compiled
from technic.indicators.kernel.program import Program
from technic.indicators.kernel.run import Destination, advance
from technic.market.panel import Panel
from technic.market.typing import FloatArray, IntArray
from technic.runtime.executors import Executor, Progress, Work, spans
from technic.runtime.executors.protocol import Shared, part_size
from technic.runtime.settings import Settings

NANOSECONDS = 4.0  # per value, on one core of the machine this was measured on
PANEL = ("security_ids", "bars", "places", "lengths")
SIZES = ("n_columns", "n_registers", "state_width", "every_bar")


def spread(
    program: Program,
    panel: Panel,
    kernels: Path,
    executor: Executor,
    *,
    benchmark: FloatArray | None = None,
    out: FloatArray | None = None,
    progress: Progress | None = None,
) -> FloatArray:
    """Compute a program's columns at every bar on an executor.

    Parameters
    ----------
    program : what is computed
    panel : whose bars are read
    kernels : folder of the compiled indicators
    executor : where blocks are worked on
    benchmark : per session ordinal, for what compares with it
    out : float64, shape (n_columns, n_bars) at least: memory to write to
    progress : is told how many parts are done, and of how many

    Returns
    -------
    FloatArray
        float64, shape (n_columns, n_bars), symbol after symbol; NaN is unknown.

    Raises
    ------
    StoreError
        If a worker runs other code than we do, or a part was lost.
    """
    room = executor.room((program.n_columns, panel.n_bars)) if out is None else out
    shared = room is not None and (out is None or executor.name in {"inline", "threads"})
    work = Work(
        "technic.compute.parallel:blocks",
        {"kernels": str(kernels), "kernel": kernel_digest(), **sizes_of(program)},
        arrays_of(program, panel, benchmark),
        room if shared else None,
    )
    values = np.empty((program.n_columns, panel.n_bars)) if room is None else room
    n_blocks = panel.bars.shape[0]
    seconds = 1e-9 * NANOSECONDS * program.n_columns * panel.n_bars
    parts = spans(n_blocks, part_size(n_blocks, seconds, executor.workers))
    starts = np.cumsum(panel.lengths) - panel.lengths
    for done in executor.map(work, parts, progress):
        if done.answer is None:
            raise StoreError(f"blocks {done.first} to {done.last} of the panel: {done.lost}")
        if not shared:
            chosen, _ = panel.stretch(done.first, done.last)
            _place(values, starts[chosen], panel.lengths[chosen], done.answer["values"])
    return values


def _place(values: FloatArray, starts: IntArray, lengths: IntArray, part: FloatArray) -> None:
    """Put a part's columns, symbol after symbol, where those symbols lie."""
    ends = np.cumsum(lengths)
    for start, length, end in zip(starts, lengths, ends, strict=True):
        values[: len(part), start : start + length] = part[:, end - length : end]


def arrays_of(
    program: Program, panel: Panel, benchmark: FloatArray | None = None
) -> dict[str, np.ndarray]:
    """Return the arrays that every part reads, by name."""
    arrays: dict[str, np.ndarray] = {name: getattr(panel, name) for name in PANEL}
    arrays |= {"code": program.code, "params": program.params, "used": program.used}
    return arrays if benchmark is None else {**arrays, "benchmark": benchmark}


def sizes_of(program: Program) -> dict[str, Any]:
    """Return the numbers of a program, as JSON holds them."""
    return {name: getattr(program, name) for name in SIZES}


def blocks(shared: Shared, first: int, last: int) -> dict[str, Any]:
    """Do the part of `spread` that falls to a worker.

    Parameters
    ----------
    shared : the program, the panel, and memory to write to if all can see it
    first, last : blocks of the panel
    """
    _, values = stretch_values(shared, first, last)
    return {} if shared.out is not None else {"values": values}


def stretch_values(shared: Shared, first: int, last: int) -> tuple[IntArray, FloatArray]:
    """Compute every column at each bar of the symbols of some blocks.

    Parameters
    ----------
    shared : the program and the panel
    first, last : blocks of the panel

    Returns
    -------
    tuple
        Positions of the symbols, and float64 of shape (n_columns, n_bars) of theirs.
    """
    job, arrays = shared.job, shared.arrays
    panel = Panel(*(arrays[name] for name in PANEL))
    program = Program(
        code=arrays["code"],
        params=arrays["params"],
        used=arrays["used"],
        **{name: job[name] for name in SIZES},
    )
    chosen, part = panel.stretch(first, last)
    into = None
    if shared.out is not None:
        into = Destination(shared.out, (np.cumsum(panel.lengths) - panel.lengths)[chosen])
    run = advance(
        program,
        part,
        kernels_here(job),
        benchmark=arrays.get("benchmark"),
        threads=1,
        into=into,
    )
    return chosen, run.values


def kernels_here(job: Mapping[str, Any]) -> Path:
    """Return the folder of the compiled kernel on the machine of a worker.

    Raises
    ------
    StoreError
        If this worker runs other code than who asks.
    """
    if job["kernel"] != kernel_digest():
        raise StoreError(
            "a worker runs another version of technic than this process; install the same one "
            "everywhere"
        )
    folder = Path(str(job["kernels"]))
    if not compiled(folder):
        folder = Settings.load().kernels
        ensure_compiled(folder)
    return folder


def rows_of(panel: Panel, chosen: IntArray) -> Iterator[tuple[int, int]]:
    """Yield where the bars of some symbols begin and end, where all lie symbol after symbol."""
    ends = np.cumsum(panel.lengths)
    for i in chosen:
        yield int(ends[i] - panel.lengths[i]), int(ends[i])


def pin(store: Store, version: StoreVersion, kernels: Path) -> dict[str, Any]:
    """Return what a worker needs to open the very same store version and kernel; see `pinned`."""
    return {
        "store": str(store.folder),
        "place": store.place,
        "number": version.number,
        "version": store.identity_of(version),
        "kernels": str(kernels),
        "kernel": kernel_digest(),
    }


def pinned(job: Mapping[str, Any]) -> tuple[Store, StoreVersion, Path]:
    """Open the store that a worker reads at the very version, and find the folder of its kernel.

    Raises
    ------
    StoreError
        If it is not there on this machine, or other code runs here.
    """
    names = ("store", "place", "number", "version")
    return (*_store_at(*(job[name] for name in names)), kernels_here(job))


@lru_cache(maxsize=2)
def _store_at(folder: str, place: str, number: int, identity: str) -> tuple[Store, StoreVersion]:
    """Its folder, or a copy from where it lies."""
    store = Store(Path(folder))
    if store.version().number < number and place:
        store = Store(fetch(place, Settings.load().mirrors))
    version = store.version(number)
    if store.identity_of(version) != identity:
        raise StoreError(
            f"{folder}: is another store on this machine; share the folder, or put the store into "
            "object storage"
        )
    return store, version
