"""The application: routes, guards, pages, signs of life."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.openapi.utils import get_openapi
from prometheus_client import generate_latest
from starlette.exceptions import HTTPException
from starlette.responses import PlainTextResponse, Response

from technic.errors import TechnicError
from technic.indicators.kernel.loader import compiled
from technic.interfaces.http import (
    routes_jobs,
    routes_library,
    routes_research,
    routes_scans,
    routes_symbols,
    static,
)
from technic.interfaces.http.api_keys import digest_of
from technic.interfaces.http.gauges import Gauges
from technic.interfaces.http.logins import COOKIE, LIFE
from technic.interfaces.http.middleware import Guards
from technic.interfaces.http.negotiate import json_reply
from technic.interfaces.http.problems import Problem, of_error, problem_reply
from technic.interfaces.http.requests import LoginRequest
from technic.interfaces.http.routing import PROBLEMS, HubOf, StrictRoute, said
from technic.interfaces.http.state import ServerState
from technic.runtime.version import __version__


def create_app(hub: ServerState) -> Any:
    """The ASGI application over a hub, guarded."""

    @asynccontextmanager
    async def life(_app: FastAPI) -> AsyncIterator[None]:
        await hub.start()
        yield
        await hub.stop()

    app = _bare(life)
    app.state.hub = hub
    hub.observed.registry.register(Gauges(hub))
    static.add_to(app)
    return Guards(app, hub)


def described() -> dict[str, Any]:
    """The OpenAPI description, without a server."""
    return _described(_bare(None))


def _bare(life: Any) -> FastAPI:
    """The routes and what they share, over no hub yet."""
    app = FastAPI(
        title="technic",
        version=__version__,
        description="Scans of the whole US stock market: which stocks, in which order, and why.",
        docs_url=None,  # both load scripts from elsewhere
        redoc_url=None,
        openapi_url="/api/v1/openapi.json",
        redirect_slashes=False,  # an address that is not ours is not another one's
        lifespan=life,
        license_info={"name": "Apache-2.0"},
    )
    app.router.route_class = StrictRoute
    for part in (routes_scans, routes_symbols, routes_library, routes_jobs, routes_research):
        app.include_router(part.router)
    _signs(app)
    _logins(app)
    _errors(app)
    app.openapi = lambda: _described(app)  # type: ignore[method-assign]
    return app


def _signs(app: FastAPI) -> None:
    """Life, readiness, metrics."""

    @app.get("/healthz", tags=["signs"], responses=PROBLEMS)
    async def alive() -> Response:
        """Whether the process answers."""
        return json_reply({"status": "ok"})

    @app.get("/readyz", tags=["signs"], responses=PROBLEMS)
    async def ready(hub: HubOf) -> Response:
        """Whether a scan would be answered now; 503 if not."""

        def work() -> str:
            try:
                hub.store.require()
            except TechnicError as error:
                return str(error).partition(": ")[2] or "the store cannot be read"
            return "" if compiled(hub.settings.kernels) else "the indicators are not compiled yet"

        if trouble := await hub.gate.run(work):
            raise Problem(503, trouble, retry_after=10)
        return json_reply({"status": "ready"})

    @app.get("/metrics", tags=["signs"], responses=PROBLEMS, response_class=PlainTextResponse)
    async def metrics(hub: HubOf) -> Response:
        """Counters, gauges and histograms, as Prometheus reads them."""
        text = await hub.gate.run(lambda: generate_latest(hub.observed.registry))
        return Response(text, media_type="text/plain; version=0.0.4; charset=utf-8")


def _logins(app: FastAPI) -> None:
    """Signing in and out with a key."""

    @app.post("/login", tags=["signs"], responses=PROBLEMS)
    async def login(sign_in: LoginRequest, request: Request, hub: HubOf) -> Response:
        """Begin a session of a page with a key."""
        key = await hub.keys.admit(sign_in.key, request.scope["technic.address"])
        reply = json_reply({"name": key.name, "scope": key.scope})
        reply.set_cookie(
            COOKIE,
            hub.sessions.begin(digest_of(sign_in.key)),
            max_age=int(LIFE),
            path="/",
            secure=True,
            httponly=True,
            samesite="strict",
        )
        return reply

    @app.post("/logout", tags=["signs"], status_code=204, responses=PROBLEMS)
    async def logout(request: Request, hub: HubOf) -> Response:
        """End it."""
        hub.sessions.end(request.cookies.get(COOKIE, ""))
        reply = Response(status_code=204)
        reply.delete_cookie(COOKIE, path="/", secure=True, httponly=True, samesite="strict")
        return reply


def _errors(app: FastAPI) -> None:
    """Every error as problem details; of a defect, nothing but that it is one."""

    @app.exception_handler(TechnicError)
    async def ours(_request: Request, error: TechnicError) -> Response:
        return problem_reply(of_error(error))

    @app.exception_handler(RequestValidationError)
    async def invalid(_request: Request, error: RequestValidationError) -> Response:
        return problem_reply(Problem(422, said(error), code="Invalid"))

    @app.exception_handler(HTTPException)
    async def plain(_request: Request, error: HTTPException) -> Response:
        if isinstance(error, Problem):
            return problem_reply(error)
        problem = Problem(error.status_code, _plainly(error))
        problem.headers = error.headers  # such as Allow
        return problem_reply(problem)

    @app.exception_handler(Exception)
    async def defect(_request: Request, _error: Exception) -> Response:
        return problem_reply(Problem(500, "a defect of technic's; the log has more"))


def _plainly(error: HTTPException) -> str:
    """What the framework says in the words of a status, in ours."""
    if error.status_code == 404:
        return "there is nothing at that address"
    if error.status_code == 405:
        allowed = (error.headers or {}).get("Allow", "")
        return f"that address takes {allowed}" if allowed else "that address takes another method"
    return str(error.detail)


def _described(app: FastAPI) -> dict[str, Any]:
    """The OpenAPI description: errors as problem details, keys as bearer tokens."""
    if app.openapi_schema:
        return app.openapi_schema
    description = get_openapi(
        title=app.title,
        version=app.version,
        description=app.description,
        routes=app.routes,
        license_info=app.license_info,
    )
    problem = {"$ref": "#/components/schemas/ProblemShape"}
    for path in description["paths"].values():
        for about in path.values():
            for status, response in about.get("responses", {}).items():
                if int(status) >= 400:
                    response["content"] = {"application/problem+json": {"schema": problem}}
    schemas = description["components"]["schemas"]
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    description["components"]["securitySchemes"] = {"key": {"type": "http", "scheme": "bearer"}}
    description["security"] = [{"key": []}, {}]
    app.openapi_schema = description
    return description
