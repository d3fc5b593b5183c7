"""Routes about models, trials, backtests and the record of reports."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Path
from starlette.responses import Response

from technic.interfaces.http import responses
from technic.interfaces.http.answers import BoundedAnswer
from technic.interfaces.http.jobs import Progress
from technic.interfaces.http.negotiate import json_reply
from technic.interfaces.http.problems import Problem
from technic.interfaces.http.requests import BacktestJobRequest, TrainRequest
from technic.interfaces.http.routes_jobs import JobPath, started
from technic.interfaces.http.routing import PROBLEMS, HubOf, KeyOf, StrictRoute, needs
from technic.interfaces.render.backtest_page import backtest_page
from technic.interfaces.render.model_card import card_lines, card_page
from technic.research.backtest.inputs import check_backtest
from technic.research.backtest.result import Backtest
from technic.research.backtest.run import backtest
from technic.research.learning.train import Trained, learner_of, train
from technic.research.learning.train_file import TrainFile
from technic.research.track_record import kept_reports, record
from technic.research.trials import trials
from technic.scanner.alpha.registry import card_of, find_model, registered, use_model
from technic.scanner.spec.scan_file import ScanFile

router = APIRouter(
    prefix="/api/v1",
    tags=["models and backtests"],
    route_class=StrictRoute,
    responses=PROBLEMS,
    dependencies=[needs("read")],
)
ModelPath = Annotated[str, Path(pattern=r"^[0-9a-f]{6,64}$")]
ScanPath = Annotated[str, Path(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$")]


@router.get("/models", response_model=list[responses.ModelShape])
async def models(hub: HubOf) -> Response:
    """The models of the store, the one that forecasts first."""

    def work() -> list[dict[str, Any]]:
        cards = [card_of(hub.store, row["sha256"]) for row in registered(hub.store)]
        return [{**card_lines(card), "used": k == 0} for k, card in enumerate(cards)]

    return json_reply(await hub.gate.run(work))


@router.get("/models/{number}")
async def model(number: ModelPath, hub: HubOf) -> Response:
    """The card of a model, by the first characters of its digest."""
    card = await hub.gate.run(lambda: card_of(hub.store, find_model(hub.store, number)))
    return json_reply(orjson.loads(card.content()))


@router.get("/models/{number}/page", response_class=Response)
async def model_page(number: ModelPath, hub: HubOf) -> Response:
    """The card of a model as a file of HTML, with plots."""
    card = await hub.gate.run(lambda: card_of(hub.store, find_model(hub.store, number)))
    return _file(card_page(card), f"technic-model-{card.sha256[:12]}.html")


@router.post("/models/{number}/use", status_code=204, dependencies=[needs("admin")])
async def use(number: ModelPath, hub: HubOf) -> Response:
    """Let a model forecast from now on."""

    def work() -> None:
        use_model(hub.store, find_model(hub.store, number), datetime.now(UTC))

    await hub.gate.run(work)
    return Response(None, 204)


@router.post(
    "/train", response_model=responses.JobShape, status_code=202, dependencies=[needs("admin")]
)
async def training(body: TrainRequest, hub: HubOf, key: KeyOf) -> Response:
    """Begin to learn a model; a job. The newest model forecasts."""

    def check() -> TrainFile:
        hub.store.require()
        learner_of(file := body.file(), hub.settings)  # what it needs may not be installed
        return file

    file = await hub.gate.run(check)

    def run(progress: Progress) -> Trained:
        return train(
            hub.store, file, canaries=body.canaries, settings=hub.settings, progress=progress
        )

    title = f"{file.name}, {file.model}, {file.horizon} sessions ahead"
    return started(hub.jobs.start("train", title, key, run))


@router.get("/trials")
async def tried(hub: HubOf) -> Response:
    """Everything that was ever tried on the store, newest first."""
    return await hub.gate.run(lambda: json_reply(trials(hub.store)))


@router.post(
    "/backtest", response_model=responses.JobShape, status_code=202, dependencies=[needs("scan")]
)
async def tested(body: BacktestJobRequest, hub: HubOf, key: KeyOf) -> Response:
    """Begin to trade a question on the past; a job. It counts as a trial."""

    def check() -> ScanFile:
        check_backtest(hub.store, file := body.traded(hub.settings), hub.settings)
        return file

    file = await hub.gate.run(check)

    def run(progress: Progress) -> Backtest:
        return backtest(hub.store, file, settings=hub.settings, progress=progress)

    return started(hub.jobs.start("backtest", file.name, key, run))


@router.get("/jobs/{number}/page", response_class=Response)
async def job_page(number: JobPath, hub: HubOf, key: KeyOf) -> Response:
    """What a backtest or a training found, as a file of HTML, with plots."""
    job = hub.jobs.find(number, key)
    stage = job.stage
    if isinstance(stage.result, Backtest):
        return _file(backtest_page(stage.result), "technic-backtest.html")
    if isinstance(stage.result, Trained):
        return _file(card_page(stage.result.card), "technic-model.html")
    raise Problem(409, f"the job is {stage.state}, and has no page")


@router.post(
    "/record/{scan}",
    response_model=responses.JobShape,
    status_code=202,
    dependencies=[needs("scan")],
)
async def recorded(scan: ScanPath, hub: HubOf, key: KeyOf) -> Response:
    """Begin to find what the picks of every kept daily report of a saved scan did since; a job."""
    await hub.gate.run(lambda: kept_reports(hub.store, scan))

    def run(progress: Progress) -> dict[str, Any]:
        return record(hub.store, scan, hub.settings, progress).as_dict()

    return started(hub.jobs.start("record", scan, key, run))


def _file(page: str, name: str) -> Response:
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return BoundedAnswer(page, 200, headers, "text/html; charset=utf-8")
