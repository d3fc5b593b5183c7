"""Work in this process: one part after another, or side by side where the GIL is released."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from technic.errors import ConfigError
from technic.market.typing import FloatArray
from technic.runtime.executors.protocol import Done, Progress, Shared, Span, Work, call, quiet


def here(work: Work, part: Span) -> Done:
    """One part, done in this thread."""
    return Done(*part, call(work.name, Shared(work.job, work.arrays, work.out), *part))


def refuse_guarded(work: Work, name: str) -> None:
    """What may bring a process down runs in one that may be lost."""
    if work.guarded:
        raise ConfigError(f"{work.name.partition(':')[2]} runs in processes of its own, not {name}")


class InlineExecutor:
    """One part after another."""

    name = "inline"
    workers = 1

    def map(
        self, work: Work, parts: Sequence[Span], progress: Progress | None = None
    ) -> Iterator[Done]:
        """What became of every part, in order."""
        refuse_guarded(work, self.name)
        told = progress or quiet
        for k, part in enumerate(parts):
            yield here(work, part)
            told(k + 1, len(parts), "")

    def room(self, shape: tuple[int, ...]) -> FloatArray:
        """Ordinary memory."""
        return np.empty(shape)

    def close(self) -> None:
        """Nothing runs."""


class ThreadExecutor:
    """Parts side by side in this process: for work that releases the GIL."""

    name = "threads"

    def __init__(self, workers: int) -> None:
        self.workers = workers
        self._pool = ThreadPoolExecutor(workers)

    def map(
        self, work: Work, parts: Sequence[Span], progress: Progress | None = None
    ) -> Iterator[Done]:
        """What became of every part, in order."""
        refuse_guarded(work, self.name)
        told = progress or quiet
        for k, done in enumerate(self._pool.map(lambda part: here(work, part), parts)):
            yield done
            told(k + 1, len(parts), "")

    def room(self, shape: tuple[int, ...]) -> FloatArray:
        """Ordinary memory."""
        return np.empty(shape)

    def close(self) -> None:
        """What has not begun is not begun; a thread cannot be ended from outside."""
        self._pool.shutdown(wait=False, cancel_futures=True)
