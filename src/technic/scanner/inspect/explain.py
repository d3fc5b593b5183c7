"""Explanations: why a symbol stands where it stands."""

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
from technic.runtime.settings import Settings
from technic.scanner.columns.listings import position_of
from technic.scanner.inspect.provenance import Piece, pieces_of
from technic.scanner.ledger import BUCKETS, TITLES
from technic.scanner.pipeline import ScanResult, evaluate_question
from technic.scanner.report import plain
from technic.scanner.spec.question import resolve_question
from technic.scanner.spec.scan_file import ScanFile


@dataclass(frozen=True, slots=True)
class Part:
    """One term of a score, and what it does for one symbol.

    Attributes
    ----------
    text : the term
    weight : what its value is multiplied by
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
    symbol, name : of the symbol explained
    as_of : the session
    rank, n_ranked : its place, and how many are ranked
    score : what it is ranked by
    before : the session before; None if the store has none
    rank_before, score_before : place and score then; None if it had none
    parts : the terms of the score, in its order
    simulated : whether the market is a simulated one
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


def explain(
    store: Store,
    symbol: str,
    file: ScanFile | None = None,
    as_of: date | None = None,
    *,
    known_at: datetime | None = None,
    settings: Settings | None = None,
) -> Explanation:
    """Take the score of a ranked symbol apart, term by term, beside the session before.

    Parameters
    ----------
    store : the store to ask
    symbol : listed on the session
    file : the scan whose score it is; everything by technical rating by default
    as_of : the session to stand in; the newest stored by default
    known_at : only what was known before this instant
    settings : cache, threads and kernels; none of them changes an answer

    Returns
    -------
    Explanation
        Its contributions, added from first to last, are exactly the score.

    Raises
    ------
    StoreError
        If the symbol is not listed, or not ranked; the message says what to ask instead.
    QuestionError
        If a text of the scan cannot be understood.

    Examples
    --------
    >>> import technic as tc
    >>> store = tc.open_store("demo")
    >>> best = tc.scan(store).shown[0]
    >>> explanation = tc.explain(store, best.symbol)
    >>> explanation.rank, explanation.score == best.score
    (1, True)
    >>> sum(part.contribution for part in explanation.parts) == explanation.score
    True
    """
    question = resolve_question(file or ScanFile())
    result = evaluate_question(store, question, as_of, known_at=known_at, settings=settings)
    at = position_of(result.view, symbol)
    symbol = result.symbols[at]
    rank = result.rank_at(at)
    if rank is None:
        bucket = TITLES[BUCKETS[result.ledger.bucket[at]]]
        raise StoreError(f"{symbol} is not ranked: {bucket}. Ask why: technic why-not {symbol}")
    before = _session_before(store, result, question, settings)
    then = None if before is None else before.position(symbol)
    rank_before = score_before = None
    if before is not None and then is not None:
        rank_before, score_before = before.rank_at(then), plain(before.ranking.score[then])
    return Explanation(
        symbol=symbol,
        name=result.evaluation.attributes["name"][at],
        as_of=result.view.as_of,
        rank=rank,
        n_ranked=len(result.ranking.order),
        score=float(result.ranking.score[at]),
        before=before.view.as_of if before is not None else None,
        rank_before=rank_before,
        score_before=score_before,
        parts=tuple(_part(result, j, at, before, then) for j in range(len(question.terms))),
        simulated=result.view.version.simulated is not None,
        evidence=evidence_for(store, (file or ScanFile()).rank),
        notes=result.notes,
    )


def _session_before(
    store: Store, result: ScanResult, question: Any, settings: Settings | None
) -> ScanResult | None:
    """The same question one session earlier; None at the store's first session."""
    day = nyse().day(nyse().ordinal(result.view.as_of) - 1)
    first = result.view.version.first
    if first is None or day < first:
        return None
    return evaluate_question(store, replace(question), day, settings=settings)


def _part(result: ScanResult, j: int, at: int, before: ScanResult | None, then: int | None) -> Part:
    term = result.question.terms[j]
    values = result.evaluation.value(term.node)
    order = result.ranking.order
    among_ranked = np.full(len(values), np.nan)
    among_ranked[order] = percentile(values[order])
    contribution_before = None
    if before is not None and then is not None:
        contribution_before = plain(before.ranking.contributions[j, then])
    return Part(
        text=str(term),
        weight=term.weight,
        contribution=float(result.ranking.contributions[j, at]),
        before=contribution_before,
        value=float(values[at]),
        percentile=float(among_ranked[at]),
        pieces=pieces_of(result, term.node, at, float(result.ranking.contributions[j, at])),
    )
