"""Until when a piece of work may go on: carried along with it, and looked at between its parts.

Python cannot end a thread from outside. So whoever starts work holds it to a `Deadline`, and what
loops over blocks, sessions or folds calls `check`. Where nobody set one, `check` does nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar, copy_context
from time import monotonic
from typing import TypeVar

from technic.errors import StoppedError

T = TypeVar("T")


class Deadline:
    """When work has to stop: at an instant, or as soon as nobody wants it any more.

    Parameters
    ----------
    seconds : that the work may take from now; None for as long as it likes
    advice : what its user can do if that is not enough; part of the error
    """

    def __init__(self, seconds: float | None = None, advice: str = "ask for less") -> None:
        self.seconds, self.advice = seconds, advice
        self._until = None if seconds is None else monotonic() + seconds
        self._reason = ""

    @property
    def cancelled(self) -> bool:
        """Whether somebody has called it off."""
        return bool(self._reason)

    def cancel(self, reason: str = "nobody wants it any more") -> None:
        """Let the work stop at its next look; from any thread."""
        self._reason = reason

    def check(self) -> None:
        """Go on, or not.

        Raises
        ------
        StoppedError
            If the time is up, or the work was called off.
        """
        if self._reason:
            raise StoppedError(f"stopped: {self._reason}; nothing of it was kept")
        if self._until is not None and monotonic() > self._until:
            raise StoppedError(
                f"stopped after {self.seconds:.0f} s, which is all that it may take; "
                f"nothing of it was kept; {self.advice}"
            )


_CURRENT: ContextVar[Deadline | None] = ContextVar("technic.deadline", default=None)


@contextmanager
def held_to(deadline: Deadline) -> Iterator[Deadline]:
    """Hold what runs inside to a deadline."""
    token = _CURRENT.set(deadline)
    try:
        yield deadline
    finally:
        _CURRENT.reset(token)


def is_held() -> bool:
    """Whether the work that calls is held to a deadline."""
    return _CURRENT.get() is not None


def check() -> None:
    """Stop here if the deadline of the work that calls says so.

    Raises
    ------
    StoppedError
        If its time is up, or it was called off.
    """
    if (deadline := _CURRENT.get()) is not None:
        deadline.check()


def carried(work: Callable[..., T]) -> Callable[..., T]:
    """The same function, held in any thread to the deadline of the thread that calls this."""
    deadline = _CURRENT.get()
    if deadline is None:
        return work

    def held(*arguments: object) -> T:
        context = copy_context()
        context.run(_CURRENT.set, deadline)
        return context.run(work, *arguments)

    return held
