"""The parts of a question that look into the past, as series for the fused kernel.

`series_of` gives the series that must be computed before a tree can be evaluated over one
cross-section: its outermost parts that are fields, indicators or look back.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache, reduce

from technic.errors import QuestionError
from technic.indicators import REGISTRY, Series
from technic.indicators.define import MAX_LOOKBACK
from technic.indicators.series import DAILY, MONTHLY, WEEKLY, apply, constant, field
from technic.query import names
from technic.query.claims import Between, Comparison, Crosses, Logic, Member, Opposite
from technic.query.parse import parse
from technic.query.resolve import Resolver
from technic.query.tree import Ago, Arithmetic, Call, Feature, Name, Negative, Node, Number, Truth
from technic.scores import SCORES

ARITHMETIC = {"+": "add", "-": "subtract", "*": "multiply", "/": "divide"}
FUNCTIONS = {
    "abs": "absolute",
    "sqrt": "square_root",
    "min": "minimum",
    "max": "maximum",
    "coalesce": "coalesce",
    "is_known": "is_known",
}
FRAMES = {"weekly": WEEKLY, "monthly": MONTHLY}


def is_series(node: Node) -> bool:
    """Whether the kernel computes this node, rather than arithmetic over the cross-section."""
    if isinstance(node, Name):
        return node.name in names.BAR_FIELDS
    if isinstance(node, Call):
        return node.name in names.TEMPORAL
    return isinstance(node, Feature | Ago | Crosses)


def series_of(node: Node) -> Iterator[Series]:
    """What the kernel must compute before a canonical tree can be evaluated.

    The same series may come twice.
    """
    if is_series(node):
        yield lower(node)
        return
    if isinstance(node, Name) and node.name in SCORES:
        for text in SCORES[node.name].inputs:
            yield from series_of(score_input(text))
        return
    for child in node.children():
        yield from series_of(child)


@cache
def score_input(text: str) -> Node:
    """The canonical tree of what a score reads."""
    return Resolver().resolve(parse(text))[0]


def lower(node: Node, frame: int = DAILY) -> Series:  # noqa: C901, PLR0911, PLR0912 -- a form each
    """The series of a canonical tree whose every part has a history.

    Parameters
    ----------
    node : refused by `kinds.over_time` if it has none
    frame : DAILY, WEEKLY or MONTHLY bars

    Raises
    ------
    QuestionError
        If a part has no history.
    """
    match node:
        case Number(value):
            return constant(value, frame)
        case Truth(value):
            return constant(float(value), frame)
        case Name(name) if name in names.BAR_FIELDS:
            return field(name, frame)
        case Feature():
            inputs = [lower(part, frame) for part in node.inputs]
            return REGISTRY[node.indicator].all(*inputs, *node.params, frame=frame)[node.output]
        case Negative(value):
            return -lower(value, frame)
        case Opposite(value):
            return apply("opposite", lower(value, frame))
        case Arithmetic(operator, left, right):
            return apply(ARITHMETIC[operator], lower(left, frame), lower(right, frame))
        case Comparison(operators, operands):
            return _comparison(operators, [lower(part, frame) for part in operands])
        case Between(value, low, high):
            parts = [lower(low, frame), lower(value, frame), lower(high, frame)]
            return _comparison(("<=", "<="), parts)
        case Member(value, items, negated):
            member = lower(value, frame)
            hits = [apply("equal", member, lower(item, frame)) for item in items]
            any_of = reduce(lambda a, b: apply("either", a, b), hits)
            return apply("opposite", any_of) if negated else any_of
        case Logic(word, parts):
            name = "both" if word == "and" else "either"
            return reduce(lambda a, b: apply(name, a, b), [lower(p, frame) for p in parts])
        case Crosses(direction, left, right):
            return apply(direction, lower(left, frame), lower(right, frame))
        case Ago(value, bars):
            return apply("lag", lower(value, frame), params=(bars,))
        case Call():
            return _call(node, frame)
    raise _without_history(str(node), node.at)


def _without_history(what: str, at: int) -> QuestionError:
    """The refusal of what is known for one session at a time, and not at every bar."""
    return QuestionError(
        f"{what} has no history, bar by bar",
        start=at,
        hint="indicators and prices have one; a scan gives this value as of a session",
    )


def _call(node: Call, frame: int) -> Series:
    if node.name in FRAMES:
        slow = lower(node.arguments[0], FRAMES[node.name])
        return Series("hold", (slow,), frame=DAILY)
    if node.name == "within":
        number, condition = node.arguments
        return apply("within", lower(condition, frame), params=(_bars(number),))
    if node.name == "count":
        condition, number = node.arguments
        return apply("count", lower(condition, frame), params=(_bars(number),))
    if node.name in FUNCTIONS:
        return apply(FUNCTIONS[node.name], *(lower(part, frame) for part in node.arguments))
    raise _without_history(node.name, node.at)


def _bars(node: Node) -> int:
    return int(node.value)  # type: ignore[attr-defined]


def _comparison(operators: tuple[str, ...], operands: list[Series]) -> Series:
    pairs = zip(operators, operands, operands[1:], strict=False)
    return reduce(lambda a, b: apply("both", a, b), [_compare(*pair) for pair in pairs])


def _compare(operator: str, left: Series, right: Series) -> Series:
    match operator:
        case "<":
            return apply("less", left, right)
        case "<=":
            return apply("less_or_equal", left, right)
        case ">":
            return apply("less", right, left)  # one instruction serves both directions
        case ">=":
            return apply("less_or_equal", right, left)
        case "==":
            return apply("equal", left, right)
        case _:
            return apply("opposite", apply("equal", left, right))


@cache
def lookback(series: Series) -> int:
    """Bars a symbol needs, beyond its newest, before the series can be known.

    Raises
    ------
    QuestionError
        If that is more than `MAX_LOOKBACK`.
    """
    needed = _lookback(series)
    if needed > MAX_LOOKBACK:
        raise QuestionError(f"looks back over {needed:,} bars in all; the most is {MAX_LOOKBACK:,}")
    return needed


def _lookback(series: Series) -> int:
    """`lookback`, however long; a week counts for 5 bars, a month for 21."""
    below = max((_lookback(part) for part in series.inputs), default=0)
    if series.name == "hold":
        return below * (5 if series.inputs[0].frame == WEEKLY else 21)
    indicator = REGISTRY.get(series.name)
    if indicator is None or indicator.lookback is None:
        return below
    return below + indicator.lookback(*series.params)
