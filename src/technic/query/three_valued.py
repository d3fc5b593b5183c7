"""Values of which some are unknown: arithmetic, comparisons and logic in three values.

False and unknown is false; true or unknown is true; everything else that touches an unknown is
unknown. Numbers that differ by less than the rounding of a price are equal.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from typing import Any

import numpy as np

from technic.indicators.reading import level
from technic.market.typing import BoolArray, FloatArray, IntArray

Values = Any  # a float64 or an object array, one value per symbol


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
