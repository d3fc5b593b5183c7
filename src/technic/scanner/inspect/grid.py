"""A whole ranking as columns, and how many symbols each clause lets through."""

from __future__ import annotations

from typing import Any

import numpy as np

from technic.market.typing import BoolArray, FloatArray
from technic.query.tree import Node
from technic.scanner.pipeline import ScanResult

MOST = 20_000  # rows


def grid_of(section: ScanResult, limit: int = MOST) -> dict[str, Any]:
    """Everybody ranked, best first, column by column; as many rows as `limit`.

    Returns
    -------
    dict
        `symbol`, `name`, `sector` as lists of text; `score`, `percentile` and `values`, by column
        of the question, as float32 arrays (NaN is unknown): for a screen, not for arithmetic;
        texts of columns are lists, with None for unknown
    """
    order = section.ranking.order[:limit]
    evaluation, attributes = section.evaluation, section.evaluation.attributes
    columns = {
        str(tree): _column(evaluation.value(tree)[order]) for tree in section.question.columns
    }
    return {
        "symbol": attributes["symbol"][order].tolist(),
        "name": attributes["name"][order].tolist(),
        "sector": attributes["sector"][order].tolist(),
        "score": section.ranking.score[order].astype(np.float32),
        "percentile": section.ranking.percentile[order].astype(np.float32),
        "values": columns,
    }


def _column(values: Any) -> Any:
    return values.tolist() if values.dtype == object else values.astype(np.float32)


def funnel_of(section: ScanResult) -> list[dict[str, Any]]:
    """How many are left after each step, from everybody listed to everybody ranked.

    Returns
    -------
    list
        `part` (listed, universe, traded, question, score), `text`, `left`: who passes this step
        and all before it, `alone`: who would pass this step by itself, of those in the universe
    """
    question, evaluation = section.question, section.evaluation
    left = section.listed.copy()
    steps = [_step("listed", "listed", left, section.listed)]
    for tree in question.universe_clauses:
        holds = evaluation.value(tree) == 1.0
        left &= holds
        steps.append(_step("universe", str(tree), left, holds & section.listed))
    traded = section.age == 0.0
    left &= traded & evaluation.universe
    steps.append(_step("traded", "traded on the session", left, traded & section.listed))
    for tree in question.where_clauses:
        holds = evaluation.value(tree) == 1.0
        left &= holds
        steps.append(_step("question", str(tree), left, holds & evaluation.universe))
    known = ~np.isnan(section.ranking.score)
    left &= known
    steps.append(_step("score", "score is known", left, known & evaluation.universe))
    return steps


def _step(part: str, text: str, left: BoolArray, alone: BoolArray) -> dict[str, Any]:
    return {"part": part, "text": text, "left": int(left.sum()), "alone": int(alone.sum())}


def histogram(values: FloatArray, bins: int = 40) -> dict[str, Any]:
    """How values are spread: between the 1st and the 99th percentile, what lies outside apart.

    Returns
    -------
    dict
        `edges` (bins + 1), `counts` (bins), `below`, `above`, `unknown`, `median`
    """
    known = values[~np.isnan(values)]
    about = {"unknown": int(len(values) - len(known)), "known": len(known)}
    if not len(known):
        return {**about, "edges": [], "counts": [], "below": 0, "above": 0, "median": None}
    low, high = np.percentile(known, (1.0, 99.0))
    if low == high:
        low, high = low - 0.5, high + 0.5
    counts, edges = np.histogram(known, bins=bins, range=(float(low), float(high)))
    return {
        **about,
        "edges": edges.tolist(),
        "counts": counts.tolist(),
        "below": int((known < low).sum()),
        "above": int((known > high).sum()),
        "median": float(np.median(known)),
    }


def value_of(section: ScanResult, tree: Node) -> FloatArray:
    """A column over the universe alone: NaN for everybody else."""
    values = section.evaluation.value(tree)
    if values.dtype == object:
        return np.full(len(values), np.nan)
    inside: FloatArray = np.where(section.evaluation.universe, values, np.nan)
    return inside
