"""What a tree means: names bound, types checked, defaults written out.

`Resolver.resolve` takes a tree of parse.py and returns one in canonical form together with its
kind. It refuses what cannot be meant (a text where a number belongs, a look into the future, an
unknown name) and collects warnings about what probably was not (a price against a volume).
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from technic.errors import IndicatorError, QuestionError
from technic.indicators.define import MAX_LOOKBACK
from technic.query import names
from technic.query.calls import resolve_call
from technic.query.claims import Between, Comparison, Crosses, Logic, Member, Opposite
from technic.query.kinds import (
    Resolved,
    claim,
    combined,
    comparable,
    moved,
    numeric,
    over_time,
    with_sectors_named,
)
from technic.query.names import BOOL, NUMBER, PLAIN, TRUTH, did_you_mean
from technic.query.parse import MAX_DEPTH, measure, parse
from technic.query.tree import (
    Ago,
    Arithmetic,
    Call,
    Name,
    Negative,
    Node,
    Number,
    Parameter,
    Text,
    Truth,
)
from technic.scores import MACROS, SCORES

MAX_LETS = 200  # names given by let
MAX_WRITTEN_OUT = 10_000  # parts of all texts of a question, once its names are written out


@dataclass(slots=True)
class _Opened:
    """What a name stands for: its tree, the kind of it, and how large it is."""

    node: Node
    kind: names.Kind
    parts: int
    depth: int


@dataclass(slots=True)
class Resolver:
    """Gives trees their canonical form: names bound, kinds checked, defaults written out.

    Names given by let that use one another can make a tree that is exponentially larger than the
    texts. So each name is opened once, and what it would add is counted before it is added.

    Attributes
    ----------
    lets : texts that the scan file has given a name
    params : values of `$name`
    warnings : what was noticed on the way
    opening : names given by let that are being resolved right now, the outermost first
    opened : what the names opened so far stand for
    parts : how many parts opened names have added to trees so far
    level : of the node that is being resolved
    """

    lets: Mapping[str, str] = field(default_factory=dict)
    params: Mapping[str, float] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    opening: list[str] = field(default_factory=list)
    opened: dict[str, _Opened] = field(default_factory=dict)
    parts: int = 0
    level: int = 0

    def __post_init__(self) -> None:
        """Refuse more names than anybody gives, and names that mean something already.

        Raises
        ------
        QuestionError
            If there are more than `MAX_LETS`, one is none, or a name of let is the language's.
        """
        if len(self.lets) > MAX_LETS:
            raise QuestionError(f"{len(self.lets):,} names of let; the most is {MAX_LETS}")
        for name in self.lets:
            names.require_free(name)
        for name in self.params:  # written $name: it is nobody else's
            names.require_name(name, "params")

    def question(self, text: str, wanted: str = TRUTH) -> Node:
        """The canonical tree of a text that must be of one kind.

        Parameters
        ----------
        text : in the scan language
        wanted : `names.NUMBER`, `TRUTH` or `TEXT`

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
        """The canonical tree of a text and its kind, whatever it is.

        Raises
        ------
        QuestionError
            If it cannot be meant; knows where.
        """
        try:
            return self.resolve(parse(text))
        except QuestionError as error:
            raise error.at(text) from None

    def resolve(self, node: Node) -> Resolved:
        """The canonical form of a node, and its kind.

        Raises
        ------
        QuestionError
            If it cannot be meant; points at the part that cannot.
        """
        method: Callable[[Node], Resolved] = getattr(self, f"_{type(node).__name__.lower()}")
        self._descend(1, node.at)
        self.level += 1
        try:
            return method(node)
        finally:
            self.level -= 1

    def _descend(self, levels: int, at: int) -> None:
        """Refuse to go deeper than what walks over the tree can follow."""
        if self.level + levels > MAX_DEPTH:
            within = f", with the names of let written out ({' → '.join(self.opening[:3])} …)"
            raise QuestionError(
                f"more than {MAX_DEPTH} levels deep{within if self.opening else ''}", start=at
            )

    # --- leaves ----------------------------------------------------------------------------

    def _number(self, node: Number) -> Resolved:
        return node, PLAIN

    def _text(self, node: Text) -> Resolved:
        return node, names.STRING

    def _truth(self, node: Truth) -> Resolved:
        return node, BOOL

    def _parameter(self, node: Parameter) -> Resolved:
        if node.name not in self.params:
            parameters = ", ".join(f"${name}" for name in self.params) or "none"
            raise QuestionError(
                f"${node.name} has no value; the parameters are: {parameters}", start=node.at
            )
        return Number(float(self.params[node.name]), at=node.at), PLAIN

    def _name(self, node: Name) -> Resolved:
        name = node.name
        if name in self.lets:
            return self._opened(name, self.lets[name], node.at)
        if name in names.BAR_FIELDS:
            return node, names.BAR_FIELDS[name]
        for table in (names.ATTRIBUTES, names.FACTS, names.REGIME, names.ALPHA):
            if name in table:
                return node, table[name]
        if name in SCORES:
            return node, names.UNITS[SCORES[name].unit]
        if name in MACROS:
            opened, _ = self._opened(name, MACROS[name], node.at)
            return opened, names.PERCENT
        if name in names.OUTPUTS:
            return resolve_call(self, Call(name, (), at=node.at))
        vocabulary = sorted({*names.everything(), *self.lets})
        raise QuestionError(
            f"{name} is not known here", start=node.at, hint=did_you_mean(name, vocabulary)
        )

    def _opened(self, name: str, text: str, at: int) -> Resolved:
        """What a name given by let stands for; it may use other such names, but not itself."""
        if name in self.opening:
            chain = " → ".join([*self.opening, name])
            raise QuestionError(f"let.{name} is defined by itself: {chain}", start=at)
        if name not in self.opened:
            self.opening.append(name)
            try:
                node, kind = self.any(text)
            finally:
                self.opening.pop()
            parts, _, depth = measure(node)
            self.opened[name] = _Opened(node, kind, parts, depth)
        opened = self.opened[name]
        self._descend(opened.depth, at)
        self.parts += opened.parts
        if self.parts > MAX_WRITTEN_OUT:
            raise QuestionError(
                f"with {name} written out the question has more than {MAX_WRITTEN_OUT:,} parts; "
                "names of let that use one another twice double with each",
                start=at,
            )
        return moved(opened.node, at), opened.kind

    # --- operators -------------------------------------------------------------------------

    def _negative(self, node: Negative) -> Resolved:
        value, kind = numeric(self, node.value, "-")
        if isinstance(value, Number):
            return Number(-value.value, at=node.at), kind
        return replace(node, value=value), kind

    def _arithmetic(self, node: Arithmetic) -> Resolved:
        left, left_kind = numeric(self, node.left, node.operator)
        right, right_kind = numeric(self, node.right, node.operator)
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
        value, kind = numeric(self, node.value, "between")
        low, low_kind = numeric(self, node.low, "between")
        high, high_kind = numeric(self, node.high, "between")
        comparable(value, kind, low, low_kind, self.warnings)
        comparable(value, kind, high, high_kind, self.warnings)
        return replace(node, value=value, low=low, high=high), BOOL

    def _member(self, node: Member) -> Resolved:
        value, kind = self.resolve(node.value)
        items = []
        for item in node.items:
            resolved, item_kind = self.resolve(item)
            comparable(value, kind, resolved, item_kind, self.warnings)
            items.append(resolved)
        value, *items = with_sectors_named([value, *items], self.warnings)
        return replace(node, value=value, items=tuple(items)), BOOL

    def _crosses(self, node: Crosses) -> Resolved:
        left, left_kind = numeric(self, node.left, node.direction)
        right, right_kind = numeric(self, node.right, node.direction)
        comparable(left, left_kind, right, right_kind, self.warnings)
        over_time(left, node.direction)
        over_time(right, node.direction)
        return replace(node, left=left, right=right), BOOL

    def _opposite(self, node: Opposite) -> Resolved:
        return replace(node, value=claim(self, node.value, "not")), BOOL

    def _logic(self, node: Logic) -> Resolved:
        parts: list[Node] = []
        for part in node.parts:
            resolved = claim(self, part, node.word)
            same = isinstance(resolved, Logic) and resolved.word == node.word
            parts += resolved.parts if same else [resolved]  # type: ignore[attr-defined]
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

    def _call(self, node: Call) -> Resolved:
        return resolve_call(self, node)
