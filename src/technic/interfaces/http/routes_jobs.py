"""Routes about long work and live things: jobs, events, operations."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request
from starlette.responses import Response

from technic.data.store.evidence import save_evidence
from technic.interfaces.http import responses
from technic.interfaces.http.events import EventStream, framed
from technic.interfaces.http.jobs import Job, Progress
from technic.interfaces.http.negotiate import JSON, json_reply, table_reply, wanted_form
from technic.interfaces.http.problems import Problem
from technic.interfaces.http.requests import (
    EvaluationRequest,
    RankHistoryRequest,
    SpanRequest,
    Whole,
)
from technic.interfaces.http.routes_symbols import about_of
from technic.interfaces.http.routing import PROBLEMS, HubOf, KeyOf, StrictRoute, needs
from technic.interfaces.http.state import ServerState
from technic.interfaces.http.status_page import operations_of
from technic.interfaces.render.backtest import told
from technic.market.sessions import nyse
from technic.operations.metrics import history
from technic.research.backtest.result import Backtest
from technic.research.evaluation.evaluate import DEFAULT_UNIVERSE, check_evaluation, evaluate
from technic.research.learning.train import Trained
from technic.scanner.columns.listings import position_of
from technic.scanner.scan_sessions import Reports, scan_sessions, sessions_between
from technic.scanner.spec.question import resolve_question
from technic.scanner.spec.scan_file import UNIVERSES, ScanFile

router = APIRouter(
    prefix="/api/v1",
    tags=["work"],
    route_class=StrictRoute,
    responses=PROBLEMS,
    dependencies=[needs("read")],
)
LOOK = 0.1  # seconds between looks at a job that is listened to
JobPath = Annotated[str, Path(pattern=r"^[A-Za-z0-9_-]{1,40}$")]
MEASURED = (
    "scan_p50_ms",
    "scan_p95_ms",
    "rss_mb",
    "cpu_pct",
    "scans",
    "errors",
    "accuracy_off",
    "accuracy_values",
    "daily_sync_s",
    "daily_scan_s",
    "daily_errors",
)


@router.post(
    "/evaluate", response_model=responses.JobShape, status_code=202, dependencies=[needs("scan")]
)
async def evaluated(body: EvaluationRequest, hub: HubOf, key: KeyOf) -> Response:
    """Begin to measure what scores and features have been worth; a job.

    With a key of scope admin, what it finds replaces the evidence that all are shown.
    """
    universe = body.universe or DEFAULT_UNIVERSE
    universe = UNIVERSES.get(universe, universe)

    def check() -> None:
        check_evaluation(body.columns, universe, last=body.last)
        hub.store.require()

    await hub.gate.run(check)

    def run(progress: Progress) -> Any:
        evaluation = evaluate(
            hub.store,
            body.columns,
            universe=universe,
            last=body.last,
            settings=hub.settings,
            progress=progress,
        )
        if kept := key.may("admin"):  # all see it, in explanations too
            save_evidence(hub.store, evaluation.about(), datetime.now(UTC))
            hub.bus.publish("evidence", {"sessions": evaluation.sessions})
        return {
            **evaluation.about(),
            "kept": kept,
            "simulated": evaluation.simulated,
            "notes": list(evaluation.notes),
        }

    return started(hub.jobs.start("evaluate", _named(body.columns), key, run))


def _named(columns: list[str]) -> str:
    return ", ".join(columns[:3]) or "every rating and score"


@router.post(
    "/sessions", response_model=responses.JobShape, status_code=202, dependencies=[needs("scan")]
)
async def sessions(body: SpanRequest, hub: HubOf, key: KeyOf) -> Response:
    """Begin to ask a question on every session of a span; a job."""
    file = body.file(hub.settings)

    def check() -> None:
        """What no scan would answer is refused before a job."""
        resolve_question(file)
        sessions_between(hub.store, hub.store.require(), body.first, body.last)

    await hub.gate.run(check)

    def run(progress: Progress) -> Reports:
        return scan_sessions(
            hub.store,
            body.first,
            body.last,
            file=file,
            settings=hub.settings,
            progress=progress,
        )

    title = f"{file.name}, {body.first} to {body.last}"
    return started(hub.jobs.start("sessions", title, key, run))


@router.post(
    "/ranks", response_model=responses.JobShape, status_code=202, dependencies=[needs("scan")]
)
async def ranks(body: RankHistoryRequest, hub: HubOf, key: KeyOf) -> Response:
    """Begin to find the rank of one symbol on each of the last sessions; a job."""
    file = body.file(hub.settings)
    symbol, days = await hub.gate.run(lambda: _days_of(hub, file, body))

    def run(progress: Progress) -> Any:
        newest = hub.store.require().last
        rows = []
        for k, day in enumerate(days):
            progress(k, len(days), str(day))
            report = hub.scan(file, as_of=None if day == newest else day)
            place = {report.symbols[i]: n for n, i in enumerate(report.ranked, 1)}
            rows.append({"session": str(day), "rank": place.get(symbol), "of": report.n_ranked})
        return {"symbol": symbol, "title": file.name, "ranks": rows}

    return started(hub.jobs.start("ranks", f"{symbol} in {file.name}", key, run))


def _days_of(hub: ServerState, file: ScanFile, body: RankHistoryRequest) -> tuple[str, list[date]]:
    """The symbol, and the sessions up to one of the store's; what no scan would answer is refused."""
    resolve_question(file)
    version, view = hub.store.require(), hub.store.panel(body.as_of)
    symbol = str(view.who["symbol"][position_of(view, body.symbol)])
    assert version.first is not None
    last, first = nyse().ordinal(view.as_of), nyse().ordinal(version.first)
    return symbol, [nyse().day(d) for d in range(max(last - body.sessions + 1, first), last + 1)]


def started(job: Job) -> Response:
    """Where a job that was begun can be watched."""
    return json_reply(job.as_dict(), 202, {"Location": f"/api/v1/jobs/{job.id}"})


@router.get("/jobs", response_model=list[responses.JobShape])
async def jobs(hub: HubOf, key: KeyOf) -> Response:
    """Your jobs, newest first; with a key of scope admin, those of everybody."""
    return json_reply([job.as_dict() for job in hub.jobs.of(key)])


@router.get("/jobs/{number}", response_model=responses.JobShape)
async def one_job(number: JobPath, hub: HubOf, key: KeyOf) -> Response:
    """How far a job is."""
    return json_reply(hub.jobs.find(number, key).as_dict())


@router.delete("/jobs/{number}", response_model=responses.JobShape)
async def cancel_job(number: JobPath, hub: HubOf, key: KeyOf) -> Response:
    """Want a job no more; its thread is free at its next look at its deadline."""
    job = hub.jobs.find(number, key)
    hub.jobs.cancel(job)
    return json_reply(job.as_dict())


@router.get("/jobs/{number}/result")
async def job_result(number: JobPath, request: Request, hub: HubOf, key: KeyOf) -> Response:
    """What a job found; rows of sessions as a table, if that is accepted."""
    job = hub.jobs.find(number, key)
    stage = job.stage
    if stage.state != "done":
        raise Problem(
            409, f"the job is {stage.state}" + (f": {stage.error}" if stage.error else "")
        )
    form, found = wanted_form(request), stage.result
    if isinstance(found, Reports):
        if form == JSON:
            return json_reply(found.as_dict())
        return table_reply(found.rows, form, job.title, simulated=found.simulated)
    if form != JSON:
        raise Problem(406, "that is no table: application/json")
    if isinstance(found, Backtest):
        return json_reply(told(found))
    return json_reply(found.as_dict() if isinstance(found, Trained) else found)


@router.get("/jobs/{number}/events", response_class=EventStream)
async def job_events(number: JobPath, hub: HubOf, key: KeyOf) -> Response:
    """The progress of a job, pushed until it ends."""
    job = hub.jobs.find(number, key)
    frames = stages_of(job, lambda: hub.keys.is_good(key.id))
    return EventStream(frames, hub.bus.admit(key.id))


async def stages_of(job: Job, is_good: Callable[[], bool]) -> AsyncIterator[bytes]:
    """Frames of a job, up to that of its end, or until who listens may no more."""
    shown = None
    while True:
        stage = job.stage  # one look: what is told and whether it is the end belong together
        if stage is not shown:
            shown = stage
            yield framed("job", job.as_dict(stage))
        if stage.ended is not None or not is_good():
            return
        await asyncio.sleep(LOOK)


@router.get("/events", response_class=EventStream)
async def events(hub: HubOf, key: KeyOf) -> Response:
    """What happens, pushed: store, alert, glance, job, operations, evidence, scans."""
    seat = hub.bus.admit(key.id)  # before any work: who gets none costs nothing
    try:
        hello = framed("hello", await hub.gate.run(lambda: about_of(hub)))
    except BaseException:
        seat.give_back()
        raise
    return EventStream(hub.bus.listen(key.id, hello, framed("operations", hub.pulse())), seat)


@router.get("/operations")
async def operations(hub: HubOf) -> Response:
    """How the system does: scans, caches, calls, freshness, process, disk, rollout, accuracy."""
    return await hub.gate.run(lambda: json_reply(operations_of(hub)))


@router.get("/operations/history")
async def measured(hub: HubOf, hours: Annotated[Whole, Query(ge=1, le=720)] = 24) -> Response:
    """Measures of the last hours, over restarts, by name."""
    return await hub.gate.run(lambda: json_reply(_history(hub, hours)))


def _history(hub: ServerState, hours: int) -> dict[str, Any]:
    since = datetime.now(UTC) - timedelta(hours=hours)
    measures = history(hub.store.catalog, MEASURED, since)
    return {
        name: [[at.isoformat(timespec="seconds"), value] for at, value in rows]
        for name, rows in measures.items()
    }
