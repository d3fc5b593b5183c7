"""Ask a vendor a table of small questions, hold its answers against what is assumed, keep them.

1. `price` says what it costs before anything is asked.
2. `examine` asks every question once, in order; nothing of a store is read or changed.
3. `judge` (verdicts.py) judges assumptions on the answers they are about; what a key does not allow
   stays open.
4. `keep` (archive.py) keeps answers, shortened and without keys.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from time import sleep
from typing import Any, Protocol

from technic.data.ingest.planning import newest_session
from technic.data.providers.answers import RawAnswer
from technic.data.providers.source import Pace
from technic.errors import AccessError, ProviderError
from technic.market.sessions import nyse
from technic.operations.conformance.table import REFUSED, Known, Reply, Table, VendorQuestion
from technic.operations.conformance.verdicts import BUSY, ODD, TROUBLE, Examination, judge

SETTLED = 10  # sessions ago: whole, and revised no more
TRIES, WAIT, WAIT_MOST, SHORT_WAIT = 3, 15.0, 60.0, 0.5  # seconds


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
