"""Store → report: one question, one session, every listed symbol accounted for.

1. `canonical_question` (report_cache.py) reads what is asked; `_cache_key` names the answer by its
   content.
2. `unpack` (report_cache.py) returns the report where the cache holds it; else
3. `resolve_question` parses the question, and `evaluate_question` (pipeline.py) answers it over
   every symbol.
4. `report_of` makes the report: `_rows` plans trades down the ranking, and `make_manifest`
   (manifest.py) seals the question and what `_answer` says of the ranking, the ledger and the rows.
5. `pack` (report_cache.py) puts the report into the cache.

No network, no clock, no randomness. Settings, threads and caches never change an answer.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from math import log
from typing import Any

import numpy as np

from technic.data.store import Store, StoreVersion
from technic.errors import StoreError, VerifyError, counted
from technic.indicators import REGISTRY
from technic.indicators.kernel.codegen import digest as kernel_digest
from technic.market.typing import IntArray
from technic.query.evaluate import features_in
from technic.runtime.settings import Settings
from technic.runtime.version import __version__
from technic.scanner.columns.plugins import plugin_named
from technic.scanner.manifest import ManifestInput, canonical, make_manifest
from technic.scanner.pipeline import Pinned, ScanResult, StageTimer, evaluate_question
from technic.scanner.plan import Levels, plan_rows
from technic.scanner.rank import term_names
from technic.scanner.report import Report, Row, ranking_within
from technic.scanner.report_cache import (
    CanonicalQuestion,
    canonical_question,
    pack,
    report_key,
    unpack,
)
from technic.scanner.spec.question import Question, question_of_dict, resolve_question
from technic.scanner.spec.scan_file import UNIVERSES, ScanFile, symbols_of

SPARK_BARS = 20
SETTLED = 1e-3  # weight of an average's seed below which its value has settled
THIN = 1_000_000.0  # USD a day below which a row is hard to trade


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


def report_of(result: ScanResult) -> Report:
    """Make a report of an evaluated question: rows with plans, and the manifest that seals them."""
    timer = StageTimer(result.timings)
    rows = _rows(result)
    timer.lap("plan")
    question, view, symbols = result.question, result.view, result.symbols
    manifest = make_manifest(
        ManifestInput(
            technic=__version__,
            store_version=view.version.name,
            store_number=view.version.number,
            kernel=kernel_digest(),
            as_of=view.as_of.isoformat(),
            known_at=view.known_at.isoformat() if view.known_at else None,
            simulated=view.version.simulated is not None,
            question=_sealed_question(result),
            answer=_answer(result, rows, symbols),
            provisional=view.provisional,
        )
    )
    timer.lap("manifest")
    return Report(
        as_of=view.as_of,
        asked=question.as_dict(),
        shown=rows,
        n_ranked=len(result.ranking.order),
        ledger_book=result.ledger,
        symbols=symbols,
        manifest=manifest,
        simulated=view.version.simulated,
        timings=timer.laps,
        ranked=tuple(result.ranking.order.tolist()),
        security_ids=tuple(view.bars.security_ids.tolist()),
        work=dict(result.work),
        notes=(*result.notes, *_thin_note(result), *_short_note(result)),
        history=_history(result),
    )


def _sealed_question(result: ScanResult) -> dict[str, Any]:
    """The question with all that its user may change: lists, code and the model that answered."""
    question = result.question
    sealed = question.as_dict()
    if question.lists:
        sealed["lists"] = {name: sorted(result.evaluation.lists(name)) for name in question.lists}
    if question.plugins:
        sealed["plugins"] = {name: result.plugins[name] for name in sorted(question.plugins)}
    if result.model:
        sealed["model"] = result.model
    return sealed


def _history(result: ScanResult) -> int:
    """The bars of the symbol that has most of those that traded; 0 if nobody did."""
    lengths = result.view.bars.lengths[result.listed & (result.age == 0.0)]
    return int(lengths.max(initial=0))


def _short_note(result: ScanResult) -> list[str]:
    """One line if nobody is ranked, and the question looks back further than any history goes."""
    needed, held = result.question.bars_needed, _history(result)
    if len(result.ranking.order) or needed <= held:
        return []
    less = f'--rank "{ranking_within(held)}"'
    note = (
        f"the question looks back over {counted(needed, 'session')}, and no symbol that traded has "
        f"more than {held:,}: import older bars, or ask for less, such as {less}"
    )
    return [note]


def _thin_note(result: ScanResult) -> list[str]:
    """One line if rows shown hardly trade, and the universe did not ask about that."""
    shown = result.ranking.order[: result.question.top]
    liquidity = result.evaluation.value(result.question.liquidity)[shown]
    thin = int((~(liquidity >= THIN)).sum())
    if not thin or result.question.universe is not None:
        return []
    return [f"{thin} of {counted(len(shown), 'row')} trade under $1M a day: add --universe liquid"]


def _answer(result: ScanResult, rows: tuple[Row, ...], symbols: tuple[str, ...]) -> bytes:
    """The bytes that the manifest seals: the whole order, every bucket, every row shown."""
    order = result.ranking.order
    records = [
        [
            row.rank,
            row.symbol,
            row.score,
            row.percentile,
            row.contributions,
            row.values,
            row.plan.side,
            row.plan.entry,
            row.plan.stop,
            row.plan.target,
            row.plan.size,
            row.plan.risk,
            row.plan.capped_by,
        ]
        for row in rows
    ]
    head = canonical(
        {
            "symbols": [symbols[i] for i in order],
            "rows": records,
            "ledger": result.ledger.counts(),
        }
    )
    parts = (result.ranking.score[order], np.array(result.ledger.bucket, np.int8))
    return head + b"".join(part.tobytes() for part in parts)


def _rows(result: ScanResult) -> tuple[Row, ...]:
    """The rows that are shown, best first, each with its plan."""
    question, ranking = result.question, result.ranking
    shown = ranking.order[: question.top]
    plans = plan_rows(_levels(result, shown), question.plan)
    names = term_names(question.terms)
    columns = {str(tree): result.evaluation.value(tree) for tree in question.columns}
    attributes, bars = result.evaluation.attributes, result.view.bars
    settled_after = settled_bars(question)
    return tuple(
        Row(
            rank=place,
            symbol=attributes["symbol"][i],
            name=attributes["name"][i],
            sector=attributes["sector"][i],
            score=float(ranking.score[i]),
            percentile=float(ranking.percentile[i]),
            contributions=dict(zip(names, ranking.contributions[:, i].tolist(), strict=True)),
            values={name: plain(column[i]) for name, column in columns.items()},
            plan=plan,
            closes=bars.run(int(i), "close")[-SPARK_BARS:].tolist(),
            settled=bool(bars.lengths[i] > settled_after),
        )
        for place, (i, plan) in enumerate(zip(shown, plans, strict=True), start=1)
    )


def _levels(result: ScanResult, shown: IntArray) -> list[Levels]:
    """Entry, stop, target and liquidity of the symbols at some positions."""
    question, value = result.question, result.evaluation.value
    entry, stop, liquidity = (
        value(tree) for tree in (question.entry, question.stop, question.liquidity)
    )
    target = np.full(len(entry), np.nan) if question.target is None else value(question.target)
    return [
        Levels(float(entry[i]), float(stop[i]), float(target[i]), float(liquidity[i]))
        for i in shown
    ]


def settled_bars(question: Question) -> int:
    """Return the bars after which the seed of every average in a score weighs too little to tell.

    Less than `SETTLED`, that is; 0 where the score holds no average that never forgets.
    """
    longest = 0.0
    for term in question.terms:
        for feature in features_in(term.node):
            decay = REGISTRY[feature.indicator].decay(*feature.params)
            if 0.0 < decay < 1.0:
                longest = max(longest, log(SETTLED) / log(decay))
    return int(longest)


def plain(value: Any) -> Any:
    """Return a value of an array as JSON holds it: unknown is None."""
    if value is None or isinstance(value, str):
        return value
    number = float(value)
    return number if np.isfinite(number) else None
