"""A question evaluated over every listed symbol of one session.

1. `columns_of` finds or computes all series at each symbol's last bar.
2. `_section` evaluates universe, clauses and score over the cross-section.
3. `ledger.draw_up` puts every symbol into its bucket; `rank.order_by` orders those that pass.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from time import perf_counter
from typing import Any

import numpy as np

from technic.compute.last_bar import columns_of
from technic.data.store import Store
from technic.data.store.panels import MappedPanel
from technic.indicators import Series
from technic.market.sessions import nyse
from technic.market.typing import BoolArray, FloatArray
from technic.query.evaluate import Evaluation, both
from technic.query.names import ALPHA, ATTRIBUTES, FACTS, REGIME
from technic.query.tree import Name, Node
from technic.runtime.settings import Settings
from technic.scanner.columns.attributes import Attributes
from technic.scanner.columns.listings import last_sessions, listed_on
from technic.scanner.columns.percentile_cache import PercentileCache
from technic.scanner.columns.plugins import plugin_named
from technic.scanner.ledger import Ledger, LedgerInput, draw_up
from technic.scanner.rank import Ranking, combine, order_by
from technic.scanner.spec.question import Question

KNOWN_NAMES = frozenset({*ATTRIBUTES, *FACTS, *REGIME, *ALPHA, "has_filings"})


@dataclass(frozen=True, slots=True)
class ScanResult:
    """A question evaluated over every symbol of a session: what reports are made of."""

    question: Question
    view: MappedPanel
    evaluation: Evaluation
    listed: BoolArray
    ranking: Ranking
    ledger: Ledger
    age: FloatArray
    timings: dict[str, float]
    notes: tuple[str, ...] = ()
    work: Mapping[str, int] = field(default_factory=dict)
    plugins: Mapping[str, str] = field(default_factory=dict)
    model: str = ""

    @property
    def symbols(self) -> tuple[str, ...]:
        """The symbols, by position."""
        return tuple(self.evaluation.attributes["symbol"])

    def position(self, symbol: str) -> int | None:
        """Where a symbol stands; None if it is not listed."""
        for i, name in enumerate(self.symbols):
            if name == symbol and self.listed[i]:
                return i
        return None


def evaluate_question(
    store: Store,
    question: Question,
    as_of: date | None = None,
    *,
    known_at: datetime | None = None,
    everything: bool = False,
    version: Any = None,
    settings: Settings | None = None,
    lists: dict[str, list[str]] | None = None,
    view: MappedPanel | None = None,
    model: str | None = None,
) -> ScanResult:
    """Evaluate a question over every symbol: steps 2 to 5.

    Parameters
    ----------
    everything : see all that the store version knows, although `as_of` is given
    lists : content of watch-lists; from the catalog by default
    view : evaluate over these bars instead
    model : digest of the one that gives `alpha`; the one in use by default
    """
    clock = StageTimer()
    if view is None:
        pinned = version or store.require()
        newest = as_of is None or (everything and as_of == pinned.last)
        view = store.panel(None if newest else as_of, known_at, pinned)
    clock.lap("open")
    settings = settings or Settings.load()
    columns = columns_of(question.series, question.benchmark, view, settings)
    clock.lap("features")
    known = Attributes(store, view, settings, model)
    own = {f"python('{name}')" for name in question.plugins}
    known.prefetch((question.names & KNOWN_NAMES) | own)
    clock.lap("filings")
    plugins = {name: plugin_named(settings, name).digest for name in question.plugins}
    section = _section(question, view, columns.values, known, store, lists, settings, clock)
    clock.lap("ledger")
    return replace(
        section,
        timings=clock.laps,
        work={**columns.work, **section.work},
        plugins=plugins,
        model=known.model,
    )


def _section(
    question: Question,
    view: MappedPanel,
    columns: dict[Series, FloatArray],
    attributes: Attributes,
    store: Store,
    lists: dict[str, list[str]] | None,
    settings: Settings,
    clock: StageTimer,
) -> ScanResult:
    ordinal = nyse().ordinal(view.as_of)
    n = len(view.panel)
    named = {name: _watched(store, name, lists) for name in question.lists}
    evaluation = Evaluation(
        n, columns, attributes, np.ones(n, dtype=bool), lambda name: named[name]
    )
    listed = listed_on(view)
    inside = np.ones(n)
    outside = []
    if question.symbols:
        wanted = set(question.symbols)
        chosen = np.array([float(s in wanted) for s in attributes["symbol"]])
        outside.append(("not among the symbols asked for", chosen))
    outside += [(str(clause), evaluation.value(clause)) for clause in question.universe_clauses]
    for _, truth in outside:
        inside = both(inside, truth)
    age = ordinal - last_sessions(view)
    # Peers are those of the universe that traded: yesterday's values are not today's.
    evaluation.universe = (inside == 1.0) & (age == 0.0) & listed
    evaluation.computed.clear()
    clock.lap("universe")
    crossed = PercentileCache.recall(question, evaluation, view, settings)
    clauses = [(str(part), evaluation.value(part)) for part in question.where_clauses]
    clock.lap("query")
    values = [evaluation.value(term.node) for term in question.terms]
    score, contributions = combine(question.terms, values, question.missing)
    passed = evaluation.universe.copy()
    for _, truth in clauses:
        passed &= truth == 1.0
    liquidity = evaluation.value(question.liquidity)
    ranking = order_by(score, contributions, passed, liquidity, list(attributes["symbol"]))
    crossed.keep(evaluation)
    clock.lap("rank")
    evidence = LedgerInput(
        listed, inside, outside, age, clauses, score, _unknowns(question, evaluation, view)
    )
    ledger = draw_up(evidence)
    notes = crossed.notes(evaluation)
    notes += attributes.notes
    notes += _adjustment_note(question, view)
    settled = view.version.settled
    if settled is not None and view.as_of > settled:
        notes.append(f"the bars of {view.as_of} are not final yet: sync again after the evening")
    return ScanResult(
        question,
        view,
        evaluation,
        listed,
        ranking,
        ledger,
        age,
        {},
        (*question.warnings, *notes),
        crossed.work,
    )


def _adjustment_note(question: Question, view: MappedPanel) -> list[str]:
    """Vendor-adjusted prices of the past are not the prices of that time."""
    past = view.version.last is not None and view.as_of < view.version.last
    texts = [*question.universe_clauses, *question.where_clauses]
    on_price = any(
        isinstance(part, Name) and part.name in {"close", "open", "high", "low"}
        for text in texts
        for part in text.walk()
    )
    if view.version.adjustment == "splits" and past and on_price:
        return [
            (
                "prices were adjusted by the vendor for later splits: a price threshold on a past "
                "session is not what a trader saw then"
            )
        ]
    return []


def _watched(store: Store, name: str, lists: dict[str, list[str]] | None) -> frozenset[str]:
    if lists is not None:
        return frozenset(lists.get(name, []))
    return frozenset(store.catalog.watched(name))


def _unknowns(
    question: Question, evaluation: Evaluation, view: MappedPanel
) -> list[tuple[str, BoolArray, BoolArray]]:
    """What may be unknown about the clauses, then about the score."""
    trees: list[Node] = [*question.where_clauses, *(term.node for term in question.terms)]
    bars = view.panel.lengths
    return [found for tree in trees for found in evaluation.unknowns(tree, bars)]


class StageTimer:
    """Milliseconds by stage."""

    def __init__(self, laps: dict[str, float] | None = None) -> None:
        self.laps = dict(laps or {})
        self._since = perf_counter()

    def lap(self, stage: str) -> None:
        """The stage that ends here."""
        now = perf_counter()
        self.laps[stage] = round(1e3 * (now - self._since), 3)
        self._since = now
