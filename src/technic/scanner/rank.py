"""Ranking: a total order of the symbols that pass, and the sum that each score is made of."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import reduce

import numpy as np

from technic.errors import ConfigError
from technic.market.cross_section import percentile
from technic.market.typing import BoolArray, FloatArray, IntArray
from technic.query.tree import Arithmetic, Negative, Node, Number
from technic.runtime.section import decimal, shown

MISSING = "exclude", "zero_weight"  # or fill(<number>)


@dataclass(frozen=True, slots=True)
class Term:
    """One addend of a score: `weight` × the value of `node`."""

    weight: float
    node: Node

    def __str__(self) -> str:
        """Return the text of the node, without the weight."""
        return str(self.node)


@dataclass(frozen=True, slots=True)
class Ranking:
    """Who stands where in a ranking, and the sum that each score is.

    Attributes
    ----------
    order : int64, shape (n_ranked,); positions of the symbols, best first
    score : float64, shape (n_symbols,); NaN where unknown
    contributions : float64, shape (n_terms, n_symbols); added from first to last, they are
        exactly the score
    percentile : float64, shape (n_symbols,); of the score among the ranked
    """

    order: IntArray
    score: FloatArray
    contributions: FloatArray
    percentile: FloatArray


def terms_of(node: Node) -> tuple[Term, ...]:
    """Split a score into its addends, at its top-level + and −.

    Examples
    --------
    >>> from technic.query import Resolver
    >>> tree = Resolver().question("3 * ret(126) - 2 * atr_pct + rsi", wanted="number")
    >>> [(term.weight, str(term)) for term in terms_of(tree)]
    [(3.0, 'ret(126)'), (-2.0, 'atr_pct(14)'), (1.0, 'rsi(14)')]
    """
    return tuple(_split(node, 1.0))


def _split(node: Node, sign: float) -> list[Term]:
    match node:
        case Arithmetic("+", left, right):
            return [*_split(left, sign), *_split(right, sign)]
        case Arithmetic("-", left, right):
            return [*_split(left, sign), *_split(right, -sign)]
        case Negative(value):
            return _split(value, -sign)
        case Arithmetic("*", Number(weight), value) | Arithmetic("*", value, Number(weight)):
            return [Term(sign * weight, value)]
    return [Term(sign, node)]


def term_names(terms: Iterable[Term]) -> list[str]:
    """The texts of terms, numbered where one is repeated: no contribution may be lost."""
    counts: dict[str, int] = {}
    distinct = []
    for name in map(str, terms):
        counts[name] = counts.get(name, 0) + 1
        distinct.append(name if counts[name] == 1 else f"{name} ({counts[name]})")
    return distinct


def combine(
    terms: tuple[Term, ...], values: list[FloatArray], missing: str = "exclude"
) -> tuple[FloatArray, FloatArray]:
    """Add the terms of a score up for each symbol.

    Parameters
    ----------
    terms : the addends, with their weights
    values : per term, float64 of shape (n_symbols,), NaN where unknown
    missing : what an unknown value does: "exclude" makes the score unknown, "zero_weight"
        leaves the term out, "fill(50)" puts a number in its place

    Returns
    -------
    tuple
        The score, float64 of shape (n_symbols,), NaN where unknown or too large for a number; and
        the contributions, of shape (n_terms, n_symbols): added from first to last, they are
        exactly the score.

    Raises
    ------
    ConfigError
        If `missing` is none of these.
    """
    filled = [_filled(value, missing) for value in values]
    with np.errstate(over="ignore", invalid="ignore"):  # what overflows is no number to rank by
        parts = np.stack([term.weight * value for term, value in zip(terms, filled, strict=True)])
        # Not np.sum: that adds in pairs, and the parts would no longer be exactly the score.
        score = reduce(np.add, parts)
    return np.where(np.isfinite(score), score, np.nan), parts


def check_missing(missing: str) -> None:
    """Refuse what `combine` would refuse, before there are values.

    Raises
    ------
    ConfigError
        If it is neither of `MISSING` nor fill(<number>).
    """
    _filled(np.empty(0), missing)


def _filled(value: FloatArray, missing: str) -> FloatArray:
    if missing == "exclude":
        return value
    if missing == "zero_weight":
        return np.where(np.isnan(value), 0.0, value)
    if missing.startswith("fill(") and missing.endswith(")"):
        number = decimal(missing[5:-1].strip())
        if number is None:
            raise ConfigError(f"rank.missing: {shown(missing)} holds no finite number")
        return np.where(np.isnan(value), number, value)
    raise ConfigError(f"rank.missing is exclude, zero_weight or fill(50); got {shown(missing)}")


def order_by(
    score: FloatArray,
    contributions: FloatArray,
    passed: BoolArray,
    liquidity: FloatArray,
    symbols: list[str],
) -> Ranking:
    """Rank the symbols that passed and whose score is known, best first.

    Ties go to the larger liquidity, then to the earlier symbol, so that the order is total.

    Parameters
    ----------
    score : float64, shape (n_symbols,); NaN is unknown
    contributions : float64, shape (n_terms, n_symbols)
    passed : bool, shape (n_symbols,)
    liquidity : USD a day, float64 of shape (n_symbols,); unknown counts least
    symbols : tickers, by position
    """
    ranked = np.flatnonzero(passed & ~np.isnan(score))
    liquid = np.nan_to_num(liquidity[ranked], nan=-1.0)
    names = np.array(symbols, dtype=str)[ranked]
    order = ranked[np.lexsort((names, -liquid, -score[ranked]))]
    among = np.full(len(score), np.nan)
    among[ranked] = percentile(score[ranked])
    return Ranking(order, score, contributions, among)
