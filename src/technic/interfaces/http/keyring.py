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

from technic.interfaces.http.api_keys import LOCAL, Key, digest_of
from technic.interfaces.http.logins import WrongKeys
from technic.interfaces.http.problems import Problem
from technic.interfaces.outside import outside

FRESH = 2.0  # seconds that a reading is good for
SOON = 0.25  # seconds between two readings for the sake of keys that are unknown
WAIT = 1.0  # seconds that a request waits for a reading
STALE = 30.0  # seconds after which an old reading opens nothing


SILENT = "keys cannot be looked up: the database of the catalog does not answer"


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
        self._wrong = WrongKeys()
        self._pool = ThreadPoolExecutor(1, "technic-keys")
        self._keys: Mapping[str, Key] = {}
        self._good: Mapping[int, Key] = {}
        self._read_at = self._began = float("-inf")
        self._reading: asyncio.Future[Mapping[str, Key]] | None = None

    async def admit(self, given: str, address: str) -> Key:
        """The key that somebody gave.

        Parameters
        ----------
        address : where it came from

        Raises
        ------
        Problem
            401, if it opens nothing; 429, if too many wrong ones came from that address, or this one
            from many; 503, if keys cannot be read.
        """
        digest = digest_of(given)  # what is remembered opens nothing
        key = await self.find(digest)
        if key is None and digest not in self._keys:
            self._wrong.check(address, digest)
            await self._read_since(monotonic())  # it may have been made just now
            key = await self.find(digest)
        if key is None:
            self._wrong.note(address, digest)
            raise Problem(401, "that key opens nothing: unknown, revoked or expired")
        return key

    async def find(self, digest: str) -> Key | None:
        """The key of a digest, as of a moment ago; None if it opens nothing.

        Raises
        ------
        Problem
            503, if keys cannot be read and were not read of late.
        """
        await self.refresh(FRESH)
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
        await self._read_if_before(monotonic() - age)
        if monotonic() - self._read_at > STALE:
            raise Problem(503, SILENT, retry_after=5)

    async def _read_since(self, instant: float) -> None:
        """Have a reading that began after an instant, and not more of them than need be."""
        for _ in range(2):  # one that runs already may have begun too early
            await asyncio.sleep(max(self._began + SOON - monotonic(), 0.0))
            await self._read_if_before(instant)
        if self._read_at < instant:
            raise Problem(503, SILENT, retry_after=5)

    async def _read_if_before(self, instant: float) -> None:
        """Wait a moment for a reading, unless the last one began after an instant."""
        if self._read_at >= instant:
            return
        if self._reading is None:
            self._began = monotonic()
            self._reading = asyncio.get_running_loop().run_in_executor(self._pool, self._read)
            self._reading.add_done_callback(self._done)
        if (left := self._began + WAIT - monotonic()) > 0:
            await asyncio.wait({self._reading}, timeout=left)

    def close(self) -> None:
        """Wait for nobody."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _done(self, reading: asyncio.Future[Mapping[str, Key]]) -> None:
        self._reading = None
        if reading.cancelled():
            return
        if (error := reading.exception()) is not None:
            self._trouble(f"keys: {outside(error)}")
            return
        self._keys, self._read_at = reading.result(), self._began
        self._good = {key.id: key for key in self._keys.values()}
