"""One question on every session of a span: each a scan of its own, spread over an executor.

A part is a stretch of sessions. Its worker opens the very store version, and answers each session
as `technic.scan` would as of it: the same rows, the same seal. What is found in a cache is not
used: most of these views are seen once.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from hashlib import blake2b
from typing import Any

import polars as pl

from technic.compute.kernel import ensure_compiled
from technic.compute.parallel import pin, pinned
from technic.data.store import Store, StoreVersion
from technic.errors import StoreError
from technic.market.sessions import nyse
from technic.runtime.executors import Executor, Progress, Work, spans
from technic.runtime.executors.local import InlineExecutor
from technic.runtime.executors.protocol import Shared, part_size
from technic.runtime.settings import Settings
from technic.scanner.pipeline import evaluate_question
from technic.scanner.scan import report_of
from technic.scanner.spec.question import question_of_dict, resolve_question
from technic.scanner.spec.scan_file import ScanFile

SECONDS = 0.1  # of one session's scan on one core


@dataclass(frozen=True, slots=True)
class Reports:
    """What was found on every session of a span.

    Attributes
    ----------
    asked : the question in canonical form
    rows : one per session and row shown: `session`, `rank`, `symbol`, `score`, … and a column for
        each column of the question
    sessions : one per session: `session`, `listed`, `ranked`, `first` (its best symbol), `seal`
    seal : a digest over the seals of all sessions, in order
    lost : sessions that no worker survived
    """

    asked: dict[str, Any]
    rows: pl.DataFrame
    sessions: pl.DataFrame
    seal: str
    store_version: str
    simulated: bool
    lost: tuple[date, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """Everything, as JSON holds it."""
        return {
            "question": self.asked,
            "store_version": self.store_version,
            "simulated": self.simulated,
            "seal": self.seal,
            "sessions": self.sessions.to_dicts(),
            "rows": self.rows.to_dicts(),
            "lost": [day.isoformat() for day in self.lost],
        }


def scan_sessions(
    store: Store,
    first: date,
    last: date | None = None,
    *,
    file: ScanFile | None = None,
    symbols: Iterable[str] | None = None,
    settings: Settings | None = None,
    executor: Executor | None = None,
    progress: Progress | None = None,
) -> Reports:
    """Answer one question as of every session from `first` to `last`.

    Raises
    ------
    StoreError
        If the span lies outside the store.
    QuestionError
        If the question cannot be understood.
    """
    settings = settings or Settings.load()
    ensure_compiled(settings.kernels)
    version = store.require()
    days = sessions_between(store, version, first, last)
    question = resolve_question(file or ScanFile(), symbols)
    runner = executor or InlineExecutor()
    work = Work(
        "technic.scanner.scan_sessions:run_part",
        {
            **pin(store, version, settings.kernels),
            "question": question.as_dict(),
            "lists": {name: sorted(store.catalog.watched(name)) for name in question.lists},
            "sessions": [day.isoformat() for day in days],
        },
    )
    size = part_size(len(days), SECONDS * len(days), runner.workers, at_least=0.5)
    found: list[dict[str, Any]] = []
    lost: list[date] = []
    for done in runner.map(work, spans(len(days), size), progress):
        if done.answer is None:
            lost += days[done.first : done.last]
        else:
            found += done.answer["sessions"]
    return _span(question.as_dict(), found, lost, version)


def sessions_between(
    store: Store, version: StoreVersion, first: date, last: date | None
) -> list[date]:
    """The sessions of a span that the store holds.

    Raises
    ------
    StoreError
        If it holds none of them.
    """
    assert version.first is not None
    assert version.last is not None
    low, high = max(first, version.first), min(last or version.last, version.last)
    begin, end = nyse().next_from(low), nyse().last_until(high)
    if begin > end:
        raise StoreError(
            f"{store.folder}: holds no session from {first} to {last or 'now'}, only from "
            f"{version.first} to {version.last}"
        )
    return [nyse().day(k) for k in range(begin, end + 1)]


def _span(
    asked: dict[str, Any], found: list[dict[str, Any]], lost: list[date], version: StoreVersion
) -> Reports:
    seals = blake2b(digest_size=16)
    for one in found:
        seals.update(one["seal"].encode())
    heads = [{k: v for k, v in one.items() if k != "rows"} for one in found]
    rows = [{"session": one["session"], **row} for one in found for row in one["rows"]]
    day = pl.col("session").str.to_date()
    return Reports(
        asked=asked,
        rows=pl.DataFrame(rows, infer_schema_length=None).with_columns(day)
        if rows
        else pl.DataFrame(schema={"session": pl.Date, "rank": pl.Int64, "symbol": pl.String}),
        sessions=pl.DataFrame(heads, infer_schema_length=None).with_columns(day)
        if heads
        else pl.DataFrame(schema={"session": pl.Date, "ranked": pl.Int64}),
        seal=seals.hexdigest(),
        store_version=version.name,
        simulated=version.simulated is not None,
        lost=tuple(lost),
    )


def run_part(shared: Shared, first: int, last: int) -> dict[str, Any]:
    """A stretch of sessions, on some worker."""
    question = shared.job
    store, version, _ = pinned(question)
    asked = question_of_dict(question["question"])
    settings = Settings.load().uncached()
    answers = []
    for text in question["sessions"][first:last]:
        section = evaluate_question(
            store,
            asked,
            date.fromisoformat(text),
            version=version,
            settings=settings,
            lists=question["lists"],
        )
        report = report_of(section)
        answers.append(
            {
                "session": text,
                "listed": report.ledger_book.total,
                "ranked": report.n_ranked,
                "first": report.shown[0].symbol if report.shown else None,
                "seal": report.manifest["seal"],
                "rows": [_flat(report.record(row)) for row in report.shown],
            }
        )
    return {"sessions": answers}


def _flat(record: dict[str, Any]) -> dict[str, Any]:
    """A row whose plan stands in columns, and whose contributions are left out."""
    plan = record.pop("plan")
    record.pop("contributions")
    return {**record, **{name: plan[name] for name in ("side", "entry", "stop", "target", "size")}}
