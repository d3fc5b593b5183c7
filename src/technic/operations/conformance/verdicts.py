"""What a vendor does otherwise than is assumed: replies held against every assumption."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from technic.operations.conformance.table import (
    GOOD,
    REFUSED,
    Assumption,
    Known,
    Reply,
    Table,
    UnsaidError,
    first_of,
)

# Of an answer that holds something else than what is read: a list for a text, say.
ODD = (TypeError, ValueError, KeyError, AttributeError, ArithmeticError, OSError)
BUSY, TROUBLE = 429, 500  # statuses of a vendor that may answer later


@dataclass(frozen=True, slots=True)
class Mismatch:
    """One thing that a vendor does otherwise than is assumed.

    Attributes
    ----------
    assumed : in words
    seen : what was seen instead
    breaks : what goes wrong by it
    """

    assumed: str
    seen: str
    breaks: str

    def __str__(self) -> str:
        return f"assumed: {self.assumed}; seen: {self.seen}; breaks: {self.breaks}"


@dataclass
class Examination:
    """What came of the questions to one vendor.

    Attributes
    ----------
    vendor : its name
    calls : requests made
    held : assumptions that hold
    differences : those that do not
    unjudged : assumptions on which the answers say nothing, and why
    kept : the file of the answers
    """

    vendor: str
    calls: int = 0
    held: int = 0
    differences: list[Mismatch] = field(default_factory=list)
    unjudged: dict[str, str] = field(default_factory=dict)
    kept: Path | None = None

    def as_dict(self) -> dict[str, Any]:
        """As JSON holds it."""
        return {**asdict(self), "kept": str(self.kept) if self.kept else None}


def judge(table: Table, known: Known, examined: Examination) -> None:
    """Hold the replies against everything that is assumed; the verdicts go into `examined`."""
    wrong = {q.name for q in table.questions if q.wrong}
    right = [r for r in known.replies.values() if r.question not in wrong]
    examined.differences += _answered(right)
    for assumption in table.assumptions:
        replies = [known.replies[name] for name in assumption.of if name in known.replies]
        usable = [r for r in replies if r.question in wrong or _is_read(r)]
        if not usable or (assumption.every and len(usable) < len(assumption.of)):
            examined.unjudged[assumption.name] = _why_open(assumption, known, usable)
            continue
        try:
            seen = assumption.seen(usable, known)
        except UnsaidError as why:
            examined.unjudged[assumption.name] = str(why)
            continue
        except ODD as error:
            seen = f"values that cannot be compared ({type(error).__name__}: {error})"
        if seen is None:
            examined.held += 1
        else:
            examined.differences.append(Mismatch(assumption.name, seen, assumption.breaks))


def _is_read(reply: Reply) -> bool:
    return reply.status == GOOD and isinstance(reply.content, dict)


def _answered(replies: Sequence[Reply]) -> list[Mismatch]:
    """What holds of every question: it is answered, refused for want of a plan, or put off."""
    told = (GOOD, BUSY, *REFUSED)
    odd = first_of(
        [
            f"HTTP {r.status} to {r.question}" if r.status else f"{r.question}: {r.body.decode()}"
            for r in replies
            if r.status not in told
        ]
    )
    no_json = first_of(
        [
            f"{r.headers.get('content-type', 'no type')} to {r.question}"
            for r in replies
            if r.status == GOOD and not isinstance(r.content, dict)
        ]
    )
    breaks = "what the question brings is not brought in"
    found = (("every question is answered", odd), ("answers are objects of JSON", no_json))
    return [Mismatch(name, seen, breaks) for name, seen in found if seen is not None]


def _why_open(assumption: Assumption, known: Known, usable: Sequence[Reply]) -> str:
    """Why an assumption cannot be judged."""
    read = {reply.question for reply in usable}
    for name in assumption.of:
        reply = known.replies.get(name)
        if reply is None:
            return f"{name} could not be asked for"
        if name not in read:
            return (
                f"your key does not allow {name} (HTTP {reply.status})"
                if reply.status in REFUSED
                else f"no answer to {name} (HTTP {reply.status})"
            )
    return "no answer"
