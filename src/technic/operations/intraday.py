"""The market while it trades: bars of the day so far, a scan over them, and what changed.

    snapshot ─► provisional bars ─► state carried on, on a copy ─► scan ─► difference ─► alerts

`Watch.glance` is one pass from left to right; `watch_repeatedly` looks every so often. Nothing of it
reaches the store or a cache: a bar that is not final is nobody's history. A look that sees too
little of the market shows what it sees, and how much that is; it is compared with nothing, and
nobody is told (`attendance`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from time import perf_counter
from typing import Any

import numpy as np
import polars as pl

from technic.compute.last_bar import carry_ahead
from technic.data.store import Store, StoreVersion
from technic.data.store.intraday_panel import Merged, merge
from technic.errors import ProviderError, first_line
from technic.market.sessions import NEW_YORK, nyse
from technic.operations.alerts.book import Alert, AlertBook, crossings, with_crossings
from technic.operations.attendance import Attendance, expected_of, unseen_of
from technic.operations.feed import Feed
from technic.runtime.settings import Settings
from technic.scanner.answer import report_of
from technic.scanner.inspect.diff import Difference, Side, difference
from technic.scanner.pipeline import Pinned, evaluate_question
from technic.scanner.report import Report, Row
from technic.scanner.scan import scan
from technic.scanner.spec.question import resolve_question
from technic.scanner.spec.scan_file import ScanFile

CLOSED = "closed"


@dataclass(frozen=True)
class Glance:
    """One look at the market.

    Attributes
    ----------
    scan : the name of the scan
    at : the instant of the look
    state : "trading", "closed", "stored" (the session is in the store already), how much of the
        market was seen where that is too little ("3,100 of 6,500 seen"), or what went wrong
    report : over the bars of the day so far; None while there are none
    difference : from the last look that saw enough; at the first, from the newest stored session;
        None where this one did not see enough
    alerts : what the changes gave rise to
    bars : how many symbols have a bar of the day so far
    seen, expected : how many of those that traded on the newest stored session have one
    strangers : how many symbols of the snapshot the store does not know
    doubtful : symbols whose close of the day before is not the one that the store holds
    aside : how many rows were set aside, by reason: those of `REASONS` and `LIVE_REASONS`
    timings : milliseconds by stage: "asked" is the vendor's, "merged", "scanned" and "compared" ours
    """

    scan: str
    at: datetime
    state: str
    report: Report | None = None
    difference: Difference | None = None
    alerts: tuple[Alert, ...] = ()
    bars: int = 0
    seen: int = 0
    expected: int = 0
    strangers: int = 0
    doubtful: tuple[str, ...] = ()
    aside: Mapping[str, int] = field(default_factory=dict)
    timings: dict[str, float] = field(default_factory=dict)

    @property
    def refused(self) -> int:
        """How many rows were set aside."""
        return sum(self.aside.values())

    def as_dict(self) -> dict[str, Any]:
        """As JSON holds it, without the report."""
        return {
            "scan": self.scan,
            "at": self.at.isoformat(),
            "state": self.state,
            "as_of": self.report.as_of.isoformat() if self.report else None,
            "difference": self.difference.as_dict() if self.difference else None,
            "alerts": [alert.as_dict() for alert in self.alerts],
            "bars": self.bars,
            "seen": self.seen,
            "expected": self.expected,
            "strangers": self.strangers,
            "doubtful": list(self.doubtful),
            "refused": self.refused,
            "aside": dict(self.aside),
            "timings_ms": self.timings,
        }


class Watch:
    """One scan, looked at again and again while the market trades.

    Parameters
    ----------
    store : the bars of all sessions before
    feed : where bars of the day so far come from
    file : the scan
    name : under which its alerts are kept
    settings : folders and numbers of threads; those of the user by default
    book : keeps alerts; None for none
    """

    def __init__(
        self,
        store: Store,
        feed: Feed,
        file: ScanFile,
        name: str = "watch",
        *,
        settings: Settings | None = None,
        book: AlertBook | None = None,
    ) -> None:
        self.name, self.file = name, with_crossings(file)
        self._store, self._feed = store, feed
        self._settings = settings or Settings.load()
        self._book = book
        self._before: Report | None = None
        self._waiting: dict[int, Row] = {}
        self._roll = Attendance(frozenset())
        self._version = ""

    def glance(self, *, now: datetime | None = None, bars: pl.DataFrame | None = None) -> Glance:
        """Look at the market once.

        Parameters
        ----------
        now : the instant of the look; the feed's clock by default
        bars : a snapshot that is at hand already; asked of the feed by default
        """
        at = now or self._feed.now()
        session = session_at(at)
        version = self._store.require()
        if version.name != self._version:
            self._begin(version.name)
        if session is None:
            return Glance(self.name, at, CLOSED)
        if version.last is not None and version.last >= session:
            return Glance(self.name, at, "stored")
        laps = _Laps()
        try:
            snapshot = self._feed.bars() if bars is None else bars
        except ProviderError as error:
            return Glance(self.name, at, first_line(error))
        laps.end("asked")
        rows = self._roll.sort(snapshot, session)
        merged = merge(self._store, self._store.panel(version=version), rows.good, session)
        call = self._roll.call(at, merged.rows, rows.quiet)
        laps.end("merged")
        glance = Glance(
            scan=self.name,
            at=at,
            state="trading" if call.whole else call.state,
            bars=merged.bars,
            seen=call.seen,
            expected=call.expected,
            strangers=len(merged.strangers),
            doubtful=merged.doubtful,
            aside=_added(self._feed.aside(), rows.aside, {"absurd": len(merged.absurd)}),
            timings=laps.ms,
        )
        return self._answered(glance, merged, version, laps) if merged.view else glance

    def _answered(
        self, glance: Glance, merged: Merged, version: StoreVersion, laps: _Laps
    ) -> Glance:
        """Scan the bars of the day so far; if enough was seen, compare, and tell what changed."""
        report = self._scan(merged, version)
        laps.end("scanned")
        if glance.state != "trading":
            note = f"{glance.state}: too few to be compared, and nobody is told"
            return replace(glance, report=replace(report, notes=(note, *report.notes)))
        assert self._before is not None  # `_begin` has set it
        assert merged.view is not None
        unseen = unseen_of(merged.view)
        old = Side(self._before).shown | self._waiting
        changes = difference(self._before, report, crossings(self.file), unseen, self._waiting)
        shown = Side(report).shown
        self._waiting = {k: row for k, row in old.items() if k in unseen and k not in shown}
        self._before = report
        laps.end("compared")
        alerts = self._observe(report, unseen)
        return replace(glance, report=report, difference=changes, alerts=alerts)

    def _observe(self, report: Report, unseen: frozenset[int]) -> tuple[Alert, ...]:
        """The alerts that a report gives rise to, if a book of alerts is kept."""
        if self._book is None:
            return ()
        now = datetime.now(UTC)
        return tuple(self._book.observe(self.name, self.file, report, now, unseen))

    def _begin(self, version: str) -> None:
        """Another store version: its newest answer, and states carried to its last bar."""
        self._before = scan(self._store, file=self.file, settings=self._settings)
        # State is carried to the last stored bar now, so that a look only adds the bar of today.
        question, view = resolve_question(self.file), self._store.panel()
        carry_ahead(question.series, view, self._settings)
        self._waiting, self._roll = {}, Attendance(expected_of(view))
        if self._book is not None:
            self._book.observe(self.name, self.file, self._before, datetime.now(UTC))
        self._version = version

    def _scan(self, merged: Merged, version: StoreVersion) -> Report:
        result = evaluate_question(
            self._store,
            resolve_question(self.file),
            settings=self._settings.reading(),
            pinned=Pinned(version=version, view=merged.view),
        )
        notes = [f"{merged.bars:,} symbols have bars of the day so far, which are not final"]
        assert merged.view is not None
        assert version.last is not None
        behind = nyse().ordinal(merged.view.as_of) - nyse().ordinal(version.last) - 1
        if behind:
            notes.append(f"{behind} sessions before today are missing in the store: sync first")
        report = report_of(result)
        return replace(report, notes=(*notes, *report.notes))


def watch_repeatedly(
    watch: Watch, every: timedelta, *, sleep: Callable[[float], None], looks: int | None = None
) -> Iterator[Glance]:
    """Look every so often, as long as somebody asks for the next look.

    A look that took longer than `every` is followed at once by the next.

    Parameters
    ----------
    every : from the beginning of one look to that of the next
    sleep : waits so many seconds
    looks : how many looks; None for no end
    """
    count = 0
    while looks is None or count < looks:
        since = perf_counter()
        yield watch.glance()
        count += 1
        if looks is None or count < looks:
            sleep(max(every.total_seconds() - (perf_counter() - since), 0.0))


def session_at(now: datetime) -> date | None:
    """The session that trades at an instant, or has traded on that day; None if there is none."""
    table = nyse()
    day = now.astimezone(NEW_YORK).date()
    if int(table.ordinals(np.array([day], dtype="datetime64[D]"))[0]) < 0:
        return None
    return day if now >= table.opens(table.ordinal(day)) else None


def _added(*counts: Mapping[str, int]) -> dict[str, int]:
    """Counts by reason, added up; reasons that nothing fell under are left out."""
    total: Counter[str] = Counter()
    for count in counts:
        total.update(count)
    return {reason: n for reason, n in sorted(total.items()) if n}


class _Laps:
    """Milliseconds that each stage took, one after the other."""

    def __init__(self) -> None:
        self.ms: dict[str, float] = {}
        self._since = perf_counter()

    def end(self, stage: str) -> None:
        """The stage is over, and the next begins."""
        now = perf_counter()
        self.ms[stage] = round(1e3 * (now - self._since), 3)
        self._since = now
