"""Store → report: one question, one session, every listed symbol accounted for.

1. `question.understand` reads the question.
2. `Store.panel` maps the bars as of the session.
3. `_columns` lets the fused kernel compute all series at each symbol's last bar.
4. `_section` evaluates universe, clauses and score over the cross-section.
5. `ledger.draw_up` puts every symbol into its bucket; `rank.order_by` orders those that pass.
6. `_rows` plans trades down the ranking; `manifest` seals the whole.

No network, no clock, no randomness. Settings, threads and caches never change an answer.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date, datetime
from math import log
from typing import Any

import numpy as np

from technic.data.store import Store, StoreVersion
from technic.errors import StoreError, VerifyError
from technic.indicators import REGISTRY
from technic.indicators.kernel.codegen import digest as kernel_digest
from technic.query.evaluate import features_in
from technic.runtime.settings import Settings
from technic.runtime.version import __version__
from technic.scanner.columns.plugins import plugin_named
from technic.scanner.manifest import canonical, make_manifest
from technic.scanner.pipeline import ScanResult, StageTimer, evaluate_question
from technic.scanner.plan import Levels, plan_rows
from technic.scanner.report import Report, Row
from technic.scanner.report_cache import (
    CanonicalQuestion,
    canonical_question,
    pack,
    report_key,
    unpack,
)
from technic.scanner.spec.question import Question, question_of_dict, resolve_question
from technic.scanner.spec.scan_file import UNIVERSES, ScanFile

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
    where, universe, rank, top, columns : replace what `file` says; texts of the scan language.
        `universe` may be one of `scan_file.UNIVERSES`.
    as_of : the session to stand in; the newest stored by default
    known_at : only what was known before this instant
    symbols : only these
    file : a scan file; everything by `tech_rating` by default

    Raises
    ------
    QuestionError
        If a text cannot be understood.
    StoreError
        If the store is empty or `as_of` lies outside it.

    Examples
    --------
    >>> import technic as tc
    >>> report = tc.scan(tc.open_store("demo"), where="rsi(14) < 30", top=5)  # doctest: +SKIP
    """
    given: dict[str, Any] = {
        "where": where,
        "universe": UNIVERSES.get(universe, universe) if universe is not None else None,
        "rank": rank,
        "top": top,
        "columns": tuple(columns) if columns is not None else None,
    }
    asked = replace(file or ScanFile(), **{k: v for k, v in given.items() if v is not None})
    if rank is not None and file is None:
        asked = replace(asked, name=f"everything by {rank}")
    chosen = None if symbols is None else sorted(set(symbols))
    settings = settings or Settings.load()
    clock = StageTimer()
    cache, before = settings.cache, settings.cache.counts()
    version = store.require()
    canonical = canonical_question(asked, chosen, cache)
    clock.lap("understand")
    key = _key(store, canonical, version, as_of, known_at)
    held = cache.get(key) if key else None
    if held is not None:
        clock.lap("found")
        report = unpack(held, clock.laps)
        if report is not None:
            return replace(report, work=cache.since(before))
    question = resolve_question(asked, chosen)
    section = evaluate_question(
        store, question, as_of, known_at=known_at, version=version, settings=settings
    )
    report = report_of(section)
    if key:
        cache.put(key, pack(report), cost=sum(clock.laps.values()) + sum(report.timings.values()))
    timings = {**clock.laps, **report.timings}
    return replace(report, timings=timings, work={**report.work, **cache.since(before)})


def _key(
    store: Store, canonical: CanonicalQuestion, version: StoreVersion, *instants: object
) -> str:
    """The key of a report; empty if something that its user may change is part of it."""
    if canonical.changeable:
        return ""
    model = ""
    if canonical.forecast:  # another model, another answer
        from technic.scanner.alpha.registry import active_model  # brings SQL

        model = active_model(store) or ""
    view = "|".join(map(str, (store.identity_of(version), *instants)))
    return report_key(canonical, view, model)


def rerun(store: Store, manifest: dict[str, Any], settings: Settings | None = None) -> Report:
    """The scan that a manifest seals, run again on the store version that it names.

    Raises
    ------
    StoreError
        If the store has no such version.
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
    for name, digest in manifest["question"].get("plugins", {}).items():
        if plugin_named(settings, name).digest != digest:
            raise VerifyError(f"python('{name}') is not the code that the answer was made with")
    known_at = manifest["known_at"]
    section = evaluate_question(
        store,
        question_of_dict(manifest["question"]),
        date.fromisoformat(manifest["as_of"]),
        known_at=datetime.fromisoformat(known_at) if known_at else None,
        everything=known_at is None,
        version=version,
        settings=settings.uncached(),
        lists=manifest["question"].get("lists"),
        model=manifest["question"].get("model"),
    )
    return report_of(section)


def report_of(section: ScanResult) -> Report:
    """Step 6: rows, plans, manifest."""
    clock = StageTimer(section.timings)
    rows = _rows(section)
    clock.lap("plan")
    question, view = section.question, section.view
    asked = question.as_dict()
    if question.lists:
        asked["lists"] = {name: sorted(section.evaluation.lists(name)) for name in question.lists}
    if question.plugins:
        asked["plugins"] = {name: section.plugins[name] for name in sorted(question.plugins)}
    if section.model:
        asked["model"] = section.model
    symbols = section.symbols
    answer = _answer(section, rows, symbols)
    manifest = make_manifest(
        version=__version__,
        store_version=view.version.name,
        store_number=view.version.number,
        kernel=kernel_digest(),
        as_of=view.as_of.isoformat(),
        known_at=view.known_at.isoformat() if view.known_at else None,
        simulated=view.version.simulated is not None,
        question=asked,
        answer=answer,
        provisional=view.provisional,
    )
    clock.lap("manifest")
    return Report(
        as_of=view.as_of,
        asked=question.as_dict(),
        shown=rows,
        n_ranked=len(section.ranking.order),
        ledger_book=section.ledger,
        symbols=symbols,
        manifest=manifest,
        simulated=view.version.simulated,
        timings=clock.laps,
        ranked=tuple(section.ranking.order.tolist()),
        security_ids=tuple(view.panel.security_ids.tolist()),
        work=dict(section.work),
        notes=(*section.notes, *_thin_note(section)),
    )


def _thin_note(section: ScanResult) -> list[str]:
    """One line if rows shown hardly trade, and the universe did not ask about that."""
    shown = section.ranking.order[: section.question.top]
    liquidity = section.evaluation.value(section.question.liquidity)[shown]
    thin = int((~(liquidity >= THIN)).sum())
    if not thin or section.question.universe is not None:
        return []
    return [f"{thin} of {len(shown)} rows trade under $1M a day: add --universe liquid"]


def _answer(section: ScanResult, rows: tuple[Row, ...], symbols: tuple[str, ...]) -> bytes:
    """The bytes that the manifest seals: the whole order, every bucket, every row shown."""
    order = section.ranking.order
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
            "ledger": section.ledger.counts(),
        }
    )
    parts = (section.ranking.score[order], section.ledger.bucket.astype(np.int8))
    return head + b"".join(part.tobytes() for part in parts)


def _rows(section: ScanResult) -> tuple[Row, ...]:
    question, ranking = section.question, section.ranking
    value = section.evaluation.value
    shown = ranking.order[: question.top]
    entry, stop, liquidity = (
        value(tree) for tree in (question.entry, question.stop, question.liquidity)
    )
    target = np.full(len(entry), np.nan) if question.target is None else value(question.target)
    levels = [
        Levels(float(entry[i]), float(stop[i]), float(target[i]), float(liquidity[i]))
        for i in shown
    ]
    plans = plan_rows(levels, question.plan)
    names = _distinct([str(term) for term in question.terms])
    columns = {str(tree): value(tree) for tree in question.columns}
    attributes, settled_after = section.evaluation.attributes, settled_bars(question)
    rows = []
    for place, (i, plan) in enumerate(zip(shown, plans, strict=True), start=1):
        closes = section.view.panel.run(int(i), "close")[-SPARK_BARS:]
        parts = zip(names, ranking.contributions[:, i].tolist(), strict=True)
        rows.append(
            Row(
                rank=place,
                symbol=attributes["symbol"][i],
                name=attributes["name"][i],
                sector=attributes["sector"][i],
                score=float(ranking.score[i]),
                percentile=float(ranking.percentile[i]),
                contributions=dict(parts),
                values={name: plain(column[i]) for name, column in columns.items()},
                plan=plan,
                closes=closes.tolist(),
                settled=bool(section.view.panel.lengths[i] > settled_after),
            )
        )
    return tuple(rows)


def _distinct(names: list[str]) -> list[str]:
    """The names, numbered where the same one comes again: no contribution may be lost."""
    seen: dict[str, int] = {}
    out = []
    for name in names:
        seen[name] = seen.get(name, 0) + 1
        out.append(name if seen[name] == 1 else f"{name} ({seen[name]})")
    return out


def settled_bars(question: Question) -> int:
    """Bars after which the seeds of every average in the score weigh less than `SETTLED`."""
    longest = 0.0
    for term in question.terms:
        for feature in features_in(term.node):
            decay = REGISTRY[feature.indicator].decay(*feature.params)
            if 0.0 < decay < 1.0:
                longest = max(longest, log(SETTLED) / log(decay))
    return int(longest)


def plain(value: Any) -> Any:
    """A value of an array as JSON holds it: unknown is None."""
    if value is None or isinstance(value, str):
        return value
    number = float(value)
    return number if np.isfinite(number) else None
