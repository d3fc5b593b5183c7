"""Before anything else: is this our host, our page, a key of ours, of a bearable size and rate?

A page of any origin can send requests to a server on the reader's own machine. So the name that
a request asks for must be one of ours (a rebound name is not), what changes something must come
from our own page or carry a key, and nothing that is only read changes anything.
"""

from __future__ import annotations

from datetime import UTC, datetime
from time import monotonic, perf_counter
from typing import Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import cookie_parser
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from technic.interfaces.http.admission import TokenBucket
from technic.interfaces.http.api_keys import LOCAL, Key, digest_of, key_for
from technic.interfaces.http.logins import COOKIE
from technic.interfaces.http.problems import Problem, problem_reply
from technic.interfaces.http.state import ServerState

LARGEST = 1 << 20  # bytes of a body
LARGEST_HEAD = 16 << 10  # bytes of all headers
RATE, BURST = 50.0, 200.0  # requests a second of one key, and at once
REMEMBERED = 5.0  # seconds that a key is not looked up again
READING = {"GET", "HEAD", "OPTIONS"}
OPEN = {"/healthz", "/readyz", "/login"}  # need no key
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; font-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Frame-Options": "DENY",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}


class Guards:
    """An ASGI application around another."""

    def __init__(self, app: ASGIApp, hub: ServerState) -> None:
        self._app, self._hub = app, hub
        self._buckets: dict[int, TokenBucket] = {}
        self._keys: dict[str, tuple[Key, float]] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or have the request answered."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        since, status = perf_counter(), 500

        async def sending(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers[name] = value
                if self._hub.exposure.secure:
                    headers["Strict-Transport-Security"] = "max-age=31536000"
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        try:
            scope["technic.key"] = self._admit(scope)
            await self._app(scope, _Limited(receive), sending)
        except Problem as problem:
            await problem_reply(problem)(scope, receive, sending)
        finally:
            route = scope.get("route")
            path = getattr(route, "path", "other")
            self._hub.observed.answered(path, status, perf_counter() - since)

    def _admit(self, scope: Scope) -> Key:
        headers = Headers(scope=scope)
        if sum(len(k) + len(v) for k, v in scope["headers"]) > LARGEST_HEAD:
            raise Problem(431, "the headers are larger than 16 kB")
        self._our_host(headers)
        self._bearable(headers)
        key = self._key(scope, headers)
        if scope["method"] not in READING and not _bearer(headers):
            self._our_page(headers)
        if key is not LOCAL and key.id:
            self._ration(key)
        return key

    def _our_host(self, headers: Headers) -> None:
        hosts = headers.getlist("host")
        if len(hosts) != 1 or hosts[0].lower() not in self._hub.exposure.hosts:
            raise Problem(421, "this server goes by another name; start it with --allow-host NAME")

    def _bearable(self, headers: Headers) -> None:
        length = headers.get("content-length", "0")
        if not length.isdigit() or int(length) > LARGEST:
            raise Problem(413, "a body has at most 1 MiB")
        if headers.get("content-type", "").lower().startswith("multipart/"):
            raise Problem(415, "bodies are JSON")

    def _our_page(self, headers: Headers) -> None:
        """A browser says where a request comes from; what is no browser says nothing."""
        site = headers.get("sec-fetch-site")
        if site is not None and site not in {"same-origin", "none"}:
            raise Problem(403, "requests that change something come from our own pages")
        origin = headers.get("origin")
        if origin is not None and origin.lower() not in self._hub.exposure.origins:
            raise Problem(403, "requests that change something come from our own pages")

    def _key(self, scope: Scope, headers: Headers) -> Key:
        given = _bearer(headers)
        if given:
            return self._looked_up(given)
        token = cookie_parser(headers.get("cookie", "")).get(COOKIE, "")
        if token and (key := self._hub.sessions.find(token)) is not None:
            return key
        if self._hub.exposure.keyed and not _open(scope["path"]):
            raise Problem(
                401, "send a key: Authorization: Bearer tk_…; technic keys create makes one"
            )
        return LOCAL if not self._hub.exposure.keyed else Key(-1, "", "read", *_NEVER)

    def _looked_up(self, given: str) -> Key:
        digest = digest_of(given)  # what is remembered opens nothing
        key, until = self._keys.get(digest, (None, 0.0))
        now = datetime.now(UTC)
        if key is None or monotonic() > until or not key.is_good(now):
            key = key_for(self._hub.store.catalog, given, now)
            if key is None:
                self._hub.sessions.throttle()
                raise Problem(401, "that key opens nothing: unknown, revoked or expired")
            if len(self._keys) > 1_000:
                self._keys.clear()
            self._keys[digest] = (key, monotonic() + REMEMBERED)
        return key

    def _ration(self, key: Key) -> None:
        bucket = self._buckets.setdefault(key.id, TokenBucket.full(RATE, BURST))
        if wait := bucket.take():
            raise Problem(429, f"more than {RATE:.0f} requests a second", retry_after=int(wait) + 1)


_NEVER: tuple[Any, ...] = (datetime(1970, 1, 1, tzinfo=UTC), None, None)


def _open(path: str) -> bool:
    """What a page needs before anybody has signed in."""
    return path in OPEN or path == "/" or path.startswith("/assets/")


def _bearer(headers: Headers) -> str:
    given = headers.get("authorization", "")
    return given[7:].strip() if given[:7].lower() == "bearer " else ""


class _Limited:
    """A body that ends where it may be no larger."""

    def __init__(self, receive: Receive) -> None:
        self._receive, self._taken = receive, 0

    async def __call__(self) -> Message:
        message = await self._receive()
        if message["type"] == "http.request":
            self._taken += len(message.get("body", b""))
            if self._taken > LARGEST:
                raise Problem(413, "a body has at most 1 MiB")
        return message
