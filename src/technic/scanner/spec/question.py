"""A scan file, understood: every text parsed, checked and in canonical form."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import orjson

from technic.indicators import Series
from technic.query.evaluate import cross_sections, names_in
from technic.query.lower import lookback, series_of
from technic.query.names import FACTS, NUMBER
from technic.query.resolve import Resolver
from technic.query.series import expand
from technic.query.tree import Call, Node, Text, clauses, write_number
from technic.scanner.plan import NEXT_OPEN, PlanRules
from technic.scanner.rank import Term, terms_of
from technic.scanner.spec.scan_file import ScanFile

LIQUIDITY = "dollar_volume(20)"  # breaks ties, and bounds plans


@dataclass(frozen=True, slots=True)
class Question:
    """What a scan answers.

    Attributes
    ----------
    universe, where : None where nothing is asked
    columns : shown for each row
    terms : addends of the score
    entry, stop, target, liquidity : what plans are made of; `target` is None for a multiple
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
    def names(self) -> frozenset[str]:
        """Every plain name it depends on, those that scores read included."""
        found = frozenset().union(*(names_in(tree) for tree in self.trees))
        return found | {"has_filings"} if not found.isdisjoint(FACTS) else found

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
        """The question in canonical form: what a manifest holds, and `of_dict` reads."""
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
    """The question that a manifest holds."""
    made = ScanFile.of(
        {k: v for k, v in content.items() if k in {"name", "top", "columns", "where", "benchmark"}}
        | {
            "universe": content["universe"],
            "rank": {"score": content["rank"], "missing": content["missing"]},
            "plan": content["plan"],
        },
        "manifest",
    )
    return resolve_question(made, symbols=tuple(content["symbols"]))


def resolve_question(asked: ScanFile, symbols: Iterable[str] | None = None) -> Question:
    """Parse and check every text of a scan file.

    Raises
    ------
    QuestionError
        If one cannot be understood.
    ConfigError
        If the plan's rules cannot be followed.
    """
    chosen = tuple(sorted(set(symbols if symbols is not None else asked.symbols)))
    key = orjson.dumps([dict(asked.lets), dict(asked.params)], option=orjson.OPT_SORT_KEYS).decode()
    plan = asked.plan
    return _resolve(
        asked.name,
        asked.top,
        asked.universe,
        asked.where,
        asked.columns,
        asked.rank,
        asked.missing,
        plan,
        asked.benchmark,
        chosen,
        key,
    )


@lru_cache(maxsize=64)
def _resolve(
    name: str,
    top: int,
    universe: str,
    where: str,
    columns: tuple[str, ...],
    rank: str,
    missing: str,
    plan: PlanRules,
    benchmark: str,
    symbols: tuple[str, ...],
    bindings: str,
) -> Question:
    lets, params = orjson.loads(bindings)
    resolver = Resolver(lets, params)
    universe_tree = resolver.question(universe) if universe.strip() else None
    where_tree = resolver.question(where) if where.strip() else None
    score = resolver.question(rank, NUMBER)
    shown = tuple(tree for text in columns for tree in expand(text, resolver))
    entry = resolver.question(plan.entry_text, NUMBER)
    stop = resolver.question(plan.stop_text, NUMBER)
    target = None if plan.multiple is not None else resolver.question(plan.target, NUMBER)
    liquidity = resolver.question(LIQUIDITY, NUMBER)
    trees = [universe_tree, where_tree, score, *shown, entry, stop, target, liquidity]
    needed = dict.fromkeys(
        series for tree in trees if tree is not None for series in series_of(tree)
    )
    for series in needed:
        lookback(series)
    return Question(
        name,
        top,
        universe_tree,
        where_tree,
        shown,
        terms_of(score),
        score,
        missing,
        plan,
        entry,
        stop,
        target,
        liquidity,
        benchmark,
        symbols,
        tuple(needed),
        tuple(dict.fromkeys(resolver.warnings)),
    )
