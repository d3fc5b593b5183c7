"""The simulated vendor as a server: keys, plans, virtual clock, log of requests, faults.

1. `serving` starts it on loopback, behind a proxy if its faults are of the connection.
2. `Twin.ask` answers one request: it draws a fault, checks key, rate and plan, asks the dialect of
   the path, and does to the answer what the fault says.
3. `control` is a second port on which a test sets the clock and reads the requests.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from gzip import compress
from pathlib import Path
from secrets import compare_digest, token_hex
from time import monotonic, sleep
from typing import TYPE_CHECKING, Any

import orjson

from technic.data.simulated import alpaca_api, edgar_api, massive_api, snapshots_api
from technic.data.simulated.dialect import Answer, Refusal, Request, parse_day
from technic.data.simulated.differences import differ_answer, differ_asked
from technic.data.simulated.faults import TRANSPORT, Fault, FaultPlan, afflict
from technic.data.simulated.live_faults import DROPPED_LINE, MINUTES, OLD, OLD_SNAPSHOT
from technic.data.simulated.publications import Publications, evening
from technic.errors import ConfigError
from technic.market.sessions import NEW_YORK

if TYPE_CHECKING:
    import uvicorn

FAULT_HEADER = "x-sim-fault"
STREAM_EVERY = 0.2  # seconds between two messages of the stream of minutes


@dataclass(frozen=True, slots=True)
class VendorPlan:
    """What a key may do.

    Attributes
    ----------
    calls : in `period` seconds; 0 for no limit
    history_days : how far back bars reach; None for all there are
    today : whether the session of today is included
    snapshots : whether snapshots and flat files are
    """

    calls: int = 0
    period: float = 60.0
    history_days: int | None = None
    today: bool = True
    snapshots: bool = True


PLANS = {
    "none": VendorPlan(),
    "basic": VendorPlan(5, 60.0, 730, today=False, snapshots=False),
    "starter": VendorPlan(100, 1.0, 1_826),
    "developer": VendorPlan(100, 1.0, 3_652),
    "advanced": VendorPlan(100, 1.0),
}


def plan_of(text: str) -> VendorPlan:
    """A plan by name, or `20/60`: so many calls in so many seconds.

    Raises
    ------
    ConfigError
        If it is neither.
    """
    if text in PLANS:
        return PLANS[text]
    calls, _, seconds = text.partition("/")
    try:
        return VendorPlan(int(calls), float(seconds))
    except ValueError as error:
        raise ConfigError(f"plan {text}: there are {', '.join(PLANS)}, or e.g. 20/60") from error


@dataclass
class VirtualClock:
    """Virtual time: it stands still unless told to run.

    Attributes
    ----------
    start : the instant at which it was set
    rate : simulated seconds in a real one
    since : real time when it was set, in seconds of a steady clock
    """

    start: datetime
    rate: float = 0.0
    since: float = field(default_factory=monotonic)

    def now(self) -> datetime:
        """The instant it is in the simulated world."""
        return self.start + timedelta(seconds=(monotonic() - self.since) * self.rate)

    def set(self, instant: datetime, rate: float | None = None) -> None:
        """Set it to an instant, and to another rate if one is given."""
        self.rate = self.rate if rate is None else rate
        self.start, self.since = instant, monotonic()


class Twin:
    """A simulated vendor; `ask` is all that a server needs.

    Parameters
    ----------
    tape : what it publishes, and when
    clock : where its clock stands at first; the morning after the last session by default
    plan : see `plan_of`
    faults : what goes wrong; nothing by default
    keys : those that are accepted; any if none is named
    log : file to which every request is written
    """

    def __init__(
        self,
        tape: Publications,
        *,
        clock: datetime | None = None,
        plan: str = "none",
        faults: FaultPlan | None = None,
        keys: tuple[str, ...] = (),
        log: Path | None = None,
    ) -> None:
        self.tape = tape
        self.clock = VirtualClock(clock or evening(tape.sessions[-1]) + timedelta(hours=8))
        self.plan = plan_of(plan)
        self.faults = faults or FaultPlan()
        self.keys = keys
        self.requests: list[dict[str, Any]] = []
        self._log = log
        self._served: deque[float] = deque()
        self._lock = threading.Lock()
        self._warm: dict[tuple[Any, ...], Answer] = {}

    def ask(self, path: str, query: Mapping[str, str], headers: Mapping[str, str]) -> Answer:
        """The answer to one GET."""
        request = Request(path, dict(query), self.clock.now())
        target = path + ("?" + "&".join(f"{k}={v}" for k, v in query.items()) if query else "")
        fault = self._fault(target, headers)
        if fault is not None and fault.name == OLD_SNAPSHOT:
            request = replace(request, now=request.now - OLD)
        try:
            if request.path.startswith(edgar_api.PATHS):
                _require_contact(headers)
            else:
                self._authorise(request, headers)
            self._ration()
            self._entitle(request)
            answer = self._answer(differ_asked(request, self.faults.differences))
        except Refusal as refusal:
            answer = massive_api.refusal_answer(refusal, request)
        if self.faults.differences:
            answer = differ_answer(answer, request, self.faults.differences)
        if fault is not None and fault.name not in TRANSPORT:
            answer = afflict(answer, fault, request)
        self._note(request, target, answer, fault)
        return answer

    def _fault(self, target: str, headers: Mapping[str, str]) -> Fault | None:
        """As drawn by the proxy in front, if there is one."""
        fault = headers.get(FAULT_HEADER)
        if fault is None:
            return self.faults.draw(target)
        name, _, seed = fault.partition(":")
        return Fault(name, int(seed)) if name else None

    def _answer(self, request: Request) -> Answer:
        """The dialect's answer; the same question at the same instant is encoded once."""
        key = (request.path, tuple(sorted(request.params.items())), request.now)
        answer = self._warm.get(key)
        if answer is None:
            answer = _dialect(request.path).answer(self.tape, request)
            if len(self._warm) > 256:
                self._warm.clear()
            self._warm[key] = answer
        return answer

    def _authorise(self, request: Request, headers: Mapping[str, str]) -> None:
        bearer = headers.get("authorization", "").removeprefix("Bearer ").strip()
        key = bearer or headers.get("apca-api-key-id", "") or request.params.get("apiKey", "")
        if not key:
            raise Refusal(401, {"error": "API Key was not provided"})
        if self.keys and not any(compare_digest(key, good) for good in self.keys):
            raise Refusal(401, {"error": "Unknown API Key"})

    def _ration(self) -> None:
        if not self.plan.calls:
            return
        with self._lock:
            now = monotonic()
            while self._served and now - self._served[0] > self.plan.period:
                self._served.popleft()
            if len(self._served) >= self.plan.calls:
                text = (
                    "You've exceeded the maximum requests per minute, please wait or upgrade "
                    "your subscription to continue."
                )
                raise Refusal(429, {"error": text})
            self._served.append(now)

    def _entitle(self, request: Request) -> None:
        plan, today = self.plan, request.today
        no = "You are not entitled to this data. Please upgrade your plan."
        if not plan.snapshots and ("/snapshot/" in request.path or "/flatfiles/" in request.path):
            raise Refusal(403, {"status": "NOT_AUTHORIZED", "message": no})
        if "/v2/aggs/" not in request.path or request.path.endswith("/prev"):
            return
        last = parse_day(request.path.rsplit("/", 1)[1])
        too_old = plan.history_days and last < today - timedelta(days=plan.history_days)
        if too_old or (last >= today and not plan.today and "/grouped/" in request.path):
            text = "Your plan doesn't include this data timeframe. Please upgrade your plan."
            raise Refusal(403, {"status": "NOT_AUTHORIZED", "message": text})

    def _note(self, request: Request, target: str, answer: Answer, fault: Fault | None) -> None:
        line = {
            "target": target,
            "status": answer.status,
            "bytes": len(answer.body),
            "now": request.now.isoformat(),
            "fault": fault.name if fault else None,
        }
        with self._lock:
            self.requests.append(line)
            if self._log is not None:
                with self._log.open("ab") as handle:
                    handle.write(orjson.dumps(line) + b"\n")


def _dialect(path: str) -> Any:
    """The module of the vendor whose path it is."""
    if path.startswith(edgar_api.PATHS):
        return edgar_api
    return alpaca_api if path in alpaca_api.PATHS else massive_api


def _require_contact(headers: Mapping[str, str]) -> None:
    """Refuse, as EDGAR does, requests that do not say who asks."""
    if "@" not in headers.get("user-agent", ""):
        raise Refusal(403, {"message": "Undeclared Automated Tool"})


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
