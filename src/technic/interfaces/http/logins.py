"""Who is signed in on a page: a random token in a cookie, its digest here; and a throttle."""

from __future__ import annotations

from secrets import token_urlsafe
from time import monotonic

from technic.interfaces.http.admission import TokenBuckets
from technic.interfaces.http.api_keys import digest_of
from technic.interfaces.http.problems import Problem

COOKIE = "__Host-technic"
LIFE = 12 * 3_600.0  # seconds
MOST = 1_000
TRIES = 5  # at once, and then one every TRY_EVERY seconds
TRY_EVERY = 15.0


class LoginSessions:
    """Sessions of pages: each ends with its key, with the process, or after half a day."""

    def __init__(self) -> None:
        self._held: dict[str, tuple[str, float]] = {}

    def begin(self, digest: str) -> str:
        """A token for the cookie.

        Parameters
        ----------
        digest : of the key that somebody signed in with; what it may do is looked up every time
        """
        self._end_old()
        token = token_urlsafe(32)
        self._held[digest_of(token)] = (digest, monotonic() + LIFE)
        return token

    def find(self, token: str) -> str | None:
        """The digest of the key that signed in; None if there is no session, or it has ended."""
        digest, until = self._held.get(digest_of(token), (None, 0.0))
        return digest if monotonic() < until else None

    def end(self, token: str) -> None:
        """Sign out."""
        self._held.pop(digest_of(token), None)

    def _end_old(self) -> None:
        now = monotonic()
        self._held = {k: v for k, v in self._held.items() if v[1] > now}
        while len(self._held) >= MOST:
            del self._held[next(iter(self._held))]


class WrongKeys:
    """Slows down who tries keys: an address, or a key that is tried from many.

    A key that opens something is never counted, and so never held up by what others try.
    """

    def __init__(self) -> None:
        self._tries = TokenBuckets(1.0 / TRY_EVERY, TRIES)

    def check(self, address: str, digest: str) -> None:
        """Refuse at once to look a key up, if `note` would say the same of it afterwards.

        Raises
        ------
        Problem
            429 with Retry-After.
        """
        self._refuse([self._tries.wait(name) for name in self._names(address, digest)])

    def note(self, address: str, digest: str) -> None:
        """Take note of a key that opened nothing.

        Raises
        ------
        Problem
            429 with Retry-After, if there were too many from this address, or of this key.
        """
        self._refuse([self._tries.take(name) for name in self._names(address, digest)])

    def _names(self, address: str, digest: str) -> tuple[str, str]:
        return f"from {address}", f"key {digest}"

    def _refuse(self, waits: list[float]) -> None:
        if wait := max(waits):
            raise Problem(429, "too many tries to sign in", retry_after=int(wait) + 1)
