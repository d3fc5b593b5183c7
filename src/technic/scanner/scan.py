"""Store → report: one question, one session, every listed symbol accounted for.

1. `canonical_question` (report_cache.py) reads what is asked; `_cache_key` names the answer by its
   content.
2. `unpack` (report_cache.py) returns the report where the cache holds it; else
3. `resolve_question` parses the question, and `evaluate_question` (pipeline.py) answers it over
   every symbol.
4. `report_of` (answer.py) plans trades down the ranking and seals the question and its answer.
5. `pack` (report_cache.py) puts the report into the cache.

No network, no clock, no randomness. Settings, threads and caches never change an answer.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

from technic.data.store import Store, StoreVersion
from technic.errors import StoreError, VerifyError
from technic.runtime.settings import Settings
from technic.scanner.answer import report_of
from technic.scanner.columns.plugin_registry import plugin_named
from technic.scanner.pipeline import Pinned, evaluate_question
from technic.scanner.report import Report
from technic.scanner.report_cache import (
    CanonicalQuestion,
    canonical_question,
    pack,
    report_key,
    unpack,
)
from technic.scanner.spec.question import question_of_dict, resolve_question
from technic.scanner.spec.scan_file import UNIVERSES, ScanFile, symbols_of
from technic.scanner.stage_timer import StageTimer


def scan(
    store: Store,
    where: str | None = None,
    universe: str | None = None,
    rank: str | None = None,
    top: int | None = None,
    columns: Sequence[str] | None = None,
    as_of: date | None = None,
    *,
    known_at: datetime | None = None,
    symbols: Iterable[str] | None = None,
    file: ScanFile | None = None,
    settings: Settings | None = None,
) -> Report:
    """Answer one question as of one session.

    Parameters
    ----------
    store : the bars, listings and filings
    where, universe, rank, top, columns : replace what `file` says; texts of the scan language.
        `universe` may be one of `scan_file.UNIVERSES`
    as_of : the session to stand in; the newest stored by default
    known_at : only what was known before this instant
    symbols : only these
    file : a scan file; everything by `tech_rating` by default
    settings : cache, threads and kernels; none of them changes an answer

    Returns
    -------
    Report
        The best rows with a plan each, the bucket of every listed symbol, and a manifest that
        seals them.

    Raises
    ------
    QuestionError
        If a text cannot be understood.
    StoreError
        If the store is empty or `as_of` lies outside it.
    ConfigError
        If the plan, the benchmark or a plugin cannot be used.
    ModelError
        If the question reads a forecast and no model may give it.

    Examples
    --------
    >>> import technic as tc
    >>> report = tc.scan(tc.open_store("demo"), where="rsi(14) < 60", top=5)
    >>> len(report.shown), report.shown[0].rank
    (5, 1)
    >>> sum(report.ledger_book.counts().values()) == report.ledger_book.total
    True
    """
    given: dict[str, Any] = {
        "where": where,
        "universe": UNIVERSES.get(universe, universe) if universe is not None else None,
        "rank": rank,
        "top": top,
        "columns": columns,
    }
    question_file = replace(file or ScanFile(), **{k: v for k, v in given.items() if v is not None})
    if rank is not None and file is None:
        question_file = replace(question_file, name=f"everything by {rank}")
    return _scan_file(
        store,
        question_file,
        symbols_of(symbols),
        Instants(as_of, known_at),
        settings or Settings.load(),
    )


@dataclass(frozen=True, slots=True)
class Instants:
    """The session a scan stands in, and the instant before which everything was known."""

    as_of: date | None
    known_at: datetime | None


def _scan_file(
    store: Store, file: ScanFile, only: tuple[str, ...] | None, when: Instants, settings: Settings
) -> Report:
    """The report on a scan file: out of the cache, or made and put there."""
    timer = StageTimer()
    cache, counts_before = settings.cache, settings.cache.counts()
    version = store.require()
    canonical_form = canonical_question(file, only, cache)
    timer.lap("understand")
    key = _cache_key(store, canonical_form, version, when)
    content = cache.get(key) if key else None
    if content is not None:
        timer.lap("found")
        report = unpack(content, timer.laps)
        if report is not None:
            return replace(report, work=cache.since(counts_before), kept_as=key)
    question = resolve_question(file, only)
    result = evaluate_question(
        store,
        question,
        when.as_of,
        known_at=when.known_at,
        settings=settings,
        pinned=Pinned(version=version),
    )
    report = report_of(result)
    timings = {**timer.laps, **report.timings}
    if key:
        cache.put(key, pack(report), cost=sum(timings.values()))
    work = {**report.work, **cache.since(counts_before)}
    return replace(report, timings=timings, work=work, kept_as=key)


def _cache_key(
    store: Store, question: CanonicalQuestion, version: StoreVersion, when: Instants
) -> str:
    """The key of a report; empty if something that its user may change is part of it."""
    if question.changeable:
        return ""
    model = ""
    if question.forecast:  # another model, another answer
        from technic.scanner.alpha.registry import active_model  # brings SQL

        model = active_model(store) or ""
    view = f"{version.content}|{when.as_of}|{when.known_at}"
    return report_key(question, view, model)


def rerun(store: Store, manifest: dict[str, Any], settings: Settings | None = None) -> Report:
    """Run the scan that a manifest seals again, on the store version that it names.

    Parameters
    ----------
    store : the one that was scanned
    manifest : of a report
    settings : threads and kernels; no cache is used

    Returns
    -------
    Report
        With the same seal if nothing has changed.

    Raises
    ------
    StoreError
        If the store has no such version.
    VerifyError
        If the answer rests on bars that nobody keeps, or on code that is no longer there.
    """
    if manifest.get("provisional"):
        raise VerifyError("the answer rests on bars of a day that was not over, which nobody keeps")
    version = store.version(int(manifest["store_number"]))
    if version.name != manifest["store_version"]:
        raise StoreError(
            f"{store.folder}: is not the store that was scanned: its version "
            f"{version.number} is {version.name}, the manifest names "
            f"{manifest['store_version']}"
        )
    settings = settings or Settings.load()
    sealed, known_at = manifest["question"], manifest["known_at"]
    for name, digest in sealed.get("plugins", {}).items():
        if plugin_named(settings, name).digest != digest:
            raise VerifyError(f"python('{name}') is not the code that the answer was made with")
    result = evaluate_question(
        store,
        question_of_dict(sealed),
        date.fromisoformat(manifest["as_of"]),
        known_at=datetime.fromisoformat(known_at) if known_at else None,
        settings=settings.uncached(),
        pinned=Pinned(
            version=version,
            lists=sealed.get("lists"),
            model=sealed.get("model"),
            sees_everything=known_at is None,
        ),
    )
    return report_of(result)
