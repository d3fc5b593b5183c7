"""Ask a vendor a table of small questions, hold its answers against what is assumed, keep them.

1. `price` says what it costs before anything is asked.
2. `examine` asks every question once, in order; nothing of a store is read or changed.
3. Assumptions are judged on the answers they are about; what a key does not allow stays open.
4. Answers are kept, shortened and without keys, so that a difference can be shown to others.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from time import sleep
from typing import Any, Protocol

import orjson

from technic.data.ingest.planning import newest_session
from technic.data.providers.answers import RawAnswer
from technic.data.providers.http import SECRETS
from technic.data.providers.source import Pace
from technic.errors import AccessError, ProviderError
from technic.market.sessions import nyse
from technic.operations.conformance.table import (
    GOOD,
    REFUSED,
    Assumption,
    Known,
    Reply,
    Table,
    UnsaidError,
    VendorQuestion,
    first_of,
)
from technic.runtime.files import write_atomically

# Of an answer that holds something else than what is read: a list for a text, say.
ODD = (TypeError, ValueError, KeyError, AttributeError, ArithmeticError, OSError)
SETTLED = 10  # sessions ago: whole, and revised no more
BUSY, TROUBLE = 429, 500  # statuses of a vendor that may answer later
TRIES, WAIT, WAIT_MOST, SHORT_WAIT = 3, 15.0, 60.0, 0.5  # seconds
ROWS_KEPT, TEXT_KEPT = 5, 2_000  # of each answer
IN_QUERY = re.compile(rf"(?i)([?&](?:{'|'.join(sorted(SECRETS))})=)[^&\"\\\s]*")
HEADERS = ("content-type", "retry-after", "date", "x-request-id")


class Looker(Protocol):
    """A client that shows answers as they come: `http.Http`."""

    def look(self, path: str, params: Any) -> RawAnswer:
        """One answer as it comes.

        Parameters
        ----------
        path, params : of the request, below the vendor's address

        Raises
        ------
        ProviderError
            If no answer came.
        """
        ...

    def keyless(self) -> Looker:
        """The same, asking without a key."""
        ...

    def close(self) -> None:
        """End the connections."""
        ...


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


def price(table: Table, pace: Pace) -> tuple[int, float]:
    """Calls that the questions take at most, and minutes at a vendor's pace."""
    return len(table.questions), pace.minutes(len(table.questions))


def settled_session(now: datetime) -> date:
    """A session whose bars are final, and that the smallest plan includes."""
    table = nyse()
    return table.day(table.ordinal(newest_session(now, today=False)) - SETTLED)


def examine(
    table: Table,
    client: Looker,
    known: Known,
    progress: Callable[[int, int, str], None] = lambda _done, _all, _what: None,
) -> Examination:
    """Ask every question of a table, and judge what is assumed of the answers.

    Parameters
    ----------
    client : of the vendor, with the user's key
    known : which session to ask for; the replies are put into it
    progress : is told how many questions are asked, how many there are, and the next one

    Raises
    ------
    AccessError
        If the vendor refuses the key at the first question.
    ProviderError
        If it does not answer the first question.
    """
    examined = Examination(table.vendor)
    stranger = client.keyless()
    try:
        for k, question in enumerate(table.questions):
            progress(k, len(table.questions), question.name)
            path = _path(question, known)
            if path is None:
                continue
            reply, calls = _ask(question, path, stranger if question.keyless else client)
            examined.calls += calls
            if not reply.status and not known.replies:
                raise ProviderError(reply.body.decode())
            if reply.status in REFUSED and not known.replies:
                raise AccessError(
                    f"{table.vendor}: HTTP {reply.status} at the first question: the key is "
                    "missing, wrong or not allowed; nothing was judged. See technic providers"
                )
            known.replies[question.name] = reply
    finally:
        stranger.close()
    progress(len(table.questions), len(table.questions), "done")
    judge(table, known, examined)
    return examined


def _path(question: VendorQuestion, known: Known) -> tuple[str, Any] | None:
    """What to ask; None where the answers before do not say it."""
    try:
        return question.ask(known)
    except ODD:
        return None


def _ask(question: VendorQuestion, path: tuple[str, Any], client: Looker) -> tuple[Reply, int]:
    """One answer, and how many requests it took: who is busy, or in trouble, is asked again.

    A vendor that gives none at all has given one of status 0, with our words on why.
    """
    page, attempt = RawAnswer(0, {}, b""), 0
    for attempt in range(1, TRIES + 1):
        try:
            page = client.look(*path)
        except ProviderError as error:
            page = RawAnswer(0, {}, str(error).encode())
        if page.status not in {0, BUSY} and page.status < TROUBLE:
            break
        if attempt < TRIES:
            sleep(_wait(page))
    return Reply(question.name, *path, page.status, page.headers, page.body), attempt


def _wait(page: RawAnswer) -> float:
    """Seconds before a vendor is asked again."""
    after = page.headers.get("retry-after", "")
    if after.isdecimal():
        return min(float(after), WAIT_MOST)
    return WAIT if page.status == BUSY else SHORT_WAIT


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


def keep(examined: Examination, known: Known, folder: Path, secrets: Iterable[str]) -> None:
    """Write the answers down, shortened and without keys; `examined` is told where.

    Parameters
    ----------
    folder : made if it is not there
    secrets : texts that must not be in the file

    Raises
    ------
    OSError
        If it cannot be written.
    """
    lines = [_redacted(_line(reply), secrets) for reply in known.replies.values()]
    verdicts = {"differences": [asdict(d) for d in examined.differences]}
    lines.append(_redacted(orjson.dumps(verdicts).decode(), secrets))
    path = folder / f"{examined.vendor}-{datetime.now(UTC):%Y%m%dT%H%M%S}.jsonl"
    write_atomically(path, ("\n".join(lines) + "\n").encode())
    examined.kept = path


def _line(reply: Reply) -> str:
    """A reply as a line of JSON: the head of it, whole if it is short."""
    content = reply.content
    if isinstance(content, dict):
        content = {
            name: value[:ROWS_KEPT] if isinstance(value, list) else value
            for name, value in content.items()
        }
        content |= {
            f"{name} in all": len(value)
            for name, value in reply.content.items()
            if isinstance(value, list) and len(value) > ROWS_KEPT
        }
    elif content is None:
        content = reply.body[:TEXT_KEPT].decode("utf-8", "replace")
    return orjson.dumps(
        {
            "question": reply.question,
            "path": reply.path,
            "params": {k: v for k, v in reply.params.items() if k.lower() not in SECRETS},
            "status": reply.status,
            "headers": {k: reply.headers[k] for k in HEADERS if k in reply.headers},
            "answer": content,
        }
    ).decode()


def _redacted(text: str, secrets: Iterable[str]) -> str:
    """A text without secrets, and without the values of parameters that hold keys."""
    for secret in secrets:
        if len(secret) > 3:
            text = text.replace(secret, "•••")
    return IN_QUERY.sub(r"\1•••", text)
