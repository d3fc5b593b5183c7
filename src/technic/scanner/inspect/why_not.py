"""Why a symbol is not ranked: each clause, and by how much it misses."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import numpy as np

from technic.data.store import Store
from technic.errors import counted
from technic.query.claims import Between, Comparison
from technic.query.tree import Name, Node, Number
from technic.runtime.settings import Settings
from technic.scanner.columns.listings import position_of
from technic.scanner.inspect.provenance import why_unknown
from technic.scanner.ledger import BUCKETS, TITLES
from technic.scanner.pipeline import ScanResult, evaluate_question
from technic.scanner.report import plain
from technic.scanner.spec.question import resolve_question
from technic.scanner.spec.scan_file import ScanFile


@dataclass(frozen=True, slots=True)
class ClauseVerdict:
    """One clause of a question and whether one symbol meets it.

    Attributes
    ----------
    text : the clause
    verdict : "ok", "fails" or "unknown"
    value : of its left side; None if it has none that is a number, or it is unknown
    miss : how far the value is from where the clause would hold; None if that says nothing
    detail : in words
    part_of : "universe" or "question"
    """

    text: str
    verdict: str
    value: float | None
    miss: float | None
    detail: str
    part_of: str


@dataclass(frozen=True, slots=True)
class WhyNot:
    """Why a symbol is not ranked.

    Attributes
    ----------
    symbol : the symbol asked about
    as_of : the session
    bucket, title, detail : where the ledger put it, in words, and for which reason
    rank : its place, if it is ranked after all
    clauses : every clause of universe and question
    simulated : whether the market is a simulated one
    would_rank : where it would stand if every failing clause were met; None if its score
        is unknown
    """

    symbol: str
    as_of: date
    bucket: str
    title: str
    detail: str
    rank: int | None
    clauses: tuple[ClauseVerdict, ...]
    would_rank: int | None
    simulated: bool

    def as_dict(self) -> dict[str, Any]:
        """As JSON holds it."""
        clauses = [
            {name: getattr(clause, name) for name in ClauseVerdict.__dataclass_fields__}
            for clause in self.clauses
        ]
        whole = {
            name: getattr(self, name) for name in self.__dataclass_fields__ if name != "clauses"
        }
        return {**whole, "as_of": self.as_of.isoformat(), "clauses": clauses}


def why_not(
    store: Store,
    symbol: str,
    file: ScanFile | None = None,
    as_of: date | None = None,
    *,
    known_at: datetime | None = None,
    settings: Settings | None = None,
) -> WhyNot:
    """Say for each clause of a scan whether one symbol meets it, and by how much it misses.

    Parameters
    ----------
    store : the store to ask
    symbol : listed on the session
    file : the scan; everything by technical rating by default
    as_of : the session to stand in; the newest stored by default
    known_at : only what was known before this instant
    settings : cache, threads and kernels; none of them changes an answer

    Returns
    -------
    WhyNot
        The bucket of the ledger, every clause, and the rank it would have if it met them all.

    Raises
    ------
    StoreError
        If the symbol is not listed.
    QuestionError
        If a text of the scan cannot be understood.

    Examples
    --------
    >>> import technic as tc
    >>> store = tc.open_store("demo")
    >>> best = tc.scan(store).shown[0]
    >>> verdict = tc.why_not(store, best.symbol, tc.ScanFile(where="rsi(14) < 1"))
    >>> verdict.bucket, [clause.verdict for clause in verdict.clauses]
    ('filtered', ['fails'])
    """
    question = resolve_question(file or ScanFile())
    result = evaluate_question(store, question, as_of, known_at=known_at, settings=settings)
    at = position_of(result.view, symbol)
    symbol = result.symbols[at]
    clauses = [_verdict(result, tree, at, "universe") for tree in question.universe_clauses]
    clauses += [_verdict(result, tree, at, "question") for tree in question.where_clauses]
    rank, score = result.rank_at(at), result.ranking.score[at]
    would_rank = None
    if rank is None and not np.isnan(score):
        would_rank = int((result.ranking.score[result.ranking.order] > score).sum()) + 1
    bucket, detail = BUCKETS[result.ledger.bucket[at]], result.ledger.detail[at]
    if bucket == "unknown" and (why := _want_of_filings(result, question.score, detail, at)):
        detail = f"{detail}: {why}"
    return WhyNot(
        symbol=symbol,
        as_of=result.view.as_of,
        bucket=bucket,
        title=TITLES[bucket],
        detail=detail,
        rank=rank,
        clauses=tuple(clauses),
        would_rank=would_rank,
        simulated=result.view.version.simulated is not None,
    )


def _verdict(result: ScanResult, tree: Node, at: int, part_of: str) -> ClauseVerdict:
    """What became of one clause for the symbol at a position."""
    truth = result.evaluation.value(tree)[at]
    verdict = "unknown" if np.isnan(truth) else "ok" if truth == 1.0 else "fails"
    value, miss, detail = None, None, ""
    if isinstance(tree, Comparison) and len(tree.operators) == 1:
        value, miss, detail = _comparison(result, tree, at)
    elif isinstance(tree, Between):
        value = plain(result.evaluation.value(tree.value)[at])
        low, high = (plain(result.evaluation.value(n)[at]) for n in (tree.low, tree.high))
        if isinstance(value, float) and low is not None and high is not None:
            miss = max(low - value, value - high, 0.0)
            side = "too low" if value < low else "too high"
            detail = f"{value:,.2f}" + (f", {side} by {miss:,.2f}" if miss else "")
    if verdict == "unknown":
        unknowns = result.evaluation.unknowns(tree, result.view.panel.lengths)
        text, short = next((t, s[at]) for t, m, s in unknowns if m[at])
        have = int(result.view.panel.lengths[at])
        why = f"only {counted(have, 'bar')}" if short else _want_of_filings(result, tree, text, at)
        detail = f"{text} is unknown" + (f": {why}" if why else "")
    return ClauseVerdict(
        str(tree), verdict, value if isinstance(value, float) else None, miss, detail, part_of
    )


def _want_of_filings(result: ScanResult, tree: Node | None, text: str, at: int) -> str:
    """Which filing, or number in one, is missing for a part of a tree; empty if none is."""
    name = text if text.isidentifier() else ""
    node = Name(name) if name and name != "filings" else tree
    return why_unknown(result.evaluation.attributes, node, at) if node is not None else ""


def _comparison(
    result: ScanResult, tree: Comparison, at: int
) -> tuple[float | None, float | None, str]:
    """The value of the left side, how far it is from holding, and both in words."""
    left, right = (plain(result.evaluation.value(part)[at]) for part in tree.operands)
    if not (isinstance(left, float) and isinstance(right, float)):
        return None, None, f"{left!r}" if isinstance(left, str) else ""
    operator = tree.operators[0]
    shown = f"{left:,.2f}"
    if not isinstance(tree.operands[1], Number):
        flipped = {"<": "<" if left < right else "≥", ">": ">" if left > right else "≤"}
        shown = f"{left:,.2f} {flipped.get(operator[0], operator)} {right:,.2f}"
    if operator in {"==", "!="}:
        return left, None, shown
    holds = {"<": left < right, "<=": left <= right, ">": left > right, ">=": left >= right}
    if holds[operator]:
        return left, 0.0, shown
    miss = abs(left - right)
    return left, miss, f"{shown}, too {'high' if operator[0] == '<' else 'low'} by {miss:,.2f}"
