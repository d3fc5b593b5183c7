"""A cache in this process: quickest, smallest, gone at its end."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from threading import Lock

from technic.runtime.cache.protocol import Meter

BOUND = 64 << 20  # bytes


class MemoryCache:
    """The values used last: a `Cache` in this process.

    Parameters
    ----------
    bound : bytes beyond which the values used longest ago are forgotten
    """

    name = "memory"

    def __init__(self, bound: int = BOUND) -> None:
        self.meter = Meter()
        self._bound = bound
        self._entries: OrderedDict[str, tuple[bytes, float]] = OrderedDict()
        self._bytes = 0
        self._lock = Lock()

    def get_many(self, keys: Iterable[str]) -> dict[str, bytes]:
        """The values that are there, by key."""
        values: dict[str, bytes] = {}
        now = time.time()
        with self._lock:
            for key in keys:
                entry = self._entries.get(key)
                if entry is not None and (not entry[1] or now < entry[1]):
                    self._entries.move_to_end(key)
                    values[key] = entry[0]
        return values

    def put_many(self, values: Mapping[str, bytes], ttl: float | None = None) -> None:
        """Keep values, for `ttl` seconds if given."""
        expires = time.time() + ttl if ttl else 0.0
        with self._lock:
            for key, value in values.items():
                if len(value) > self._bound // 2:
                    continue
                old = self._entries.pop(key, None)
                self._bytes += len(value) - (len(old[0]) if old else 0)
                self._entries[key] = (value, expires)
            while self._bytes > self._bound:
                _, (value, _) = self._entries.popitem(last=False)
                self._bytes -= len(value)

    def clear(self, kind: str = "") -> int:
        """Forget all values, or those of one kind."""
        with self._lock:
            gone = [key for key in self._entries if key.startswith(kind)]
            for key in gone:
                self._bytes -= len(self._entries.pop(key)[0])
        return len(gone)

    def size(self) -> tuple[int, int]:
        """How many values it holds, and their bytes."""
        return len(self._entries), self._bytes
