"""What may stand where: kinds that can be compared, pasts that exist, units of what comes out."""

from __future__ import annotations

from dataclasses import replace
from typing import TypeVar

from technic.errors import QuestionError
from technic.indicators import REGISTRY
from technic.market.schema import SECTORS, canonical_sector
from technic.query import names
from technic.query.names import PLAIN, Kind
from technic.query.tree import Call, Name, Node, Text

N = TypeVar("N", bound=Node)


def comparable(
    left: Node, left_kind: Kind, right: Node, right_kind: Kind, warnings: list[str]
) -> None:
    """Refuse to compare a text with a number; wonder at a price against a volume."""
    if left_kind.what != right_kind.what:
        literal = left if isinstance(left, Text) else right
        number = literal.value if isinstance(literal, Text) else ""
        hint = f"did you mean {number} ?" if number.replace(".", "", 1).isdigit() else ""
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
    """Sector names in their canonical form, where they are compared with the sector."""
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
    """Refuse what has no past of its own under something that looks back."""
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
    """The unit of a sum, product or quotient; plain where it has no name."""
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


def unit_of(unit: str, output: str, given: Kind) -> Kind:
    """The unit of an output: of what went in, where that is what comes out."""
    if output in {"bb_pct", "bb_width", "psar_direction", "supertrend_direction"}:
        return names.RATIO
    return given if unit == "price" else names.UNITS.get(unit, PLAIN)


def signature(name: str) -> str:
    """What an indicator takes, as its page writes it."""
    it = REGISTRY[name]
    inputs = ["expression"] if it.takes_any_input else []
    return f"({', '.join([*inputs, *it.defaults])})"


def is_named(node: Node) -> bool:
    """Whether an argument is given by name, as in `rsi(n=7)`."""
    return isinstance(node, Call) and node.name == "="


def keyword_of(node: Node) -> str:
    """The name an argument is given by."""
    return next(node.children()).name  # type: ignore[attr-defined, no-any-return]


def named_value(node: Node) -> Node:
    """The value of an argument that is given by name."""
    return node.arguments[1]  # type: ignore[attr-defined, no-any-return]
