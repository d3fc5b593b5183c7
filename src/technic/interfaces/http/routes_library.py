"""Routes about what people keep: scans, watch-lists, alerts, watches, runs; and today."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query
from starlette.responses import Response

from technic.errors import StoreError, TechnicError
from technic.interfaces.http import responses
from technic.interfaces.http.negotiate import json_reply
from technic.interfaces.http.problems import Problem
from technic.interfaces.http.requests import (
    Name,
    SaveScanRequest,
    WatchListRequest,
    WatchRequest,
    Whole,
)
from technic.interfaces.http.routing import PROBLEMS, HubOf, StrictRoute, needs
from technic.interfaces.http.state import ServerState
from technic.interfaces.outside import outside, without_folders
from technic.market.symbols import asked_symbols
from technic.operations.saved_scans import content_of, forget_scan, save_scan, saved_scans
from technic.runtime.settings import Settings
from technic.scanner.inspect.diff import difference, session_before
from technic.scanner.spec.alert_rules import AlertRules
from technic.scanner.spec.scan_file import ScanFile, presets

router = APIRouter(
    prefix="/api/v1",
    tags=["kept"],
    route_class=StrictRoute,
    responses=PROBLEMS,
    dependencies=[needs("read")],
)
NamePath = Annotated[Name, Path()]
SHOWN = ("momentum-leaders", "breakout", "oversold-pullback", "squeeze")  # while none is saved


@router.get("/today")
async def today(hub: HubOf) -> Response:
    """Every saved scan beside the session before: count, entered, left, and why."""
    return await hub.gate.run(lambda: json_reply(today_of(hub)))


def today_of(hub: ServerState) -> dict[str, Any]:
    """The page that pages open with."""
    saved = saved_scans(hub.settings)
    named = [(one.name, one.file, one.trouble, False) for one in saved]
    if not named:
        shipped = presets()
        chosen = [name for name in SHOWN if name in shipped] or list(shipped)[:4]
        named = [(name, ScanFile.preset(name), "", True) for name in chosen]
    return {"scans": [_card(hub, *one) for one in named], "suggested": not saved}


def _card(
    hub: ServerState, name: str, file: ScanFile | None, trouble: str, is_preset: bool
) -> dict[str, Any]:
    card: dict[str, Any] = {"name": name, "preset": is_preset, "trouble": without_folders(trouble)}
    if file is None:
        return {**card, "title": name}
    card |= {"title": file.name, "alert": file.alert.content() if file.alert else None}
    try:
        report = hub.scan(file)
    except TechnicError as error:
        return {**card, "trouble": outside(error)}
    rows = report.shown[:8]
    card |= {
        "as_of": report.as_of.isoformat(),
        "n_ranked": report.n_ranked,
        "shown": len(report.shown),
        "seal": report.manifest["seal"],
        "rows": [
            {
                "rank": r.rank,
                "symbol": r.symbol,
                "name": r.name,
                "score": r.score,
                "percentile": r.percentile,
                "closes": r.closes,
            }
            for r in rows
        ],
    }
    try:
        before = hub.scan(file, as_of=session_before(hub.store, report.as_of))
    except StoreError:
        return card
    return {**card, "difference": difference(before, report).as_dict()}


@router.get("/scans", response_model=list[responses.SavedShape])
async def scans(hub: HubOf) -> Response:
    """Saved scans, then presets."""

    def work() -> list[dict[str, Any]]:
        own = [_entry(s.name, s.title, s.content, s.trouble) for s in saved_scans(hub.settings)]
        taken = {entry["name"] for entry in own}
        shipped = [
            _entry(name, content.get("name", name), content, preset=True)
            for name, content in ((n, tomllib.loads(t)) for n, t in presets().items())
            if name not in taken
        ]
        return own + shipped

    return json_reply(await hub.gate.run(work))


def _entry(
    name: str, title: str, content: Any, trouble: str = "", *, preset: bool = False
) -> dict[str, Any]:
    return {
        "name": name,
        "title": title,
        "preset": preset,
        "trouble": without_folders(trouble),
        "file": dict(content),
    }


@router.get("/scans/{name}", response_model=responses.SavedShape)
async def one_scan(name: NamePath, hub: HubOf) -> Response:
    """A saved scan or a preset, every text filled in."""
    return await hub.gate.run(lambda: json_reply(_one(hub.settings, name)))


def _one(settings: Settings, name: str) -> dict[str, Any]:
    own = {one.name: one for one in saved_scans(settings)}
    if name in own:
        text = own[name]
        content = content_of(text.file) if text.file else {}
        return _entry(name, text.title, content, text.trouble)
    if name not in presets():
        raise Problem(404, f"{name}: neither a saved scan nor a preset")
    file = ScanFile.preset(name)
    return _entry(name, file.name, content_of(file), preset=True)


@router.put("/scans/{name}", response_model=responses.SavedShape, dependencies=[needs("admin")])
async def keep_scan(name: NamePath, body: SaveScanRequest, hub: HubOf) -> Response:
    """Keep a scan; one of the same name is replaced."""

    def work() -> dict[str, Any]:
        file = body.file(hub.settings)
        if file.name == ScanFile().name:  # nobody gave it a title
            file = replace(file, name=name)
        content = content_of(file)
        if body.alert is not None:
            rules = body.alert.model_dump(exclude_none=True)
            content["alert"] = AlertRules.of(rules, "alert").content()
        save_scan(hub.settings, name, content)
        return _one(hub.settings, name)

    summary = await hub.gate.run(work)
    hub.bus.publish("scans", {"name": name})
    return json_reply(summary)


@router.delete("/scans/{name}", status_code=204, dependencies=[needs("admin")])
async def drop_scan(name: NamePath, hub: HubOf) -> Response:
    """Delete a saved scan."""

    def work() -> None:
        if not forget_scan(hub.settings, name):
            raise Problem(404, f"{name}: no scan is saved under that name")
        hub.book.forget(name)

    await hub.gate.run(work)
    hub.bus.publish("scans", {"name": name})
    return Response(status_code=204)


@router.get("/lists")
async def lists(hub: HubOf) -> Response:
    """Watch-lists, and how many symbols each holds."""
    return json_reply(await hub.gate.run(hub.store.catalog.watchlists))


@router.get("/lists/{name}")
async def one_list(name: NamePath, hub: HubOf) -> Response:
    """The symbols of a watch-list; empty if there is none."""
    members = await hub.gate.run(lambda: hub.store.catalog.watched(name))
    return json_reply({"name": name, "symbols": members})


@router.put("/lists/{name}", dependencies=[needs("admin")])
async def keep_list(name: NamePath, body: WatchListRequest, hub: HubOf) -> Response:
    """Make a watch-list hold these symbols and no others.

    Every symbol must be one that the store knows.
    """

    def work() -> dict[str, Any]:
        known = set(hub.store.panel().who["symbol"])
        symbols = set(asked_symbols(body.symbols, known).values())
        catalog = hub.store.catalog
        catalog.unwatch(name, set(catalog.watched(name)) - symbols)
        catalog.watch(name, symbols, datetime.now(UTC))
        return {"name": name, "symbols": catalog.watched(name)}

    return json_reply(await hub.gate.run(work))


@router.delete("/lists/{name}", status_code=204, dependencies=[needs("admin")])
async def drop_list(name: NamePath, hub: HubOf) -> Response:
    """Empty a watch-list, which ends it."""
    catalog = hub.store.catalog
    await hub.gate.run(lambda: catalog.unwatch(name, catalog.watched(name)))
    return Response(status_code=204)


@router.get("/alerts", response_model=list[responses.AlertShape])
async def alerts(
    hub: HubOf,
    limit: Annotated[Whole, Query(ge=1, le=1_000)] = 100,
    since: Annotated[Whole, Query(ge=0, le=2**31 - 1)] = 0,
) -> Response:
    """Alerts, newest first, each with where it went; those after number `since` only."""
    return await hub.gate.run(lambda: json_reply(hub.book.alerts(limit, since)))


@router.get("/watches")
async def watches(hub: HubOf) -> Response:
    """Scans that are looked at while the market trades."""
    return json_reply(hub.watches.list())


@router.post("/watches", dependencies=[needs("admin")])
async def watch(body: WatchRequest, hub: HubOf) -> Response:
    """Begin to look at a saved scan or a preset."""
    return json_reply(
        (await hub.gate.run(lambda: hub.watches.start(body.scan, body.every))).as_dict()
    )


@router.delete("/watches/{name}", status_code=204, dependencies=[needs("admin")])
async def unwatch(name: NamePath, hub: HubOf) -> Response:
    """Look at it no more."""
    if not hub.watches.stop(name):
        raise Problem(404, f"{name}: is not watched")
    return Response(status_code=204)


@router.get("/runs")
async def runs(hub: HubOf, limit: Annotated[Whole, Query(ge=1, le=1_000)] = 100) -> Response:
    """Runs that were kept, newest first."""
    return await hub.gate.run(lambda: json_reply(hub.store.catalog.runs()[:limit]))


@router.get("/runs/{number}")
async def one_run(number: Annotated[Whole, Path(ge=1, le=2**31 - 1)], hub: HubOf) -> Response:
    """The manifest of a run."""
    manifest = await hub.gate.run(lambda: hub.store.catalog.run(number))
    if manifest is None:
        raise Problem(404, f"there is no run {number}")
    return json_reply(manifest)
