"""The market as a picture: sectors and industries, sized and coloured, and who moved most."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import numpy as np

from technic.data.store import Store
from technic.query.names import NUMBER
from technic.query.resolve import Resolver
from technic.runtime.settings import Settings
from technic.scanner.columns.attributes import market_regime
from technic.scanner.inspect.grid import histogram, value_of
from technic.scanner.pipeline import ScanResult, evaluate_question
from technic.scanner.report import plain
from technic.scanner.spec.question import resolve_question
from technic.scanner.spec.scan_file import UNIVERSES, ScanFile

SIZES = {"market_cap": "market_cap", "dollar_volume": "dollar_volume(20)"}
UNKNOWN = "Unknown"
MOST = 1_500  # symbols drawn; the smaller ones are counted
MOVERS = 15


def market_map(
    store: Store,
    *,
    size: str = "dollar_volume",
    colour: str = "100 * ret(1)",
    universe: str = "liquid",
    as_of: date | None = None,
    settings: Settings | None = None,
) -> dict[str, Any]:
    """Return sectors, industries and symbols with a size and a colour each, movers, the regime.

    Parameters
    ----------
    store : the store to ask
    size : one of `SIZES`; who has none is counted, not drawn
    colour : any column of numbers
    universe : a name of `UNIVERSES`, or clauses
    as_of : the session to stand in; the newest stored by default
    settings : cache, threads and kernels; none of them changes a value

    Returns
    -------
    dict
        As JSON holds it; None is unknown.

    Raises
    ------
    QuestionError
        If the colour or the universe is no question.
    """
    settings = settings or Settings.load()
    result, trees = _evaluate(
        store, (SIZES.get(size, size), colour, "ret(1)"), universe, as_of, settings
    )
    sizes, colours, moves = (value_of(result, tree) for tree in trees)
    attributes = result.evaluation.attributes
    drawn = np.flatnonzero((sizes > 0.0) & result.evaluation.universe)
    order = drawn[np.argsort(-sizes[drawn], kind="stable")]
    shown = order[:MOST]
    symbols = [
        {
            "symbol": attributes["symbol"][i],
            "name": attributes["name"][i],
            "sector": attributes["sector"][i] or UNKNOWN,
            "industry": attributes["industry"][i] or UNKNOWN,
            "size": float(sizes[i]),
            "colour": plain(colours[i]),
        }
        for i in shown
    ]
    regime = market_regime(store, as_of, settings=settings)
    return {
        "as_of": result.view.as_of.isoformat(),
        "simulated": result.view.version.simulated is not None,
        "size": str(trees[0]),
        "colour": str(trees[1]),
        "universe": int(result.evaluation.universe.sum()),
        "symbols": symbols,
        "left_out": int(result.evaluation.universe.sum()) - len(shown),
        "sectors": _sectors(result, colours, moves),
        "rose": _movers(result, moves, -1.0),
        "fell": _movers(result, moves, 1.0),
        "advancing": int((moves > 0.0).sum()),
        "declining": int((moves < 0.0).sum()),
        "unchanged": int((moves == 0.0).sum()),
        "regime": regime.as_dict(),
    }


def distribution(
    store: Store,
    column: str,
    universe: str = "liquid",
    as_of: date | None = None,
    settings: Settings | None = None,
) -> dict[str, Any]:
    """Return how any column is spread over a universe.

    Parameters
    ----------
    store : the store to ask
    column : an expression of the scan language
    universe : a name of `UNIVERSES`, or clauses
    as_of : the session to stand in; the newest stored by default
    settings : cache, threads and kernels; none of them changes a value

    Returns
    -------
    dict
        What `histogram` counts, with the session and the column.
    """
    settings = settings or Settings.load()
    result, trees = _evaluate(store, (column,), universe, as_of, settings)
    inside = result.evaluation.universe
    values = value_of(result, trees[0])[inside]
    return {
        "as_of": result.view.as_of.isoformat(),
        "column": str(trees[0]),
        **histogram(values),
    }


def _evaluate(
    store: Store, texts: tuple[str, ...], universe: str, as_of: date | None, settings: Settings
) -> tuple[ScanResult, list[Any]]:
    """Columns evaluated over a universe, and their trees."""
    trees = [Resolver().question(text, NUMBER) for text in texts]
    file = ScanFile(
        name="market",
        rank="close",
        top=1,
        columns=texts,
        universe=UNIVERSES.get(universe, universe),
    )
    question = replace(resolve_question(file), columns=tuple(trees))
    return evaluate_question(store, question, as_of, settings=settings), trees


def _sectors(result: ScanResult, colours: Any, moves: Any) -> list[dict[str, Any]]:
    """Every sector: members, median of the colour, how many rose."""
    inside = result.evaluation.universe
    names = np.array([name or UNKNOWN for name in result.evaluation.attributes["sector"]])
    sectors = []
    for name in sorted(set(names[inside])):
        members = inside & (names == name)
        values = colours[members & ~np.isnan(colours)]
        sectors.append(
            {
                "sector": str(name),
                "members": int(members.sum()),
                "median": float(np.median(values)) if len(values) else None,
                "advancing": int((moves[members] > 0.0).sum()),
                "declining": int((moves[members] < 0.0).sum()),
            }
        )
    return sectors


def _movers(result: ScanResult, moves: Any, sign: float) -> list[dict[str, Any]]:
    moved = np.flatnonzero(~np.isnan(moves))
    order = moved[np.argsort(sign * moves[moved], kind="stable")][:MOVERS]
    attributes, close = result.evaluation.attributes, result.view.panel.last("close")
    return [
        {
            "symbol": attributes["symbol"][i],
            "name": attributes["name"][i],
            "close": float(close[i]),
            "move": float(moves[i]),
        }
        for i in order
    ]
