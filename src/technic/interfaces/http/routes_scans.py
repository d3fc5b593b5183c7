"""Routes that ask: scan, grid, explain, why-not, diff, features, compile, coverage."""

from __future__ import annotations

from time import perf_counter
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from technic.compute.history import FeatureRequest, store_features
from technic.errors import QuestionError
from technic.interfaces.http import responses
from technic.interfaces.http.negotiate import (
    JSON,
    json_reply,
    report_reply,
    table_reply,
    wanted_form,
)
from technic.interfaces.http.requests import (
    Day,
    DiffRequest,
    FeaturesRequest,
    ScanRequest,
    SymbolRequest,
    Texts,
)
from technic.interfaces.http.routing import PROBLEMS, HubOf, KeyOf, StrictRoute, needs, require
from technic.interfaces.http.state import ServerState
from technic.query.names import NUMBER
from technic.query.resolve import Resolver
from technic.scanner.inspect.coverage import coverage
from technic.scanner.inspect.diff import diff
from technic.scanner.inspect.explain import explain
from technic.scanner.inspect.grid import funnel_of, grid_of
from technic.scanner.inspect.why_not import why_not
from technic.scanner.pipeline import evaluate_question
from technic.scanner.spec.question import resolve_question
from technic.scanner.spec.scan_file import UNIVERSES

router = APIRouter(
    prefix="/api/v1",
    tags=["scan"],
    route_class=StrictRoute,
    responses=PROBLEMS,
    dependencies=[needs("read")],
)
TABLE: dict[int | str, dict[str, Any]] = {
    200: {
        "content": {
            "application/vnd.apache.arrow.stream": {
                "schema": {"type": "string", "format": "binary"}
            },
            "application/vnd.apache.parquet": {"schema": {"type": "string", "format": "binary"}},
            "text/csv": {"schema": {"type": "string"}},
        }
    }
}


@router.post(
    "/scan", response_model=responses.ReportShape, dependencies=[needs("scan")], responses=TABLE
)
async def scan(body: ScanRequest, request: Request, hub: HubOf) -> Response:
    """Rank the market by a question: rows, ledger, manifest.

    By `Accept`, the rows alone as Arrow IPC, Parquet or CSV.
    """
    form = wanted_form(request)

    def work() -> Response:
        report = hub.scan(
            body.file(hub.settings),
            as_of=body.as_of,
            known_at=body.known_at,
            symbols=body.symbols,
        )
        return report_reply(report, form)

    return await hub.gate.run(work)


@router.post("/grid", response_model=responses.GridShape, dependencies=[needs("scan")])
async def grid(body: ScanRequest, hub: HubOf) -> Response:
    """The whole ranking column by column, as float32, and how many each clause lets through.

    Meant for whoever asks while it is typed: a question that cannot be understood is an answer
    too, with `ok` false and what is wrong.
    """

    def work() -> dict[str, Any]:
        try:
            return _grid(hub, body)
        except QuestionError as error:
            problem = {
                "why": error.why,
                "text": error.text,
                "start": error.start,
                "hint": error.hint,
            }
            return {"ok": False, "problem": problem}

    return await hub.gate.run(lambda: json_reply(work()))


def _grid(hub: ServerState, body: ScanRequest) -> dict[str, Any]:
    since = perf_counter()
    file = body.file(hub.settings)
    question = resolve_question(file, body.symbols)
    section = evaluate_question(
        hub.store, question, body.as_of, known_at=body.known_at, settings=hub.settings
    )
    grid = grid_of(section, body.top or 5_000)
    took = 1e3 * (perf_counter() - since)
    hub.observed.evaluated(section, took)
    return {
        "ok": True,
        "problem": None,
        "as_of": section.view.as_of.isoformat(),
        "simulated": section.view.version.simulated is not None,
        "store_version": section.view.version.name,
        "question": question.as_dict(),
        "columns": [str(tree) for tree in question.columns],
        "n_ranked": len(section.ranking.order),
        "grid": grid,
        "funnel": funnel_of(section),
        "ledger": section.ledger.counts(),
        "notes": list(section.notes),
        "timings_ms": {**section.timings, "all": round(took, 3)},
    }


@router.post("/compile", response_model=responses.CompiledShape)
async def compile_texts(texts: Texts, hub: HubOf) -> Response:
    """Texts in canonical form; or what is wrong with them, where, and what was meant."""
    return await hub.gate.run(lambda: json_reply(_compiled(texts)))


def _compiled(texts: Texts) -> dict[str, Any]:
    canonical: dict[str, Any] = {}
    warnings: list[str] = []
    problems: list[dict[str, Any]] = []
    for field in ("where", "universe", "rank"):
        text = getattr(texts, field)
        if field == "universe":
            text = UNIVERSES.get(text, text)
        if text.strip():
            canonical[field] = _one(text, field, warnings, problems)
    canonical["columns"] = [_one(text, "columns", warnings, problems) for text in texts.columns]
    return {
        "ok": not problems,
        "canonical": canonical,
        "warnings": warnings,
        "problems": problems,
    }


def _one(text: str, field: str, warnings: list[str], problems: list[dict[str, Any]]) -> str | None:
    resolver = Resolver()
    try:
        if field == "rank":
            tree = resolver.question(text, NUMBER)
        elif field == "columns":
            tree = resolver.any(text)[0]
        else:
            tree = resolver.question(text)
    except QuestionError as error:
        problems.append(
            {"field": field, "why": error.why, "start": error.start, "hint": error.hint}
        )
        return None
    warnings += dict.fromkeys(resolver.warnings)
    return str(tree)


@router.post("/explain", response_model=responses.ExplanationShape, dependencies=[needs("scan")])
async def explain_symbol(body: SymbolRequest, hub: HubOf) -> Response:
    """A ranked symbol's score, term by term, beside the session before."""
    return await hub.gate.run(
        lambda: json_reply(
            explain(
                hub.store,
                body.symbol,
                body.file(hub.settings),
                body.as_of,
                known_at=body.known_at,
                settings=hub.settings,
            ).as_dict()
        )
    )


@router.post("/why-not", response_model=responses.WhyNotShape, dependencies=[needs("scan")])
async def why_not_symbol(body: SymbolRequest, hub: HubOf) -> Response:
    """Each clause of the universe and the question, for one symbol."""
    return await hub.gate.run(
        lambda: json_reply(
            why_not(
                hub.store,
                body.symbol,
                body.file(hub.settings),
                body.as_of,
                known_at=body.known_at,
                settings=hub.settings,
            ).as_dict()
        )
    )


@router.post("/diff", response_model=responses.DifferenceShape, dependencies=[needs("scan")])
async def compare(body: DiffRequest, hub: HubOf) -> Response:
    """Who entered and who left between two sessions, and why."""
    return await hub.gate.run(
        lambda: json_reply(
            diff(
                hub.store,
                body.file(hub.settings),
                body.before,
                body.after,
                settings=hub.settings,
            ).as_dict()
        )
    )


@router.post("/features", dependencies=[needs("scan")], responses=TABLE)
async def features(body: FeaturesRequest, request: Request, hub: HubOf) -> Response:
    """Histories of features, a row per symbol and session."""
    form = wanted_form(request)

    def work() -> Response:
        table = store_features(
            hub.store,
            FeatureRequest(body.features, body.symbols, body.as_of),
            last=body.last,
            settings=hub.settings,
        )
        if form == JSON:
            return json_reply({name: table[name].to_list() for name in table.columns})
        simulated = hub.store.require().simulated is not None
        return table_reply(table, form, "features", simulated=simulated)

    return await hub.gate.run(work)


@router.get("/coverage")
async def covered(hub: HubOf, key: KeyOf, as_of: Day | None = None) -> Response:
    """What the store holds, and what is missing; of a session of the past, with the scope scan."""
    if as_of is not None:
        require(key, "scan")
    figures = await hub.gate.run(lambda: coverage(hub.store, as_of))
    figures.pop("store")  # a path of ours is nobody's business
    return json_reply(figures)
