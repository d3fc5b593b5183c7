"""What a call means: an indicator, a place among peers, or a function of the language."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from technic.errors import IndicatorError, QuestionError
from technic.indicators import REGISTRY
from technic.query import names
from technic.query.kinds import (
    comparable,
    is_named,
    keyword_of,
    named_value,
    over_time,
    signature,
    unit_of,
)
from technic.query.names import BOOL, TEXT, did_you_mean
from technic.query.tree import Call, Feature, Logic, Name, Node, Number, Text
from technic.scores import MACROS, SCORES

if TYPE_CHECKING:
    from technic.query.resolve import Resolved, Resolver


def call(resolver: Resolver, node: Call) -> Resolved:
    """The canonical form of a call, and its kind.

    Raises
    ------
    QuestionError
        If nothing is called that, or it does not take what it was given.
    """
    name = node.name
    if name in names.CROSS_SECTIONAL and _is_cross_sectional(node):
        return _cross_section(resolver, node)
    if node.by is not None:
        raise QuestionError(f"{name} takes no by=", start=node.at)
    if name in names.OUTPUTS and not (name == "count" and name in names.TEMPORAL):
        return _feature(resolver, node)
    if name in CALLS:
        return CALLS[name](resolver, node)
    if not node.arguments and name in {**names.BAR_FIELDS, **SCORES, **MACROS}:
        return resolver.resolve(Name(name, at=node.at))
    raise QuestionError(
        f"{name} is no function of this language", start=node.at, hint=did_you_mean(name)
    )


def _is_cross_sectional(node: Call) -> bool:
    """`zscore(x)` ranks peers, `zscore(20)` and `zscore(x, 20)` are the indicator."""
    if node.name not in names.OUTPUTS or node.by is not None:
        return True
    return len(node.arguments) == 1 and not isinstance(node.arguments[0], Number)


def _cross_section(resolver: Resolver, node: Call) -> Resolved:
    most = 2 if node.name in {"winsorize", "quantile"} else 1
    if not 1 <= len(node.arguments) <= most:
        raise QuestionError(f"{node.name} takes one expression, and by=", start=node.at)
    value, kind = resolver.numeric(node.arguments[0], node.name)
    arguments = [value]
    if node.name in {"winsorize", "quantile"}:
        default = Number(0.01 if node.name == "winsorize" else 5.0)
        number = node.arguments[1] if len(node.arguments) > 1 else default
        limit = resolver.constant(number, node.name)
        valid = 0.0 < limit < 0.5 if node.name == "winsorize" else 2.0 <= limit <= 100.0  # noqa: PLR2004
        if not valid:
            raise QuestionError(f"{node.name} cannot use {limit:g}", start=node.at)
        arguments.append(Number(limit))
    by = _peers(node.by) if node.by is not None else None
    out = names.CROSS_SECTIONAL[node.name] or kind
    return Call(node.name, tuple(arguments), by, at=node.at), out


def _peers(by: Node) -> Node:
    parts = by.parts if isinstance(by, Logic) and by.word == "or" else (by,)
    words = [part.name if isinstance(part, Name) else str(part) for part in parts]
    if words[0] not in names.PEERS or words[1:] not in ([], ["market"]):
        raise QuestionError(
            f"by= takes {', '.join(names.PEERS)}, or one of them 'or market'",
            start=by.at,
        )
    return by


def _feature(resolver: Resolver, node: Call) -> Resolved:
    output = names.OUTPUTS[node.name]
    it = REGISTRY[output.indicator]
    given: list[Node] = []
    numbers: list[float] = []
    given_kind = names.PRICE
    for argument in _positional(node, it.defaults):
        value, kind = resolver.resolve(argument)
        if isinstance(value, Number):
            numbers.append(value.value)
            continue
        if numbers:
            raise QuestionError(f"{node.name}: expressions come before numbers", start=argument.at)
        if not (it.takes_any_input and not given):
            raise QuestionError(
                f"{node.name} takes {signature(it.name)}, and no expression",
                start=argument.at,
            )
        if kind.what == TEXT:
            raise QuestionError(f"{node.name} takes no text", start=argument.at)
        over_time(value, node.name)
        given.append(value)
        given_kind = kind
    try:
        params = it.parameters(numbers)
    except IndicatorError as error:
        raise QuestionError(str(error), start=node.at) from error
    inputs = tuple(g for g in given if g != Name("close"))
    canonical = it.outputs[output.position]
    kind = unit_of(it.unit, canonical, given_kind)
    return (
        Feature(canonical, it.name, output.position, inputs, params, at=node.at),
        kind,
    )


def _positional(node: Call, defaults: Mapping[str, float]) -> list[Node]:
    """Arguments in order; `rsi(n=7)` is `rsi(7)`."""
    plain = [a for a in node.arguments if not is_named(a)]
    named = {keyword_of(a): a for a in node.arguments if is_named(a)}
    if not named:
        return plain
    unknown = [key for key in named if key not in defaults]
    if unknown:
        at = named[unknown[0]].children().__next__().at
        raise QuestionError(
            f"{node.name} takes {', '.join(defaults) or 'no parameters'}; not {unknown[0]}",
            start=at,
        )
    numbers = [a for a in plain if isinstance(a, Number)]
    values = dict(zip(defaults, numbers, strict=False))
    values |= {key: named_value(a) for key, a in named.items()}  # type: ignore[misc]
    full = [values.get(key, Number(float(default))) for key, default in defaults.items()]
    return [*(a for a in plain if not isinstance(a, Number)), *full]


def _within(resolver: Resolver, node: Call) -> Resolved:
    bars, condition = _two(node, "within(5, condition)")
    number = resolver.bars(bars, "within")
    claim = resolver.claim(condition, "within")
    over_time(claim, "within")
    return replace(node, arguments=(number, claim)), BOOL


def _count(resolver: Resolver, node: Call) -> Resolved:
    condition, bars = _two(node, "count(condition, 10)")
    number = resolver.bars(bars, "count")
    claim = resolver.claim(condition, "count")
    over_time(claim, "count")
    return replace(node, arguments=(claim, number)), names.COUNT


def _weekly(resolver: Resolver, node: Call) -> Resolved:
    if len(node.arguments) != 1:
        raise QuestionError(f"{node.name} takes one expression", start=node.at)
    value, kind = resolver.resolve(node.arguments[0])
    over_time(value, node.name)
    for part in value.walk():
        if isinstance(part, Call) and part.name in {"weekly", "monthly"}:
            raise QuestionError(f"{part.name} stands inside {node.name}", start=part.at)
    return replace(node, arguments=(value,)), kind


def _abs(resolver: Resolver, node: Call) -> Resolved:
    if len(node.arguments) != 1:
        raise QuestionError(f"{node.name} takes one number", start=node.at)
    value, kind = resolver.numeric(node.arguments[0], node.name)
    return replace(node, arguments=(value,)), kind


def _min(resolver: Resolver, node: Call) -> Resolved:
    left, right = _two(node, f"{node.name}(a, b)")
    first, kind = resolver.numeric(left, node.name)
    second, _ = resolver.numeric(right, node.name)
    return replace(node, arguments=(first, second)), kind


def _coalesce(resolver: Resolver, node: Call) -> Resolved:
    left, right = _two(node, "coalesce(a, b)")
    first, kind = resolver.resolve(left)
    second, other = resolver.resolve(right)
    comparable(first, kind, second, other, resolver.warnings)
    return replace(node, arguments=(first, second)), kind


def _is_known(resolver: Resolver, node: Call) -> Resolved:
    if len(node.arguments) != 1:
        raise QuestionError("is_known takes one expression", start=node.at)
    value, _ = resolver.resolve(node.arguments[0])
    return replace(node, arguments=(value,)), BOOL


def _in_list(_resolver: Resolver, node: Call) -> Resolved:
    if len(node.arguments) != 1 or not isinstance(node.arguments[0], Text):
        raise QuestionError("in_list takes the name of a watch-list", start=node.at)
    return node, BOOL


def _news_count(resolver: Resolver, node: Call) -> Resolved:
    if len(node.arguments) != 1:
        raise QuestionError("it is written news_count(5): sessions to look back", start=node.at)
    number = resolver.bars(node.arguments[0], node.name)
    return replace(node, arguments=(number,)), names.COUNT


def _python(_resolver: Resolver, node: Call) -> Resolved:
    if len(node.arguments) != 1 or not isinstance(node.arguments[0], Text):
        raise QuestionError("it is written python('name'): a score of your own", start=node.at)
    return node, names.PLAIN


def _two(node: Call, form: str) -> tuple[Node, Node]:
    if len(node.arguments) != 2:
        raise QuestionError(f"it is written {form}", start=node.at)
    return node.arguments[0], node.arguments[1]


CALLS: dict[str, Callable[[Resolver, Call], Resolved]] = {
    "within": _within,
    "count": _count,
    "weekly": _weekly,
    "monthly": _weekly,
    "abs": _abs,
    "sqrt": _abs,
    "min": _min,
    "max": _min,
    "coalesce": _coalesce,
    "is_known": _is_known,
    "in_list": _in_list,
    "news_count": _news_count,
    "python": _python,
}
