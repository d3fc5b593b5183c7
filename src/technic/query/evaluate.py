"""A question over one cross-section: one answer per symbol, three-valued.

Numbers are float64 with NaN for unknown; truths likewise, 1.0 and 0.0; texts are arrays of
objects with None. False and unknown is false; true or unknown is true; everything else that
touches an unknown is unknown. Numbers that differ by less than the rounding of a price are equal.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache, reduce
from typing import Any

import numpy as np

from technic.indicators import Series
from technic.indicators.reading import level
from technic.market import cross_section as cs
from technic.market.typing import BoolArray, FloatArray, IntArray
from technic.query import names
from technic.query.claims import Between, Comparison, Logic, Member, Opposite
from technic.query.lower import is_series, lookback, lower, score_input, series_of
from technic.query.tree import Arithmetic, Call, Feature, Name, Negative, Node, Number, Text, Truth
from technic.runtime.deadline import check
from technic.scores import SCORES

Values = Any  # a float64 or an object array, one value per symbol


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
        for part in _leaves(node):
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


def _leaves(node: Node) -> list[Node]:
    """The parts whose values come from outside the question, in reading order."""
    if is_series(node) or isinstance(node, Name):
        return [node]
    return [leaf for child in _operands(node) for leaf in _leaves(child)]


@cache
def names_in(node: Node) -> frozenset[str]:
    """Every plain name that a value comes from, however far, those that scores read included."""
    plain: set[str] = set()
    for part in node.walk():
        if isinstance(part, Name):
            plain.add(part.name)
            for text in SCORES[part.name].inputs if part.name in SCORES else ():
                plain |= names_in(score_input(text))
    return frozenset(plain)


def reads_filings(node: Node) -> bool:
    """Whether a value comes from what companies filed."""
    return not names_in(node).isdisjoint({*names.FACTS, "days_since_filing"})


@cache
def cross_sections(node: Node) -> tuple[Call, ...]:
    """Every cross-sectional call that a value needs, those of scores included, inner ones first."""
    calls: dict[Call, None] = {}
    for child in node.children():
        calls |= dict.fromkeys(cross_sections(child))
    if isinstance(node, Name) and node.name in SCORES:
        for text in SCORES[node.name].inputs:
            calls |= dict.fromkeys(cross_sections(score_input(text)))
    if isinstance(node, Call) and node.name in names.CROSS_SECTIONAL:
        calls[node] = None
    return tuple(calls)


def _operands(node: Node) -> list[Node]:
    """What a node's value comes from; a peer group with a fallback is never missing."""
    if isinstance(node, Call) and isinstance(node.by, Logic):
        return list(node.arguments)
    return list(node.children())


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


def is_known(values: Values) -> BoolArray:
    """Where an array of numbers or texts is known: bool, of its shape."""
    if values.dtype == object:
        return np.array([value is not None for value in values], dtype=bool)
    numbers: FloatArray = values
    return ~np.isnan(numbers)


def arithmetic(operator: str, left: FloatArray, right: FloatArray) -> FloatArray:
    """A sum, difference, product or quotient; division by zero is unknown.

    Parameters
    ----------
    operator : one of `+ - * /`
    left, right : float64 of one shape; NaN is unknown
    """
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
    """A chain of comparisons, all of which must hold.

    Parameters
    ----------
    operators : `<`, `<=`, `>`, `>=`, `==` or `!=`, between the operands
    operands : arrays of numbers or of texts, one more than there are operators

    Returns
    -------
    array of float64
        1.0 where all hold, 0.0 where one does not, NaN where it is unknown.
    """
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
    comparable = is_known(left) & is_known(right)
    if left.dtype == right.dtype == np.float64:
        # Numbers that differ by rounding are equal, as they are for the kernel.
        with np.errstate(invalid="ignore"):  # infinite less infinite
            left = np.where(level(left, right) == 0.0, right, left)
    return np.where(comparable, functions[operator](left, right).astype(np.float64), np.nan)


def both(left: FloatArray, right: FloatArray) -> FloatArray:
    """Kleene's and: 0.0 where one is false, even if the other is unknown."""
    # The product of truths: 1 where both hold, unknown where either is.
    return np.where((left == 0.0) | (right == 0.0), 0.0, left * right)


def either(left: FloatArray, right: FloatArray) -> FloatArray:
    """Kleene's or: 1.0 where one is true, even if the other is unknown."""
    # Neither holds: false, or unknown where either is, as 0 × NaN is NaN.
    return np.where((left == 1.0) | (right == 1.0), 1.0, 0.0 * (left + right))


def codes(texts: Values) -> IntArray:
    """A number for each distinct text, in order of the texts.

    Returns
    -------
    array of int64
        The shape of `texts`; 0 for the first in order, -1 where a text is unknown.
    """
    labelled = is_known(texts)
    _, inverse = np.unique(texts[labelled].astype(str), return_inverse=True)
    out = np.full(len(texts), -1, dtype=np.int64)
    out[labelled] = inverse
    return out


@cache
def features_in(node: Node) -> tuple[Feature, ...]:
    """Every feature a value comes from, those that scores read included; in reading order, once."""
    features: dict[Feature, None] = {}
    for part in node.walk():
        if isinstance(part, Feature):
            features[part] = None
        elif isinstance(part, Name) and part.name in SCORES:
            for text in SCORES[part.name].inputs:
                features |= dict.fromkeys(features_in(score_input(text)))
    return tuple(features)
