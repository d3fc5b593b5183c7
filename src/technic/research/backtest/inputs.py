"""What a backtest is made from: everything that is asked of the store, before anything is traded.

1. `sessions_of_span` gives the sessions, and those on which decisions fall.
2. `decide` asks the scan on each of them, on what was known that evening.
3. `read_prices` reads what the chosen names traded at; `estimate_costs` says what trading costs.
4. `scaled_benchmark` and `_notes` are for the reader.

`gather` does it in this order. Who has its result needs no store any more.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np

from technic.compute.benchmark import benchmark_closes
from technic.data.store import Store, StoreVersion
from technic.data.store.mapped_panel import MappedPanel
from technic.data.store.version import SIMULATED_NOTE
from technic.errors import ModelError, SpanError
from technic.market.sessions import nyse
from technic.market.typing import FloatArray
from technic.query.names import ALPHA
from technic.research.backtest.costs import WINDOW, Costs, estimate_costs
from technic.research.backtest.decisions import (
    DEEPER,
    DecisionRequest,
    Decisions,
    decide,
    sessions_of_decision,
)
from technic.research.backtest.prices import PriceHistory, read_prices
from technic.research.forward_returns import survivors_only, vanished
from technic.runtime.executors import Executor, Progress
from technic.runtime.settings import Settings
from technic.scanner.alpha.registry import active_model, card_of
from technic.scanner.columns.plugin_registry import plugin_named
from technic.scanner.scan_sessions import sessions_between
from technic.scanner.spec.backtest_rules import BacktestRules
from technic.scanner.spec.question import Question, resolve_question
from technic.scanner.spec.scan_file import ScanFile


@dataclass(frozen=True, slots=True)
class BacktestRequest:
    """What is traded.

    Attributes
    ----------
    question : the scan that is asked on each session of decision
    rules : how its answers are traded
    trials : how many distinct questions were ever tried on the store, this one among them
    model : SHA-256 of the model that forecasts `alpha`; None for the active one, if one is needed
    """

    question: Question
    rules: BacktestRules
    trials: int
    model: str | None = None


@dataclass(frozen=True, slots=True)
class BacktestHistory:
    """Everything that a backtest takes from the store.

    Attributes
    ----------
    version : the state of the store
    sessions : every session of the span
    decisions : what the scan said on the sessions of decision
    prices : what the chosen names traded at. It begins before the span, so that costs are known
        on its first session
    costs : what trading them costs, row for row with `prices`
    start : the row of `prices` at which the span begins
    benchmark : float64, shape (n_sessions,); USD at each close, scaled to the account, NaN is
        unknown
    model : SHA-256 of the model that forecast, if the question reads one
    notes : what a reader should know, one line each
    """

    version: StoreVersion
    sessions: tuple[date, ...]
    decisions: Decisions
    prices: PriceHistory
    costs: Costs
    start: int
    benchmark: FloatArray
    model: str | None
    notes: tuple[str, ...]


def gather(
    store: Store,
    version: StoreVersion,
    request: BacktestRequest,
    settings: Settings,
    executor: Executor | None = None,
    progress: Progress | None = None,
) -> BacktestHistory:
    """Ask the store for everything that a backtest needs; nothing after it asks again.

    Parameters
    ----------
    version : the state of the store that is read
    executor : where sessions are worked on; here by default
    progress : is told how far the work is

    Raises
    ------
    StoreError
        If the span lies outside the store, or holds too little.
    ModelError
        If the question reads `alpha` of sessions that the model learned from.
    """
    question, rules = request.question, request.rules
    sessions, days = sessions_of_span(store, version, rules)
    model = _usable_model(store, request, days[0])
    orders = DecisionRequest(question, tuple(days), DEEPER * rules.kept, model)
    decisions = decide(store, version, orders, settings, executor, progress)
    begin, end = nyse().ordinal(sessions[0]), nyse().ordinal(sessions[-1])
    first = max(begin - 2 * WINDOW, nyse().ordinal(version.first)) if version.first else begin
    chosen = {int(security) for ranking in decisions.rankings for security in ranking}
    prices = read_prices(store, version, sorted(chosen), first, end)
    view = store.panel(None, version=version)
    return BacktestHistory(
        version=version,
        sessions=tuple(sessions),
        decisions=decisions,
        prices=prices,
        costs=estimate_costs(prices),
        start=begin - first,
        benchmark=scaled_benchmark(view, question, begin, end),
        model=model,
        notes=_notes(view, question, rules),
    )


def check_backtest(store: Store, file: ScanFile, settings: Settings) -> None:
    """Refuse at once what `backtest` would refuse, before it is begun where nobody waits for it.

    Raises
    ------
    QuestionError
        If one of the texts cannot be understood.
    ConfigError
        If it reads a score of one's own that may not run.
    StoreError
        If the span lies outside the store, or holds too little.
    ModelError
        If the question reads `alpha` of sessions that the model learned from.
    """
    question, version = resolve_question(file), store.require()
    for name in question.plugins:
        plugin_named(settings, name)
    _, days = sessions_of_span(store, version, file.backtest)
    _usable_model(store, BacktestRequest(question, file.backtest, 1), days[0])


def sessions_of_span(
    store: Store, version: StoreVersion, rules: BacktestRules
) -> tuple[list[date], list[date]]:
    """All sessions of the span of some rules, and those of decision, ascending.

    The last session decides nothing: there is no other to trade on.

    Raises
    ------
    StoreError
        If the span lies outside the store, or holds no session of decision.
    """
    assert version.first is not None
    every = sessions_between(store, version, rules.first or version.first, rules.last)
    days = sessions_of_decision(every, rules.rebalance)
    days = [day for day in days if day < every[-1]]
    if not days:
        raise SpanError(
            f"{store.folder}: {every[0]} to {every[-1]} holds no session to decide on "
            f"{rules.rebalance} and another to trade on"
        )
    return every, days


def _usable_model(store: Store, request: BacktestRequest, first: date) -> str | None:
    """The model that the question reads, if it reads one; refuses one that saw the span."""
    model = request.model
    if not request.question.names & set(ALPHA):
        return model
    model = model or active_model(store)
    if model is None:
        raise ModelError("alpha: no model was trained on this store; train one: technic train")
    card = card_of(store, model)
    if first < date.fromisoformat(card.usable_from):
        raise ModelError(
            f"model {model[:12]} ({card.name}): it has seen what came until {card.usable_from}; a "
            f"backtest of it begins there or later: --from {card.usable_from}"
        )
    return model


def scaled_benchmark(view: MappedPanel, question: Question, begin: int, end: int) -> FloatArray:
    """The benchmark of a scan file, prices only, scaled to its account.

    Parameters
    ----------
    begin, end : the first and the last session, as numbers of the trading calendar

    Returns
    -------
    ndarray
        float64, shape (n_sessions,); USD at each close, NaN before its first known close.
    """
    closes = benchmark_closes(view, question.benchmark)[begin : end + 1].copy()
    for t in range(1, len(closes)):
        if np.isnan(closes[t]):
            closes[t] = closes[t - 1]
    traded = closes[~np.isnan(closes)]
    scaled: FloatArray = question.plan.account * closes / traded[0] if len(traded) else closes
    return scaled


def _notes(view: MappedPanel, question: Question, rules: BacktestRules) -> tuple[str, ...]:
    version = view.version
    stored = nyse().ordinal(view.as_of) - nyse().ordinal(version.first or view.as_of) + 1
    notes = survivors_only(vanished(view), stored)
    if version.adjustment == "splits":
        notes.append(
            "prices were adjusted by the vendor for later splits: numbers of shares, price limits "
            "and spreads are not those of the time"
        )
    if question.plan.side == "short":
        notes.append(
            "whether a name could be borrowed is not known: every short sale is taken as possible"
            + ("" if rules.borrow else ", and as free of a fee")
        )
    if rules.basis_points is None:
        notes.append("spreads are estimated from highs, lows and closes; impact by a square root")
    if question.warnings:
        notes += question.warnings
    if version.is_simulated:
        notes.append(SIMULATED_NOTE)
    if question.lists:
        notes.append("watch-lists are those of today: who is on one was chosen knowing the end")
    return tuple(notes)
