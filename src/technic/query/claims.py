"""Parts of a question that are true or false: comparisons, and what joins them."""

from __future__ import annotations

from dataclasses import dataclass

from technic.query.tree import AND, COMPARISON, NOT, OR, SUM, Node


@dataclass(frozen=True, slots=True)
class Comparison(Node):
    """A chain of comparisons, `a < b`, `a < b <= c`, `a == b`.

    Attributes
    ----------
    operators : between the operands
    operands : one more than there are operators
    """

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
    """Whether a value lies in a range, `x between low and high`.

    Attributes
    ----------
    value : which
    low, high : the ends, both included
    """

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
    """Whether a value is among others, `x in (a, b)` and `x not in (a, b)`.

    Attributes
    ----------
    value : which
    items : the others
    negated : whether it must be none of them
    """

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
    """Whether one value has just passed another, `a crosses_above b`.

    Attributes
    ----------
    direction : `crosses_above` or `crosses_below`
    left, right : which passes which
    """

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
    """The opposite of a claim, `not x`.

    Attributes
    ----------
    value : the claim
    """

    value: Node

    @property
    def level(self) -> int:
        """Binds less than a comparison."""
        return NOT

    def __str__(self) -> str:
        return f"not {self.value.inside(NOT)}"


@dataclass(frozen=True, slots=True)
class Logic(Node):
    """Claims joined by one word, `a and b and c`, `a or b`.

    Attributes
    ----------
    word : `and` or `or`
    parts : two or more, none of them joined by the same word
    """

    word: str
    parts: tuple[Node, ...]

    @property
    def level(self) -> int:
        """`and` binds tighter than `or`."""
        return AND if self.word == "and" else OR

    def __str__(self) -> str:
        return f" {self.word} ".join(part.inside(self.level + 1) for part in self.parts)


def clauses(node: Node) -> tuple[Node, ...]:
    """The parts of a top-level `and`; the node itself if it is none."""
    if isinstance(node, Logic) and node.word == "and":
        return node.parts
    return (node,)
