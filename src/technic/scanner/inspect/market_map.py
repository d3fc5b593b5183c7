"""The market as a picture: sectors and industries, sized and coloured; who moved, who leads."""

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
from technic.scanner.scan import plain
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
    """Sectors, industries and symbols, with a size and a colour each; movers; the regime.

    Parameters
    ----------
    size : one of `SIZES`; who has none is counted, not drawn
    colour : any column; NaN is unknown

    Raises
    ------
    QuestionError
        If the colour or the universe is no question.
    """
    settings = settings or Settings.load()
    section, trees = _section(
        store, (SIZES.get(size, size), colour, "ret(1)"), universe, as_of, settings
    )
    sizes, colours, moves = (value_of(section, tree) for tree in trees)
    attributes = section.evaluation.attributes
    drawn = np.flatnonzero((sizes > 0.0) & section.evaluation.universe)
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
        "as_of": section.view.as_of.isoformat(),
        "simulated": section.view.version.simulated is not None,
        "size": str(trees[0]),
        "colour": str(trees[1]),
        "universe": int(section.evaluation.universe.sum()),
        "symbols": symbols,
        "left_out": int(section.evaluation.universe.sum()) - len(shown),
        "sectors": _sectors(section, colours, moves),
        "rose": _movers(section, moves, -1.0),
        "fell": _movers(section, moves, 1.0),
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
    """How any column is spread over a universe; see `grid.histogram`."""
    settings = settings or Settings.load()
    section, trees = _section(store, (column,), universe, as_of, settings)
    inside = section.evaluation.universe
    values = value_of(section, trees[0])[inside]
    return {
        "as_of": section.view.as_of.isoformat(),
        "column": str(trees[0]),
        **histogram(values),
    }


def _section(
    store: Store, texts: tuple[str, ...], universe: str, as_of: date | None, settings: Settings
) -> tuple[ScanResult, list[Any]]:
    trees = [Resolver().question(text, NUMBER) for text in texts]
    asked = ScanFile(
        name="market",
        rank="close",
        top=1,
        columns=texts,
        universe=UNIVERSES.get(universe, universe),
    )
    question = replace(resolve_question(asked), columns=tuple(trees))
    return evaluate_question(store, question, as_of, settings=settings), trees


def _sectors(section: ScanResult, colours: Any, moves: Any) -> list[dict[str, Any]]:
    """Every sector: members, median of the colour, how many rose."""
    inside = section.evaluation.universe
    names = np.array([name or UNKNOWN for name in section.evaluation.attributes["sector"]])
    found = []
    for name in sorted(set(names[inside])):
        mine = inside & (names == name)
        known = colours[mine & ~np.isnan(colours)]
        found.append(
            {
                "sector": str(name),
                "members": int(mine.sum()),
                "median": float(np.median(known)) if len(known) else None,
                "advancing": int((moves[mine] > 0.0).sum()),
                "declining": int((moves[mine] < 0.0).sum()),
            }
        )
    return found


def _movers(section: ScanResult, moves: Any, sign: float) -> list[dict[str, Any]]:
    known = np.flatnonzero(~np.isnan(moves))
    order = known[np.argsort(sign * moves[known], kind="stable")][:MOVERS]
    attributes, close = section.evaluation.attributes, section.view.panel.last("close")
    return [
        {
            "symbol": attributes["symbol"][i],
            "name": attributes["name"][i],
            "close": float(close[i]),
            "move": float(moves[i]),
        }
        for i in order
    ]
