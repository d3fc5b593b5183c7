"""The syntax tree of a question, and its canonical text.

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
    """One part of a question; `at` is where it starts in the text, -1 if it came from none."""

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
        """Its text where something that binds at least like `level` is expected."""
        return str(self) if self.level >= level else f"({self})"


@dataclass(frozen=True, slots=True)
class Number(Node):
    """A literal number; `5%` is 0.05 and `10M` ten million."""

    value: float

    @property
    def level(self) -> int:
        """A negative one prints with a sign."""
        return ATOM if self.value >= 0.0 else UNARY

    def __str__(self) -> str:
        return write_number(self.value)


@dataclass(frozen=True, slots=True)
class Text(Node):
    """A literal text."""

    value: str

    def __str__(self) -> str:
        quote = '"' if "'" in self.value else "'"
        return f"{quote}{self.value}{quote}"


@dataclass(frozen=True, slots=True)
class Truth(Node):
    """`true` or `false`."""

    value: bool

    def __str__(self) -> str:
        return "true" if self.value else "false"


@dataclass(frozen=True, slots=True)
class Parameter(Node):
    """`$name`: a number that the scan file or the command line gives."""

    name: str

    def __str__(self) -> str:
        return f"${self.name}"


@dataclass(frozen=True, slots=True)
class Name(Node):
    """A bare name, before it is known what it means; afterwards a field or an attribute."""

    name: str

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class Call(Node):
    """A function of the language; `by` is the peer group of a cross-sectional one."""

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
    """One output of an indicator: its inputs where they are not the default, its parameters."""

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
    """A value some bars ago; negative offsets parse and are refused by name."""

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
    """The other sign."""

    value: Node

    @property
    def level(self) -> int:
        """Binds like a prefix."""
        return UNARY

    def __str__(self) -> str:
        return f"-{self.value.inside(UNARY)}"


@dataclass(frozen=True, slots=True)
class Arithmetic(Node):
    """`+ - * /`, from left to right."""

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


@dataclass(frozen=True, slots=True)
class Comparison(Node):
    """`a < b`, `a < b <= c`, `a == b`."""

    operators: tuple[str, ...]
    operands: tuple[Node, ...]

    @property
    def level(self) -> int:
        """Binds less than arithmetic."""
        return COMPARISON

    def __str__(self) -> str:
        parts = [self.operands[0].inside(SUM)]
        for operator, operand in zip(self.operators, self.operands[1:], strict=True):
            parts += [operator, operand.inside(SUM)]
        return " ".join(parts)


@dataclass(frozen=True, slots=True)
class Between(Node):
    """`x between low and high`, both included."""

    value: Node
    low: Node
    high: Node

    @property
    def level(self) -> int:
        """Like a comparison."""
        return COMPARISON

    def __str__(self) -> str:
        value, low, high = (n.inside(SUM) for n in (self.value, self.low, self.high))
        return f"{value} between {low} and {high}"


@dataclass(frozen=True, slots=True)
class Member(Node):
    """`x in (a, b)` and `x not in (a, b)`."""

    value: Node
    items: tuple[Node, ...]
    negated: bool

    @property
    def level(self) -> int:
        """Like a comparison."""
        return COMPARISON

    def __str__(self) -> str:
        word = "not in" if self.negated else "in"
        return f"{self.value.inside(SUM)} {word} ({', '.join(map(str, self.items))})"


@dataclass(frozen=True, slots=True)
class Crosses(Node):
    """`a crosses_above b`."""

    direction: str
    left: Node
    right: Node

    @property
    def level(self) -> int:
        """Like a comparison."""
        return COMPARISON

    def __str__(self) -> str:
        return f"{self.left.inside(SUM)} {self.direction} {self.right.inside(SUM)}"


@dataclass(frozen=True, slots=True)
class Opposite(Node):
    """`not x`."""

    value: Node

    @property
    def level(self) -> int:
        """Binds less than a comparison."""
        return NOT

    def __str__(self) -> str:
        return f"not {self.value.inside(NOT)}"


@dataclass(frozen=True, slots=True)
class Logic(Node):
    """`a and b and c`, `a or b`: two parts or more."""

    word: str
    parts: tuple[Node, ...]

    @property
    def level(self) -> int:
        """`and` binds tighter than `or`."""
        return AND if self.word == "and" else OR

    def __str__(self) -> str:
        return f" {self.word} ".join(part.inside(self.level + 1) for part in self.parts)


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


def clauses(node: Node) -> tuple[Node, ...]:
    """The parts of a top-level `and`; the node itself if it is none."""
    if isinstance(node, Logic) and node.word == "and":
        return node.parts
    return (node,)
