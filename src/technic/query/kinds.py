"""Checks of a question: kinds of operands, histories that exist, units of results.

`NodeResolver` is what calls.py and the checks here need of a resolver, so that neither imports
resolve.py, which imports them.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Protocol, TypeAlias, TypeVar

from technic.errors import QuestionError
from technic.indicators import REGISTRY
from technic.indicators.define import MAX_LOOKBACK
from technic.market.schema import SECTORS, canonical_sector
from technic.query import names
from technic.query.names import NUMBER, PLAIN, TRUTH, Kind
from technic.query.tree import Call, Name, Node, Number, Text

N = TypeVar("N", bound=Node)
Resolved: TypeAlias = tuple[Node, Kind]  # a tree in canonical form, and what it is


class NodeResolver(Protocol):
    """Whoever gives a tree its canonical form.

    Attributes
    ----------
    warnings : what was noticed on the way; appended to
    """

    warnings: list[str]

    def resolve(self, node: Node) -> Resolved:
        """The canonical form of a tree, and its kind.

        Raises
        ------
        QuestionError
            If it cannot be meant; points at the part that cannot.
        """
        ...


def numeric(resolver: NodeResolver, node: Node, where: str) -> Resolved:
    """The canonical form of a node that must be a number.

    Parameters
    ----------
    where : the operator or function it stands in, for the message

    Raises
    ------
    QuestionError
        If it is none.
    """
    value, kind = resolver.resolve(node)
    if kind.what != NUMBER:
        raise QuestionError(f"{where} takes numbers, and {value} is a {kind.what}", start=node.at)
    return value, kind


def claim(resolver: NodeResolver, node: Node, where: str) -> Node:
    """The canonical form of a node that must be true or false.

    Parameters
    ----------
    where : the operator or function it stands in, for the message

    Raises
    ------
    QuestionError
        If it is neither.
    """
    value, kind = resolver.resolve(node)
    if kind.what != TRUTH:
        raise QuestionError(
            f"{where} takes claims, and {value} is a {kind.what}",
            start=node.at,
            hint=f"compare it with something: {value} > 0" if kind.what == NUMBER else "",
        )
    return value


def constant(resolver: NodeResolver, node: Node, where: str) -> float:
    """The value of a node that must be a plain number.

    Parameters
    ----------
    where : the function it stands in, for the message

    Raises
    ------
    QuestionError
        If it is none.
    """
    value, _ = resolver.resolve(node)
    if not isinstance(value, Number):
        raise QuestionError(f"{where} takes a plain number here", start=node.at)
    return value.value


def bar_count(resolver: NodeResolver, node: Node, where: str) -> Number:
    """The number of a node that must count bars.

    Parameters
    ----------
    where : the function it stands in, for the message

    Raises
    ------
    QuestionError
        If it is no whole number from 1 to `MAX_LOOKBACK`.
    """
    value = constant(resolver, node, where)
    if value != int(value) or not 1 <= value <= MAX_LOOKBACK:
        raise QuestionError(
            f"{where} counts bars: a whole number from 1 to {MAX_LOOKBACK:,}", start=node.at
        )
    return Number(value, at=node.at)


def comparable(
    left: Node, left_kind: Kind, right: Node, right_kind: Kind, warnings: list[str]
) -> None:
    """Refuse to compare a text with a number; wonder at a price against a volume.

    Parameters
    ----------
    left, right : both sides, in canonical form
    left_kind, right_kind : what they are
    warnings : appended to

    Raises
    ------
    QuestionError
        If they are of different kinds; a number in quotes is pointed out.
    """
    if left_kind.what != right_kind.what:
        literal = left if isinstance(left, Text) else right
        number = literal.value if isinstance(literal, Text) else ""
        hint = f"did you mean {number} ?" if number.replace(".", "", 1).isdecimal() else ""
        raise QuestionError(
            f"a {left_kind.what} cannot be compared with a {right_kind.what}: {left} and {right}",
            start=max(left.at, 0),
            hint=hint,
        )
    units = {left_kind.unit, right_kind.unit}
    if len(units - {""}) == 2 and {"price", "volume"} <= units:
        warnings.append(
            f"{left} is a {left_kind.unit} and {right} a {right_kind.unit}: "
            "is that comparison meant?"
        )


def with_sectors_named(operands: list[Node], warnings: list[str]) -> list[Node]:
    """Sector names in their canonical form, where they are compared with the sector.

    Parameters
    ----------
    operands : of one comparison; come back as they are unless the name `sector` is among them
    warnings : appended to where a name was replaced

    Raises
    ------
    QuestionError
        If one is no sector.
    """
    if Name("sector") not in operands:
        return operands
    canonical = []
    for operand in operands:
        if not isinstance(operand, Text):
            canonical.append(operand)
            continue
        name = canonical_sector(operand.value)
        if name is None:
            raise QuestionError(
                f"{operand} is no sector",
                start=operand.at,
                hint=f"the sectors are {', '.join(SECTORS)}",
            )
        if name.lower() != operand.value.lower():
            warnings.append(f"the sector {operand} is called '{name}' here")
        canonical.append(Text(name, at=operand.at))
    return canonical


def over_time(node: Node, where: str) -> None:
    """Refuse what has no past of its own under something that looks back.

    Parameters
    ----------
    node : in canonical form
    where : what looks back, for the message

    Raises
    ------
    QuestionError
        If a part of it is known for one session only.
    """
    for part in node.walk():
        if isinstance(part, Call) and part.name in {*names.CROSS_SECTIONAL, *names.OTHER}:
            raise QuestionError(
                f"{part.name} may not stand under {where}: past cross-sections are not kept",
                start=part.at,
            )
        if isinstance(part, Name) and part.name not in names.BAR_FIELDS:
            raise QuestionError(
                f"{part.name} has no history, and may not stand under {where}", start=part.at
            )
        if isinstance(part, Text):
            raise QuestionError(f"{where} takes no text", start=part.at)


def moved(node: N, at: int) -> N:
    """The tree, all of it starting at `at`: errors point at the name that stands for it."""
    changes = {}
    for name in node.__dataclass_fields__:
        value = getattr(node, name)
        if isinstance(value, Node):
            changes[name] = moved(value, at)
        elif isinstance(value, tuple) and value and isinstance(value[0], Node):
            changes[name] = tuple(moved(item, at) for item in value)  # type: ignore[assignment]
    return replace(node, at=at, **changes)


def combined(operator: str, left: Kind, right: Kind) -> Kind:
    """The kind of a sum, product or quotient; plain where its unit has no name."""
    if operator in "+-":
        return left if left.unit == right.unit or not right.unit else PLAIN
    units = {left.unit, right.unit}
    if operator == "*":
        if units == {"price", "volume"}:
            return names.MONEY
        return left if not right.unit else right if not left.unit else PLAIN
    if left.unit == right.unit and left.unit:
        return names.RATIO
    return left if not right.unit else PLAIN


def unit_of(unit: str, output: str, operand: Kind) -> Kind:
    """The kind of an indicator's output: its operand's, where that is what comes out.

    Parameters
    ----------
    unit : of the indicator; "price" stands for that of what goes in
    output : its canonical name
    operand : what goes in
    """
    if output in {"bb_pct", "bb_width", "psar_direction", "supertrend_direction"}:
        return names.RATIO
    return operand if unit == "price" else names.UNITS.get(unit, PLAIN)


def signature(name: str) -> str:
    """What an indicator takes, as its page writes it."""
    indicator = REGISTRY[name]
    inputs = ["expression"] if indicator.takes_any_input else []
    return f"({', '.join([*inputs, *indicator.defaults])})"


def is_named(node: Node) -> bool:
    """Whether an argument is given by name, as in `rsi(n=7)`."""
    return isinstance(node, Call) and node.name == "="


def keyword_of(node: Node) -> str:
    """The name an argument is given by."""
    return next(node.children()).name  # type: ignore[attr-defined, no-any-return]


def named_value(node: Node) -> Node:
    """The value of an argument that is given by name."""
    return node.arguments[1]  # type: ignore[attr-defined, no-any-return]
