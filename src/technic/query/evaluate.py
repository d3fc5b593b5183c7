"""A question over one cross-section: one answer per symbol, three-valued.

Numbers are float64 with NaN for unknown; truths likewise, 1.0 and 0.0; texts are arrays of
objects with None.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import reduce

import numpy as np

from technic.indicators import Series
from technic.market import cross_section as cs
from technic.market.typing import BoolArray, FloatArray, IntArray
from technic.query.claims import Between, Comparison, Logic, Member, Opposite
from technic.query.dependencies import leaves, reads_filings
from technic.query.lower import is_series, lookback, lower, score_input, series_of
from technic.query.three_valued import Values, arithmetic, both, codes, compared, either, is_known
from technic.query.tree import Arithmetic, Call, Name, Negative, Node, Number, Text, Truth
from technic.runtime.deadline import check
from technic.scores import SCORES


@dataclass(slots=True)
class Evaluation:
    """Evaluates trees over the symbols of one session.

    Attributes
    ----------
    n_symbols : how many there are
    columns : what the kernel computed, by series; float64, shape (n_symbols,)
    attributes : what is known of the listings, by name; float64 or objects, shape (n_symbols,)
    universe : whose values count as peers in a cross-section; bool, shape (n_symbols,)
    lists : gives the symbols of a watch-list by its name
    groups : peer groups by the attribute that divides them, as they are needed
    computed : values by tree, as they are needed; may be filled in with values known before
    """

    n_symbols: int
    columns: Mapping[Series, FloatArray]
    attributes: Mapping[str, Values]
    universe: BoolArray
    lists: Callable[[str], frozenset[str]]
    groups: dict[str, IntArray] = field(default_factory=dict)
    computed: dict[Node, Values] = field(default_factory=dict)

    def value(self, node: Node) -> Values:
        """The value of a canonical tree for every symbol; computed once per tree.

        Returns
        -------
        array
            Shape (n_symbols,): float64 for numbers and truths (1.0 and 0.0), NaN for unknown;
            objects for texts, None for unknown.

        Raises
        ------
        StoppedError
            If the deadline of the work that asks has passed, or nobody wants the answer any more.
        """
        if node not in self.computed:
            check()  # one expression may be long
            with np.errstate(all="ignore"):
                self.computed[node] = self._value(node)
        return self.computed[node]

    def _value(self, node: Node) -> Values:  # noqa: C901, PLR0911 -- one line per form of the tree
        if is_series(node):
            return self.columns[lower(node)]
        match node:
            case Number(value) | Truth(value):
                return np.full(self.n_symbols, float(value))
            case Text(value):
                return np.full(self.n_symbols, value, dtype=object)
            case Name(name):
                return self._name(name)
            case Negative(value):
                return -self.value(value)
            case Opposite(value):
                return 1.0 - self.value(value)
            case Arithmetic(operator, left, right):
                return arithmetic(operator, self.value(left), self.value(right))
            case Comparison(operators, operands):
                values = [self.value(part) for part in operands]
                return compared(operators, values)
            case Between(value, low, high):
                values = [self.value(part) for part in (low, value, high)]
                return compared(("<=", "<="), values)
            case Member(value, items, negated):
                member = self.value(value)
                hits = [compared(("==",), [member, self.value(item)]) for item in items]
                any_of = reduce(either, hits)
                return 1.0 - any_of if negated else any_of
            case Logic(word, parts):
                return reduce(both if word == "and" else either, map(self.value, parts))
            case Call():
                return self._call(node)
        message = f"cannot evaluate {node}"
        raise TypeError(message)

    def _name(self, name: str) -> Values:
        if name in SCORES:
            inputs = [self.value(score_input(text)) for text in SCORES[name].inputs]
            return SCORES[name].function(*inputs)
        return self.attributes[name]

    def _call(self, node: Call) -> Values:  # noqa: PLR0911 -- one line per function
        match node.name:
            case "abs":
                return np.abs(self.value(node.arguments[0]))
            case "sqrt":
                return np.sqrt(self.value(node.arguments[0]))
            case "min" | "max":
                pick = np.minimum if node.name == "min" else np.maximum
                return pick(self.value(node.arguments[0]), self.value(node.arguments[1]))
            case "coalesce":
                first, second = map(self.value, node.arguments)
                return np.where(is_known(first), first, second)
            case "is_known":
                return is_known(self.value(node.arguments[0])).astype(np.float64)
            case "in_list":
                members = self.lists(node.arguments[0].value)  # type: ignore[attr-defined]
                symbols = self.attributes["symbol"]
                return np.array([float(symbol in members) for symbol in symbols])
            case "news_count" | "total_ret" | "python":
                return self.attributes[str(node)]
        return self._cross_section(node)

    def _cross_section(self, node: Call) -> FloatArray:
        """Among the universe; `by=sector or market` compares those of unknown sector with all."""
        # Who is outside the universe is no peer, and has no place among peers.
        values = np.where(self.universe, self.value(node.arguments[0]), np.nan)
        extra = [part.value for part in node.arguments[1:]]  # type: ignore[attr-defined]
        if node.by is None:
            return _among_peers(node.name, values, extra, None)
        groups = self._peers(node)
        ranked = _among_peers(node.name, values, extra, groups)
        if not isinstance(node.by, Logic):
            return ranked
        return np.where(groups < 0, _among_peers(node.name, values, extra, None), ranked)

    def _peers(self, node: Call) -> IntArray:
        """The group of each symbol, by what a cross-section is divided; −1 where unknown."""
        by = node.by.parts[0] if isinstance(node.by, Logic) else node.by
        name = by.name  # type: ignore[union-attr]
        if name not in self.groups:
            self.groups[name] = codes(self.attributes[name])
        return self.groups[name]

    def fallbacks(self, node: Call) -> int:
        """For how many symbols of the universe `by=… or market` falls back to the market."""
        if not isinstance(node.by, Logic):
            return 0
        return int(((self._peers(node) < 0) & self.universe).sum())

    def unknowns(self, node: Node, bars: IntArray) -> list[Unknown]:
        """What may be unknown about a tree, its parts in reading order, itself last.

        Parameters
        ----------
        node : a canonical tree
        bars : how many each symbol has; int64, shape (n_symbols,)

        Returns
        -------
        list of (text, missing, short)
            The part's canonical text, or "filings" where a company has filed nothing; for whom
            it is unknown, and for whom of these because there are too few bars: bool, shape
            (n_symbols,).
        """
        unknowns: list[Unknown] = []
        for part in leaves(node):
            missing = ~is_known(self.value(part))
            if missing.any():
                if reads_filings(part):
                    silent = missing & (self.attributes["has_filings"] == 0.0)
                    unknowns.append(("filings", silent, np.zeros(len(bars), dtype=bool)))
                unknowns.append((str(part), missing, self._for_want_of_bars(part, bars)))
        missing = ~is_known(self.value(node))
        return [*unknowns, (str(node), missing, np.zeros(len(bars), dtype=bool))]

    def _for_want_of_bars(self, part: Node, bars: IntArray) -> BoolArray:
        """Who has too few bars for a part, or for a series that a score reads."""
        if is_series(part):
            short: BoolArray = bars <= lookback(lower(part))
            return short
        short = np.zeros(len(bars), dtype=bool)
        if isinstance(part, Name) and part.name in SCORES:
            for text in SCORES[part.name].inputs:
                for read in series_of(score_input(text)):
                    if read in self.columns:
                        short |= np.isnan(self.columns[read]) & (bars <= lookback(read))
        return short


Unknown = tuple[str, BoolArray, BoolArray]


def _among_peers(
    name: str, values: FloatArray, extra: list[float], within: IntArray | None
) -> FloatArray:
    """One of the cross-sectional functions of the language, by name."""
    match name:
        case "pct_rank":
            return cs.percentile(values, within)
        case "rank":
            return cs.ordinal_rank(values, within)
        case "zscore":
            return cs.standardize(values, within)
        case "demean":
            return cs.demean(values, within)
        case "winsorize":
            return cs.winsorize(values, extra[0], within)
        case _:
            return cs.quantile(values, int(extra[0]), within)
