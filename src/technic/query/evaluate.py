"""A question over one cross-section: one answer per symbol, three-valued.

Numbers are float64 with NaN for unknown; truths likewise, 1.0 and 0.0; texts are arrays of
objects with None. False and unknown is false; true or unknown is true; everything else that
touches an unknown is unknown.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import reduce
from typing import Any

import numpy as np

from technic.indicators import Series
from technic.market import cross_section as cs
from technic.query.lower import is_series, lookback, lower, score_input
from technic.query.tree import (
    Arithmetic,
    Between,
    Call,
    Comparison,
    Feature,
    Logic,
    Member,
    Name,
    Negative,
    Node,
    Number,
    Opposite,
    Text,
    Truth,
)
from technic.scores import SCORES
from technic.typing import BoolArray, FloatArray, IntArray

Values = Any  # a float64 or an object array, one value per symbol


@dataclass(slots=True)
class Evaluation:
    """Evaluates trees over the symbols of one session.

    Attributes
    ----------
    n_symbols : how many there are
    columns : what the kernel computed, by series
    attributes : what is known of the listings, by name
    universe : whose values count as peers in a cross-section
    lists : the symbols of watch-lists, by name
    fallbacks : for how many symbols `by=… or market` fell back to the market
    """

    n_symbols: int
    columns: Mapping[Series, FloatArray]
    attributes: Mapping[str, Values]
    universe: BoolArray
    lists: Callable[[str], frozenset[str]]
    fallbacks: dict[str, int] = field(default_factory=dict)
    known: dict[Node, Values] = field(default_factory=dict)

    def value(self, node: Node) -> Values:
        """The value of a canonical tree for every symbol; computed once per tree."""
        if node not in self.known:
            with np.errstate(all="ignore"):
                self.known[node] = self._value(node)
        return self.known[node]

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
                found = self.value(value)
                hits = [compared(("==",), [found, self.value(item)]) for item in items]
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
                wanted = self.lists(node.arguments[0].value)  # type: ignore[attr-defined]
                symbols = self.attributes["symbol"]
                return np.array([float(symbol in wanted) for symbol in symbols])
        return self._cross_section(node)

    def _cross_section(self, node: Call) -> FloatArray:
        """Among the universe; `by=sector or market` compares those of unknown sector with all."""
        values = np.where(self.universe, self.value(node.arguments[0]), np.nan)
        extra = [part.value for part in node.arguments[1:]]  # type: ignore[attr-defined]
        if node.by is None:
            return _among_peers(node.name, values, extra, None)
        parts = node.by.parts if isinstance(node.by, Logic) else (node.by,)
        groups = codes(self.attributes[parts[0].name])  # type: ignore[attr-defined]
        ranked = _among_peers(node.name, values, extra, groups)
        if len(parts) == 1:
            return ranked
        self.fallbacks[str(node)] = int(((groups < 0) & self.universe).sum())
        return np.where(groups < 0, _among_peers(node.name, values, extra, None), ranked)

    def unknowns(self, node: Node, bars: IntArray) -> list[Unknown]:
        """What may be unknown about a tree, its parts in reading order, itself last.

        Parameters
        ----------
        bars : how many each symbol has
        """
        found = []
        for part in _leaves(node):
            missing = ~is_known(self.value(part))
            if missing.any():
                found.append((str(part), missing, self._for_want_of_bars(part, bars)))
        missing = ~is_known(self.value(node))
        return [*found, (str(node), missing, np.zeros(len(bars), dtype=bool))]

    def _for_want_of_bars(self, part: Node, bars: IntArray) -> BoolArray:
        if is_series(part):
            short: BoolArray = bars <= lookback(lower(part))
            return short
        short = np.zeros(len(bars), dtype=bool)
        if isinstance(part, Name) and part.name in SCORES:
            for text in SCORES[part.name].inputs:
                read = score_input(text)
                short |= np.isnan(self.value(read)) & (bars <= lookback(lower(read)))
        return short


Unknown = tuple[str, BoolArray, BoolArray]


def _leaves(node: Node) -> list[Node]:
    """The parts whose values come from outside the question, in reading order."""
    if is_series(node) or isinstance(node, Name):
        return [node]
    return [leaf for child in _operands(node) for leaf in _leaves(child)]


def _operands(node: Node) -> list[Node]:
    """What a node's value comes from; a peer group with a fallback is never missing."""
    if isinstance(node, Call) and isinstance(node.by, Logic):
        return list(node.arguments)
    return list(node.children())


def _among_peers(
    name: str, values: FloatArray, extra: list[float], within: IntArray | None
) -> FloatArray:
    """One of the cross-sectional functions of the language."""
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


def is_known(values: Values) -> BoolArray:
    """Where an array of numbers or texts is known."""
    if values.dtype == object:
        return np.array([value is not None for value in values], dtype=bool)
    known: BoolArray = ~np.isnan(values)
    return known


def arithmetic(operator: str, left: FloatArray, right: FloatArray) -> FloatArray:
    """`+ - * /`; division by zero is unknown."""
    match operator:
        case "+":
            return left + right
        case "-":
            return left - right
        case "*":
            return left * right
        case _:
            return np.where(right != 0.0, left / right, np.nan)


def compared(operators: tuple[str, ...], operands: list[Values]) -> FloatArray:
    """A chain of comparisons, all of which must hold."""
    pairs = zip(operators, operands, operands[1:], strict=False)
    return reduce(both, [_compare(*pair) for pair in pairs])


def _compare(operator: str, left: Values, right: Values) -> FloatArray:
    functions: dict[str, Callable[[Any, Any], Any]] = {
        "<": np.less,
        "<=": np.less_equal,
        ">": np.greater,
        ">=": np.greater_equal,
        "==": np.equal,
        "!=": np.not_equal,
    }
    known = is_known(left) & is_known(right)
    return np.where(known, functions[operator](left, right).astype(np.float64), np.nan)


def both(left: FloatArray, right: FloatArray) -> FloatArray:
    """Kleene's and."""
    return np.where((left == 0.0) | (right == 0.0), 0.0, left * right)


def either(left: FloatArray, right: FloatArray) -> FloatArray:
    """Kleene's or."""
    return np.where((left == 1.0) | (right == 1.0), 1.0, 0.0 * (left + right))


def codes(texts: Values) -> IntArray:
    """A number for each distinct text, in order of the texts; -1 where unknown."""
    known = is_known(texts)
    _, inverse = np.unique(texts[known].astype(str), return_inverse=True)
    out = np.full(len(texts), -1, dtype=np.int64)
    out[known] = inverse
    return out


def features_in(node: Node) -> list[Feature]:
    """Every feature a question names, in reading order, once."""
    return list(dict.fromkeys(part for part in node.walk() if isinstance(part, Feature)))
