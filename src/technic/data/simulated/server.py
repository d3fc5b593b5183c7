"""The simulated vendor as a server on loopback: its answers, its stream of minutes, its control.

`serving` starts it, behind a proxy if its faults are of the connection; what it answers is in `twin`.
`control` is a second port on which a test sets the clock and reads the requests.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from gzip import compress
from secrets import compare_digest, token_hex
from time import sleep
from typing import TYPE_CHECKING, Any

import orjson

from technic.data.simulated import snapshots_api
from technic.data.simulated.faults import Fault
from technic.data.simulated.live_faults import DROPPED_LINE, MINUTES
from technic.data.simulated.twin import Twin
from technic.errors import ConfigError
from technic.market.sessions import NEW_YORK

if TYPE_CHECKING:
    import uvicorn

STREAM_EVERY = 0.2  # seconds between two messages of the stream of minutes


def application(twin: Twin) -> Any:
    """The simulated vendor as an ASGI application."""
    from starlette.applications import Starlette  # only a server needs it
    from starlette.requests import Request as WebRequest
    from starlette.responses import Response
    from starlette.routing import Route, WebSocketRoute

    def respond(web: WebRequest) -> Response:
        query = dict(web.query_params)
        if etag := web.headers.get("if-none-match"):
            query["if-none-match"] = etag
        answer = twin.ask(web.url.path, query, web.headers)
        headers = {"X-Technic-Sim": "1", "Vary": "Accept-Encoding", **answer.headers}
        body = answer.body
        accepts = "gzip" in web.headers.get("accept-encoding", "")
        if accepts and answer.kind == "application/json" and "Content-Encoding" not in headers:
            body = compress(body, 1, mtime=0)
            headers["Content-Encoding"] = "gzip"
        return Response(body, answer.status, headers, answer.kind)

    return Starlette(
        routes=[
            WebSocketRoute("/stocks", streaming(twin)),
            Route("/{path:path}", respond, methods=["GET"]),
        ]
    )


def _frames(fault: Fault | None, bars: list[dict[str, Any]]) -> list[Any]:
    """One message of the stream, as a fault leaves it.

    Raises
    ------
    RuntimeError
        If the line is to break.
    """
    if fault is not None and fault.name == DROPPED_LINE:
        raise RuntimeError
    if fault is not None and fault.name in MINUTES:
        return list(MINUTES[fault.name](bars, fault.rng))
    return [orjson.dumps(bars).decode()]


def streaming(twin: Twin) -> Any:
    """The websocket of minute bars: a greeting, a word on the key, then bars."""
    import asyncio  # only a server needs it

    from starlette.websockets import WebSocket, WebSocketDisconnect

    def status(what: str, text: str) -> str:
        return orjson.dumps([{"ev": "status", "status": what, "message": text}]).decode()

    async def converse(socket: WebSocket) -> None:
        await socket.accept()
        await socket.send_text(status("connected", "Connected Successfully"))
        message = orjson.loads(await socket.receive_text())
        if twin.keys and message.get("params") not in twin.keys:
            await socket.send_text(status("auth_failed", "authentication failed"))
            await socket.close()
            return
        await socket.send_text(status("auth_success", "authenticated"))
        await socket.receive_text()
        await socket.send_text(status("success", "subscribed to: AM.*"))
        latest: dict[str, dict[str, Any]] = {}
        while True:
            bars, latest = await asyncio.to_thread(
                snapshots_api.minutes, twin.tape, twin.clock.now(), latest
            )
            for k in range(0, len(bars), 500):
                for frame in _frames(twin.faults.draw("/stocks"), bars[k : k + 500]):
                    await (socket.send_text if isinstance(frame, str) else socket.send_bytes)(frame)
            with suppress(TimeoutError):  # who leaves ends it, though no bar is to be sent
                await asyncio.wait_for(socket.receive_text(), STREAM_EVERY)

    async def streamed(socket: WebSocket) -> None:
        try:
            await converse(socket)
        except (WebSocketDisconnect, RuntimeError, ValueError):
            return

    return streamed


def control(twin: Twin, token: str) -> Any:
    """The application of the control port: sets the clock, shows the requests; only with its token."""
    from starlette.applications import Starlette
    from starlette.requests import Request as WebRequest
    from starlette.responses import JSONResponse
    from starlette.routing import Route

    def allowed(web: WebRequest) -> bool:
        bearer = web.headers.get("authorization", "").removeprefix("Bearer ")
        return compare_digest(bearer, token)

    async def clock(web: WebRequest) -> JSONResponse:
        if not allowed(web):
            return JSONResponse({"error": "wrong token"}, 401)
        content = await web.json()
        instant = datetime.fromisoformat(content["now"])
        local = instant if instant.tzinfo else instant.replace(tzinfo=NEW_YORK)
        twin.clock.set(local.astimezone(UTC), content.get("rate"))
        return JSONResponse({"now": twin.clock.now().isoformat()})

    def requests(web: WebRequest) -> JSONResponse:
        if not allowed(web):
            return JSONResponse({"error": "wrong token"}, 401)
        return JSONResponse({"requests": twin.requests, "faults": dict(twin.faults.struck)})

    return Starlette(
        routes=[
            Route("/__sim/clock", clock, methods=["POST"]),
            Route("/__sim/requests", requests, methods=["GET"]),
        ]
    )


@contextmanager
def listening(app: Any, port: int = 0) -> Iterator[int]:
    """Serve an application on a loopback port, in a thread of its own; yields the port.

    Parameters
    ----------
    app : an ASGI application
    port : 0 for a free one

    Raises
    ------
    ConfigError
        If the port cannot be listened on.
    """
    import uvicorn  # only a server needs it

    config = uvicorn.Config(app, host="127.0.0.1", port=port, log_level="error", lifespan="off")
    server = uvicorn.Server(config)
    server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        yield _port_of(server, thread, port)
    finally:
        server.should_exit = True
        thread.join(5)


def _port_of(server: uvicorn.Server, thread: threading.Thread, port: int) -> int:
    for _ in range(2_000):
        if server.started:
            return int(server.servers[0].sockets[0].getsockname()[1])
        if not thread.is_alive():
            break
        sleep(0.005)
    raise ConfigError(f"port {port} cannot be listened on; choose another with --port")


@dataclass(frozen=True, slots=True)
class Served:
    """Where a simulated vendor can be reached.

    Attributes
    ----------
    url : base address of the vendor's API
    control, token : address of the control port, and its secret
    """

    url: str
    control: str
    token: str


@contextmanager
def serving(twin: Twin, port: int = 0) -> Iterator[Served]:
    """Serve a simulated vendor on loopback, behind a proxy if its faults need one.

    Parameters
    ----------
    port : 0 for a free one
    """
    from technic.data.simulated.proxy import proxying  # asyncio is slow to import

    token = token_hex(16)
    behind = twin.faults.has_transport
    with (
        listening(control(twin, token)) as second,
        listening(application(twin), 0 if behind else port) as inner,
        proxying(twin.faults, inner, port if behind else None) as outer,
    ):
        base = f"http://127.0.0.1:{outer or inner}"
        yield Served(base, f"http://127.0.0.1:{second}", token)
