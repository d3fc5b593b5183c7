"""What a call means: an indicator, a place among peers, or a function of the language."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from technic.errors import IndicatorError, QuestionError
from technic.indicators import REGISTRY, Indicator
from technic.query import names
from technic.query.claims import Logic
from technic.query.kinds import (
    NodeResolver,
    Resolved,
    bar_count,
    claim,
    comparable,
    constant,
    is_named,
    keyword_of,
    named_value,
    numeric,
    over_time,
    signature,
    unit_of,
)
from technic.query.names import BOOL, TEXT, did_you_mean
from technic.query.tree import Call, Feature, Name, Node, Number, Text
from technic.scores import MACROS, SCORES

HALF = 0.5  # of the peers: drawn in from both sides, nothing would be left
MONTH = 21.0  # bars of `ret` and `total_ret`, unless told otherwise
FEWEST_BINS, MOST_BINS = 2.0, 100.0
# Cross-sectional functions that take a number: its default, and what it may be.
LIMITS: dict[str, tuple[float, Callable[[float], bool]]] = {
    "winsorize": (0.01, lambda share: 0.0 < share < HALF),
    "quantile": (5.0, lambda bins: FEWEST_BINS <= bins <= MOST_BINS),
}


def resolve_call(resolver: NodeResolver, node: Call) -> Resolved:
    """The canonical form of a call, and its kind.

    Parameters
    ----------
    resolver : for what stands in the call
    node : as parsed

    Raises
    ------
    QuestionError
        If nothing is called that, or it does not take what it was given.
    """
    name = node.name
    if name in names.CROSS_SECTIONAL and _is_cross_sectional(node):
        return _resolve_cross_section(resolver, node)
    if node.by is not None:
        raise QuestionError(f"{name} takes no by=", start=node.at)
    if name in names.OUTPUTS and not (name == "count" and name in names.TEMPORAL):
        return _resolve_feature(resolver, node)
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


def _resolve_cross_section(resolver: NodeResolver, node: Call) -> Resolved:
    most = 2 if node.name in LIMITS else 1
    if not 1 <= len(node.arguments) <= most:
        raise QuestionError(f"{node.name} takes one expression, and by=", start=node.at)
    value, kind = numeric(resolver, node.arguments[0], node.name)
    arguments = [value]
    if node.name in LIMITS:
        default, is_valid = LIMITS[node.name]
        number = node.arguments[1] if len(node.arguments) > 1 else Number(default)
        limit = constant(resolver, number, node.name)
        if not is_valid(limit):
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


def _resolve_feature(resolver: NodeResolver, node: Call) -> Resolved:
    output = names.OUTPUTS[node.name]
    indicator = REGISTRY[output.indicator]
    operand, kind, numbers = _operands(resolver, node, indicator)
    try:
        params = indicator.parameters(numbers)
    except IndicatorError as error:
        raise QuestionError(str(error), start=node.at) from error
    # The close is what an indicator reads unless told otherwise: the canonical form omits it.
    inputs = () if operand in (None, Name("close")) else (operand,)
    canonical = indicator.outputs[output.position]
    feature = Feature(canonical, indicator.name, output.position, inputs, params, at=node.at)
    return feature, unit_of(indicator.unit, canonical, kind)


def _operands(
    resolver: NodeResolver, node: Call, indicator: Indicator
) -> tuple[Node | None, names.Kind, list[float]]:
    """The expression that an indicator is applied to, if one is given, its kind; and the numbers."""
    operand: Node | None = None
    operand_kind = names.PRICE
    numbers: list[float] = []
    for argument in _positional(node, indicator.defaults):
        value, kind = resolver.resolve(argument)
        if isinstance(value, Number):
            numbers.append(value.value)
            continue
        if numbers:
            raise QuestionError(f"{node.name}: expressions come before numbers", start=argument.at)
        if not (indicator.takes_any_input and operand is None):
            raise QuestionError(
                f"{node.name} takes {signature(indicator.name)}, and no expression",
                start=argument.at,
            )
        if kind.what == TEXT:
            raise QuestionError(f"{node.name} takes no text", start=argument.at)
        over_time(value, node.name)
        operand, operand_kind = value, kind
    return operand, operand_kind, numbers


def _positional(node: Call, defaults: Mapping[str, float]) -> list[Node]:
    """Arguments in order; `rsi(n=7)` is `rsi(7)`."""
    plain = [a for a in node.arguments if not is_named(a)]
    named = [a for a in node.arguments if is_named(a)]
    if not named:
        return plain
    by_keyword = {keyword_of(a): a for a in named}
    unknown = [key for key in by_keyword if key not in defaults]
    if unknown:
        at = next(by_keyword[unknown[0]].children()).at
        raise QuestionError(
            f"{node.name} takes {', '.join(defaults) or 'no parameters'}; not {unknown[0]}",
            start=at,
        )
    numbers = [a for a in plain if isinstance(a, Number)]
    _require_once(node, [*list(defaults)[: len(numbers)], *map(keyword_of, named)])
    if len(numbers) + len(named) > len(defaults):
        raise QuestionError(f"{node.name} takes {', '.join(defaults)}, and no more", start=node.at)
    values = dict(zip(defaults, numbers, strict=False))
    values |= {key: named_value(a) for key, a in by_keyword.items()}  # type: ignore[misc]
    full = [values.get(key, Number(float(default))) for key, default in defaults.items()]
    return [*(a for a in plain if not isinstance(a, Number)), *full]


def _require_once(node: Call, given: list[str]) -> None:
    """Refuse a parameter that is given twice: which of the two is meant, nobody can know."""
    for key in given:
        if given.count(key) > 1:
            raise QuestionError(f"{node.name} is given {key} twice", start=node.at)


def _resolve_within(resolver: NodeResolver, node: Call) -> Resolved:
    bars, condition = _two(node, "within(5, condition)")
    number = bar_count(resolver, bars, "within")
    held = claim(resolver, condition, "within")
    over_time(held, "within")
    return replace(node, arguments=(number, held)), BOOL


def _resolve_count(resolver: NodeResolver, node: Call) -> Resolved:
    condition, bars = _two(node, "count(condition, 10)")
    number = bar_count(resolver, bars, "count")
    held = claim(resolver, condition, "count")
    over_time(held, "count")
    return replace(node, arguments=(held, number)), names.COUNT


def _resolve_frame(resolver: NodeResolver, node: Call) -> Resolved:
    if len(node.arguments) != 1:
        raise QuestionError(f"{node.name} takes one expression", start=node.at)
    value, kind = resolver.resolve(node.arguments[0])
    over_time(value, node.name)
    for part in value.walk():
        if isinstance(part, Call) and part.name in {"weekly", "monthly"}:
            raise QuestionError(f"{part.name} stands inside {node.name}", start=part.at)
    return replace(node, arguments=(value,)), kind


def _resolve_of_number(resolver: NodeResolver, node: Call) -> Resolved:
    if len(node.arguments) != 1:
        raise QuestionError(f"{node.name} takes one number", start=node.at)
    value, kind = numeric(resolver, node.arguments[0], node.name)
    return replace(node, arguments=(value,)), kind


def _resolve_of_two(resolver: NodeResolver, node: Call) -> Resolved:
    left, right = _two(node, f"{node.name}(a, b)")
    first, kind = numeric(resolver, left, node.name)
    second, _ = numeric(resolver, right, node.name)
    return replace(node, arguments=(first, second)), kind


def _resolve_coalesce(resolver: NodeResolver, node: Call) -> Resolved:
    left, right = _two(node, "coalesce(a, b)")
    first, kind = resolver.resolve(left)
    second, other = resolver.resolve(right)
    comparable(first, kind, second, other, resolver.warnings)
    return replace(node, arguments=(first, second)), kind


def _resolve_is_known(resolver: NodeResolver, node: Call) -> Resolved:
    if len(node.arguments) != 1:
        raise QuestionError("is_known takes one expression", start=node.at)
    value, _ = resolver.resolve(node.arguments[0])
    return replace(node, arguments=(value,)), BOOL


def _resolve_in_list(_resolver: NodeResolver, node: Call) -> Resolved:
    if len(node.arguments) != 1 or not isinstance(node.arguments[0], Text):
        raise QuestionError("in_list takes the name of a watch-list", start=node.at)
    return node, BOOL


def _resolve_total_ret(resolver: NodeResolver, node: Call) -> Resolved:
    if len(node.arguments) > 1:
        raise QuestionError("it is written total_ret(21): bars to look back", start=node.at)
    given = node.arguments[0] if node.arguments else Number(MONTH, at=node.at)
    number = bar_count(resolver, given, node.name)
    return replace(node, arguments=(number,)), names.RATIO


def _resolve_news_count(resolver: NodeResolver, node: Call) -> Resolved:
    if len(node.arguments) != 1:
        raise QuestionError("it is written news_count(5): sessions to look back", start=node.at)
    number = bar_count(resolver, node.arguments[0], node.name)
    return replace(node, arguments=(number,)), names.COUNT


def _resolve_python(_resolver: NodeResolver, node: Call) -> Resolved:
    if len(node.arguments) != 1 or not isinstance(node.arguments[0], Text):
        raise QuestionError("it is written python('name'): a score of your own", start=node.at)
    return node, names.PLAIN


def _two(node: Call, form: str) -> tuple[Node, Node]:
    if len(node.arguments) != 2:
        raise QuestionError(f"it is written {form}", start=node.at)
    return node.arguments[0], node.arguments[1]


CALLS: dict[str, Callable[[NodeResolver, Call], Resolved]] = {
    "within": _resolve_within,
    "count": _resolve_count,
    "weekly": _resolve_frame,
    "monthly": _resolve_frame,
    "abs": _resolve_of_number,
    "sqrt": _resolve_of_number,
    "min": _resolve_of_two,
    "max": _resolve_of_two,
    "coalesce": _resolve_coalesce,
    "is_known": _resolve_is_known,
    "in_list": _resolve_in_list,
    "news_count": _resolve_news_count,
    "total_ret": _resolve_total_ret,
    "python": _resolve_python,
}
