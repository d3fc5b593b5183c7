"""Two answers to one question compared: who entered, who left, who crossed, and why.

A symbol is on the list if it is among the rows shown. What kept it off before, or keeps it off
now, is said by the ledger, which has a bucket for everybody. Securities are compared, not
tickers: a renamed one neither leaves nor enters.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Any

from technic.data.store import Store
from technic.errors import StoreError
from technic.market.sessions import nyse
from technic.runtime.settings import Settings
from technic.scanner.ledger import BUCKETS, TITLES
from technic.scanner.report import Report, Row
from technic.scanner.scan import scan
from technic.scanner.spec.scan_file import ScanFile


@dataclass(frozen=True, slots=True)
class Change:
    """One symbol that came, went, moved or crossed.

    Attributes
    ----------
    kind : "entered", "left", "crossed" or "stayed"
    security_id, symbol, name : of the security; its ticker as of the newer answer, if it has one
    before, after : its rank then and now; None if it was not ranked
    why : in words
    """

    kind: str
    security_id: int
    symbol: str
    name: str | None
    before: int | None
    after: int | None
    why: str


@dataclass(frozen=True, slots=True)
class Difference:
    """What is different between two answers to the same question.

    Attributes
    ----------
    name : of the scan
    before, after : sessions
    entered, left : who came on the list, and who is no longer on it
    crossed : who is on the list and turned from false to true
    stayed : who was on the list and still is
    simulated : whether the market is a simulated one
    provisional : whether the newer answer rests on bars that are not final
    """

    name: str
    before: date
    after: date
    entered: tuple[Change, ...]
    left: tuple[Change, ...]
    crossed: tuple[Change, ...]
    stayed: tuple[Change, ...]
    simulated: bool
    provisional: bool = False

    @property
    def changes(self) -> tuple[Change, ...]:
        """Everything that is news."""
        return (*self.entered, *self.left, *self.crossed)

    def as_dict(self) -> dict[str, Any]:
        """As JSON holds it."""
        parts = ("entered", "left", "crossed", "stayed")
        whole = {n: getattr(self, n) for n in self.__dataclass_fields__ if n not in parts}
        return {
            **whole,
            "before": self.before.isoformat(),
            "after": self.after.isoformat(),
            **{part: [asdict(change) for change in getattr(self, part)] for part in parts},
        }


def difference(
    before: Report,
    after: Report,
    crossed: Sequence[str] = (),
    unseen: Collection[int] = (),
    waiting: Mapping[int, Row] | None = None,
) -> Difference:
    """Compare two reports on the same question.

    Parameters
    ----------
    before, after : the reports
    crossed : columns of both reports that say true or false; who turns from false to true has
        crossed
    unseen : securities that have no bar yet on a session that is not over: they have not left
    waiting : rows of securities that were unseen before, and on the list when last seen
    """
    old, new = Side(before), Side(after)
    old.shown = {**(waiting or {}), **old.shown}
    entered, left, stayed, turned_true = [], [], [], []
    for security, row in new.shown.items():
        place = old.places.get(security)
        if security not in old.shown:
            entered.append(_change("entered", security, row, place, row.rank, old.why(security)))
            continue
        was = old.shown[security]
        why = f"was {was.symbol}" if was.symbol != row.symbol else ""
        stayed.append(_change("stayed", security, row, was.rank, row.rank, why))
        turned_true += [
            _change("crossed", security, row, was.rank, row.rank, text)
            for text in crossed
            if was.values.get(text) == 0.0 and row.values.get(text) == 1.0
        ]
    for security, row in old.shown.items():
        if security not in new.shown and security not in unseen:
            place = new.places.get(security)
            left.append(_change("left", security, row, row.rank, place, new.why(security)))
    return Difference(
        after.asked["name"],
        before.as_of,
        after.as_of,
        tuple(entered),
        tuple(left),
        tuple(turned_true),
        tuple(stayed),
        after.simulated is not None,
        bool(after.manifest.get("provisional")),
    )


class Side:
    """One of two reports, by security."""

    def __init__(self, report: Report) -> None:
        self.report = report
        self.places = report.places()
        self.at = {security: i for i, security in enumerate(report.security_ids)}
        by_place = zip(report.shown, report.ranked, strict=False)
        self.shown = {report.security_ids[i]: row for row, i in by_place}

    def why(self, security: int) -> str:
        """What keeps a security off the list."""
        if (place := self.places.get(security)) is not None:
            return f"ranked {place}, below the {len(self.shown)} shown"
        book, at = self.report.ledger_book, self.at.get(security)
        if at is None or book.bucket[at] < 0:
            return f"not listed on {self.report.as_of}"
        title, detail = TITLES[BUCKETS[book.bucket[at]]], book.detail[at]
        return f"{title}: {detail}" if detail else title


def _change(
    kind: str, security: int, row: Row, before: int | None, after: int | None, why: str
) -> Change:
    return Change(kind, security, row.symbol, row.name, before, after, why)


def diff(
    store: Store,
    file: ScanFile | None = None,
    before: date | None = None,
    after: date | None = None,
    *,
    known_at: datetime | None = None,
    settings: Settings | None = None,
) -> Difference:
    """Scan on two sessions and compare the answers.

    Parameters
    ----------
    store : the store to ask
    file : the question; everything by technical rating by default
    before, after : the sessions; the newest stored, and the one before `after`, by default
    known_at : only what was known before this instant
    settings : cache, threads and kernels; none of them changes an answer

    Returns
    -------
    Difference
        Who entered and left the rows shown, and why.

    Raises
    ------
    StoreError
        If the store has no session before.
    QuestionError
        If a text cannot be understood.

    Examples
    --------
    >>> import technic as tc
    >>> difference = tc.diff(tc.open_store("demo"), tc.ScanFile(top=5))
    >>> difference.before < difference.after
    True
    >>> len(difference.entered) == len(difference.left)
    True
    """
    new = scan(store, as_of=after, known_at=known_at, file=file, settings=settings)
    day = before or session_before(store, new.as_of)
    old = scan(store, as_of=day, known_at=known_at, file=file, settings=settings)
    return difference(old, new)


def session_before(store: Store, day: date) -> date:
    """Return the session before a session of a store.

    Raises
    ------
    StoreError
        If the store begins with it.
    """
    first = store.require().first
    previous = nyse().day(nyse().ordinal(day) - 1)
    if first is None or previous < first:
        raise StoreError(
            f"{store.folder}: {day} is its first session: there is none to compare with"
        )
    return previous
