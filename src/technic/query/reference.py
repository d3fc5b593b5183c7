"""The language again, slowly: one symbol, one bar, one node at a time.

This is the definition that the vector evaluation is tested against. It shares nothing with it
but the tree: plain Python floats, `None` for unknown, loops over bars and over peers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import isnan, sqrt

from technic.query.claims import Between, Comparison, Crosses, Logic, Member, Opposite
from technic.query.tree import (
    Ago,
    Arithmetic,
    Call,
    Feature,
    Name,
    Negative,
    Node,
    Number,
    Text,
    Truth,
)

Value = float | bool | str | None
History = Callable[[Node, int], list[float]]


@dataclass(frozen=True, slots=True)
class Reference:
    """Evaluates trees for the symbols of one session, one at a time.

    Attributes
    ----------
    lengths : bars of each symbol
    history : for a field or a feature and a symbol, its value at every bar, NaN for unknown
    attributes : per name, the value for each symbol, None for unknown
    universe : which symbols are peers in a cross-section
    """

    lengths: list[int]
    history: History
    attributes: Mapping[str, list[Value]]
    universe: list[bool]

    def last(self, node: Node, symbol: int) -> Value:
        """The value at a symbol's last bar."""
        return self.at(node, symbol, self.lengths[symbol] - 1)

    def at(self, node: Node, symbol: int, t: int) -> Value:  # noqa: C901, PLR0911, PLR0912 -- a form each
        """The value of a tree for one symbol at one bar.

        Parameters
        ----------
        node : in canonical form
        symbol : position
        t : bar of that symbol; before the first everything is unknown

        Raises
        ------
        TypeError
            If the tree is not in canonical form.
        """
        match node:
            case Number(value):
                return value
            case Text(value) | Truth(value):
                return value
            case Name(name) if name in self.attributes:
                return self.attributes[name][symbol]
            case Name() | Feature():
                return self._known(self.history(node, symbol)[t]) if t >= 0 else None
            case Negative(value):
                number = self.at(value, symbol, t)
                return None if number is None else -float(number)
            case Opposite(value):
                claim = self.at(value, symbol, t)
                return None if claim is None else not claim
            case Arithmetic(operator, left, right):
                return self._arithmetic(
                    operator, self.at(left, symbol, t), self.at(right, symbol, t)
                )
            case Comparison(operators, operands):
                values = [self.at(part, symbol, t) for part in operands]
                pairs = zip(operators, values, values[1:], strict=False)
                return self._all([self._compare(*pair) for pair in pairs])
            case Between(value, low, high):
                x, a, b = (self.at(part, symbol, t) for part in (value, low, high))
                return self._all([self._compare("<=", a, x), self._compare("<=", x, b)])
            case Member(value, items, negated):
                x = self.at(value, symbol, t)
                hits = [self._compare("==", x, self.at(item, symbol, t)) for item in items]
                is_member = self._any(hits)
                return is_member if is_member is None or not negated else not is_member
            case Logic(word, parts):
                claims = [self.at(part, symbol, t) for part in parts]
                return self._all(claims) if word == "and" else self._any(claims)
            case Ago(value, bars):
                return self.at(value, symbol, t - bars) if t - bars >= 0 else None
            case Crosses():
                return self._crosses(node, symbol, t)
            case Call():
                return self._call(node, symbol, t)
        message = f"cannot evaluate {node}"
        raise TypeError(message)

    def _call(self, node: Call, symbol: int, t: int) -> Value:  # noqa: PLR0911 -- a function each
        parts = node.arguments
        match node.name:
            case "within":
                bars = int(parts[0].value)  # type: ignore[attr-defined]
                if t - bars + 1 < 0:
                    return None
                return self._any([self.at(parts[1], symbol, t - j) for j in range(bars)])
            case "count":
                bars = int(parts[1].value)  # type: ignore[attr-defined]
                claims = [self.at(parts[0], symbol, t - j) for j in range(bars) if t >= j]
                certain = [claim for claim in claims if claim is not None]
                return float(sum(map(bool, certain))) if len(certain) == bars else None
            case "abs":
                x = self.at(parts[0], symbol, t)
                return None if x is None else abs(float(x))
            case "sqrt":
                x = self.at(parts[0], symbol, t)
                return None if x is None or float(x) < 0.0 else sqrt(float(x))
            case "min" | "max":
                a, b = (self.at(part, symbol, t) for part in parts)
                if a is None or b is None:
                    return None
                return min(float(a), float(b)) if node.name == "min" else max(float(a), float(b))
            case "coalesce":
                x = self.at(parts[0], symbol, t)
                return self.at(parts[1], symbol, t) if x is None else x
            case "is_known":
                return self.at(parts[0], symbol, t) is not None
        return self._cross_section(node, symbol)

    def _cross_section(self, node: Call, symbol: int) -> Value:
        own = self.last(node.arguments[0], symbol)
        group = self._group(node, symbol)
        if own is None or not self.universe[symbol] or group == (False,):
            return None
        peers = [
            float(value)
            for other in range(len(self.lengths))
            if self.universe[other] and (group is None or self._group(node, other) == group)
            if (value := self.last(node.arguments[0], other)) is not None
        ]
        x, n = float(own), len(peers)
        if node.name == "rank":
            return 1.0 + sum(peer > x for peer in peers)
        if node.name == "pct_rank":
            return 100.0 * (sum(p < x for p in peers) + sum(p == x for p in peers) / 2.0) / n
        mean = sum(peers) / n
        if node.name == "demean":
            return x - mean
        spread = sqrt(sum((peer - mean) ** 2 for peer in peers) / n)
        return (x - mean) / spread if spread > 0.0 else None

    def _group(self, node: Call, symbol: int) -> tuple[Value | bool, ...] | None:
        """The peer group: None for everyone, (False,) for one that is unknown."""
        if node.by is None:
            return None
        parts = node.by.parts if isinstance(node.by, Logic) else (node.by,)
        label = self.attributes[parts[0].name][symbol]  # type: ignore[attr-defined]
        if label is None:
            return None if len(parts) > 1 else (False,)
        return (label,)

    def _crosses(self, node: Crosses, symbol: int, t: int) -> Value:
        if t < 1:
            return None
        sign = 1.0 if node.direction == "crosses_above" else -1.0
        now, then = (
            self._arithmetic("-", self.at(node.left, symbol, at), self.at(node.right, symbol, at))
            for at in (t, t - 1)
        )
        above = None if now is None else sign * float(now) > 0.0
        was_not = None if then is None else sign * float(then) <= 0.0
        return self._all([above, was_not])

    @staticmethod
    def _known(value: float) -> float | None:
        return None if isnan(value) else value

    @staticmethod
    def _arithmetic(operator: str, a: Value, b: Value) -> float | None:
        if a is None or b is None:
            return None
        x, y = float(a), float(b)
        if operator == "/":
            return x / y if y != 0.0 else None
        return {"+": x + y, "-": x - y, "*": x * y}[operator]

    @staticmethod
    def _compare(operator: str, a: Value, b: Value) -> bool | None:
        if a is None or b is None:
            return None
        if operator in {"==", "!="}:
            return (a == b) == (operator == "==")
        x, y = float(a), float(b)
        return {"<": x < y, "<=": x <= y, ">": x > y, ">=": x >= y}[operator]

    @staticmethod
    def _all(claims: Sequence[Value]) -> bool | None:
        if any(claim is not None and not claim for claim in claims):
            return False
        return None if any(claim is None for claim in claims) else True

    @staticmethod
    def _any(claims: Sequence[Value]) -> bool | None:
        if any(claim is not None and claim for claim in claims):
            return True
        return None if any(claim is None for claim in claims) else False
