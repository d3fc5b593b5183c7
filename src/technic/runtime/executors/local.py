"""Executors in this process: one part after another, or side by side where the GIL is released."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from technic.errors import ConfigError
from technic.market.typing import FloatArray
from technic.runtime.deadline import carried, check
from technic.runtime.executors.protocol import Done, Progress, Shared, Span, Work, call, quiet


def do_here(work: Work, part: Span) -> Done:
    """Do one part in this thread."""
    return Done(*part, call(work.name, Shared(work.job, work.arrays, work.out), *part))


def refuse_guarded(work: Work, name: str) -> None:
    """Refuse work that may bring its process down: it runs in one that may be lost.

    Parameters
    ----------
    name : of the executor, for the error

    Raises
    ------
    ConfigError
        If the work is guarded.
    """
    if work.guarded:
        raise ConfigError(f"{work.name.partition(':')[2]} runs in processes of its own, not {name}")


class InlineExecutor:
    """An `Executor` that does one part after another."""

    name = "inline"
    workers = 1

    def map(
        self, work: Work, parts: Sequence[Span], progress: Progress | None = None
    ) -> Iterator[Done]:
        """Do every part; see `Executor.map`."""
        refuse_guarded(work, self.name)
        show = progress or quiet
        for k, part in enumerate(parts):
            check()
            yield do_here(work, part)
            show(k + 1, len(parts), "")

    def room(self, shape: tuple[int, ...]) -> FloatArray:
        """Ordinary memory."""
        return np.empty(shape)

    def close(self) -> None:
        """Nothing runs."""


class ThreadExecutor:
    """An `Executor` of threads of this process: for work that releases the GIL.

    Parameters
    ----------
    workers : how many threads
    """

    name = "threads"

    def __init__(self, workers: int) -> None:
        self.workers = workers
        self._pool = ThreadPoolExecutor(workers)

    def map(
        self, work: Work, parts: Sequence[Span], progress: Progress | None = None
    ) -> Iterator[Done]:
        """Do every part; see `Executor.map`."""
        refuse_guarded(work, self.name)
        show = progress or quiet

        def checked(part: Span) -> Done:
            check()
            return do_here(work, part)

        for k, done in enumerate(self._pool.map(carried(checked), parts)):
            yield done
            show(k + 1, len(parts), "")

    def room(self, shape: tuple[int, ...]) -> FloatArray:
        """Ordinary memory."""
        return np.empty(shape)

    def close(self) -> None:
        """Begin no further part; a thread that runs cannot be ended from outside."""
        self._pool.shutdown(wait=False, cancel_futures=True)
