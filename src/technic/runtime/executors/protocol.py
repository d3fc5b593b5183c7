"""What work is, what becomes of it, and what every executor does."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any, Protocol

import numpy as np

from technic.market.typing import FloatArray

Span = tuple[int, int]  # positions from the first to before the last
Progress = Callable[[int, int, str], None]  # done, of how many, what is being done
GIVEN_UP = "given up"  # how the reason begins of what was not tried any more
PATIENCE = 600.0  # seconds in which any part is done, or has hung


@dataclass(frozen=True, slots=True, eq=False)
class Work:
    """A pure function of what all parts share and of a span of positions.

    Attributes
    ----------
    name : where the function lies, "module:function". It is called as
        `function(shared, first, last)` and returns a dict of what JSON holds, arrays, and bytes
    job : what all parts share, as JSON holds it: a store version and what is asked of it
    arrays : what all parts read, put once and never sent per part; not to be written to
    out : memory that parts may write to, from `Executor.room`; None if parts return everything
    patience : seconds after which a part counts as hung
    memory : bytes a worker may take beyond what it shares; None for no bound
    guarded : whether the function may be hostile to its process; it then never runs in ours
    """

    name: str
    job: Mapping[str, Any] = field(default_factory=dict)
    arrays: Mapping[str, np.ndarray] = field(default_factory=dict)
    out: FloatArray | None = None
    patience: float = PATIENCE
    memory: int | None = None
    guarded: bool = False


@dataclass(frozen=True, slots=True)
class Shared:
    """What a part's function gets besides its span.

    Attributes
    ----------
    job, arrays, out : those of `Work`
    """

    job: Mapping[str, Any]
    arrays: Mapping[str, np.ndarray]
    out: FloatArray | None = None


@dataclass(frozen=True, slots=True)
class Done:
    """What became of a stretch of positions.

    Attributes
    ----------
    first, last : from the first position to before the last
    answer : what the function returned; None where `lost` says why there is none
    lost : why nobody could do it; empty if somebody did
    """

    first: int
    last: int
    answer: dict[str, Any] | None
    lost: str = ""


class Executor(Protocol):
    """Somewhere work runs. It is ended with `close`, and used by one thread at a time.

    Attributes
    ----------
    name : inline, threads, processes or ray
    workers : how many parts run at a time
    """

    name: str
    workers: int

    def map(
        self, work: Work, parts: Sequence[Span], progress: Progress | None = None
    ) -> Iterator[Done]:
        """Do every part; gives what became of it, in the order of the parts.

        Parameters
        ----------
        parts : one after another, without gaps or overlaps
        progress : is told how many parts are done, of how many

        Yields
        ------
        Done
            One for every part; several, of consecutive positions, for a part that had to be cut.

        Raises
        ------
        TechnicError
            As the work's function raised it; any other error of the function as `StoreError`.
        ConfigError
            If the work is guarded and this executor would do it in this process.
        """
        ...

    def room(self, shape: tuple[int, ...]) -> FloatArray | None:
        """Memory that workers can write to: float64, not set to anything; None where they cannot.

        Parameters
        ----------
        shape : of the array
        """
        ...

    def close(self) -> None:
        """End every worker; what is being done is given up."""
        ...


def quiet(_done: int, _total: int, _what: str) -> None:
    """Progress that nobody watches."""


def call(work_name: str, shared: Shared, first: int, last: int) -> dict[str, Any]:
    """Do one part, in this process.

    Parameters
    ----------
    work_name : "module:function", as in `Work.name`
    """
    module, _, function = work_name.partition(":")
    answer: dict[str, Any] = getattr(import_module(module), function)(shared, first, last)
    return answer


def spans(count: int, size: int) -> list[Span]:
    """Cut positions into stretches.

    Parameters
    ----------
    count : of positions
    size : of a stretch, at most

    Examples
    --------
    >>> spans(5, 2)
    [(0, 2), (2, 4), (4, 5)]
    """
    return [(first, min(first + size, count)) for first in range(0, count, max(size, 1))]


def part_size(count: int, seconds: float, workers: int, at_least: float = 0.05) -> int:
    """How many positions make a part worth sending: none under 50 ms, a few for every worker.

    Parameters
    ----------
    count : of positions
    seconds : what all positions are thought to take on one worker
    at_least : seconds of a part that is worth sending
    """
    worth = count * at_least / max(seconds, 1e-9)
    return max(1, min(count, int(max(worth, count / (4 * workers)) + 0.999)))
