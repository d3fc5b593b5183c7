"""What a vendor is asked, and what is assumed of its answers: the rows of every table."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from itertools import pairwise
from typing import Any, TypeAlias

import orjson

Path: TypeAlias = tuple[str, Mapping[str, str]]  # path and parameters of a request
REFUSED = (401, 403)
GOOD = 200


@dataclass(frozen=True)
class Reply:
    """One answer as it came.

    Attributes
    ----------
    question : its name in the table
    path, params : of the request
    status, headers, body : of HTTP; the body unpacked
    """

    question: str
    path: str
    params: Mapping[str, str]
    status: int
    headers: Mapping[str, str]
    body: bytes

    @cached_property
    def content(self) -> Any:
        """The body as JSON; None if it is none."""
        try:
            return orjson.loads(self.body)
        except orjson.JSONDecodeError:
            return None

    def get(self, name: str) -> Any:
        """A member of the JSON object; None where there is none."""
        return self.content.get(name) if isinstance(self.content, dict) else None

    def rows(self, name: str = "results") -> list[dict[str, Any]]:
        """The objects in a list of the answer; none where there is no such list."""
        rows = self.get(name)
        return [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []


@dataclass
class Known:
    """What questions build on.

    Attributes
    ----------
    session : whole and final, and not so old that a small plan leaves it out
    symbols : of which a vendor is asked that must be told some
    replies : to the questions before, by name
    """

    session: date
    symbols: tuple[str, ...] = ()
    replies: dict[str, Reply] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class VendorQuestion:
    """One small question.

    Attributes
    ----------
    name : in words
    ask : path and parameters, given what is known by then; None if it cannot be asked
    keyless : whether it is asked without a key
    wrong : whether an error is the right answer
    """

    name: str
    ask: Callable[[Known], Path | None]
    keyless: bool = False
    wrong: bool = False


@dataclass(frozen=True, slots=True)
class Assumption:
    """What is assumed of the answers to some questions.

    Attributes
    ----------
    name : what is assumed, in words
    of : names of the questions
    breaks : what would go wrong if it did not hold
    seen : what was seen instead, in words; None if all is as assumed. Of answers about which it
        says nothing (no rows, say) it raises `UnsaidError`
    every : whether it needs the answers to all of its questions
    """

    name: str
    of: tuple[str, ...]
    breaks: str
    seen: Callable[[Sequence[Reply], Known], str | None]
    every: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """What is asked of one vendor, and what is assumed.

    Attributes
    ----------
    vendor : its name
    questions : in the order in which they are asked
    assumptions : of the answers, in the order in which they are told
    """

    vendor: str
    questions: tuple[VendorQuestion, ...]
    assumptions: tuple[Assumption, ...]


class UnsaidError(Exception):
    """The answers say nothing about an assumption; the text says why."""


def named(text: str) -> tuple[str, ...]:
    """The words of a text."""
    return tuple(text.split())


def shown(value: Any) -> str:
    """A value as JSON writes it, short, for a line of text."""
    text = orjson.dumps(value, default=str).decode()
    return text if len(text) <= 60 else text[:57] + "…"


def first_of(found: Sequence[str]) -> str | None:
    """The first of what was found, and how many more there are; None if nothing was."""
    if not found:
        return None
    return found[0] + (f", and {len(found) - 1:,} more" if len(found) > 1 else "")


def rows_of(replies: Sequence[Reply], name: str = "results") -> list[tuple[Reply, dict[str, Any]]]:
    """Every row, with the answer that has it.

    Raises
    ------
    UnsaidError
        If there is none.
    """
    rows = [(reply, row) for reply in replies for row in reply.rows(name)]
    if not rows:
        raise UnsaidError("no rows in the answers")
    return rows


def unknown_fields(*names: str) -> Callable[[Sequence[Reply], Known], str | None]:
    """Rows have no fields but these."""

    def seen(replies: Sequence[Reply], _known: Known) -> str | None:
        more = {
            field: f"{field} = {shown(value)} in {reply.question}"
            for reply, row in rows_of(replies)
            for field, value in row.items()
            if field not in names
        }
        return first_of([more[field] for field in sorted(more)])

    return seen


def of_types(**types: type | tuple[type, ...]) -> Callable[[Sequence[Reply], Known], str | None]:
    """Fields that are there are of these types; true and false are no numbers."""

    def seen(replies: Sequence[Reply], _known: Known) -> str | None:
        found = {
            name: f"{name} = {shown(row[name])} in {reply.question}"
            for reply, row in rows_of(replies)
            for name, kind in types.items()
            if row.get(name) is not None
            and (not isinstance(row[name], kind) or isinstance(row[name], bool))
        }
        return first_of(list(found.values()))

    return seen


def with_fields(*names: str) -> Callable[[Sequence[Reply], Known], str | None]:
    """Most rows of every answer have these fields."""

    def seen(replies: Sequence[Reply], _known: Known) -> str | None:
        rows_of(replies)
        found = {}
        for reply in replies:
            rows = reply.rows()
            for name in names:
                missing = sum(row.get(name) is None for row in rows)
                if rows and 2 * missing > len(rows):
                    found[name] = (
                        f"no {name} in {missing:,} of {len(rows):,} rows of {reply.question}"
                    )
        return first_of(list(found.values()))

    return seen


def one_of(name: str, *values: str) -> Callable[[Sequence[Reply], Known], str | None]:
    """A field has one of these values, or none."""

    def seen(replies: Sequence[Reply], _known: Known) -> str | None:
        others = sorted(
            {
                shown(row[name])
                for _, row in rows_of(replies)
                if row.get(name) is not None and row[name] not in values
            }
        )
        return first_of([f"{name} = {value}" for value in others])

    return seen


def once(*names: str) -> Callable[[Sequence[Reply], Known], str | None]:
    """No row comes twice in an answer; rows are told apart by these fields."""

    def seen(replies: Sequence[Reply], _known: Known) -> str | None:
        rows_of(replies)
        found = []
        for reply in replies:
            keys = [tuple(shown(row.get(name)) for name in names) for row in reply.rows()]
            twice = len(keys) - len(set(keys))
            if twice:
                found.append(f"{twice:,} of {len(keys):,} rows of {reply.question} come twice")
        return first_of(found)

    return seen


def ordered(name: str, *, down: bool = False) -> Callable[[Sequence[Reply], Known], str | None]:
    """Rows come in the order of a field."""

    def seen(replies: Sequence[Reply], _known: Known) -> str | None:
        rows_of(replies)
        for reply in replies:
            values = [row[name] for row in reply.rows() if row.get(name) is not None]
            steps = pairwise(values)
            wrong = [(a, b) for a, b in steps if type(a) is type(b) and (a < b if down else b < a)]
            if wrong:
                a, b = wrong[0]
                return f"{name} {shown(b)} after {shown(a)} in {reply.question}"
        return None

    return seen
