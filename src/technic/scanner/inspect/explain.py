"""Why a symbol stands where it stands, and why another is not ranked at all."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from datetime import date, datetime
from typing import Any

import numpy as np

from technic.data.store import Store
from technic.data.store.evidence import evidence_for
from technic.errors import StoreError
from technic.market.cross_section import percentile
from technic.market.sessions import nyse
from technic.query.tree import Between, Comparison, Node, Number
from technic.runtime.settings import Settings
from technic.scanner.columns.listings import position_of
from technic.scanner.inspect.provenance import Piece, pieces_of
from technic.scanner.ledger import BUCKETS, TITLES
from technic.scanner.pipeline import ScanResult, evaluate_question
from technic.scanner.scan import plain
from technic.scanner.spec.question import resolve_question
from technic.scanner.spec.scan_file import ScanFile


@dataclass(frozen=True, slots=True)
class Part:
    """One term of a score.

    Attributes
    ----------
    contribution, before : what it adds now, and added the session before; None is unknown
    value : of the term itself
    percentile : of the value among the ranked
    pieces : what the term is made of, down to the numbers of filings
    """

    text: str
    weight: float
    contribution: float
    before: float | None
    value: float
    percentile: float
    pieces: tuple[Piece, ...]


@dataclass(frozen=True, slots=True)
class Explanation:
    """A score taken apart; the contributions, added from first to last, are exactly it.

    Attributes
    ----------
    evidence : what such a score has been worth on this store, if that was ever evaluated
    notes : what a reader should know, such as the verdict on a model, one line each
    """

    symbol: str
    name: str | None
    as_of: date
    rank: int
    n_ranked: int
    score: float
    before: date | None
    rank_before: int | None
    score_before: float | None
    parts: tuple[Part, ...]
    simulated: bool
    evidence: dict[str, Any] | None = None
    notes: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """As JSON holds it."""
        parts = [asdict(part) for part in self.parts]
        whole = {name: getattr(self, name) for name in self.__dataclass_fields__ if name != "parts"}
        return {
            **whole,
            "as_of": self.as_of.isoformat(),
            "before": self.before.isoformat() if self.before else None,
            "parts": parts,
        }


@dataclass(frozen=True, slots=True)
class ClauseVerdict:
    """One clause and what became of it.

    Attributes
    ----------
    verdict : "ok", "fails" or "unknown"
    value : of its left side; None if it has none that is a number, or it is unknown
    miss : how far the value is from where the clause would hold; None if that says nothing
    detail : in words
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


def explain(
    store: Store,
    symbol: str,
    asked: ScanFile | None = None,
    as_of: date | None = None,
    *,
    known_at: datetime | None = None,
    settings: Settings | None = None,
) -> Explanation:
    """A ranked symbol's score, term by term, beside the session before.

    Raises
    ------
    StoreError
        If the symbol is not listed, or not ranked; the message says what to ask instead.
    """
    question = resolve_question(asked or ScanFile())
    section = evaluate_question(store, question, as_of, known_at=known_at, settings=settings)
    at = position_of(section.view, symbol)
    places = np.flatnonzero(section.ranking.order == at)
    if not len(places):
        bucket = TITLES[BUCKETS[section.ledger.bucket[at]]]
        raise StoreError(f"{symbol} is not ranked: {bucket}. Ask why: technic why-not {symbol}")
    before = _session_before(store, section, question, settings)
    then = before.position(symbol) if before is not None else None
    ranked_then: Any = (
        np.flatnonzero(before.ranking.order == then)
        if before is not None and then is not None
        else []
    )
    parts = tuple(_part(section, j, at, before, then) for j in range(len(question.terms)))
    score_then = (
        plain(before.ranking.score[then]) if before is not None and then is not None else None
    )
    return Explanation(
        symbol=symbol,
        name=section.evaluation.attributes["name"][at],
        as_of=section.view.as_of,
        rank=int(places[0]) + 1,
        n_ranked=len(section.ranking.order),
        score=float(section.ranking.score[at]),
        before=before.view.as_of if before is not None else None,
        rank_before=int(ranked_then[0]) + 1 if len(ranked_then) else None,
        score_before=score_then,
        parts=parts,
        simulated=section.view.version.simulated is not None,
        evidence=evidence_for(store, (asked or ScanFile()).rank),
        notes=section.notes,
    )


def why_not(
    store: Store,
    symbol: str,
    asked: ScanFile | None = None,
    as_of: date | None = None,
    *,
    known_at: datetime | None = None,
    settings: Settings | None = None,
) -> WhyNot:
    """Each clause of the universe and the question, for one symbol.

    Raises
    ------
    StoreError
        If the symbol is not listed.
    """
    question = resolve_question(asked or ScanFile())
    section = evaluate_question(store, question, as_of, known_at=known_at, settings=settings)
    at = position_of(section.view, symbol)
    found = [_clause(section, tree, at, "universe") for tree in question.universe_clauses]
    found += [_clause(section, tree, at, "question") for tree in question.where_clauses]
    places = np.flatnonzero(section.ranking.order == at)
    score = section.ranking.score[at]
    would = None
    if not len(places) and not np.isnan(score):
        would = int((section.ranking.score[section.ranking.order] > score).sum()) + 1
    bucket = BUCKETS[section.ledger.bucket[at]]
    return WhyNot(
        symbol=symbol,
        as_of=section.view.as_of,
        bucket=bucket,
        title=TITLES[bucket],
        detail=section.ledger.detail[at],
        rank=int(places[0]) + 1 if len(places) else None,
        clauses=tuple(found),
        would_rank=would,
        simulated=section.view.version.simulated is not None,
    )


def _session_before(
    store: Store, section: ScanResult, question: Any, settings: Settings | None
) -> ScanResult | None:
    """The same question one session earlier; None at the store's first session."""
    day = nyse().day(nyse().ordinal(section.view.as_of) - 1)
    first = section.view.version.first
    if first is None or day < first:
        return None
    return evaluate_question(store, replace(question), day, settings=settings)


def _part(
    section: ScanResult, j: int, at: int, before: ScanResult | None, then: int | None
) -> Part:
    term = section.question.terms[j]
    values = section.evaluation.value(term.node)
    order = section.ranking.order
    among = np.full(len(values), np.nan)
    among[order] = percentile(values[order])
    old = None
    if before is not None and then is not None:
        old = plain(before.ranking.contributions[j, then])
    return Part(
        text=str(term),
        weight=term.weight,
        contribution=float(section.ranking.contributions[j, at]),
        before=old,
        value=float(values[at]),
        percentile=float(among[at]),
        pieces=pieces_of(section, term.node, at, float(section.ranking.contributions[j, at])),
    )


def _clause(section: ScanResult, tree: Node, at: int, part_of: str) -> ClauseVerdict:
    truth = section.evaluation.value(tree)[at]
    verdict = "unknown" if np.isnan(truth) else "ok" if truth == 1.0 else "fails"
    value, miss, detail = None, None, ""
    if isinstance(tree, Comparison) and len(tree.operators) == 1:
        value, miss, detail = _comparison(section, tree, at)
    elif isinstance(tree, Between):
        value = plain(section.evaluation.value(tree.value)[at])
        low, high = (plain(section.evaluation.value(n)[at]) for n in (tree.low, tree.high))
        if isinstance(value, float) and low is not None and high is not None:
            miss = max(low - value, value - high, 0.0)
            side = "too low" if value < low else "too high"
            detail = f"{value:,.2f}" + (f", {side} by {miss:,.2f}" if miss else "")
    if verdict == "unknown":
        unknowns = section.evaluation.unknowns(tree, section.view.panel.lengths)
        text, short = next((t, s[at]) for t, m, s in unknowns if m[at])
        have = int(section.view.panel.lengths[at])
        detail = f"{text} is unknown" + (f": only {have} bars" if short else "")
    return ClauseVerdict(
        str(tree), verdict, value if isinstance(value, float) else None, miss, detail, part_of
    )


def _comparison(
    section: ScanResult, tree: Comparison, at: int
) -> tuple[float | None, float | None, str]:
    left, right = (plain(section.evaluation.value(part)[at]) for part in tree.operands)
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
