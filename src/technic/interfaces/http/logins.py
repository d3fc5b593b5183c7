"""Who is signed in on a page: a random token in a cookie, its digest here, and a throttle."""

from __future__ import annotations

from hashlib import sha256
from secrets import token_urlsafe
from time import monotonic

from technic.interfaces.http.admission import TokenBucket
from technic.interfaces.http.api_keys import Key
from technic.interfaces.http.problems import Problem

COOKIE = "__Host-technic"
LIFE = 12 * 3_600.0  # seconds
MOST = 1_000
TRIES = 5  # at once, and then one every TRY_EVERY seconds
TRY_EVERY = 15.0


class LoginSessions:
    """Sessions of pages; they end with the process, or after half a day."""

    def __init__(self) -> None:
        self._held: dict[str, tuple[Key, float]] = {}
        self._tries = TokenBucket.full(1.0 / TRY_EVERY, TRIES)

    def throttle(self) -> None:
        """Take note of a try to sign in.

        Raises
        ------
        Problem
            429 with Retry-After, if there were too many of late, whoever made them.
        """
        if wait := self._tries.take():
            raise Problem(429, "too many tries to sign in", retry_after=int(wait) + 1)

    def begin(self, key: Key) -> str:
        """A token for the cookie."""
        self._end_old()
        token = token_urlsafe(32)
        self._held[_digest(token)] = (key, monotonic() + LIFE)
        return token

    def find(self, token: str) -> Key | None:
        """Whose session it is; None if it is none, or has ended."""
        key, until = self._held.get(_digest(token), (None, 0.0))
        return key if monotonic() < until else None

    def end(self, token: str) -> None:
        """Sign out."""
        self._held.pop(_digest(token), None)

    def _end_old(self) -> None:
        now = monotonic()
        self._held = {k: v for k, v in self._held.items() if v[1] > now}
        while len(self._held) >= MOST:
            del self._held[next(iter(self._held))]


def _digest(token: str) -> str:
    return sha256(token.encode()).hexdigest()
