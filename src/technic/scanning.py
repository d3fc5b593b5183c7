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
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import lru_cache
from math import log
from time import perf_counter
from typing import Any

import numpy as np

from technic import __version__
from technic.benchmark import benchmark_closes
from technic.compiling import ensure_compiled
from technic.config import UNIVERSES, ScanFile, Settings
from technic.errors import StoreError
from technic.indicators import REGISTRY, Series
from technic.indicators.advance import advance
from technic.indicators.fuse import digest as kernel_digest
from technic.indicators.program import Program, compile_program
from technic.ledger import Evidence, Ledger, draw_up
from technic.manifest import canonical, make_manifest
from technic.market.sessions import nyse
from technic.plan import Levels, plan_rows
from technic.query.evaluate import Evaluation, both, features_in, is_known
from technic.query.lower import score_input
from technic.query.names import ATTRIBUTES
from technic.query.tree import Name, Node
from technic.question import Question, question_of_dict, understand
from technic.rank import Ranking, combine, order_by
from technic.report import Report, Row
from technic.scores import SCORES
from technic.store import Store
from technic.store.panels import MappedPanel
from technic.typing import BoolArray, FloatArray

SPARK_BARS = 20
SETTLED = 1e-3  # weight of an average's seed below which its value has settled
THIN = 1_000_000.0  # USD a day below which a row is hard to trade


@dataclass(frozen=True, slots=True)
class Section:
    """A question evaluated over every symbol of a session: what reports are made of."""

    question: Question
    view: MappedPanel
    evaluation: Evaluation
    listed: BoolArray
    ranking: Ranking
    ledger: Ledger
    age: FloatArray
    timings: dict[str, float]
    notes: tuple[str, ...] = ()

    @property
    def symbols(self) -> tuple[str, ...]:
        """The symbols, by position."""
        return tuple(self.evaluation.attributes["symbol"])

    def position(self, symbol: str) -> int | None:
        """Where a symbol stands; None if it is not listed."""
        for i, name in enumerate(self.symbols):
            if name == symbol and self.listed[i]:
                return i
        return None


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
        `universe` may be one of `config.UNIVERSES`.
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
    question = understand(asked, symbols)
    section = evaluate_question(store, question, as_of, known_at=known_at, settings=settings)
    return report_of(section)


def rerun(store: Store, manifest: dict[str, Any], settings: Settings | None = None) -> Report:
    """The scan that a manifest seals, run again on the store version that it names.

    Raises
    ------
    StoreError
        If the store has no such version.
    """
    version = store.version(int(manifest["store_number"]))
    if version.name != manifest["store_version"]:
        raise StoreError(
            f"{store.folder}: is not the store that was scanned: its version "
            f"{version.number} is {version.name}, the manifest names "
            f"{manifest['store_version']}"
        )
    known_at = manifest["known_at"]
    section = evaluate_question(
        store,
        question_of_dict(manifest["question"]),
        date.fromisoformat(manifest["as_of"]),
        known_at=datetime.fromisoformat(known_at) if known_at else None,
        everything=known_at is None,
        version=version,
        settings=settings,
        lists=manifest["question"].get("lists"),
    )
    return report_of(section)


def evaluate_question(
    store: Store,
    question: Question,
    as_of: date | None = None,
    *,
    known_at: datetime | None = None,
    everything: bool = False,
    version: Any = None,
    settings: Settings | None = None,
    lists: dict[str, list[str]] | None = None,
) -> Section:
    """Evaluate a question over every symbol: steps 2 to 5.

    Parameters
    ----------
    everything : see all that the store version knows, although `as_of` is given
    lists : content of watch-lists; from the catalog by default
    """
    clock = _Clock()
    pinned = version or store.require()
    newest = as_of is None or (everything and as_of == pinned.last)
    view = store.panel(None if newest else as_of, known_at, pinned)
    clock.lap("open")
    columns = _columns(question, view, settings or Settings.load())
    clock.lap("features")
    section = _section(question, view, columns, store, lists, clock)
    clock.lap("ledger")
    return replace(section, timings=clock.laps)


def _columns(question: Question, view: MappedPanel, settings: Settings) -> dict[Series, FloatArray]:
    """Everything the kernel computes, by series."""
    ensure_compiled(settings.kernels)
    program = _program(question.series)
    benchmark = benchmark_closes(view, question.benchmark) if program.needs_benchmark else None
    values = advance(
        program, view.panel, settings.kernels, benchmark=benchmark, threads=settings.threads
    ).values
    return dict(zip(question.series, values, strict=True))


@lru_cache(maxsize=64)
def _program(series: tuple[Series, ...]) -> Program:
    return compile_program(series)


def _section(
    question: Question,
    view: MappedPanel,
    columns: dict[Series, FloatArray],
    store: Store,
    lists: dict[str, list[str]] | None,
    clock: _Clock,
) -> Section:
    attributes = attributes_of(view)
    ordinal = nyse().ordinal(view.as_of)
    n = len(view.panel)
    named = {name: _watched(store, name, lists) for name in question.lists}
    evaluation = Evaluation(
        n, columns, attributes, np.ones(n, dtype=bool), lambda name: named[name]
    )
    listed = _listed(view)
    inside = np.ones(n)
    outside = []
    if question.symbols:
        wanted = set(question.symbols)
        chosen = np.array([float(s in wanted) for s in attributes["symbol"]])
        outside.append(("not among the symbols asked for", chosen))
    outside += [(str(clause), evaluation.value(clause)) for clause in question.universe_clauses]
    for _, truth in outside:
        inside = both(inside, truth)
    age = ordinal - view.panel.last("session")
    # Peers are those of the universe that traded: yesterday's values are not today's.
    evaluation.universe = (inside == 1.0) & (age == 0.0) & listed
    evaluation.known.clear()

    clauses = [(str(part), evaluation.value(part)) for part in question.where_clauses]
    clock.lap("query")
    values = [evaluation.value(term.node) for term in question.terms]
    score, contributions = combine(question.terms, values, question.missing)
    passed = evaluation.universe.copy()
    for _, truth in clauses:
        passed &= truth == 1.0
    liquidity = evaluation.value(question.liquidity)
    ranking = order_by(score, contributions, passed, liquidity, list(attributes["symbol"]))
    clock.lap("rank")
    evidence = Evidence(
        listed, inside, outside, age, clauses, score, _unknowns(question, evaluation, view)
    )
    ledger = draw_up(evidence)
    notes = [
        f"{text}: {count} symbols of unknown sector compared with the market"
        for text, count in evaluation.fallbacks.items()
        if count
    ]
    notes += _adjustment_note(question, view)
    return Section(
        question, view, evaluation, listed, ranking, ledger, age, {},
        (*question.warnings, *notes),
    )  # fmt: skip


def _adjustment_note(question: Question, view: MappedPanel) -> list[str]:
    """Vendor-adjusted prices of the past are not the prices of that time."""
    past = view.version.last is not None and view.as_of < view.version.last
    texts = [*question.universe_clauses, *question.where_clauses]
    on_price = any(
        isinstance(part, Name) and part.name in {"close", "open", "high", "low"}
        for text in texts
        for part in text.walk()
    )
    if view.version.adjustment == "splits" and past and on_price:
        return [
            (
                "prices were adjusted by the vendor for later splits: a price threshold on a past "
                "session is not what a trader saw then"
            )
        ]
    return []


def _watched(store: Store, name: str, lists: dict[str, list[str]] | None) -> frozenset[str]:
    if lists is not None:
        return frozenset(lists.get(name, []))
    return frozenset(store.catalog.watched(name))


def _listed(view: MappedPanel) -> BoolArray:
    """Who was listed on the session: not before its first day, not after its last."""
    who = view.who
    since, until = who["since"].to_numpy(), who["until"].to_numpy()
    day = np.datetime64(view.as_of, "D")
    early = ~np.isnat(since) & (since > day) if since.dtype.kind == "M" else False
    late = ~np.isnat(until) & (until < day) if until.dtype.kind == "M" else False
    listed: BoolArray = ~(np.zeros(len(who), dtype=bool) | early | late)
    return listed


@lru_cache(maxsize=4)
def _attributes(path: str, view: _ByPath) -> dict[str, Any]:  # noqa: ARG001 -- path is the key
    who = view.view.who
    found: dict[str, Any] = {
        name: np.array(who[name].to_list(), dtype=object)
        for name in ("symbol", "name", "type", "exchange", "sector", "industry", "sic")
    }
    found["market_cap"] = who["market_cap"].fill_null(float("nan")).to_numpy()
    found["bars"] = view.view.panel.lengths.astype(np.float64)
    kinds = found["type"]
    known = is_known(kinds)
    for claim in ATTRIBUTES:
        if claim.startswith("is_") and claim != "is_otc":
            names = {"etf"} if claim == "is_etf" else {claim.removeprefix("is_")}
            names |= {"etf", "fund"} if claim == "is_fund" else set()
            truth = np.array([float(kind in names) for kind in kinds])
            found[claim] = np.where(known, truth, np.nan)
    exchange = found["exchange"]
    over = np.array([float(str(e).upper() in {"OTC", "OTCM", "OOTC", "PINX"}) for e in exchange])
    found["is_otc"] = np.where(is_known(exchange), over, np.nan)
    return found


class _ByPath:
    """A view under the name of its file, so that a cache can hold what follows from it."""

    def __init__(self, view: MappedPanel) -> None:
        self.view = view

    def __hash__(self) -> int:
        return hash(self.view.path)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _ByPath) and other.view.path == self.view.path


def attributes_of(view: MappedPanel) -> dict[str, Any]:
    """What is known of each listing, by name; shape (n_symbols,) each."""
    return _attributes(str(view.path), _ByPath(view))


def _unknowns(
    question: Question, evaluation: Evaluation, view: MappedPanel
) -> list[tuple[str, BoolArray, BoolArray]]:
    """What may be unknown about the clauses, then about the score."""
    trees: list[Node] = [*question.where_clauses, *(term.node for term in question.terms)]
    bars = view.panel.lengths
    return [found for tree in trees for found in evaluation.unknowns(tree, bars)]


def report_of(section: Section) -> Report:
    """Step 6: rows, plans, manifest."""
    clock = _Clock(section.timings)
    rows = _rows(section)
    clock.lap("plan")
    question, view = section.question, section.view
    asked = question.as_dict()
    if question.lists:
        asked["lists"] = {name: sorted(section.evaluation.lists(name)) for name in question.lists}
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
    )
    clock.lap("manifest")
    return Report(
        as_of=view.as_of,
        question=question,
        shown=rows,
        n_ranked=len(section.ranking.order),
        ledger_book=section.ledger,
        symbols=symbols,
        manifest=manifest,
        simulated=view.version.simulated,
        timings=clock.laps,
        notes=(*section.notes, *_thin_note(section)),
    )


def _thin_note(section: Section) -> list[str]:
    """One line if rows shown hardly trade, and the universe did not ask about that."""
    shown = section.ranking.order[: section.question.top]
    liquidity = section.evaluation.value(section.question.liquidity)[shown]
    thin = int((~(liquidity >= THIN)).sum())
    if not thin or section.question.universe is not None:
        return []
    return [f"{thin} of {len(shown)} rows trade under $1M a day: add --universe liquid"]


def _answer(section: Section, rows: tuple[Row, ...], symbols: tuple[str, ...]) -> bytes:
    """The bytes that the manifest seals: the whole order, every bucket, every row shown."""
    order = section.ranking.order
    records = [
        [row.rank, row.symbol, row.score, row.percentile, row.contributions, row.values,
         row.plan.side, row.plan.entry, row.plan.stop, row.plan.target, row.plan.size,
         row.plan.risk, row.plan.capped_by]
        for row in rows
    ]  # fmt: skip
    head = canonical(
        {
            "symbols": [symbols[i] for i in order],
            "rows": records,
            "ledger": section.ledger.counts(),
        }
    )
    parts = (section.ranking.score[order], section.ledger.bucket.astype(np.int8))
    return head + b"".join(part.tobytes() for part in parts)


def _rows(section: Section) -> tuple[Row, ...]:
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
    trees: list[Node] = [term.node for term in question.terms]
    for term in question.terms:
        if isinstance(term.node, Name) and term.node.name in SCORES:
            trees += [score_input(text) for text in SCORES[term.node.name].inputs]
    longest = 0.0
    for tree in trees:
        for feature in features_in(tree):
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


class _Clock:
    """Milliseconds by stage."""

    def __init__(self, laps: dict[str, float] | None = None) -> None:
        self.laps = dict(laps or {})
        self._since = perf_counter()

    def lap(self, stage: str) -> None:
        """The stage that ends here."""
        now = perf_counter()
        self.laps[stage] = round(1e3 * (now - self._since), 3)
        self._since = now
