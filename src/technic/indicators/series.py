"""A question over time as a graph: what is to be computed, before anything is.

A `Series` is one value per bar of every symbol: a field, or an operation on other series.
Arithmetic on series builds the graph; equal graphs are equal values, so what two features
share is computed once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

Operand: TypeAlias = "Series | float"

DAILY, WEEKLY, MONTHLY = 0, 1, 2


@dataclass(frozen=True, slots=True)
class Series:
    """One value per bar of every symbol, as a recipe: a node of the graph.

    Attributes
    ----------
    name : a field of `market.panel.FIELDS`, `benchmark`, `constant`, or a definition
    inputs : the series it reads
    params : the numbers it was given, in the order of its definition
    output : which of the definition's outputs this is
    frame : DAILY, WEEKLY or MONTHLY bars
    """

    name: str
    inputs: tuple[Series, ...] = ()
    params: tuple[float, ...] = ()
    output: int = 0
    frame: int = DAILY

    def __add__(self, other: Operand) -> Series:
        return apply("add", self, other)

    def __radd__(self, other: Operand) -> Series:
        return apply("add", other, self)

    def __sub__(self, other: Operand) -> Series:
        return apply("subtract", self, other)

    def __rsub__(self, other: Operand) -> Series:
        return apply("subtract", other, self)

    def __mul__(self, other: Operand) -> Series:
        return apply("multiply", self, other)

    def __rmul__(self, other: Operand) -> Series:
        return apply("multiply", other, self)

    def __truediv__(self, other: Operand) -> Series:
        return apply("divide", self, other)

    def __rtruediv__(self, other: Operand) -> Series:
        return apply("divide", other, self)

    def __neg__(self) -> Series:
        return apply("negate", self)


def field(name: str, frame: int = DAILY) -> Series:
    """The bars' field `name`, or the benchmark's closes aligned with them."""
    return Series(name, frame=frame)


def constant(value: float, frame: int = DAILY) -> Series:
    """The same number at every bar."""
    return Series("constant", params=(float(value),), frame=frame)


def apply(name: str, *operands: Operand, params: tuple[float, ...] = ()) -> Series:
    """The operation `name` on `operands`.

    Parameters
    ----------
    name : of a definition
    operands : series of one frame; numbers become constants of that frame
    params : the numbers that the definition takes
    """
    frames = [operand.frame for operand in operands if isinstance(operand, Series)]
    frame = frames[0] if frames else DAILY
    inputs = tuple(
        operand if isinstance(operand, Series) else constant(operand, frame) for operand in operands
    )
    return Series(name, inputs, params, frame=frame)
