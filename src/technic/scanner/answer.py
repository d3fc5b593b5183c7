"""From a question that was evaluated to its report.

`_rows` plans trades down the ranking, and `make_manifest` (manifest.py) seals the question and what
`_answer` says of the ranking, the ledger and the rows.
"""

from __future__ import annotations

from math import log
from typing import Any

import numpy as np

from technic.errors import counted
from technic.indicators import REGISTRY
from technic.market.typing import IntArray
from technic.query.dependencies import features_in
from technic.runtime.version import __version__
from technic.scanner.manifest import ManifestInput, canonical, make_manifest
from technic.scanner.pipeline import ScanResult
from technic.scanner.plan import Levels, plan_rows
from technic.scanner.rank import term_names
from technic.scanner.report import Report, Row, plain, ranking_within
from technic.scanner.spec.question import Question
from technic.scanner.stage_timer import StageTimer

SPARK_BARS = 20
SETTLED = 1e-3  # weight of an average's seed below which its value has settled
THIN = 1_000_000.0  # USD a day below which a row is hard to trade


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
            code=question.code,
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
