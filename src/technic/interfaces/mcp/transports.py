"""How agents' messages come in: over stdio or HTTP, read strictly, and each bad one answered.

Whoever sends a message that cannot be read waits for an answer; silence is a hang. So a line that
is no JSON-RPC message is answered with an error of the standard's, and its number if it has one.
"""

from __future__ import annotations

import os
import sys
from collections import deque
from collections.abc import AsyncIterator
from typing import Any

import anyio
from anyio import to_thread
from mcp.server import MCPServer
from mcp.server.stdio import stdio_server
from mcp.shared.message import SessionMessage
from mcp.types import ErrorData, JSONRPCError, jsonrpc_message_adapter
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from technic.interfaces.http.problems import Problem, problem_reply
from technic.interfaces.outside import shortened
from technic.runtime.strict_json import read_json

NO_JSON, NO_MESSAGE = -32_700, -32_600  # as JSON-RPC 2.0 numbers them
LONGEST = 1 << 20  # bytes of a line


def serve_stdio(server: MCPServer[Any]) -> None:
    """Answer over stdin and stdout until stdin ends."""
    anyio.run(_serve, server)


async def _serve(server: MCPServer[Any]) -> None:
    lines = _Lines(_own_stdin())
    inner = server._lowlevel_server  # noqa: SLF001  the only way to give it streams of ours
    async with stdio_server(stdin=lines) as (read, write):  # type: ignore[arg-type]
        into, checked = anyio.create_memory_object_stream[SessionMessage | Exception]()

        async def forward() -> None:
            async with into:
                async for message in read:
                    if isinstance(message, Exception):
                        await write.send(SessionMessage(lines.troubles.popleft()))
                    else:
                        await into.send(message)

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(forward)
            await inner.run(checked, write, inner.create_initialization_options())


def _own_stdin() -> Any:
    """What comes in, for us alone: a process that is started meanwhile finds nothing to read."""
    taken, nothing = os.dup(sys.stdin.fileno()), os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, sys.stdin.fileno())
    os.close(nothing)
    return os.fdopen(taken, "rb", closefd=False)


class _Lines:
    """The lines of a stream that are messages; of each other one an empty line, and its trouble."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self.troubles = deque[JSONRPCError]()

    async def __aiter__(self) -> AsyncIterator[str]:
        while line := await self._next():
            if len(line) > LONGEST:
                while line and not line.endswith(b"\n"):
                    line = await self._next()
                self.troubles.append(_trouble(NO_JSON, "a message has at most 1 MiB"))
                yield ""
            elif not line.strip():
                continue
            elif (trouble := _trouble_of(line)) is not None:
                self.troubles.append(trouble)
                yield ""
            else:
                yield line.decode()

    async def _next(self) -> bytes:
        """The next line, or the beginning of one that is too long; empty at the end."""
        line: bytes = await to_thread.run_sync(self._stream.readline, LONGEST + 1)
        return line


def _trouble_of(line: bytes) -> JSONRPCError | None:
    try:
        content = read_json(line)
    except ValueError as error:
        return _trouble(NO_JSON, f"that is not the JSON that is read here: {error}")
    number = content.get("id") if isinstance(content, dict) else None
    known = number if type(number) in {int, str} else None
    try:
        jsonrpc_message_adapter.validate_python(content, by_name=False)
    except ValueError:
        return _trouble(NO_MESSAGE, "that is no message of JSON-RPC 2.0", known)
    if known is None and "method" in content and "id" in content:  # would pass for a notification
        return _trouble(NO_MESSAGE, "the id of a request is a text or a whole number")
    return None


def _trouble(code: int, why: str, number: int | str | None = None) -> JSONRPCError:
    return JSONRPCError(
        jsonrpc="2.0", id=number, error=ErrorData(code=code, message=shortened(why))
    )


class StrictBodies:
    """An ASGI application around another: what is posted is JSON that says one thing only."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand on what can be read; answer the rest."""
        if scope["type"] != "http" or scope["method"] != "POST":
            await self._app(scope, receive, send)
            return
        body = await Request(scope, receive).body()
        try:
            read_json(body)
        except ValueError as error:
            why = f"the body is not the JSON that is read here: {error}"
            await problem_reply(Problem(400, why))(scope, receive, send)
            return
        waiting = deque[Message]([{"type": "http.request", "body": body, "more_body": False}])

        async def again() -> Message:
            return waiting.popleft() if waiting else await receive()

        await self._app(scope, again, send)
