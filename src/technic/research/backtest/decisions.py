"""What the scan said on every session of decision: the same code as a scan, on what was known then."""

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
from technic.scanner.pipeline import Pinned, evaluate_question
from technic.scanner.spec.question import Question, question_of_dict

SECONDS = 0.15  # of one session's scan on one core
DEEPER = 5  # times the names that are kept: survivors alone must fill the account too


@dataclass(frozen=True, slots=True)
class DecisionRequest:
    """Which question is asked on which sessions.

    Attributes
    ----------
    question : the scan
    days : the sessions of decision, ascending
    depth : how many of the best are remembered of each session
    model : SHA-256 of the model that forecasts `alpha`; None if none is read
    """

    question: Question
    days: tuple[date, ...]
    depth: int
    model: str | None = None


@dataclass(frozen=True, slots=True)
class Decisions:
    """What the scan said on each session of decision; tuples have one entry for each session.

    Attributes
    ----------
    days : the sessions of decision, ascending
    rankings : int64; ids of securities, best first, as deep as was asked
    ranked : how many securities were ranked
    listed : how many securities were listed
    names : the symbol of each security when it was last ranked, by its id
    """

    days: tuple[date, ...]
    rankings: tuple[IntArray, ...]
    ranked: tuple[int, ...]
    listed: tuple[int, ...]
    names: Mapping[int, str]


def sessions_of_decision(days: Sequence[date], rebalance: str) -> list[date]:
    """The last session of every day, week or month: those on which decisions fall.

    Parameters
    ----------
    days : sessions, ascending
    rebalance : "daily", "weekly" or "monthly"

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
    request: DecisionRequest,
    settings: Settings,
    executor: Executor | None = None,
    progress: Progress | None = None,
) -> Decisions:
    """Ask a question on some sessions.

    Parameters
    ----------
    executor : where sessions are worked on; here, one after the other, by default

    Raises
    ------
    StoreError
        If a session was lost with its worker.
    """
    runner = executor or InlineExecutor()
    days, question = request.days, request.question
    work = Work(
        "technic.research.backtest.decisions:run_part",
        {
            **pin(store, version, settings.kernels),
            "question": question.as_dict(),
            "lists": {name: sorted(store.catalog.watched(name)) for name in question.lists},
            "sessions": [day.isoformat() for day in days],
            "model": request.model,
            "depth": request.depth,
        },
    )
    size = part_size(len(days), SECONDS * len(days), runner.workers, at_least=0.5)
    rankings: list[IntArray] = []
    ranked: list[int] = []
    listed: list[int] = []
    names: dict[int, str] = {}
    for part in runner.map(work, spans(len(days), size), progress):
        if part.answer is None:
            raise StoreError(f"sessions {days[part.first]} to {days[part.last - 1]}: {part.lost}")
        ends = np.cumsum(part.answer["counts"])[:-1]
        rankings += np.split(part.answer["ids"], ends)
        ranked += part.answer["ranked"].tolist()
        listed += part.answer["listed"].tolist()
        names.update(zip(part.answer["ids"].tolist(), part.answer["symbols"], strict=True))
    return Decisions(days, tuple(rankings), tuple(ranked), tuple(listed), names)


def run_part(shared: Shared, first: int, last: int) -> dict[str, Any]:
    """Ask the question on a stretch of sessions, on some worker."""
    job = shared.job
    store, version, _ = pinned(job)
    question = question_of_dict(job["question"])
    settings = Settings.load().uncached()
    ids, counts, ranked, listed, symbols = [], [], [], [], list[str]()
    for text in job["sessions"][first:last]:
        result = evaluate_question(
            store,
            question,
            date.fromisoformat(text),
            settings=settings,
            pinned=Pinned(version=version, lists=job["lists"], model=job["model"]),
        )
        order = result.ranking.order
        best = order[: job["depth"]]
        ids.append(result.view.panel.security_ids[best].astype(np.int64))
        symbols += [str(result.evaluation.attributes["symbol"][i]) for i in best]
        counts.append(len(best))
        ranked.append(len(order))
        listed.append(int(result.listed.sum()))
    return {
        "ids": np.concatenate(ids) if ids else np.empty(0, np.int64),
        "counts": np.array(counts),
        "ranked": np.array(ranked),
        "listed": np.array(listed),
        "symbols": symbols,
    }
