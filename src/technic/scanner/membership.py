"""Who is listed on a session, belongs to the universe of a question, and traded."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from technic.data.store import Store
from technic.data.store.mapped_panel import MappedPanel
from technic.data.store.tickers import eras
from technic.market.sessions import nyse
from technic.market.symbols import asked_symbols, known_symbol
from technic.market.typing import BoolArray, FloatArray
from technic.query.evaluate import Evaluation
from technic.query.three_valued import both
from technic.query.tree import Node
from technic.runtime.deadline import check
from technic.scanner.columns.listings import last_sessions, listed_on
from technic.scanner.ledger import LedgerInput
from technic.scanner.spec.question import Question

Truths = list[tuple[str, FloatArray]]  # texts of clauses; 1, 0 or NaN per symbol


@dataclass(frozen=True, slots=True)
class Membership:
    """Who belongs to the universe, and why the others do not; see `LedgerInput`.

    Attributes
    ----------
    listed : who was listed on the session
    inside : 1 who is in the universe, 0 who is not, NaN where that is unknown
    outside : what each clause of the universe says, by its text
    age : sessions since the newest bar; NaN for a symbol without bars
    """

    listed: BoolArray
    inside: FloatArray
    outside: Truths
    age: FloatArray

    def ledger_input(
        self,
        clauses: Truths,
        score: FloatArray,
        unknowns: Sequence[tuple[str, BoolArray, BoolArray]],
    ) -> LedgerInput:
        """All that the ledger is drawn up from."""
        return LedgerInput(
            self.listed, self.inside, self.outside, self.age, clauses, score, unknowns
        )


def asked_of(question: Question, view: MappedPanel, store: Store) -> frozenset[str] | None:
    """The symbols that alone are asked about, as the store has them; None for everybody."""
    if not question.symbols:
        return None
    known = set(view.who["symbol"])
    if not all(known_symbol(symbol, known) for symbol in question.symbols):
        # Listed later than the session that is looked at: known, and not listed then.
        known |= set(eras(store.table("tickers", view.version).collect())["symbol"])
    return frozenset(asked_symbols(question.symbols, known).values())


def decide_universe(
    question: Question, view: MappedPanel, evaluation: Evaluation, asked: frozenset[str] | None
) -> Membership:
    """Decide who is in the universe, and make those who traded peers of one another."""
    listed = listed_on(view)
    outside: Truths = []
    if asked is not None:
        chosen = np.array([float(s in asked) for s in evaluation.attributes["symbol"]])
        outside.append(("not among the symbols asked for", chosen))
    outside += truths_of(question.universe_clauses, evaluation)
    inside = np.ones(len(view))
    for _, truth in outside:
        inside = both(inside, truth)
    age = nyse().ordinal(view.as_of) - last_sessions(view)
    # Peers are those of the universe that traded: yesterday's values are not today's.
    evaluation.universe = (inside == 1.0) & (age == 0.0) & listed
    evaluation.computed.clear()  # a clause with a percentile was evaluated among everybody
    return Membership(listed, inside, outside, age)


def truths_of(clauses: Iterable[Node], evaluation: Evaluation) -> Truths:
    """What each clause says of every symbol, by its text."""
    return [(str(clause), value_of(clause, evaluation)) for clause in clauses]


def value_of(node: Node, evaluation: Evaluation) -> FloatArray:
    """The value of one tree of the question; each is small, and there may be many."""
    check()
    values: FloatArray = evaluation.value(node)
    return values
