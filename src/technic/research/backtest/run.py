"""`technic backtest`: one scan file, traded session after session, and what it came to.

1. `_days` gives the sessions of decision; `deciding.decide` asks the scan on each of them.
2. `tape.tape_of` reads what the chosen names traded at; `costs.costs_of` what trading them costs.
3. `trading.trade` follows the decisions; again without the names that vanish, and again with other
   returns of vanishing names.
4. `findings` sums up; `trials` says how many questions were ever tried on this store.
5. `manifest` seals question, rules, trials and every trade.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from hashlib import sha256
from typing import Any

import numpy as np
import orjson

from technic.compute.benchmark import benchmark_closes
from technic.compute.kernel import ensure_compiled
from technic.data.store import Store, StoreVersion
from technic.data.store.version import SIMULATED_NOTE
from technic.errors import ModelError, StoreError
from technic.indicators.kernel.codegen import digest as kernel_digest
from technic.market.sessions import nyse
from technic.market.typing import FloatArray
from technic.query.names import ALPHA
from technic.research.backtest import metrics
from technic.research.backtest.account import Traded, trade
from technic.research.backtest.costs import WINDOW, costs_of
from technic.research.backtest.decisions import Decisions, decide, sessions_of_decision
from technic.research.backtest.prices import PriceHistory, tape_of
from technic.research.forward_returns import IMPUTED, survivors_only, vanished
from technic.research.trials import distinct_trials, record_trial
from technic.runtime.executors import Executor, Progress
from technic.runtime.settings import Settings
from technic.runtime.version import __version__
from technic.scanner.alpha.registry import active_model, card_of
from technic.scanner.manifest import canonical, make_manifest
from technic.scanner.scan_sessions import sessions_between
from technic.scanner.spec.backtest_rules import BacktestRules
from technic.scanner.spec.question import Question, resolve_question
from technic.scanner.spec.scan_file import ScanFile


@dataclass(frozen=True, slots=True)
class Backtest:
    """What a scan would have come to.

    Attributes
    ----------
    summary : figures by group: performance, gross, trading, capacity, benchmark, survivors, …
    days : of the equity, by session
    equity, benchmark, exposure : by session; the benchmark scaled to the account
    trades : rows of a table
    manifest : sealed over question, rules, trials and answer
    notes : what a reader should know, one line each
    """

    name: str
    asked: Mapping[str, Any]
    rules: BacktestRules
    first: date
    last: date
    decisions: int
    trials: int
    summary: Mapping[str, Any]
    days: tuple[str, ...]
    equity: FloatArray
    benchmark: FloatArray
    exposure: FloatArray
    trades: tuple[Mapping[str, Any], ...]
    manifest: Mapping[str, Any]
    simulated: bool
    store_version: str
    notes: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """Everything, as JSON holds it."""
        return {
            "name": self.name,
            "question": dict(self.asked),
            "rules": self.rules.as_dict(),
            "first": self.first.isoformat(),
            "last": self.last.isoformat(),
            "decisions": self.decisions,
            "trials": self.trials,
            **self.summary,
            "equity": [
                {"session": day, "equity": e, "benchmark": b, "exposure": x}
                for day, e, b, x in zip(
                    self.days,
                    self.equity.tolist(),
                    [None if np.isnan(v) else float(v) for v in self.benchmark],
                    self.exposure.tolist(),
                    strict=True,
                )
            ],
            "trades": [dict(row) for row in self.trades],
            "simulated": self.simulated,
            "store_version": self.store_version,
            "notes": list(self.notes),
            "manifest": dict(self.manifest),
        }


def backtest(
    store: Store,
    file: ScanFile,
    *,
    first: date | None = None,
    last: date | None = None,
    settings: Settings | None = None,
    executor: Executor | None = None,
    progress: Progress | None = None,
) -> Backtest:
    """Trade a scan file on the history of a store, by its section [backtest].

    Parameters
    ----------
    first, last : instead of the file's `from` and `to`
    executor : where sessions are worked on; never changes the answer

    Raises
    ------
    StoreError
        If the span lies outside the store, or holds too little.
    ModelError
        If the question reads `alpha` of sessions that the model learned from.
    """
    rules = file.backtest
    rules = replace(rules, first=first or rules.first, last=last or rules.last)
    question = resolve_question(file)
    digest = strategy_digest(question, rules)
    trials = distinct_trials(store, "backtest", with_digest=digest)
    found = _run(store, store.require(), question, rules, trials, settings, executor, progress)
    content = {
        "question": dict(found.asked),
        "rules": rules.as_dict(),
        "sharpe": found.summary["performance"]["sharpe"],
        "seal": found.manifest["seal"],
    }
    record_trial(store, "backtest", digest, file.name, content, datetime.now(UTC))
    store.catalog.record_run("backtest", file.name, found.last, found.manifest, datetime.now(UTC))
    return found


def strategy_digest(question: Question, rules: BacktestRules) -> str:
    """Names what is tried: another span, account or cost of the same is no other question."""
    asked = question.as_dict()
    content = {
        **{k: asked[k] for k in ("universe", "where", "rank", "missing", "benchmark", "symbols")},
        "side": question.plan.side,
        "rebalance": rules.rebalance,
        "hold": rules.hold,
        "kept": rules.kept,
    }
    return sha256(orjson.dumps(content, option=orjson.OPT_SORT_KEYS)).hexdigest()


def rerun_backtest(
    store: Store, manifest: Mapping[str, Any], settings: Settings | None = None
) -> Mapping[str, Any]:
    """The manifest of the same backtest, run again on the store version and trials it names."""
    from technic.scanner.spec.question import question_of_dict

    version = store.version(int(manifest["store_number"]))
    asked = manifest["question"]
    return _run(
        store,
        version,
        question_of_dict(asked),
        BacktestRules.of(asked["backtest"], "manifest"),
        int(asked["trials"]),
        settings,
        None,
        None,
        asked.get("model"),
    ).manifest


def _run(
    store: Store,
    version: StoreVersion,
    question: Question,
    rules: BacktestRules,
    trials: int,
    settings: Settings | None,
    executor: Executor | None,
    progress: Progress | None,
    model: str | None = None,
) -> Backtest:
    settings = settings or Settings.load()
    ensure_compiled(settings.kernels)
    every, days = _days(store, version, rules)
    if question.names & set(ALPHA):
        model = model or active_model(store)
        _check_model(store, model, days[0])
    decisions = decide(store, version, question, rules, days, settings, executor, progress, model)
    begin, end = nyse().ordinal(every[0]), nyse().ordinal(every[-1])
    chosen = {int(who) for ranking in decisions.rankings for who in ranking}
    warm = max(begin - 2 * WINDOW, nyse().ordinal(version.first)) if version.first else begin
    tape = tape_of(store, version, sorted(chosen), warm, end)
    costs = costs_of(tape)
    rows = {nyse().ordinal(day) - warm: k for k, day in enumerate(decisions.days)}
    survivors = set(tape.ids[~tape.gone].tolist())

    def follow(rules: BacktestRules, only: set[int] | None = None) -> Traded:
        asked = {
            row: [who for who in decisions.rankings[k].tolist() if only is None or who in only]
            for row, k in rows.items()
        }
        return trade(tape, costs, asked, rules, question.plan).since(start)

    start = begin - warm  # before it the tape only lets costs be known
    traded = follow(rules)
    benchmark = _benchmark(store, version, question, begin, end, question.plan.account)
    summary = _summary(
        traded,
        follow(rules, survivors),
        {f"{value:+.0%}": follow(replace(rules, delisting=value)) for value in IMPUTED},
        follow(replace(rules, cost="none", commission=0.0, borrow=0.0)),
        tape,
        start,
        benchmark,
        question,
        trials,
        decisions,
    )
    trades = tuple(metrics.trade_rows(traded.trades, tape, decisions.names))
    asked = {
        **question.as_dict(),
        "backtest": rules.as_dict(),
        "trials": trials,
        **({"model": model} if model else {}),
    }
    answer = canonical({"trades": list(trades), "summary": summary}) + traded.equity.tobytes()
    manifest = make_manifest(
        version=__version__,
        store_version=version.name,
        store_number=version.number,
        kernel=kernel_digest(),
        as_of=every[-1].isoformat(),
        known_at=None,
        simulated=version.simulated is not None,
        question=asked,
        answer=answer,
    )
    return Backtest(
        name=question.name,
        asked=question.as_dict(),
        rules=rules,
        first=every[0],
        last=every[-1],
        decisions=len(decisions.days),
        trials=trials,
        summary=summary,
        days=tuple(day.isoformat() for day in every),
        equity=traded.equity,
        benchmark=benchmark,
        exposure=traded.exposure,
        trades=trades,
        manifest=manifest,
        simulated=version.simulated is not None,
        store_version=version.name,
        notes=_notes(store, version, question, rules),
    )


def _days(
    store: Store, version: StoreVersion, rules: BacktestRules
) -> tuple[list[date], list[date]]:
    """All sessions of the span, and those of decision: the last one decides nothing."""
    assert version.first is not None
    every = sessions_between(store, version, rules.first or version.first, rules.last)
    days = sessions_of_decision(every, rules.rebalance)
    days = [day for day in days if day < every[-1]]
    if not days:
        raise StoreError(
            f"{store.folder}: {every[0]} to {every[-1]} holds no session to decide on "
            f"{rules.rebalance} and another to trade on"
        )
    return every, days


def _check_model(store: Store, model: str | None, first: date) -> None:
    if model is None:
        raise ModelError("alpha: no model was trained on this store; train one: technic train")
    card = card_of(store, model)
    if first < date.fromisoformat(card.usable_from):
        raise ModelError(
            f"model {model[:12]} ({card.name}): it has seen what came until {card.usable_from}; a "
            f"backtest of it begins there or later: --from {card.usable_from}"
        )


def _benchmark(
    store: Store, version: StoreVersion, question: Question, begin: int, end: int, account: float
) -> FloatArray:
    """The benchmark of the scan file, prices only, scaled to the account."""
    closes = benchmark_closes(store.panel(None, version=version), question.benchmark)
    part = closes[begin : end + 1].copy()
    for t in range(1, len(part)):
        if np.isnan(part[t]):
            part[t] = part[t - 1]
    known = part[~np.isnan(part)]
    scaled: FloatArray = account * part / known[0] if len(known) else part
    return scaled


def _summary(
    traded: Traded,
    survivors: Traded,
    imputed: Mapping[str, Traded],
    free: Traded,
    tape: PriceHistory,
    start: int,
    benchmark: FloatArray,
    question: Question,
    trials: int,
    decisions: Decisions,
) -> dict[str, Any]:
    account = question.plan.account
    equity = traded.equity
    found = _dated(metrics.performance(equity, trials), tape, start)
    only = metrics.performance(survivors.equity, trials)
    known = ~np.isnan(benchmark)
    market = _dated(metrics.performance(benchmark[known]), tape, start) if known.sum() > 1 else None
    return {
        "performance": found,
        "gross": _dated(metrics.performance(free.equity), tape, start),
        "benchmark": market,
        "trading": metrics.trading(traded, account),
        "capacity": metrics.capacity(traded, question.plan.max_adv, account),
        "years": metrics.by_year(
            replace(tape, ordinals=tape.ordinals[start:]), equity, benchmark, traded.value_traded
        ),
        "survivors": {
            "yearly": only["yearly"],
            "sharpe": only["sharpe"],
            "difference": _less(only["yearly"], found["yearly"]),
            "sharpe_difference": _less(only["sharpe"], found["sharpe"]),
        },
        "delisting": {
            name: metrics.performance(other.equity)["yearly"] for name, other in imputed.items()
        },
        "ranked": {
            "least": min(decisions.ranked),
            "mean": float(np.mean(decisions.ranked)),
            "listed": float(np.mean(decisions.listed)),
        },
    }


def _dated(found: dict[str, Any], tape: PriceHistory, start: int) -> dict[str, Any]:
    for name in ("drawdown_from", "drawdown_to"):
        found[name] = tape.day(start + found[name]).isoformat()
    return found


def _less(first: float | None, second: float | None) -> float | None:
    return None if first is None or second is None else first - second


def _notes(
    store: Store, version: StoreVersion, question: Question, rules: BacktestRules
) -> tuple[str, ...]:
    view = store.panel(None, version=version)
    held = nyse().ordinal(view.as_of) - nyse().ordinal(version.first or view.as_of) + 1
    notes = survivors_only(vanished(view), held)
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
