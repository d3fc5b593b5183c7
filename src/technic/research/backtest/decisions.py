"""The scan, asked on every session of decision: the same code path, on what was known then."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np

from technic.compute.parallel import pin, pinned
from technic.data.store import Store, StoreVersion
from technic.errors import StoreError
from technic.market.typing import IntArray
from technic.runtime.executors import Executor, Progress, Work, spans
from technic.runtime.executors.local import InlineExecutor
from technic.runtime.executors.protocol import Shared, part_size
from technic.runtime.settings import Settings
from technic.scanner.pipeline import evaluate_question
from technic.scanner.spec.backtest_rules import BacktestRules
from technic.scanner.spec.question import Question, question_of_dict

SECONDS = 0.15  # of one session's scan on one core
DEEPER = 5  # times the names that are held, so that a world of survivors can be told


@dataclass(frozen=True, slots=True)
class Decisions:
    """What the scan said on each session of decision.

    Attributes
    ----------
    days : the sessions
    rankings : of each, securities in the order of their ranks, as deep as is needed
    ranked, listed : of each, how many were ranked, and listed
    names : the symbol of each security when it was last ranked
    """

    days: tuple[date, ...]
    rankings: tuple[IntArray, ...]
    ranked: tuple[int, ...]
    listed: tuple[int, ...]
    names: Mapping[int, str]


def sessions_of_decision(days: Sequence[date], rebalance: str) -> list[date]:
    """The last session of every day, week or month.

    Examples
    --------
    >>> week = [date(2024, 3, 7), date(2024, 3, 8), date(2024, 3, 11)]
    >>> [str(day) for day in sessions_of_decision(week, "weekly")]
    ['2024-03-08', '2024-03-11']
    """
    if rebalance == "daily":
        return list(days)

    def period(day: date) -> tuple[int, int]:
        return day.isocalendar()[:2] if rebalance == "weekly" else (day.year, day.month)

    ends = zip(days, [*days[1:], None], strict=True)
    return [day for day, after in ends if after is None or period(day) != period(after)]


def decide(
    store: Store,
    version: StoreVersion,
    question: Question,
    rules: BacktestRules,
    days: Sequence[date],
    settings: Settings,
    executor: Executor | None,
    progress: Progress | None,
    model: str | None = None,
) -> Decisions:
    """Ask a question on some sessions.

    Raises
    ------
    StoreError
        If a session was lost with its worker.
    """
    runner = executor or InlineExecutor()
    lists = {name: sorted(store.catalog.watched(name)) for name in question.lists}
    work = Work(
        "technic.research.backtest.decisions:run_part",
        {
            **pin(store, version, settings.kernels),
            "question": question.as_dict(),
            "lists": lists,
            "sessions": [day.isoformat() for day in days],
            "model": model,
            "depth": DEEPER * rules.kept,
        },
    )
    size = part_size(len(days), SECONDS * len(days), runner.workers, at_least=0.5)
    rankings: list[IntArray] = []
    ranked: list[int] = []
    listed: list[int] = []
    names: dict[int, str] = {}
    for done in runner.map(work, spans(len(days), size), progress):
        if done.answer is None:
            raise StoreError(f"sessions {days[done.first]} to {days[done.last - 1]}: {done.lost}")
        ends = np.cumsum(done.answer["counts"])[:-1]
        rankings += np.split(done.answer["ids"], ends)
        ranked += done.answer["ranked"].tolist()
        listed += done.answer["listed"].tolist()
        names.update(zip(done.answer["ids"].tolist(), done.answer["symbols"], strict=True))
    return Decisions(tuple(days), tuple(rankings), tuple(ranked), tuple(listed), names)


def run_part(shared: Shared, first: int, last: int) -> dict[str, Any]:
    """A stretch of sessions, on some worker."""
    asked = shared.job
    store, version, _ = pinned(asked)
    question = question_of_dict(asked["question"])
    settings = Settings.load().uncached()
    ids, counts, ranked, listed, symbols = [], [], [], [], list[str]()
    for text in asked["sessions"][first:last]:
        section = evaluate_question(
            store,
            question,
            date.fromisoformat(text),
            version=version,
            settings=settings,
            lists=asked["lists"],
            model=asked["model"],
        )
        order = section.ranking.order
        best = order[: asked["depth"]]
        ids.append(section.view.panel.security_ids[best].astype(np.int64))
        symbols += [str(section.evaluation.attributes["symbol"][i]) for i in best]
        counts.append(len(best))
        ranked.append(len(order))
        listed.append(int(section.listed.sum()))
    return {
        "ids": np.concatenate(ids) if ids else np.empty(0, np.int64),
        "counts": np.array(counts),
        "ranked": np.array(ranked),
        "listed": np.array(listed),
        "symbols": symbols,
    }
