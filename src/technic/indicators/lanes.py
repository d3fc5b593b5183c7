"""Eight symbols in one value: the operations that definitions are written with.

An indicator is written as if for one symbol. Compiled, its floats are vectors of `LANES` doubles
that LLVM maps to whatever registers the machine has; comparisons give a mask, and `where`
chooses lane by lane. Row `t` of a block is a vector: the `t`-th bar of eight symbols.

    language       compiled (vector_types.py)     as plain Python
    x[t]           one vector load                one row of a NumPy array
    a * b + c      vector instructions, unfused   NumPy arithmetic
    where(m, a, b) one select                     numpy.where

So the same text runs compiled and as plain Python, and gives the same bits: no operation
reorders, contracts or approximates. Mixed operands are widened: `2.0 * x[t]` works.

Only a process made for compiling imports Numba (compile.py); here the functions are themselves.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import numpy as np

from technic.market.panel import LANES

COMPILING = os.environ.get("TECHNIC_COMPILING") == "1"
# Given to every function that is compiled. `_nrt` is an internal of Numba: without its runtime
# no reference is counted, and none has to be: the kernel allocates nothing.
OPTIONS = {
    "no_cpython_wrapper": True,
    "no_cfunc_wrapper": True,
    "error_model": "numpy",  # 1 / 0 is infinite, and raises nothing
    "_nrt": False,
}


def inlined(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function that definitions call; compiled, it becomes part of its caller."""
    if not COMPILING:
        return function
    from numba import njit  # only where something is compiled

    compiled: Callable[..., Any] = njit(forceinline=True, **OPTIONS)(function)
    return compiled


def inner(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function that stays one of its own in the compiled kernel."""
    if not COMPILING:
        return function
    from numba import njit  # only where something is compiled

    compiled: Callable[..., Any] = njit(**OPTIONS)(function)
    return compiled


def rows_at(address: Any) -> Any:
    """The rows whose first one lies at `address`."""
    return address


class Held:
    """A value in the place of rows, for who reads the row in hand alone."""

    def __init__(self, value: Any) -> None:
        self._value = value

    def __getitem__(self, _t: int) -> Any:
        return self._value


def held(value: Any) -> Any:
    """`value` in the place of rows: at every row it is that."""
    return Held(value)


def address_of(rows: Any) -> Any:
    """Where a C-contiguous array (n_rows, LANES) begins: what `rows_at` takes."""
    return rows


def where(mask: Any, yes: Any, no: Any) -> Any:
    """`yes` in the lanes where `mask` holds, `no` in the others."""
    return np.where(mask, yes, no)


def root(value: Any) -> Any:
    """Square root; NaN below zero."""
    return np.sqrt(value)


def larger(a: Any, b: Any) -> Any:
    """The larger of two values; NaN if either is."""
    return np.maximum(a, b)


def smaller(a: Any, b: Any) -> Any:
    """The smaller of two values; NaN if either is."""
    return np.minimum(a, b)


def everywhere(number: float) -> Any:
    """The same number in all lanes."""
    return np.full(LANES, number)


def lowest(value: Any) -> float:
    """The lowest of the lanes; NaN if one of them is."""
    return float(np.min(value))


def peek(rows: Any, t: int, lane: int) -> float:
    """One number: lane `lane` of row `t`."""
    return float(rows[t, lane])


def poke(rows: Any, t: int, lane: int, value: float) -> None:
    """Set lane `lane` of row `t`."""
    rows[t, lane] = value
