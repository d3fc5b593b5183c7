"""Before anything else: is this our host, our page, a key of ours, of a bearable size and rate?

A page of any origin can send requests to a server on the reader's own machine. So the name that
a request asks for must be one of ours (a rebound name is not), what changes something must come
from our own page or carry a key, and nothing that is only read changes anything.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from time import monotonic, perf_counter
from typing import Any
from urllib.parse import unquote_to_bytes

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import cookie_parser
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from technic.interfaces.http.addresses import address_of
from technic.interfaces.http.admission import ASKER, TokenBuckets
from technic.interfaces.http.api_keys import LOCAL, Key
from technic.interfaces.http.logins import COOKIE
from technic.interfaces.http.problems import Problem, problem_reply
from technic.interfaces.http.state import ServerState

LARGEST = 64 << 10  # bytes of a body
BODY_WITHIN = 20.0  # seconds in which a body arrives
LARGEST_HEAD = 16 << 10  # bytes of all headers
RATE, BURST = 50.0, 200.0  # requests a second of one key, and at once
AT_ONCE = 64  # requests of one key that are being answered
READING = {"GET", "HEAD", "OPTIONS"}
# What decides who asks and how: said twice, whoever stands in front may have read the other one.
ONCE = (
    "authorization",
    "content-encoding",
    "content-length",
    "content-type",
    "origin",
    "sec-fetch-site",
)
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
        self._buckets = TokenBuckets(RATE, BURST)
        self._at_once = Counter[int]()

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
            key = scope["technic.key"] = await self._admit(scope)
            scope["technic.unread"] = self._hub.unread
            ASKER.set(key.id)
            with self._counted(key):
                await self._answer(scope, _Limited(receive), sending)
        except Problem as problem:
            await problem_reply(problem)(scope, receive, sending)
        finally:
            route = scope.get("route")
            path = getattr(route, "path", "other")
            self._hub.observed.answered(path, status, perf_counter() - since)

    async def _answer(self, scope: Scope, receive: _Limited, send: Send) -> None:
        """Have it answered, for as long as somebody is there to read it."""
        sent = False

        async def sending(message: Message) -> None:
            nonlocal sent
            sent = message["type"] == "http.response.body" and not message.get("more_body", False)
            await send(message)

        answering = asyncio.ensure_future(self._app(scope, receive, sending))
        leaving = asyncio.ensure_future(receive.until_gone(at_once=scope["method"] in READING))
        try:
            await asyncio.wait({answering, leaving}, return_when=asyncio.FIRST_COMPLETED)
            if not sent:  # the end of an answer looks like that of the line
                answering.cancel("nobody is there to read it")
            await asyncio.wait({answering})
            if not answering.cancelled():
                answering.result()
        finally:
            leaving.cancel()
            answering.cancel()

    async def _admit(self, scope: Scope) -> Key:
        headers = Headers(scope=scope)
        if sum(len(k) + len(v) for k, v in scope["headers"]) > LARGEST_HEAD:
            raise Problem(431, "the headers are larger than 16 kB")
        self._our_host(headers)
        _check_said_once(headers)
        _check_address(scope)
        self._bearable(headers)
        address = scope["technic.address"] = address_of(scope, self._hub.exposure.proxies)
        key = await self._key(scope, headers)
        if scope["method"] not in READING and not _bearer(headers):
            self._our_page(headers)
        if key.id > 0:
            self._ration(f"key {key.id}")
        elif key.id < 0 and scope["path"] != "/healthz":
            self._ration(f"from {address}")
        return key

    @contextmanager
    def _counted(self, key: Key) -> Iterator[None]:
        """Bound what one key has answered at the same time; this machine is not bounded."""
        if key.id > 0 and self._at_once[key.id] >= AT_ONCE:
            raise Problem(429, f"{AT_ONCE} requests of this key are being answered", retry_after=1)
        self._at_once[key.id] += 1
        try:
            yield
        finally:
            self._at_once[key.id] -= 1
            if not self._at_once[key.id]:
                del self._at_once[key.id]

    def _our_host(self, headers: Headers) -> None:
        hosts = headers.getlist("host")
        if len(hosts) != 1 or hosts[0].lower() not in self._hub.exposure.hosts:
            raise Problem(421, "this server goes by another name; start it with --allow-host NAME")

    def _bearable(self, headers: Headers) -> None:
        length = headers.get("content-length", "0")
        if not length.isdecimal() or int(length) > LARGEST:
            raise Problem(413, "a body has at most 64 kB")
        if headers.get("content-type", "").lower().startswith("multipart/"):
            raise Problem(415, "bodies are JSON")
        if headers.get("content-encoding", "identity").strip().lower() not in {"", "identity"}:
            raise Problem(415, "bodies come as they are, not compressed")

    def _our_page(self, headers: Headers) -> None:
        """A browser says where a request comes from; what is no browser says nothing."""
        site = headers.get("sec-fetch-site")
        if site is not None and site not in {"same-origin", "none"}:
            raise Problem(403, "requests that change something come from our own pages")
        origin = headers.get("origin")
        if origin is not None and origin.lower() not in self._hub.exposure.origins:
            raise Problem(403, "requests that change something come from our own pages")

    async def _key(self, scope: Scope, headers: Headers) -> Key:
        given = _bearer(headers)
        if given:
            return await self._hub.keys.admit(given, scope["technic.address"])
        token = cookie_parser(headers.get("cookie", "")).get(COOKIE, "")
        if token and (key := await self._signed_in(token)) is not None:
            return key
        if not self._hub.exposure.keyed:
            return LOCAL
        if not _open(scope["path"]):
            raise Problem(
                401, "send a key: Authorization: Bearer tk_…; technic keys create makes one"
            )
        return Key(-1, "", "read", *_NEVER)

    async def _signed_in(self, token: str) -> Key | None:
        """The key of a session, with what it may do now; a key that is gone ends its session."""
        digest = self._hub.sessions.find(token)
        if digest is None:
            return None
        key = await self._hub.keys.find(digest)
        if key is None:
            self._hub.sessions.end(token)
        return key

    def _ration(self, name: str) -> None:
        if wait := self._buckets.take(name):
            raise Problem(429, f"more than {RATE:.0f} requests a second", retry_after=int(wait) + 1)


_NEVER: tuple[Any, ...] = (datetime(1970, 1, 1, tzinfo=UTC), None, None)


def _check_said_once(headers: Headers) -> None:
    """Refuse what two readers would read differently."""
    for name in ONCE:
        if len(headers.getlist(name)) > 1:
            raise Problem(400, f"{name} stands twice among the headers")
    if "content-length" in headers and "transfer-encoding" in headers:
        raise Problem(400, "the headers give two lengths: content-length and transfer-encoding")


def _check_address(scope: Scope) -> None:
    """Refuse an address whose bytes are no text: what is put in their place is another question."""
    for part in (scope.get("raw_path") or b"", scope["query_string"]):
        try:
            unquote_to_bytes(part).decode()
        except UnicodeDecodeError as error:
            raise Problem(400, "the address holds bytes that are no UTF-8") from error


def _open(path: str) -> bool:
    """What a page needs before anybody has signed in."""
    return path in OPEN or path == "/" or path.startswith("/assets/")


def _bearer(headers: Headers) -> str:
    given = headers.get("authorization", "")
    return given[7:].strip() if given[:7].lower() == "bearer " else ""


class _Limited:
    """A body that ends where it may be no larger, and when it has taken too long."""

    def __init__(self, receive: Receive) -> None:
        self._receive, self._taken, self._whole = receive, 0, asyncio.Event()
        self._until = monotonic() + BODY_WITHIN

    async def until_gone(self, *, at_once: bool) -> None:
        """Wait until nobody listens any more.

        Parameters
        ----------
        at_once : whether the request has no body that somebody else will read
        """
        if at_once:
            self._whole.set()  # who asks later is told when nobody listens any more, and no sooner
        await self._whole.wait()
        while (await self._receive())["type"] != "http.disconnect":
            pass

    async def __call__(self) -> Message:
        if self._whole.is_set():  # what comes now is that nobody listens any more
            return await self._receive()
        try:
            async with asyncio.timeout(max(self._until - monotonic(), 0.0)):
                message = await self._receive()
        except TimeoutError as error:
            raise Problem(408, f"the body did not arrive in {BODY_WITHIN:.0f} s") from error
        if message["type"] == "http.request":
            self._taken += len(message.get("body", b""))
            if not message.get("more_body", False):
                self._whole.set()
            if self._taken > LARGEST:
                raise Problem(413, "a body has at most 64 kB")
        return message
