"""`technic backtest`: one scan file, traded session after session, and what it came to.

1. `gather` asks the store for everything, once: sessions, decisions, prices, benchmark, notes.
2. `replay` follows the decisions through the prices: as they are, without the names that vanish,
   with other returns of names that vanish, and free of costs.
3. `summarize` turns the accounts into figures; `metrics` computes them.
4. `_seal` makes the manifest over question, rules, trials and every trade.

Steps 2 to 4 see no store: what they need flows forward in `BacktestRequest`, `BacktestHistory` and
`Accounts`. `backtest` counts how many questions were ever tried, and records this one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime
from hashlib import sha256
from typing import Any

import orjson

from technic.compute.kernel import ensure_compiled
from technic.data.store import Store, StoreVersion
from technic.market.sessions import nyse
from technic.research.backtest import metrics
from technic.research.backtest.account import trade
from technic.research.backtest.inputs import BacktestHistory, BacktestRequest, gather
from technic.research.backtest.result import Backtest
from technic.research.backtest.summary import Accounts, summarize
from technic.research.backtest.trades import Traded
from technic.research.forward_returns import IMPUTED
from technic.research.trials import distinct_trials, record_trial
from technic.runtime.executors import Executor, Progress
from technic.runtime.settings import Settings
from technic.runtime.version import __version__
from technic.scanner.manifest import ManifestInput, canonical, make_manifest
from technic.scanner.spec.backtest_rules import BacktestRules
from technic.scanner.spec.question import Question, resolve_question
from technic.scanner.spec.scan_file import ScanFile


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

    The scan is asked on every session of decision, on what was known that evening, and its answer
    is traded at the next open. The trial is recorded: the more questions are tried on a store, the
    less a good result of one of them says.

    Parameters
    ----------
    store : where the bars lie, as `open_store` gives it
    file : the scan, and how it is traded
    first, last : the span, instead of the file's `from` and `to`
    settings : folders and numbers of threads; those of the user by default
    executor : where sessions are worked on; it never changes the answer
    progress : is told how far the work is

    Returns
    -------
    Backtest
        The account by session, its trades and figures; USD.

    Raises
    ------
    StoreError
        If the span lies outside the store, or holds too little.
    ModelError
        If the question reads `alpha` of sessions that the model learned from.

    Examples
    --------
    >>> import technic as tc
    >>> content = {"rank": "ret(21)", "backtest": {"rebalance": "monthly", "hold": 10}}
    >>> file = tc.ScanFile.of(content, "momentum")
    >>> result = tc.backtest(tc.open_store("demo"), file)
    >>> result.equity.shape == (len(result.days),)
    True
    >>> result.simulated  # its figures say nothing about a real market
    True
    """
    rules = file.backtest
    rules = replace(rules, first=first or rules.first, last=last or rules.last)
    question = resolve_question(file)
    digest = strategy_digest(question, rules)
    trials = distinct_trials(store, "backtest", with_digest=digest)
    request = BacktestRequest(question, rules, trials)
    result = run(store, store.require(), request, settings, executor, progress)
    content = {
        "question": dict(result.asked),
        "rules": rules.as_dict(),
        "sharpe": result.summary["performance"]["sharpe"],
        "seal": result.manifest["seal"],
    }
    record_trial(store, "backtest", digest, file.name, content, datetime.now(UTC))
    store.catalog.record_run("backtest", file.name, result.last, result.manifest, datetime.now(UTC))
    return result


def strategy_digest(question: Question, rules: BacktestRules) -> str:
    """A digest of what is tried: another span, account or cost of it is no other question."""
    whole = question.as_dict()
    content = {
        **{k: whole[k] for k in ("universe", "where", "rank", "missing", "benchmark", "symbols")},
        "side": question.plan.side,
        "rebalance": rules.rebalance,
        "hold": rules.hold,
        "kept": rules.kept,
    }
    return sha256(orjson.dumps(content, option=orjson.OPT_SORT_KEYS)).hexdigest()


def rerun_backtest(
    store: Store, manifest: Mapping[str, Any], settings: Settings | None = None
) -> Backtest:
    """The same backtest, run again on the store version and trials that its manifest names."""
    from technic.scanner.spec.question import question_of_dict

    version = store.version(int(manifest["store_number"]))
    content = manifest["question"]
    request = BacktestRequest(
        question_of_dict(content),
        BacktestRules.of(content["backtest"], "manifest"),
        int(content["trials"]),
        content.get("model"),
    )
    return run(store, version, request, settings)


def run(
    store: Store,
    version: StoreVersion,
    request: BacktestRequest,
    settings: Settings | None = None,
    executor: Executor | None = None,
    progress: Progress | None = None,
) -> Backtest:
    """Run a backtest on one store version, without recording it.

    Parameters
    ----------
    version : the state of the store that is read
    settings : folders and numbers of threads; those of the user by default
    executor : where sessions are worked on; it never changes the answer
    progress : is told how far the work is
    """
    settings = settings or Settings.load()
    ensure_compiled(settings.kernels)
    history = gather(store, version, request, settings, executor, progress)
    accounts = replay(history, request)
    summary = summarize(history, accounts, request)
    trades = metrics.trade_rows(accounts.traded.trades, history.prices, history.decisions.names)
    answer = canonical({"trades": trades, "summary": summary}) + accounts.traded.equity.tobytes()
    return Backtest(
        name=request.question.name,
        asked=request.question.as_dict(),
        rules=request.rules,
        first=history.sessions[0],
        last=history.sessions[-1],
        decisions=len(history.decisions.days),
        trials=request.trials,
        summary=summary,
        days=tuple(day.isoformat() for day in history.sessions),
        equity=accounts.traded.equity,
        benchmark=history.benchmark,
        exposure=accounts.traded.exposure,
        trades=tuple(trades),
        manifest=_seal(history, request, answer),
        simulated=version.simulated is not None,
        store_version=version.name,
        notes=history.notes,
    )


def replay(history: BacktestHistory, request: BacktestRequest) -> Accounts:
    """Follow the decisions through the prices, under each assumption."""
    prices, decisions, rules = history.prices, history.decisions, request.rules
    first = int(prices.ordinals[0])
    rows = {nyse().ordinal(day) - first: k for k, day in enumerate(decisions.days)}

    def follow(rules: BacktestRules, only: set[int] | None = None) -> Traded:
        wanted = {
            row: [who for who in decisions.rankings[k].tolist() if only is None or who in only]
            for row, k in rows.items()
        }
        traded = trade(prices, history.costs, wanted, rules, request.question.plan)
        return traded.since(history.start)

    return Accounts(
        traded=follow(rules),
        survivors=follow(rules, set(prices.ids[~prices.gone].tolist())),
        imputed={f"{value:+.0%}": follow(replace(rules, delisting=value)) for value in IMPUTED},
        free=follow(replace(rules, cost="none", commission=0.0, borrow=0.0)),
    )


def _seal(history: BacktestHistory, request: BacktestRequest, answer: bytes) -> Mapping[str, Any]:
    """The manifest: which code gave this answer to which question on which store."""
    version = history.version
    question = {
        **request.question.as_dict(),
        "backtest": request.rules.as_dict(),
        "trials": request.trials,
        **({"model": history.model} if history.model else {}),
    }
    return make_manifest(
        ManifestInput(
            technic=__version__,
            store_version=version.name,
            store_number=version.number,
            code=request.question.code,
            as_of=history.sessions[-1].isoformat(),
            known_at=None,
            simulated=version.simulated is not None,
            question=question,
            answer=answer,
        )
    )
