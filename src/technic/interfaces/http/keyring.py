"""The keys of a store as of a moment ago: what every request asks, and never the database itself.

One thread reads all keys, at most every `FRESH` seconds and only while somebody asks. A request
waits for it a moment, never longer: a database that hangs holds up neither those whose key is known
nor the event loop. What was read longer than `STALE` seconds ago opens nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from time import monotonic

from technic.errors import first_line
from technic.interfaces.http.api_keys import LOCAL, Key, digest_of
from technic.interfaces.http.problems import Problem

FRESH = 2.0  # seconds that a reading is good for
SOON = 0.25  # seconds after which a key that is unknown may have been made since
WAIT = 1.0  # seconds that a request waits for a reading
STALE = 30.0  # seconds after which an old reading opens nothing


class KeyRing:
    """Looks keys up by what was read of late.

    Parameters
    ----------
    read : reads every key, by its digest; called in a thread of its own
    trouble : is told, in one line, why a reading failed
    """

    def __init__(
        self, read: Callable[[], Mapping[str, Key]], trouble: Callable[[str], None]
    ) -> None:
        self._read, self._trouble = read, trouble
        self._pool = ThreadPoolExecutor(1, "technic-keys")
        self._keys: Mapping[str, Key] = {}
        self._good: Mapping[int, Key] = {}
        self._read_at = self._began = float("-inf")
        self._reading: asyncio.Future[Mapping[str, Key]] | None = None

    async def find(self, given: str) -> Key | None:
        """The key that somebody gave; None if it opens nothing.

        Raises
        ------
        Problem
            503, if keys cannot be read and were not read of late.
        """
        return await self.find_digest(digest_of(given))

    async def find_digest(self, digest: str) -> Key | None:
        """The key of a digest; None if it opens nothing. See `find` for errors."""
        await self.refresh(FRESH)
        if digest not in self._keys:
            await self.refresh(SOON)
        key = self._keys.get(digest)
        return key if key is not None and key.is_good(datetime.now(UTC)) else None

    def is_good(self, number: int) -> bool:
        """Whether the key of a number opened anything when keys were read last."""
        if number == LOCAL.id:
            return True
        key = self._good.get(number)
        return key is not None and key.is_good(datetime.now(UTC))

    async def refresh(self, age: float = FRESH) -> None:
        """Read the keys if the last reading is older than so many seconds. See `find` for errors."""
        now = monotonic()
        if now - self._read_at > age:
            if self._reading is None:
                loop = asyncio.get_running_loop()
                self._began = now
                self._reading = loop.run_in_executor(self._pool, self._read)
                self._reading.add_done_callback(self._done)
            if (left := self._began + WAIT - now) > 0:
                await asyncio.wait({self._reading}, timeout=left)
        if monotonic() - self._read_at > STALE:
            why = "keys cannot be looked up: the database of the catalog does not answer"
            raise Problem(503, why, retry_after=5)

    def close(self) -> None:
        """Wait for nobody."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _done(self, reading: asyncio.Future[Mapping[str, Key]]) -> None:
        self._reading = None
        if reading.cancelled():
            return
        if (error := reading.exception()) is not None:
            self._trouble(f"keys: {first_line(error)}")
            return
        self._keys, self._read_at = reading.result(), self._began
        self._good = {key.id: key for key in self._keys.values()}
