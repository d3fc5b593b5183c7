"""Text → tree, and nothing more: what names mean is decided in resolve.py.

The parser is Lark's LALR with our own grammar; no text of a user ever reaches Python's
parser. It builds the tree without recursion, and refuses a text that is too long, too deep or
too large before anything walks over it. What names of `let` make of it is bounded once more,
where they are written out, in resolve.py.
"""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files
from math import isfinite
from typing import Any

from lark import Lark, Token, Transformer, v_args
from lark.exceptions import UnexpectedCharacters, UnexpectedInput, UnexpectedToken, VisitError

from technic.errors import QuestionError
from technic.query.claims import Between, Comparison, Crosses, Logic, Member, Opposite
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

MAX_BYTES, MAX_NODES = 4096, 500
MAX_NESTED = 32  # brackets and operators inside one another; a sum of many terms is one
MAX_DEPTH = 100  # levels of a tree, every sign of a sum one more: what walks it calls itself
SUFFIXES = {"K": 1e3, "M": 1e6, "B": 1e9, "%": 0.01}
READABLE = {
    "RPAR": "')'",
    "LPAR": "'('",
    "RSQB": "']'",
    "COMMA": "','",
    "$END": "the end",
    "NUMBER": "a number",
    "NAME": "a name",
    "STRING": "a text in quotes",
}


def parse(text: str) -> Node:
    """The tree of a question, as it is written.

    Parameters
    ----------
    text : in the scan language, at most `MAX_BYTES` long

    Raises
    ------
    QuestionError
        If the text is no question; points at the first character that cannot be.
    """
    if len(text.encode("utf-8", "replace")) > MAX_BYTES:
        raise QuestionError(f"the question is longer than {MAX_BYTES:,} bytes; split it with let")
    if not text.strip():
        raise QuestionError("the question is empty")
    try:
        tree: Node = _parser().parse(text)
    except VisitError as error:
        if isinstance(error.orig_exc, QuestionError):
            raise error.orig_exc.at(text) from None
        raise
    except QuestionError as error:
        raise error.at(text) from None
    except UnexpectedInput as error:
        raise _explained(error, text) from None
    return tree


@cache
def _parser() -> Any:  # a Lark, whose types know nothing of our nodes
    """The grammar; builds our nodes while it reads, so that no deep tree is ever walked."""
    text = files("technic.query").joinpath("grammar.lark").read_text(encoding="utf-8")
    return Lark(text, parser="lalr", transformer=_Builder(), maybe_placeholders=False)


def measure(node: Node) -> tuple[int, int, int]:
    """How large a tree is.

    Returns
    -------
    parts, nested, depth : int
        How many nodes it has; how many stand inside one another, where a chain such as
        `a + b - c` is one however long; and its levels, where each sign of a chain is one.
    """
    parts, most_nested, deepest, waiting = 0, 0, 0, [(node, 1, 1)]
    while waiting:
        current, nested, depth = waiting.pop()
        parts += 1
        most_nested, deepest = max(most_nested, nested), max(deepest, depth)
        for child in current.children():
            chained = (
                isinstance(current, Arithmetic)
                and isinstance(child, Arithmetic)
                and child is current.left
                and child.level == current.level
            )
            waiting.append((child, nested + (not chained), depth + 1))
    return parts, most_nested, deepest


def _checked(node: Node) -> Node:
    """Refuse what is too deep while it grows: each rule adds at most one level, a chain more."""
    parts, nested, depth = measure(node)
    if nested > MAX_NESTED:
        raise QuestionError(f"nested more than {MAX_NESTED} deep", start=node.at)
    if parts > MAX_NODES:
        raise QuestionError(f"more than {MAX_NODES} parts", start=node.at)
    if depth > MAX_DEPTH:
        raise QuestionError(
            f"more than {MAX_DEPTH} levels deep, each term of a sum one", start=node.at
        )
    return node


def _explained(error: UnexpectedInput, text: str) -> QuestionError:
    """A parser's error in the reader's words."""
    start = error.pos_in_stream
    start = len(text.rstrip()) if start is None or start < 0 else int(start)
    if isinstance(error, UnexpectedCharacters):
        return QuestionError(f"{text[start]!r} means nothing here", text=text, start=start)
    if isinstance(error, UnexpectedToken):
        if error.token.type == "$END" and (unclosed := _unclosed(text)) is not None:
            return unclosed
        expected = sorted({READABLE[name] for name in error.expected if name in READABLE})
        got = "the text ends" if error.token.type == "$END" else f"{str(error.token)!r} stands"
        if error.token.type == "$END":
            start = len(text.rstrip())
        expectation = f"expected {' or '.join(expected)}" if expected else "cannot go on"
        return QuestionError(f"{expectation} where {got}", text=text, start=start)
    return QuestionError("cannot be read", text=text, start=start)


def _unclosed(text: str) -> QuestionError | None:
    """Where a bracket that never closes should have: before the first comparison in it."""
    bare = re.sub(r"'[^']*'|\"[^\"]*\"|#[^\n]*", lambda match: "_" * len(match[0]), text)
    opened = []
    for position, character in enumerate(bare):
        if character == "(":
            opened.append(position)
        elif character == ")" and opened:
            opened.pop()
    if not opened:
        return None
    start = opened[-1]
    stop = re.search(r"[<>=!]|\b(and|or|between|in)\b", bare[start:])
    caret = start + stop.start() if stop else len(text.rstrip())
    called = re.search(r"([A-Za-z_][A-Za-z0-9_]*)$", text[:start])
    closed = f"{text[:caret].rstrip()}) {text[caret:]}".strip()
    begin = called.start() if called else start
    hint = f"did you mean {closed[begin:]} ?" if stop else ""
    return QuestionError("expected ')' or ','", text=text, start=caret, hint=hint)


def _number(token: Token) -> float:
    """The value of a literal: `1_000`, `10M`, `5%`.

    Raises
    ------
    QuestionError
        If no float is that large, or that small and not zero.
    """
    text = str(token).replace("_", "")
    scale = SUFFIXES.get(text[-1], 1.0)
    value = float(text[:-1] if text[-1] in SUFFIXES else text)
    # 5% is 5 / 100, rounded once as 0.05 is; 5 * 0.01 would be rounded twice.
    value = value / 100.0 if text[-1] == "%" else value * scale
    if not isfinite(value):
        raise QuestionError(f"{text[:24]} is larger than any number", start=token.start_pos or 0)
    if not value and any(digit in "123456789" for digit in text.lower().partition("e")[0]):
        raise QuestionError(f"{text[:24]} is smaller than any number", start=token.start_pos or 0)
    return value


@v_args(inline=True)
class _Builder(Transformer):  # type: ignore[misc]  # Lark comes without types
    """One method per rule of the grammar."""

    def number(self, token: Token) -> Node:
        return Number(_number(token), at=token.start_pos or 0)

    def text(self, token: Token) -> Node:
        return Text(str(token)[1:-1], at=token.start_pos or 0)

    def true(self) -> Node:
        return Truth(value=True)

    def false(self) -> Node:
        return Truth(value=False)

    def parameter(self, token: Token) -> Node:
        return Parameter(str(token)[1:], at=token.start_pos or 0)

    def name(self, token: Token) -> Node:
        return Name(str(token), at=token.start_pos or 0)

    def named(self, token: Token, value: Node) -> tuple[Token, Node]:
        return token, value

    def call(self, token: Token, *arguments: Any) -> Node:
        plain, by = [], None
        for argument in arguments:
            if isinstance(argument, Node):
                plain.append(argument)
                continue
            key, value = argument
            if str(key) == "by":
                by = value
            else:
                plain.append(Call("=", (Name(str(key), at=key.start_pos), value)))
        return _checked(Call(str(token), tuple(plain), by, at=token.start_pos or 0))

    def ago(self, value: Node, *parts: Token) -> Node:
        bars = _number(parts[-1])
        if bars != int(bars):
            raise QuestionError("an offset counts bars: [1]", start=parts[-1].start_pos or 0)
        sign = -1 if len(parts) > 1 and str(parts[0]) == "-" else 1
        return _checked(Ago(value, sign * int(bars), at=value.at))

    def signed(self, sign: Token, value: Node) -> Node:
        if str(sign) == "+":
            return value
        return _checked(Negative(value, at=sign.start_pos or 0))

    def chain(self, first: Node, *rest: Any) -> Node:
        node = first
        for operator, operand in zip(rest[::2], rest[1::2], strict=True):
            node = Arithmetic(str(operator), node, operand, at=first.at)
        return _checked(node)

    def ordered(self, first: Node, *rest: Any) -> Node:
        operators = tuple(str(token) for token in rest[::2])
        return _checked(Comparison(operators, (first, *rest[1::2]), at=first.at))

    def equality(self, left: Node, operator: Token, right: Node) -> Node:
        return _checked(Comparison((str(operator),), (left, right), at=left.at))

    def list_(self, *items: Node) -> tuple[Node, ...]:
        return items

    def member(self, value: Node, items: tuple[Node, ...]) -> Node:
        return _checked(Member(value, items, negated=False, at=value.at))

    def not_member(self, value: Node, items: tuple[Node, ...]) -> Node:
        return _checked(Member(value, items, negated=True, at=value.at))

    def between(self, value: Node, low: Node, high: Node) -> Node:
        return _checked(Between(value, low, high, at=value.at))

    def crosses(self, left: Node, direction: Token, right: Node) -> Node:
        return _checked(Crosses(str(direction), left, right, at=left.at))

    def opposite(self, value: Node) -> Node:
        return _checked(Opposite(value, at=value.at))

    def both(self, *parts: Node) -> Node:
        return _checked(_joined("and", parts))

    def either(self, *parts: Node) -> Node:
        return _checked(_joined("or", parts))


def _joined(word: str, parts: tuple[Node, ...]) -> Node:
    """One flat list: brackets around the same word change nothing."""
    flat: list[Node] = []
    for part in parts:
        same = isinstance(part, Logic) and part.word == word
        flat += part.parts if same else [part]  # type: ignore[attr-defined]
    return Logic(word, tuple(flat), at=parts[0].at)
