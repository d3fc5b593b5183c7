"""What a tree means: names bound, types checked, defaults written out.

`Resolver.resolve` takes a tree of parse.py and returns one in canonical form together with its
kind. It refuses what cannot be meant (a text where a number belongs, a look into the future, an
unknown name) and collects warnings about what probably was not (a price against a volume).
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TypeVar

from technic.errors import IndicatorError, QuestionError
from technic.indicators import REGISTRY
from technic.indicators.define import MAX_LOOKBACK
from technic.query import names
from technic.query.kinds import (
    combined,
    comparable,
    is_named,
    keyword_of,
    moved,
    named_value,
    over_time,
    signature,
    unit_of,
    with_sectors_named,
)
from technic.query.names import BOOL, NUMBER, PLAIN, TEXT, TRUTH, Kind, did_you_mean
from technic.query.parse import parse
from technic.query.tree import (
    Ago,
    Arithmetic,
    Between,
    Call,
    Comparison,
    Crosses,
    Feature,
    Logic,
    Member,
    Name,
    Negative,
    Node,
    Number,
    Opposite,
    Parameter,
    Text,
    Truth,
)
from technic.scores import MACROS, SCORES

N = TypeVar("N", bound=Node)
Resolved = tuple[Node, Kind]


@dataclass(slots=True)
class Resolver:
    """Binds names.

    Attributes
    ----------
    lets : texts that the scan file has given a name
    params : values of `$name`
    warnings : what was noticed on the way
    """

    lets: Mapping[str, str] = field(default_factory=dict)
    params: Mapping[str, float] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    opening: list[str] = field(default_factory=list)

    def question(self, text: str, wanted: str = TRUTH) -> Node:
        """The canonical tree of a text that must be of kind `wanted`.

        Raises
        ------
        QuestionError
            If it cannot be meant; knows where.
        """
        try:
            node, kind = self.resolve(parse(text))
            if kind.what != wanted:
                raise QuestionError(  # noqa: TRY301 -- it learns its text below
                    f"a {wanted} is expected here, and {node} is a {kind.what}",
                    start=max(node.at, 0),
                    hint="compare it with something: < 30" if wanted == TRUTH else "",
                )
        except QuestionError as error:
            raise error.at(text) from None
        except IndicatorError as error:
            raise QuestionError(str(error), text=text, start=0) from error
        return node

    def any(self, text: str) -> Resolved:
        """The canonical tree of a text and its kind, whatever it is."""
        try:
            return self.resolve(parse(text))
        except QuestionError as error:
            raise error.at(text) from None

    def resolve(self, node: Node) -> Resolved:
        """The canonical form of a node, and its kind."""
        method: Callable[[Node], Resolved] = getattr(self, f"_{type(node).__name__.lower()}")
        return method(node)

    # --- leaves ----------------------------------------------------------------------------

    def _number(self, node: Number) -> Resolved:
        return node, PLAIN

    def _text(self, node: Text) -> Resolved:
        return node, names.STRING

    def _truth(self, node: Truth) -> Resolved:
        return node, BOOL

    def _parameter(self, node: Parameter) -> Resolved:
        if node.name not in self.params:
            given = ", ".join(f"${name}" for name in self.params) or "none"
            raise QuestionError(
                f"${node.name} has no value; the parameters are: {given}", start=node.at
            )
        return Number(float(self.params[node.name]), at=node.at), PLAIN

    def _name(self, node: Name) -> Resolved:
        name = node.name
        if name in self.lets:
            return self._opened(name, self.lets[name], node.at)
        if name in names.BAR_FIELDS:
            return node, names.BAR_FIELDS[name]
        for table in (names.ATTRIBUTES, names.FACTS, names.REGIME):
            if name in table:
                return node, table[name]
        if name in SCORES:
            return node, names.UNITS[SCORES[name].unit]
        if name in MACROS:
            node_, _ = self._opened(name, MACROS[name], node.at)
            return node_, Kind(NUMBER, "percent")
        if name in names.OUTPUTS:
            return self._call(Call(name, (), at=node.at))
        known = sorted({*names.everything(), *self.lets})
        raise QuestionError(
            f"{name} is not known here", start=node.at, hint=did_you_mean(name, known)
        )

    def _opened(self, name: str, text: str, at: int) -> Resolved:
        """What a name given by let stands for; it may use other such names, but not itself."""
        if name in self.opening:
            chain = " → ".join([*self.opening, name])
            raise QuestionError(f"let.{name} is defined by itself: {chain}", start=at)
        self.opening.append(name)
        try:
            node, kind = self.any(text)
        finally:
            self.opening.pop()
        return moved(node, at), kind

    # --- operators -------------------------------------------------------------------------

    def _negative(self, node: Negative) -> Resolved:
        value, kind = self._numeric(node.value, "-")
        if isinstance(value, Number):
            return Number(-value.value, at=node.at), kind
        return replace(node, value=value), kind

    def _arithmetic(self, node: Arithmetic) -> Resolved:
        left, left_kind = self._numeric(node.left, node.operator)
        right, right_kind = self._numeric(node.right, node.operator)
        kind = combined(node.operator, left_kind, right_kind)
        return replace(node, left=left, right=right), kind

    def _comparison(self, node: Comparison) -> Resolved:
        resolved = [self.resolve(operand) for operand in node.operands]
        for (left, left_kind), (right, right_kind) in itertools.pairwise(resolved):
            comparable(left, left_kind, right, right_kind, self.warnings)
        kinds = {kind.what for _, kind in resolved}
        if kinds != {NUMBER} and not set(node.operators) <= {"==", "!="}:
            raise QuestionError(
                f"{node.operators[0]} compares numbers, not {kinds.pop()}s", start=node.at
            )
        operands = with_sectors_named([operand for operand, _ in resolved], self.warnings)
        return replace(node, operands=tuple(operands)), BOOL

    def _between(self, node: Between) -> Resolved:
        value, kind = self._numeric(node.value, "between")
        low, low_kind = self._numeric(node.low, "between")
        high, high_kind = self._numeric(node.high, "between")
        comparable(value, kind, low, low_kind, self.warnings)
        comparable(value, kind, high, high_kind, self.warnings)
        return replace(node, value=value, low=low, high=high), BOOL

    def _member(self, node: Member) -> Resolved:
        value, kind = self.resolve(node.value)
        items = []
        for item in node.items:
            found, item_kind = self.resolve(item)
            comparable(value, kind, found, item_kind, self.warnings)
            items.append(found)
        value, *items = with_sectors_named([value, *items], self.warnings)
        return replace(node, value=value, items=tuple(items)), BOOL

    def _crosses(self, node: Crosses) -> Resolved:
        left, left_kind = self._numeric(node.left, node.direction)
        right, right_kind = self._numeric(node.right, node.direction)
        comparable(left, left_kind, right, right_kind, self.warnings)
        over_time(left, node.direction)
        over_time(right, node.direction)
        return replace(node, left=left, right=right), BOOL

    def _opposite(self, node: Opposite) -> Resolved:
        return replace(node, value=self._claim(node.value, "not")), BOOL

    def _logic(self, node: Logic) -> Resolved:
        parts: list[Node] = []
        for part in node.parts:
            found = self._claim(part, node.word)
            same = isinstance(found, Logic) and found.word == node.word
            parts += found.parts if same else [found]  # type: ignore[attr-defined]
        return replace(node, parts=tuple(parts)), BOOL

    def _ago(self, node: Ago) -> Resolved:
        if node.bars < 0:
            raise QuestionError(
                f"[{node.bars}] looks {-node.bars} bars into the future, which nobody knows; "
                f"[{-node.bars}] is {-node.bars} bars ago",
                start=node.at,
            )
        if node.bars > MAX_LOOKBACK:
            raise QuestionError(f"looks back over more than {MAX_LOOKBACK:,} bars", start=node.at)
        value, kind = self.resolve(node.value)
        over_time(value, f"[{node.bars}]")
        return (value if node.bars == 0 else replace(node, value=value)), kind

    # --- calls -----------------------------------------------------------------------------

    def _call(self, node: Call) -> Resolved:
        name = node.name
        if name in names.CROSS_SECTIONAL and self._is_cross_sectional(node):
            return self._cross_section(node)
        if node.by is not None:
            raise QuestionError(f"{name} takes no by=", start=node.at)
        if name in names.OUTPUTS and not (name == "count" and name in names.TEMPORAL):
            return self._feature(node)
        special = getattr(self, f"_call_{name}", None)
        if special is not None and name in (
            *names.ELEMENTWISE,
            *names.TEMPORAL,
            *names.OTHER,
        ):
            resolved: Resolved = special(node)
            return resolved
        if not node.arguments and name in {**names.BAR_FIELDS, **SCORES, **MACROS}:
            return self._name(Name(name, at=node.at))
        raise QuestionError(
            f"{name} is no function of this language", start=node.at, hint=did_you_mean(name)
        )

    def _is_cross_sectional(self, node: Call) -> bool:
        """`zscore(x)` ranks peers, `zscore(20)` and `zscore(x, 20)` are the indicator."""
        if node.name not in names.OUTPUTS or node.by is not None:
            return True
        return len(node.arguments) == 1 and not isinstance(node.arguments[0], Number)

    def _cross_section(self, node: Call) -> Resolved:
        most = 2 if node.name in {"winsorize", "quantile"} else 1
        if not 1 <= len(node.arguments) <= most:
            raise QuestionError(f"{node.name} takes one expression, and by=", start=node.at)
        value, kind = self._numeric(node.arguments[0], node.name)
        arguments = [value]
        if node.name in {"winsorize", "quantile"}:
            default = Number(0.01 if node.name == "winsorize" else 5.0)
            number = node.arguments[1] if len(node.arguments) > 1 else default
            limit = self._constant(number, node.name)
            valid = 0.0 < limit < 0.5 if node.name == "winsorize" else 2.0 <= limit <= 100.0  # noqa: PLR2004
            if not valid:
                raise QuestionError(f"{node.name} cannot use {limit:g}", start=node.at)
            arguments.append(Number(limit))
        by = self._peers(node.by) if node.by is not None else None
        out = names.CROSS_SECTIONAL[node.name] or kind
        return Call(node.name, tuple(arguments), by, at=node.at), out

    def _peers(self, by: Node) -> Node:
        parts = by.parts if isinstance(by, Logic) and by.word == "or" else (by,)
        words = [part.name if isinstance(part, Name) else str(part) for part in parts]
        if words[0] not in names.PEERS or words[1:] not in ([], ["market"]):
            raise QuestionError(
                f"by= takes {', '.join(names.PEERS)}, or one of them 'or market'",
                start=by.at,
            )
        return by

    def _feature(self, node: Call) -> Resolved:
        output = names.OUTPUTS[node.name]
        it = REGISTRY[output.indicator]
        given: list[Node] = []
        numbers: list[float] = []
        given_kind = names.PRICE
        for argument in self._positional(node, it.defaults):
            value, kind = self.resolve(argument)
            if isinstance(value, Number):
                numbers.append(value.value)
                continue
            if numbers:
                raise QuestionError(
                    f"{node.name}: expressions come before numbers", start=argument.at
                )
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

    def _positional(self, node: Call, defaults: Mapping[str, float]) -> list[Node]:
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

    def _call_within(self, node: Call) -> Resolved:
        bars, condition = self._two(node, "within(5, condition)")
        number = self._bars(bars, "within")
        claim = self._claim(condition, "within")
        over_time(claim, "within")
        return replace(node, arguments=(number, claim)), BOOL

    def _call_count(self, node: Call) -> Resolved:
        condition, bars = self._two(node, "count(condition, 10)")
        number = self._bars(bars, "count")
        claim = self._claim(condition, "count")
        over_time(claim, "count")
        return replace(node, arguments=(claim, number)), names.COUNT

    def _call_weekly(self, node: Call) -> Resolved:
        if len(node.arguments) != 1:
            raise QuestionError(f"{node.name} takes one expression", start=node.at)
        value, kind = self.resolve(node.arguments[0])
        over_time(value, node.name)
        for part in value.walk():
            if isinstance(part, Call) and part.name in {"weekly", "monthly"}:
                raise QuestionError(f"{part.name} stands inside {node.name}", start=part.at)
        return replace(node, arguments=(value,)), kind

    _call_monthly = _call_weekly

    def _call_abs(self, node: Call) -> Resolved:
        if len(node.arguments) != 1:
            raise QuestionError(f"{node.name} takes one number", start=node.at)
        value, kind = self._numeric(node.arguments[0], node.name)
        return replace(node, arguments=(value,)), kind

    _call_sqrt = _call_abs

    def _call_min(self, node: Call) -> Resolved:
        left, right = self._two(node, f"{node.name}(a, b)")
        first, kind = self._numeric(left, node.name)
        second, _ = self._numeric(right, node.name)
        return replace(node, arguments=(first, second)), kind

    _call_max = _call_min

    def _call_coalesce(self, node: Call) -> Resolved:
        left, right = self._two(node, "coalesce(a, b)")
        first, kind = self.resolve(left)
        second, other = self.resolve(right)
        comparable(first, kind, second, other, self.warnings)
        return replace(node, arguments=(first, second)), kind

    def _call_is_known(self, node: Call) -> Resolved:
        if len(node.arguments) != 1:
            raise QuestionError("is_known takes one expression", start=node.at)
        value, _ = self.resolve(node.arguments[0])
        return replace(node, arguments=(value,)), BOOL

    def _call_in_list(self, node: Call) -> Resolved:
        if len(node.arguments) != 1 or not isinstance(node.arguments[0], Text):
            raise QuestionError("in_list takes the name of a watch-list", start=node.at)
        return node, BOOL

    def _call_news_count(self, node: Call) -> Resolved:
        if len(node.arguments) != 1:
            raise QuestionError("it is written news_count(5): sessions to look back", start=node.at)
        number = self._bars(node.arguments[0], node.name)
        return replace(node, arguments=(number,)), names.COUNT

    def _call_python(self, node: Call) -> Resolved:
        if len(node.arguments) != 1 or not isinstance(node.arguments[0], Text):
            raise QuestionError("it is written python('name'): a score of your own", start=node.at)
        return node, names.PLAIN

    # --- checks ----------------------------------------------------------------------------

    def _numeric(self, node: Node, where: str) -> Resolved:
        value, kind = self.resolve(node)
        if kind.what != NUMBER:
            raise QuestionError(
                f"{where} takes numbers, and {value} is a {kind.what}", start=node.at
            )
        return value, kind

    def _claim(self, node: Node, where: str) -> Node:
        value, kind = self.resolve(node)
        if kind.what != TRUTH:
            raise QuestionError(
                f"{where} takes claims, and {value} is a {kind.what}",
                start=node.at,
                hint=f"compare it with something: {value} > 0" if kind.what == NUMBER else "",
            )
        return value

    def _two(self, node: Call, form: str) -> tuple[Node, Node]:
        if len(node.arguments) != 2:  # noqa: PLR2004 -- it takes two
            raise QuestionError(f"it is written {form}", start=node.at)
        return node.arguments[0], node.arguments[1]

    def _constant(self, node: Node, where: str) -> float:
        value, _ = self.resolve(node)
        if not isinstance(value, Number):
            raise QuestionError(f"{where} takes a plain number here", start=node.at)
        return value.value

    def _bars(self, node: Node, where: str) -> Number:
        value = self._constant(node, where)
        if value != int(value) or not 1 <= value <= MAX_LOOKBACK:
            raise QuestionError(
                f"{where} counts bars: a whole number from 1 to {MAX_LOOKBACK:,}", start=node.at
            )
        return Number(value, at=node.at)
