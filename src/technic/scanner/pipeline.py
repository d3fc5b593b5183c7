"""A question evaluated over every listed symbol of one session.

1. `_open_view` maps the bars as of the session.
2. `columns_of` recalls or computes all series at each symbol's last bar.
3. `_load_attributes` loads what is known of listings, filings, the market and models.
4. `decide_universe` says who is listed, in the universe, and traded: the peers of percentiles.
5. `PercentileCache.recall` puts cached percentiles into the evaluation, which computes the rest
   when `_rank` evaluates the clauses and the score, and orders those that pass.
6. `draw_up` puts every symbol into its bucket of the ledger.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

import numpy as np

from technic.compute.last_bar import columns_of
from technic.data.store import Store, StoreVersion
from technic.data.store.mapped_panel import MappedPanel
from technic.market.typing import BoolArray, FloatArray
from technic.query.evaluate import Evaluation
from technic.query.names import ALPHA, ATTRIBUTES, FACTS, REGIME
from technic.query.tree import Name, Node
from technic.runtime.settings import Settings
from technic.scanner.columns.attributes import Attributes
from technic.scanner.columns.percentile_cache import PercentileCache
from technic.scanner.columns.plugin_registry import plugin_named
from technic.scanner.columns.plugins import column_name
from technic.scanner.ledger import Ledger, draw_up
from technic.scanner.membership import Truths, asked_of, decide_universe, truths_of, value_of
from technic.scanner.rank import Ranking, combine, order_by
from technic.scanner.spec.question import Question
from technic.scanner.stage_timer import StageTimer

LOADED_NAMES = frozenset({*ATTRIBUTES, *FACTS, *REGIME, *ALPHA, "has_filings"})
PRICES = frozenset({"close", "open", "high", "low"})


@dataclass(frozen=True, slots=True)
class ScanResult:
    """A question evaluated over every symbol of a session: what reports are made of.

    Arrays have one value per symbol of the view, in its order.

    Attributes
    ----------
    question : what was asked
    view : the session, its bars and who is in it
    evaluation : values of every tree of the question
    listed : who was listed on the session; bool
    ranking : who passed, best first, with scores and contributions
    ledger : the bucket of every listed symbol
    age : sessions since the newest bar; float64, NaN for a symbol without bars
    timings : milliseconds by stage; not part of the answer
    notes : what a reader should know, one line each
    work : columns found or computed, symbols carried on or computed anew
    plugins : per plugin of the question, the digest of the code that ran
    model : digest of the model that gave a forecast; empty for none
    """

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
        """Return where a symbol stands; None if it is not listed."""
        for i, name in enumerate(self.symbols):
            if name == symbol and self.listed[i]:
                return i
        return None

    def rank_at(self, at: int) -> int | None:
        """Return the rank of the symbol at a position; None if it is not ranked."""
        places = np.flatnonzero(self.ranking.order == at)
        return int(places[0]) + 1 if len(places) else None


@dataclass(frozen=True, slots=True)
class Pinned:
    """What an evaluation is held to, in place of what the store would say now.

    Attributes
    ----------
    version : of the store; None for the newest
    view : bars to evaluate over; None for those of the version as of the session
    lists : content of watch-lists by name; None for what the catalog holds now
    model : digest of the one that gives `alpha`; None for the one in use
    sees_everything : on the version's last session, see all that it knows although the session
        was named
    """

    version: StoreVersion | None = None
    view: MappedPanel | None = None
    lists: Mapping[str, Sequence[str]] | None = None
    model: str | None = None
    sees_everything: bool = False


def evaluate_question(
    store: Store,
    question: Question,
    as_of: date | None = None,
    *,
    known_at: datetime | None = None,
    settings: Settings | None = None,
    pinned: Pinned | None = None,
) -> ScanResult:
    """Evaluate a question over every symbol of a session; see the top of this module.

    Parameters
    ----------
    store : the bars, listings and filings
    question : parsed and checked
    as_of : the session to stand in; the newest stored by default
    known_at : only what was known before this instant
    settings : cache, threads and kernels; none of them changes a value
    pinned : the version, lists or model to use in place of those of now

    Returns
    -------
    ScanResult
        Values, ranking and ledger of every symbol that the store knows.

    Raises
    ------
    StoreError
        If the store is empty or `as_of` lies outside it.
    ConfigError
        If the benchmark or a plugin cannot be used.
    ModelError
        If the question reads a forecast and no model may give it.
    UnknownSymbolError
        If it names a symbol that the store has never heard of.
    """
    timer = StageTimer()
    pinned = pinned or Pinned()
    view = pinned.view or _open_view(store, as_of, known_at, pinned)
    timer.lap("open")
    settings = settings or Settings.load()
    columns = columns_of(question.series, question.benchmark, view, settings)
    timer.lap("features")
    attributes = _load_attributes(question, Attributes(store, view, settings, pinned.model))
    timer.lap("filings")
    lists = {name: _symbols_of_list(store, name, pinned) for name in question.lists}
    everybody = np.ones(len(view), dtype=bool)
    evaluation = Evaluation(len(view), columns.values, attributes, everybody, lists.__getitem__)
    asked = asked_of(question, view, store)
    membership = decide_universe(question, view, evaluation, asked)
    timer.lap("universe")
    percentiles = PercentileCache.recall(question, evaluation, view, settings)
    clauses = truths_of(question.where_clauses, evaluation)
    timer.lap("query")
    ranking = _rank(question, evaluation, clauses)
    percentiles.keep(evaluation)
    timer.lap("rank")
    unknowns = _unknowns(question, evaluation, view, ranking.score)
    ledger = draw_up(membership.ledger_input(clauses, ranking.score, unknowns))
    notes = [*question.warnings, *percentiles.notes(evaluation), *attributes.notes]
    notes += _notes_on_bars(question, view)
    timer.lap("ledger")
    return ScanResult(
        question=question,
        view=view,
        evaluation=evaluation,
        listed=membership.listed,
        ranking=ranking,
        ledger=ledger,
        age=membership.age,
        timings=timer.laps,
        notes=tuple(notes),
        work={**columns.work, **percentiles.work},
        plugins={name: plugin_named(settings, name).digest for name in question.plugins},
        model=attributes.model,
    )


def _open_view(
    store: Store, as_of: date | None, known_at: datetime | None, pinned: Pinned
) -> MappedPanel:
    """Step 1: the bars as of a session; the version's own last view where nothing is hidden."""
    version = pinned.version or store.require()
    is_newest = as_of is None or (pinned.sees_everything and as_of == version.last)
    return store.panel(None if is_newest else as_of, known_at, version)


def _load_attributes(question: Question, attributes: Attributes) -> Attributes:
    """Step 3: load all that the question names at once, and nothing else."""
    plugins = (column_name(name) for name in question.plugins)
    attributes.prefetch({*(question.names & LOADED_NAMES), *plugins})
    return attributes


def _rank(question: Question, evaluation: Evaluation, clauses: Truths) -> Ranking:
    """Step 5: the score of every symbol, and the order of those that every clause lets pass."""
    values = [value_of(term.node, evaluation) for term in question.terms]
    score, contributions = combine(question.terms, values, question.missing)
    passed = evaluation.universe.copy()
    for _, truth in clauses:
        passed &= truth == 1.0
    liquidity = evaluation.value(question.liquidity)
    return order_by(score, contributions, passed, liquidity, list(evaluation.attributes["symbol"]))


def _notes_on_bars(question: Question, view: MappedPanel) -> list[str]:
    """What a reader should know of the bars: adjusted with hindsight, or not final yet."""
    notes = []
    version = view.version
    is_past = version.last is not None and view.as_of < version.last
    if version.adjustment == "splits" and is_past and _reads_price(question):
        notes.append(
            "prices were adjusted by the vendor for later splits: a price threshold on a past "
            "session is not what a trader saw then"
        )
    if version.settled is not None and view.as_of > version.settled:
        notes.append(f"the bars of {view.as_of} are not final yet: sync again after the evening")
    return notes


def _reads_price(question: Question) -> bool:
    """Whether a clause compares with a price itself, and not only with what prices did."""
    return any(
        isinstance(part, Name) and part.name in PRICES
        for clause in (*question.universe_clauses, *question.where_clauses)
        for part in clause.walk()
    )


def _symbols_of_list(store: Store, name: str, pinned: Pinned) -> frozenset[str]:
    """The symbols of a watch-list, as they are pinned or as the catalog holds them now."""
    if pinned.lists is not None:
        return frozenset(pinned.lists.get(name, ()))
    return frozenset(store.catalog.watched(name))


def _unknowns(
    question: Question, evaluation: Evaluation, view: MappedPanel, score: FloatArray
) -> list[tuple[str, BoolArray, BoolArray]]:
    """What may be unknown about the clauses, then about the score; last, a sum that overflows."""
    trees: list[Node] = [*question.where_clauses, *(term.node for term in question.terms)]
    bars = view.bars.lengths
    unknowns = [unknown for tree in trees for unknown in evaluation.unknowns(tree, bars)]
    return [*unknowns, (str(question.score), np.isnan(score), np.zeros(len(bars), dtype=bool))]
