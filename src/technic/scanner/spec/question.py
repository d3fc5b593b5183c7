"""What a scan answers: every text of a scan file parsed, checked and in canonical form."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import orjson

from technic.compute.code_used import CodeUsed, code_used
from technic.indicators import Series
from technic.indicators.define import every_series
from technic.query.claims import clauses
from technic.query.dependencies import cross_sections, names_in
from technic.query.lower import lookback, series_of
from technic.query.names import ALPHA, FACTS, NUMBER, REGIME
from technic.query.resolve import Resolver
from technic.query.series import expand
from technic.query.tree import Call, Node, Text, write_number
from technic.scanner.plan import NEXT_OPEN, PlanRules
from technic.scanner.rank import Term, check_missing, terms_of
from technic.scanner.spec.scan_file import ScanFile, symbols_of

LIQUIDITY = "dollar_volume(20)"  # breaks ties, and bounds plans


@dataclass(frozen=True, slots=True)
class Question:
    """What a scan answers: the canonical trees of its texts, and the rules it follows.

    Attributes
    ----------
    name : shown above the answer
    top : how many rows are shown
    universe, where : None where nothing is asked
    columns : shown for each row
    terms : addends of the score
    score : the whole of it
    missing : what an unknown term does to the score, see `rank.combine`
    plan : how plans are made
    entry, stop, target, liquidity : what plans are made of; `target` is None for a multiple
    benchmark : "market" or a symbol
    symbols : only these, if any are given
    series : everything the kernel must compute, each once
    warnings : what probably was not meant
    """

    name: str
    top: int
    universe: Node | None
    where: Node | None
    columns: tuple[Node, ...]
    terms: tuple[Term, ...]
    score: Node
    missing: str
    plan: PlanRules
    entry: Node
    stop: Node
    target: Node | None
    liquidity: Node
    benchmark: str
    symbols: tuple[str, ...]
    series: tuple[Series, ...]
    warnings: tuple[str, ...]

    @property
    def where_clauses(self) -> tuple[Node, ...]:
        """The parts of the top-level `and` of what is asked."""
        return clauses(self.where) if self.where is not None else ()

    @property
    def universe_clauses(self) -> tuple[Node, ...]:
        """The parts of the top-level `and` of the universe."""
        return clauses(self.universe) if self.universe is not None else ()

    @property
    def trees(self) -> tuple[Node, ...]:
        """Everything that is evaluated."""
        asked = (self.universe, self.where, self.target)
        terms = [term.node for term in self.terms]
        fixed = (self.entry, self.stop, self.liquidity)
        return (*(tree for tree in asked if tree is not None), *terms, *self.columns, *fixed)

    @property
    def bars_needed(self) -> int:
        """The bars that who passes and how they are ranked look back over, the newest included.

        A score is counted with all that it reads, though it may be known from less.
        """
        trees = [self.universe, self.where, *(term.node for term in self.terms)]
        reads = (series for tree in trees if tree is not None for series in series_of(tree))
        return 1 + max(map(lookback, reads), default=0)

    @property
    def names(self) -> frozenset[str]:
        """Every plain name it depends on, those that scores read included."""
        names = frozenset().union(*(names_in(tree) for tree in self.trees))
        # The ledger tells who filed nothing from whose filings lack a number.
        return names | {"has_filings"} if not names.isdisjoint(FACTS) else names

    @property
    def code(self) -> CodeUsed:
        """The code that its indicators are computed by.

        A forecast and the market's regime read indicators that it does not name: with them it is
        that of all there are, beside its own.
        """
        reads_others = not self.names.isdisjoint({*ALPHA, *REGIME})
        return code_used((*self.series, *every_series()) if reads_others else self.series)

    @property
    def cross_sections(self) -> tuple[Call, ...]:
        """Every cross-sectional call it needs, inner ones first."""
        return tuple(dict.fromkeys(call for tree in self.trees for call in cross_sections(tree)))

    @property
    def lists(self) -> frozenset[str]:
        """The watch-lists it names."""
        return _texts_of("in_list", self.trees)

    @property
    def plugins(self) -> frozenset[str]:
        """The scores of the user's own that it names."""
        return _texts_of("python", self.trees)

    def as_dict(self) -> dict[str, Any]:
        """Return the question in canonical form: what manifests hold and `question_of_dict` reads."""
        rules = self.plan
        return {
            "name": self.name,
            "top": self.top,
            "universe": "" if self.universe is None else str(self.universe),
            "where": "" if self.where is None else str(self.where),
            "rank": str(self.score),
            "missing": self.missing,
            "columns": [str(column) for column in self.columns],
            "benchmark": self.benchmark,
            "symbols": list(self.symbols),
            "plan": {
                "side": rules.side,
                "account": rules.account,
                "risk": rules.risk,
                "max_heat": rules.max_heat,
                "max_adv": rules.max_adv,
                "max_positions": rules.max_positions,
                "leverage": rules.leverage,
                "entry": rules.entry if rules.entry == NEXT_OPEN else str(self.entry),
                "stop": str(self.stop),
                "target": _multiple(rules) if self.target is None else str(self.target),
            },
        }


def _multiple(rules: PlanRules) -> str:
    """A target that is a multiple of the risk, in one spelling: "2R"."""
    return f"{write_number(rules.multiple or 0.0)}R"


def _texts_of(call: str, trees: Iterable[Node]) -> frozenset[str]:
    """The texts that calls of one name are given."""
    return frozenset(
        argument.value
        for tree in trees
        for part in tree.walk()
        if isinstance(part, Call) and part.name == call
        for argument in part.arguments
        if isinstance(argument, Text)
    )


def question_of_dict(content: dict[str, Any]) -> Question:
    """Return the question that a manifest holds.

    Parameters
    ----------
    content : as `Question.as_dict` wrote it; more keys are passed over
    """
    file = ScanFile.of(
        {k: v for k, v in content.items() if k in {"name", "top", "columns", "where", "benchmark"}}
        | {
            "universe": content["universe"],
            "rank": {"score": content["rank"], "missing": content["missing"]},
            "plan": content["plan"],
        },
        "manifest",
    )
    return resolve_question(file, symbols=content["symbols"] or None)


def resolve_question(file: ScanFile, symbols: Iterable[str] | None = None) -> Question:
    """Parse and check every text of a scan file.

    Parameters
    ----------
    file : the scan file
    symbols : only these; those of the file by default

    Raises
    ------
    QuestionError
        If one cannot be understood.
    ConfigError
        If the plan's rules cannot be followed, or `missing` means nothing.
    """
    if file.alert is not None:
        resolver = Resolver(file.lets, file.params)
        for text in file.alert.crossed:  # which are no part of the question, but must be understood
            resolver.question(text)
    chosen = symbols_of(file.symbols or None if symbols is None else symbols) or ()
    bound = [dict(file.lets), dict(file.params)]
    bindings = orjson.dumps(bound, option=orjson.OPT_SORT_KEYS).decode()
    return _resolve(
        _QuestionTexts(
            name=file.name,
            top=file.top,
            universe=file.universe,
            where=file.where,
            columns=file.columns,
            rank=file.rank,
            missing=file.missing,
            plan=file.plan,
            benchmark=file.benchmark,
            symbols=chosen,
            bindings=bindings,
        )
    )


@dataclass(frozen=True, slots=True)
class _QuestionTexts:
    """What of a scan file makes its question, hashable; `bindings` is JSON of lets and params."""

    name: str
    top: int
    universe: str
    where: str
    columns: tuple[str, ...]
    rank: str
    missing: str
    plan: PlanRules
    benchmark: str
    symbols: tuple[str, ...]
    bindings: str


@lru_cache(maxsize=64)
def _resolve(texts: _QuestionTexts) -> Question:
    """The question of some texts, parsed once while it is among the last 64."""
    check_missing(texts.missing)
    lets, params = orjson.loads(texts.bindings)
    resolver = Resolver(lets, params)
    plan = texts.plan
    universe = resolver.question(texts.universe) if texts.universe.strip() else None
    where = resolver.question(texts.where) if texts.where.strip() else None
    score = resolver.question(texts.rank, NUMBER)
    columns = tuple(tree for text in texts.columns for tree in expand(text, resolver))
    entry = resolver.question(plan.entry_text, NUMBER)
    stop = resolver.question(plan.stop_text, NUMBER)
    target = None if plan.multiple is not None else resolver.question(plan.target, NUMBER)
    liquidity = resolver.question(LIQUIDITY, NUMBER)
    return Question(
        name=texts.name,
        top=texts.top,
        universe=universe,
        where=where,
        columns=columns,
        terms=terms_of(score),
        score=score,
        missing=texts.missing,
        plan=plan,
        entry=entry,
        stop=stop,
        target=target,
        liquidity=liquidity,
        benchmark=texts.benchmark,
        symbols=texts.symbols,
        series=_needed_series([universe, where, score, *columns, entry, stop, target, liquidity]),
        warnings=tuple(dict.fromkeys(resolver.warnings)),
    )


def _needed_series(trees: Iterable[Node | None]) -> tuple[Series, ...]:
    """Every series that some trees read, each once; refused where it has no lookback."""
    needed = dict.fromkeys(
        series for tree in trees if tree is not None for series in series_of(tree)
    )
    for series in needed:
        lookback(series)
    return tuple(needed)
