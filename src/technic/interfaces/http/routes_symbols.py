"""Routes about symbols and the market: charts, filings, the map, distributions, the language."""

from __future__ import annotations

from datetime import UTC, date, datetime
from functools import lru_cache
from typing import Annotated, Any

from fastapi import APIRouter, Query
from starlette.responses import Response

from technic.data.store.evidence import load_evidence
from technic.interfaces.http import responses
from technic.interfaces.http.api_keys import Key
from technic.interfaces.http.negotiate import json_reply
from technic.interfaces.http.requests import (
    PRINTABLE,
    Day,
    DistributionRequest,
    Indicator,
    MarketMapRequest,
    Symbol,
    WatchListRequest,
    Whole,
)
from technic.interfaces.http.routing import PROBLEMS, HubOf, KeyOf, StrictRoute, needs, require
from technic.interfaces.http.state import ServerState
from technic.interfaces.render.indicator_reference import entries, score_entries
from technic.market.schema import SECTORS
from technic.market.sessions import nyse
from technic.query.names import (
    ATTRIBUTES,
    BAR_FIELDS,
    CROSS_SECTIONAL,
    ELEMENTWISE,
    FACTS,
    REGIME,
)
from technic.runtime.version import __version__
from technic.scanner.inspect.chart import chart_data, find_symbols, fundamentals, last_closes
from technic.scanner.inspect.market_map import distribution, market_map
from technic.scanner.spec.scan_file import UNIVERSES, presets

router = APIRouter(
    prefix="/api/v1",
    tags=["market"],
    route_class=StrictRoute,
    responses=PROBLEMS,
    dependencies=[needs("read")],
)


@router.get("/about", response_model=responses.AboutShape)
async def about(hub: HubOf) -> Response:
    """What is served: which store, as of when, how fresh."""
    return await hub.gate.run(lambda: json_reply(about_of(hub)))


def about_of(hub: ServerState) -> dict[str, Any]:
    """What every page says of itself."""
    version = hub.store.version()
    behind = 0
    if version.last is not None and version.simulated is None:
        behind = max(nyse().last_finished(datetime.now(UTC)) - nyse().ordinal(version.last), 0)
    return {
        "version": __version__,
        "as_of": version.last.isoformat() if version.last else None,
        "first": version.first.isoformat() if version.first else None,
        "simulated": version.simulated is not None,
        "store_version": version.name,
        "sessions_behind": behind,
        "adjustment": version.adjustment,
        "can_watch": hub.feed is not None,
        "keyed": hub.exposure.keyed,
    }


@router.get("/symbols", response_model=list[responses.SymbolShape])
async def symbols(
    hub: HubOf,
    q: Annotated[str, Query(max_length=60), PRINTABLE] = "",
    limit: Annotated[Whole, Query(ge=1, le=200)] = 20,
) -> Response:
    """Listed symbols whose ticker begins with a text, or whose name holds it."""
    return await hub.gate.run(lambda: json_reply(find_symbols(hub.store, q, limit)))


@router.get("/symbols/{symbol}", response_model=responses.ChartShape)
async def chart(
    symbol: Symbol,
    hub: HubOf,
    key: KeyOf,
    bars: Annotated[Whole, Query(ge=1, le=5_000)] = 504,
    indicator: Annotated[list[Indicator] | None, Query(max_length=16)] = None,
    as_of: Day | None = None,
) -> Response:
    """Bars, indicators and events of one symbol; a session of the past needs the scope scan."""
    _looks_back(key, as_of)
    texts = indicator if indicator is not None else ["sma(50)", "sma(200)"]
    return await hub.gate.run(
        lambda: json_reply(chart_data(hub.store, symbol, texts, bars, as_of, hub.settings))
    )


def _looks_back(key: Key, as_of: date | None) -> None:
    """The market as of a session of the past has to be made, which is as dear as a scan."""
    if as_of is not None:
        require(key, "scan")


@router.get("/symbols/{symbol}/fundamentals")
async def filed(symbol: Symbol, hub: HubOf, key: KeyOf, as_of: Day | None = None) -> Response:
    """Ratios of one symbol, and what it filed, with the instants it became known.

    A session of the past needs the scope scan.
    """
    _looks_back(key, as_of)
    return await hub.gate.run(
        lambda: json_reply(fundamentals(hub.store, symbol, as_of, hub.settings))
    )


@router.post("/sparks")
async def sparks(body: WatchListRequest, hub: HubOf) -> Response:
    """The last closes of some symbols, oldest first; a symbol that is not known has none."""
    return await hub.gate.run(lambda: json_reply(last_closes(hub.store, body.symbols)))


@router.post("/market", dependencies=[needs("scan")])
async def market(body: MarketMapRequest, hub: HubOf) -> Response:
    """Sectors, industries and symbols with a size and a colour each; breadth, movers, regime."""
    return json_reply(
        await hub.gate.run(
            lambda: market_map(
                hub.store,
                size=body.size,
                colour=body.colour,
                universe=body.universe,
                as_of=body.as_of,
                settings=hub.settings,
            )
        )
    )


@router.post("/distribution", dependencies=[needs("scan")])
async def spread(body: DistributionRequest, hub: HubOf) -> Response:
    """How any column is spread over a universe."""
    return json_reply(
        await hub.gate.run(
            lambda: distribution(hub.store, body.column, body.universe, body.as_of, hub.settings)
        )
    )


@router.get("/evidence")
async def evidence(hub: HubOf) -> Response:
    """What the newest evaluation of scores and features found; empty if there was none."""
    return await hub.gate.run(lambda: json_reply(load_evidence(hub.store)))


@router.get("/language")
async def language() -> Response:
    """Every name that questions know, for completion."""
    return json_reply(words(), headers={"Cache-Control": "private, max-age=3600"})


@lru_cache(maxsize=1)
def words() -> dict[str, Any]:
    """The vocabulary: what to write, and what it means."""
    vocabulary = [
        {"write": entry["text"], "kind": "indicator", "says": entry["summary"]}
        for entry in entries()
    ]
    vocabulary += [
        {"write": entry["name"], "kind": "score", "says": entry["summary"]}
        for entry in score_entries()
    ]
    tables = (
        ("field", BAR_FIELDS),
        ("listing", ATTRIBUTES),
        ("filing", FACTS),
        ("market", REGIME),
        ("cross-section", CROSS_SECTIONAL),
        ("function", dict.fromkeys(ELEMENTWISE)),
    )
    for kind, names in tables:
        called = kind in {"cross-section", "function"}
        vocabulary += [
            {"write": f"{name}()" if called else name, "kind": kind, "says": ""} for name in names
        ]
    keywords = ("and", "or", "not", "between", "in", "crosses_above", "crosses_below", "by=sector")
    vocabulary += [{"write": word, "kind": "word", "says": ""} for word in keywords]
    return {
        "words": vocabulary,
        "universes": UNIVERSES,
        "sectors": list(SECTORS),
        "presets": list(presets()),
    }
