"""The syntax tree of a question and its canonical text; `claims` has what is true or false of it.

`str(node)` is the canonical text: defaults written out, one spelling for everything, no more
brackets than needed. Printing, parsing and printing again gives the same text.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, fields

# How tightly each form binds: brackets are printed around what binds less than its place asks.
OR, AND, NOT, COMPARISON, SUM, PRODUCT, UNARY, OFFSET, ATOM = range(9)
LEVELS = {"+": SUM, "-": SUM, "*": PRODUCT, "/": PRODUCT}


@dataclass(frozen=True, slots=True)
class Node:
    """One part of a question.

    Attributes
    ----------
    at : where it starts in the text, -1 if it came from none; no part of its value
    """

    at: int = field(default=-1, compare=False, kw_only=True)

    @property
    def level(self) -> int:
        """How tightly it binds."""
        return ATOM

    def children(self) -> Iterator[Node]:
        """The parts it is made of, in reading order."""
        for part in fields(self):
            value = getattr(self, part.name)
            if isinstance(value, Node):
                yield value
            elif isinstance(value, tuple):
                yield from (item for item in value if isinstance(item, Node))

    def walk(self) -> Iterator[Node]:
        """Itself and everything below, in reading order."""
        yield self
        for child in self.children():
            yield from child.walk()

    def inside(self, level: int) -> str:
        """Its text where something that binds at least as tightly as `level` is expected."""
        return str(self) if self.level >= level else f"({self})"


@dataclass(frozen=True, slots=True)
class Number(Node):
    """A literal number.

    Attributes
    ----------
    value : `5%` is 0.05 and `10M` ten million
    """

    value: float

    @property
    def level(self) -> int:
        """A negative one prints with a sign."""
        return ATOM if self.value >= 0.0 else UNARY

    def __str__(self) -> str:
        return write_number(self.value)


@dataclass(frozen=True, slots=True)
class Text(Node):
    """A literal text.

    Attributes
    ----------
    value : without its quotes
    """

    value: str

    def __str__(self) -> str:
        quote = '"' if "'" in self.value else "'"
        return f"{quote}{self.value}{quote}"


@dataclass(frozen=True, slots=True)
class Truth(Node):
    """A literal truth, `true` or `false`.

    Attributes
    ----------
    value : which of the two
    """

    value: bool

    def __str__(self) -> str:
        return "true" if self.value else "false"


@dataclass(frozen=True, slots=True)
class Parameter(Node):
    """A number that the scan file or the command line gives, `$name`.

    Attributes
    ----------
    name : without the dollar sign
    """

    name: str

    def __str__(self) -> str:
        return f"${self.name}"


@dataclass(frozen=True, slots=True)
class Name(Node):
    """A bare name.

    Attributes
    ----------
    name : anything as parsed; in a canonical tree a field, an attribute, a fact or a score
    """

    name: str

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class Call(Node):
    """A function of the language, applied.

    Attributes
    ----------
    name : of the function
    arguments : in order; as parsed, `n=7` is a call of `=` with the name and the value
    by : the attribute that divides the peers of a cross-sectional function
    """

    name: str
    arguments: tuple[Node, ...]
    by: Node | None = None

    def __str__(self) -> str:
        parts = [argument.inside(OR) for argument in self.arguments]
        if self.by is not None:
            parts.append(f"by={self.by}")
        return f"{self.name}({', '.join(parts)})"


@dataclass(frozen=True, slots=True)
class Feature(Node):
    """One output of an indicator.

    Attributes
    ----------
    name : of the output
    indicator : its name in the registry
    output : position among its outputs
    inputs : where they are not the default
    params : all of its numbers
    """

    name: str
    indicator: str
    output: int
    inputs: tuple[Node, ...]
    params: tuple[float, ...]

    def __str__(self) -> str:
        parts = [*(i.inside(OR) for i in self.inputs), *map(write_number, self.params)]
        return f"{self.name}({', '.join(parts)})" if parts else self.name


@dataclass(frozen=True, slots=True)
class Ago(Node):
    """A value some bars ago, `close[1]`.

    Attributes
    ----------
    value : of what
    bars : how many ago; a negative number parses, and is refused when it is resolved
    """

    value: Node
    bars: int

    @property
    def level(self) -> int:
        """Binds like a suffix."""
        return OFFSET

    def __str__(self) -> str:
        return f"{self.value.inside(OFFSET)}[{self.bars}]"


@dataclass(frozen=True, slots=True)
class Negative(Node):
    """A number with the other sign, `-x`.

    Attributes
    ----------
    value : the number
    """

    value: Node

    @property
    def level(self) -> int:
        """Binds like a prefix."""
        return UNARY

    def __str__(self) -> str:
        return f"-{self.value.inside(UNARY)}"


@dataclass(frozen=True, slots=True)
class Arithmetic(Node):
    """A sum, difference, product or quotient.

    Attributes
    ----------
    operator : `+`, `-`, `*` or `/`
    left, right : the operands; chains are read from left to right
    """

    operator: str
    left: Node
    right: Node

    @property
    def level(self) -> int:
        """Of its operator."""
        return LEVELS[self.operator]

    def __str__(self) -> str:
        right = self.right.inside(self.level + 1)
        return f"{self.left.inside(self.level)} {self.operator} {right}"


def write_number(value: float) -> str:
    """The shortest text that reads back as `value`.

    Examples
    --------
    >>> write_number(20.0), write_number(0.02), write_number(10_000_000)
    ('20', '0.02', '10000000')
    """
    if value == int(value) and abs(value) < 1e15:  # noqa: PLR2004 -- whole and exact
        return str(int(value))
    return repr(float(value))
