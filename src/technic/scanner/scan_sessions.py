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
from technic.runtime.version import __version__
from technic.scanner.answer import report_of
from technic.scanner.manifest import ManifestInput, canonical, make_manifest, with_digest
from technic.scanner.pipeline import Pinned, evaluate_question
from technic.scanner.spec.question import question_of_dict, resolve_question
from technic.scanner.spec.scan_file import ScanFile

SECONDS = 0.1  # of one session's scan on one core


@dataclass(frozen=True, slots=True)
class Reports:
    """The answers to one question on every session of a span.

    Attributes
    ----------
    asked : the question in canonical form
    rows : one per session and row shown: `session`, `rank`, `symbol`, `score`, … and a column for
        each column of the question
    sessions : one per session: `session`, `listed`, `ranked`, `first` (its best symbol), `seal`
    seal : a digest over the seals of all sessions, in order
    store_version : of the store that was asked
    simulated : whether the market is a simulated one
    manifest : sealed over the question, the span, and the seals of all sessions
    lost : sessions that no worker survived
    """

    asked: dict[str, Any]
    rows: pl.DataFrame
    sessions: pl.DataFrame
    seal: str
    store_version: str
    simulated: bool
    manifest: dict[str, Any]
    lost: tuple[date, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """Return everything, as JSON holds it, with a digest of all of it."""
        content = {
            "question": self.asked,
            "store_version": self.store_version,
            "simulated": self.simulated,
            "seal": self.seal,
            "sessions": self.sessions.to_dicts(),
            "rows": self.rows.to_dicts(),
            "lost": [day.isoformat() for day in self.lost],
            "manifest": self.manifest,
        }
        return with_digest(content)


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
    """Answer one question as of every session of a span.

    Parameters
    ----------
    store : the store to ask
    first, last : the span; what lies outside the store is left out. Without `last` it ends with
        the newest session
    file : the question; everything by technical rating by default
    symbols : only these
    settings : cache, threads and kernels; none of them changes an answer
    executor : where sessions are worked on; this process by default
    progress : is told how many sessions are done, and of how many

    Returns
    -------
    Reports
        Rows and seals of every session, the same as those of `technic.scan` as of it.

    Raises
    ------
    StoreError
        If the span lies outside the store.
    QuestionError
        If the question cannot be understood.

    Examples
    --------
    >>> import technic as tc
    >>> from datetime import timedelta
    >>> store = tc.open_store("demo")
    >>> newest = store.version().last
    >>> reports = tc.scan_sessions(store, newest - timedelta(days=4), newest)
    >>> reports.sessions["session"].max() == newest, reports.lost
    (True, ())
    """
    settings = settings or Settings.load()
    version = store.require()
    days = sessions_between(store, version, first, last)
    question = resolve_question(file or ScanFile(), symbols)
    lists = {name: sorted(store.catalog.watched(name)) for name in question.lists}
    asked = {**question.as_dict(), "lists": lists, "sessions": [str(days[0]), str(days[-1])]}
    return _ask(store, version, asked, settings, executor or InlineExecutor(), progress)


def rerun_sessions(
    store: Store, manifest: dict[str, Any], settings: Settings | None = None
) -> Reports:
    """Ask the same question on the same sessions of the store version that a manifest names."""
    version = store.version(int(manifest["store_number"]))
    settings = settings or Settings.load()
    return _ask(store, version, manifest["question"], settings, InlineExecutor(), None)


def _ask(
    store: Store,
    version: StoreVersion,
    asked: dict[str, Any],
    settings: Settings,
    runner: Executor,
    progress: Progress | None,
) -> Reports:
    """The answers to a question with its lists and its span, on one store version."""
    ensure_compiled(settings.kernels)
    first, last = (date.fromisoformat(day) for day in asked["sessions"])
    days = sessions_between(store, version, first, last)
    question = question_of_dict(asked)
    work = Work(
        "technic.scanner.scan_sessions:run_part",
        {
            **pin(store, version, settings.kernels),
            "question": question.as_dict(),
            "lists": asked["lists"],
            "sessions": [day.isoformat() for day in days],
        },
    )
    size = part_size(len(days), SECONDS * len(days), runner.workers, at_least=0.5)
    answers: list[dict[str, Any]] = []
    lost: list[date] = []
    for done in runner.map(work, spans(len(days), size), progress):
        if done.answer is None:
            lost += days[done.first : done.last]
        else:
            answers += done.answer["sessions"]
    return _reports(asked, answers, lost, version)


def sessions_between(
    store: Store, version: StoreVersion, first: date, last: date | None
) -> list[date]:
    """List the sessions of a span that a store version holds.

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


def _reports(
    asked: dict[str, Any], answers: list[dict[str, Any]], lost: list[date], version: StoreVersion
) -> Reports:
    """The answers of all sessions, in order, as two frames and a seal."""
    seals = blake2b(digest_size=16)
    for answer in answers:
        seals.update(answer["seal"].encode())
    heads = [{k: v for k, v in answer.items() if k != "rows"} for answer in answers]
    rows = [{"session": answer["session"], **row} for answer in answers for row in answer["rows"]]
    question = question_of_dict(asked).as_dict()
    return Reports(
        asked=question,
        rows=_frame(rows, {"session": pl.Date, "rank": pl.Int64, "symbol": pl.String}),
        sessions=_frame(heads, {"session": pl.Date, "ranked": pl.Int64}),
        seal=seals.hexdigest(),
        store_version=version.name,
        simulated=version.simulated is not None,
        manifest=_seal(version, asked, canonical([heads, rows, [str(day) for day in lost]])),
        lost=tuple(lost),
    )


def _seal(version: StoreVersion, asked: dict[str, Any], answer: bytes) -> dict[str, Any]:
    return make_manifest(
        ManifestInput(
            technic=__version__,
            store_version=version.name,
            store_number=version.number,
            code=question_of_dict(asked).code,
            as_of=asked["sessions"][-1],
            known_at=None,
            simulated=version.simulated is not None,
            question=asked,
            answer=answer,
        )
    )


def _frame(records: list[dict[str, Any]], empty: dict[str, Any]) -> pl.DataFrame:
    """Records as a frame with dates; without any, an empty one of some columns."""
    if not records:
        return pl.DataFrame(schema=empty)
    frame = pl.DataFrame(records, infer_schema_length=None)
    return frame.with_columns(pl.col("session").str.to_date())


def run_part(shared: Shared, first: int, last: int) -> dict[str, Any]:
    """Answer a stretch of sessions, on some worker.

    Parameters
    ----------
    shared : the store version, the question, its lists, and all sessions
    first, last : positions among the sessions

    Returns
    -------
    dict
        `sessions`: per session its counts, its seal and its rows, as JSON holds them.
    """
    job = shared.job
    store, version, _ = pinned(job)
    question = question_of_dict(job["question"])
    settings = Settings.load().uncached()
    held_to = Pinned(version=version, lists=job["lists"])
    answers = []
    for text in job["sessions"][first:last]:
        day = date.fromisoformat(text)
        result = evaluate_question(store, question, day, settings=settings, pinned=held_to)
        report = report_of(result)
        answers.append(
            {
                "session": text,
                "listed": report.ledger_book.total,
                "ranked": report.n_ranked,
                "first": report.shown[0].symbol if report.shown else None,
                "seal": report.manifest["seal"],
                "rows": [_flat_record(report.record(row)) for row in report.shown],
            }
        )
    return {"sessions": answers}


def _flat_record(record: dict[str, Any]) -> dict[str, Any]:
    """A row whose plan stands in columns, and whose contributions are left out."""
    plan = record.pop("plan")
    record.pop("contributions")
    return {**record, **{name: plan[name] for name in ("side", "entry", "stop", "target", "size")}}
