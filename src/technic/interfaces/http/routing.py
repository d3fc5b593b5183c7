"""What every route shares: bodies read strictly, keys and scopes, errors in one form."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Annotated, Any, get_args, get_origin

from fastapi import Depends, Request
from fastapi.routing import APIRoute
from starlette.responses import Response

from technic.interfaces.http.api_keys import SCOPES, Key
from technic.interfaces.http.problems import Problem
from technic.interfaces.http.responses import ProblemShape
from technic.interfaces.http.state import ServerState
from technic.interfaces.outside import shortened
from technic.runtime.strict_json import read_json

SHORT = 2_048  # bytes that are parsed at once: a thread would take longer
_PARSERS = ThreadPoolExecutor(2, "technic-parse")
PROBLEMS: dict[int | str, dict[str, Any]] = {
    status: {"model": ProblemShape, "description": text}
    for status, text in {
        400: "Not JSON, or too deep.",
        401: "A key is needed.",
        403: "The key's scope, or where the request comes from, does not allow it.",
        404: "There is no such symbol, session or thing.",
        406: "None of the forms that are accepted.",
        409: "Not in this state.",
        408: "The body did not arrive in time.",
        413: "A body over 64 kB, or an answer over 32 MiB.",
        415: "Not application/json.",
        421: "Another host's name.",
        422: "The question cannot be understood; says where and why.",
        429: "Too many requests, jobs, streams or unread answers of one key, or too many wrong keys.",
        503: "Busy; Retry-After says when to come back.",
    }.items()
}


class StrictRequest(Request):
    """A request whose body is JSON as RFC 8259 has it: no NaN, no key twice, not too deep."""

    _content: Any = None

    async def json(self) -> Any:
        """The body, parsed once, and beside the event loop if it is long."""
        if self._content is None:
            _check_kind(self.headers.get("content-type", ""))
            body = await self.body()
            if len(body) > SHORT:
                loop = asyncio.get_running_loop()
                self._content = await loop.run_in_executor(_PARSERS, _parsed, body)
            else:
                self._content = _parsed(body)
        return self._content


class StrictRoute(APIRoute):
    """A route that reads bodies strictly, and only those of keys that may ask it."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """As FastAPI has it, with our request."""
        answer = super().get_route_handler()
        scopes = [getattr(given.dependency, "scope", "") for given in self.dependencies]
        asked = {field.alias: _may_repeat(field) for field in self.dependant.query_params}
        is_api = self.path_format.startswith("/api/")

        async def strict(request: Request) -> Response:
            for scope in filter(None, scopes):
                require(key_of(request), scope)
            if is_api:
                _check_words(request, asked)
                _check_no_body(request, reads=self.body_field is not None)
            made = StrictRequest(request.scope, request.receive)
            if request.method in {"POST", "PUT"} and await made.body():
                await made.json()  # before anybody else looks at it
            return await answer(made)

        return strict


def _may_repeat(field: Any) -> bool:
    kind = field.field_info.annotation
    return list in {get_origin(part) or part for part in (kind, *get_args(kind))}


def _check_words(request: Request, asked: dict[str, bool]) -> None:
    """Refuse what an address says for nothing, or twice: passed over, it changes the question."""
    said = Counter(name for name, _ in request.query_params.multi_items())
    if strange := [name for name in said if name not in asked]:
        named = ", ".join(shortened(name, 60) for name in strange[:5])
        there = f"there are {', '.join(asked)}" if asked else "it takes none"
        raise Problem(422, f"{named} means nothing in this address; {there}", code="Invalid")
    for name, times in said.items():
        if times > 1 and not asked[name]:
            raise Problem(422, f"{name} stands {times} times in the address", code="Invalid")


def _check_no_body(request: Request, *, reads: bool) -> None:
    """Refuse a body that nobody would read."""
    length = request.headers.get("content-length", "0")
    if not reads and (length.strip("0") or "transfer-encoding" in request.headers):
        raise Problem(422, f"{request.method} takes no body here", code="Invalid")


def _check_kind(written: str) -> None:
    """Refuse what is no JSON in UTF-8, by its own word."""
    kind, *parameters = (part.strip().lower() for part in written.split(";"))
    if kind != "application/json":
        raise Problem(415, "bodies are application/json")
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "charset" and value.strip().strip('"') not in {"utf-8", "utf8"}:
            raise Problem(415, "bodies are application/json in UTF-8")


def _parsed(body: bytes) -> Any:
    try:
        return read_json(body)
    except ValueError as error:
        raise Problem(400, f"the body is not the JSON that is read here: {error}") from error


def hub_of(request: Request) -> ServerState:
    """What all requests share."""
    hub: ServerState = request.app.state.hub
    return hub


def key_of(request: Request) -> Key:
    """Whose request it is."""
    key: Key = request.scope["technic.key"]
    return key


async def _hub(request: Request) -> ServerState:  # FastAPI sends what is not async to a thread
    return hub_of(request)


async def _key(request: Request) -> Key:
    return key_of(request)


def require(key: Key, scope: str) -> None:
    """Refuse a key that lacks a scope.

    Raises
    ------
    Problem
        403, with the scope that is needed.
    """
    if not key.may(scope):
        raise Problem(403, f"that needs a key of scope {scope}; this one has {key.scope}")


def needs(scope: str) -> Any:
    """A dependency: the key must have a scope. `StrictRoute` looks before it reads the body."""
    assert scope in SCOPES

    async def check(key: Annotated[Key, Depends(_key)]) -> None:
        require(key, scope)

    check.scope = scope  # type: ignore[attr-defined]
    return Depends(check)


HubOf = Annotated[ServerState, Depends(_hub)]
KeyOf = Annotated[Key, Depends(_key)]


def said(error: Any) -> str:
    """What is wrong with a request, in one line."""
    problem = error.errors()[0]
    where = ".".join(shortened(str(part), 60) for part in problem["loc"] if part != "body")
    says = shortened(problem["msg"].removeprefix("Value error, "))
    if problem["type"] == "missing" and problem["loc"] == ("body",):
        return "a body is needed, which is JSON"
    return f"{where}: {says}" if where else says
