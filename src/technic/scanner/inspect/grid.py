"""A whole ranking as columns, and how many symbols each clause lets through."""

from __future__ import annotations

from typing import Any

import numpy as np

from technic.market.typing import BoolArray, FloatArray
from technic.query.tree import Node
from technic.scanner.pipeline import ScanResult

MOST = 20_000  # rows


def grid_of(result: ScanResult, limit: int = MOST) -> dict[str, Any]:
    """Return everybody ranked, best first, column by column.

    Parameters
    ----------
    result : the evaluated question
    limit : how many rows, at most

    Returns
    -------
    dict
        `symbol`, `name`, `sector` as lists of text; `score`, `percentile` and `values`, by column
        of the question, as float32 arrays (NaN is unknown): for a screen, not for arithmetic;
        texts of columns are lists, with None for unknown
    """
    order = result.ranking.order[:limit]
    evaluation, attributes = result.evaluation, result.evaluation.attributes
    columns = {
        str(tree): _column(evaluation.value(tree)[order]) for tree in result.question.columns
    }
    return {
        "symbol": attributes["symbol"][order].tolist(),
        "name": attributes["name"][order].tolist(),
        "sector": attributes["sector"][order].tolist(),
        "score": result.ranking.score[order].astype(np.float32),
        "percentile": result.ranking.percentile[order].astype(np.float32),
        "values": columns,
    }


def _column(values: Any) -> Any:
    return values.tolist() if values.dtype == object else values.astype(np.float32)


def funnel_of(result: ScanResult) -> list[dict[str, Any]]:
    """Count who is left after each step, from everybody listed to everybody ranked.

    Parameters
    ----------
    result : the evaluated question

    Returns
    -------
    list
        `part` (listed, universe, traded, question, score), `text`, `left`: who passes this step
        and all before it, `alone`: who would pass this step by itself, of those in the universe
    """
    question, evaluation = result.question, result.evaluation
    left = result.listed.copy()
    steps = [_step("listed", "listed", left, result.listed)]
    for tree in question.universe_clauses:
        holds = evaluation.value(tree) == 1.0
        left &= holds
        steps.append(_step("universe", str(tree), left, holds & result.listed))
    traded = result.age == 0.0
    left &= traded & evaluation.universe
    steps.append(_step("traded", "traded on the session", left, traded & result.listed))
    for tree in question.where_clauses:
        holds = evaluation.value(tree) == 1.0
        left &= holds
        steps.append(_step("question", str(tree), left, holds & evaluation.universe))
    has_score = ~np.isnan(result.ranking.score)
    left &= has_score
    steps.append(_step("score", "score is known", left, has_score & evaluation.universe))
    return steps


def _step(part: str, text: str, left: BoolArray, alone: BoolArray) -> dict[str, Any]:
    return {"part": part, "text": text, "left": int(left.sum()), "alone": int(alone.sum())}


def histogram(values: FloatArray, bins: int = 40) -> dict[str, Any]:
    """Count values in bins between the 1st and the 99th percentile, and those outside apart.

    Parameters
    ----------
    values : float64; NaN is unknown, and so is what is infinite
    bins : how many

    Returns
    -------
    dict
        `edges` (bins + 1), `counts` (bins), `below`, `above`, `unknown`, `median`
    """
    finite = values[np.isfinite(values)]
    about = {"unknown": int(len(values) - len(finite)), "known": len(finite)}
    if not len(finite):
        return {**about, "edges": [], "counts": [], "below": 0, "above": 0, "median": None}
    edges = _edges(finite, bins)
    return {
        **about,
        "edges": edges.tolist(),
        "counts": np.histogram(finite, edges)[0].tolist(),
        "below": int((finite < edges[0]).sum()),
        "above": int((finite > edges[-1]).sum()),
        "median": float(2.0 * np.median(finite / 2.0)),  # the sum of two may be infinite
    }


def _edges(finite: FloatArray, bins: int) -> FloatArray:
    """Ends of bins of one width, between two of the values; halved, as any two may be added."""
    low = np.percentile(finite, 1.0, method="lower") / 2.0
    high = np.percentile(finite, 99.0, method="higher") / 2.0
    narrowest = bins * np.spacing(max(abs(low), abs(high)))  # at which no two ends are the same
    if high - low < narrowest:
        middle, aside = low + (high - low) / 2.0, max(narrowest, 0.25 if low == high else 0.0)
        most = np.finfo(np.float64).max / 2.0
        low, high = max(middle - aside, -most), min(middle + aside, most)
    edges: FloatArray = 2.0 * np.linspace(low, high, bins + 1)
    return edges


def value_of(result: ScanResult, tree: Node) -> FloatArray:
    """Return a column over the universe alone: NaN for everybody else, and for texts."""
    values = result.evaluation.value(tree)
    if values.dtype == object:
        return np.full(len(values), np.nan)
    inside: FloatArray = np.where(result.evaluation.universe, values, np.nan)
    return inside
