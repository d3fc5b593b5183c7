"""What every cache does, how keys are made, and what is counted."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Protocol


def key_of(kind: str, *parts: str | bytes) -> str:
    """Make a key: a kind that can be cleared by itself, and a digest of everything that matters.

    Parameters
    ----------
    kind : such as report or column; one word
    parts : everything on which the value depends; their borders count too

    Examples
    --------
    >>> key_of("report", "a", "b") == key_of("report", "ab", "")
    False
    """
    digest = blake2b(digest_size=20)
    for part in parts:
        content = part.encode() if isinstance(part, str) else part
        digest.update(len(content).to_bytes(8, "little"))
        digest.update(content)
    return f"{kind}/{digest.hexdigest()}"


@dataclass(slots=True)
class Meter:
    """Counts of what one cache did.

    Attributes
    ----------
    hits, misses : values that were there, and that were not
    bytes : of the hits
    puts : values that were to be kept
    rejected : values that were there and not to be believed
    failures : calls that a server or a disk did not answer
    saved_ms : milliseconds that making the hits had taken
    """

    hits: int = 0
    misses: int = 0
    bytes: int = 0
    puts: int = 0
    rejected: int = 0
    failures: int = 0
    saved_ms: float = 0.0

    def as_dict(self) -> dict[str, float]:
        """As JSON holds it."""
        return {
            "hits": self.hits,
            "misses": self.misses,
            "bytes": self.bytes,
            "puts": self.puts,
            "rejected": self.rejected,
            "failures": self.failures,
            "saved_ms": round(self.saved_ms, 1),
        }


class Cache(Protocol):
    """Values by key, kept for as long as there is room.

    It may forget anything at any time; what it returns is what was put under that key. It never
    raises for want of a value, a server or a disk, and may be used by several threads.

    Attributes
    ----------
    name : of the tier, for the counts
    meter : what it did so far
    """

    name: str
    meter: Meter

    def get_many(self, keys: Iterable[str]) -> dict[str, bytes]:
        """The values that are there, by key; keys that are not are left out.

        Parameters
        ----------
        keys : as `key_of` makes them
        """
        ...

    def put_many(self, values: Mapping[str, bytes], ttl: float | None = None) -> None:
        """Keep values, in place of what was there under their keys.

        Parameters
        ----------
        values : by key
        ttl : seconds after which they are forgotten; None for no bound
        """
        ...

    def clear(self, kind: str = "") -> int | None:
        """Forget all values, or those of one kind; returns how many, None if it cannot say.

        Parameters
        ----------
        kind : first part of the keys; all if empty
        """
        ...

    def size(self) -> tuple[int, int] | None:
        """How many values it holds, and their bytes; None if it cannot say."""
        ...


@dataclass(slots=True)
class Breaker:
    """Lets calls through until too many fail; then one now and then, to see.

    Attributes
    ----------
    failures_allowed : in a row, before it opens
    rest : seconds between two calls while it is open
    failures : in a row, so far
    open_until : the instant until which no call is let through, in seconds of a steady clock
    """

    failures_allowed: int = 3
    rest: float = 5.0
    failures: int = 0
    open_until: float = field(default=0.0)

    @property
    def is_open(self) -> bool:
        """Whether calls are being held back."""
        return self.failures >= self.failures_allowed

    def allows(self, now: float) -> bool:
        """Whether a call may be tried: always while closed, one per `rest` while open."""
        if not self.is_open:
            return True
        if now < self.open_until:
            return False
        self.open_until = now + self.rest  # one probe; the others go on waiting
        return True

    def note_failure(self, now: float, weight: int = 1) -> bool:
        """Count a failure; returns whether this one opened it.

        Parameters
        ----------
        now : seconds of a steady clock
        weight : how many failures it counts for
        """
        was_open = self.is_open
        self.failures += weight
        if self.is_open:
            self.open_until = now + self.rest
        return self.is_open and not was_open

    def note_success(self) -> bool:
        """Note that a call came back; returns whether this closed it."""
        was_open = self.is_open
        self.failures = 0
        return was_open
