"""The market while it trades: bars of the day so far, a scan over them, and what changed.

    snapshot ─► provisional bars ─► state carried on, on a copy ─► scan ─► difference ─► alerts

`Watch.glance` is one pass from left to right; `watch_repeatedly` looks every so often. Nothing of it
reaches the store or a cache: a bar that is not final is nobody's history.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from time import perf_counter
from typing import Any, Protocol

import numpy as np
import polars as pl

from technic.compute.last_bar import carry_ahead
from technic.data.providers.source import SNAPSHOT_COLUMNS, Ask
from technic.data.store import Store, StoreVersion
from technic.data.store.intraday_panel import Merged, merge
from technic.errors import ProviderError
from technic.market.quality import examine
from technic.market.sessions import NEW_YORK, nyse
from technic.operations.alerts.book import Alert, AlertBook, crossings, with_crossings
from technic.runtime.settings import Settings
from technic.scanner.inspect.diff import Difference, difference
from technic.scanner.pipeline import Pinned, evaluate_question
from technic.scanner.report import Report
from technic.scanner.scan import report_of, scan
from technic.scanner.spec.question import resolve_question
from technic.scanner.spec.scan_file import ScanFile

CLOSED = "closed"


class Feed(Protocol):
    """Where bars of the day so far come from."""

    def now(self) -> datetime:
        """What time it is there; a simulated vendor has a clock of its own."""
        ...

    def bars(self) -> pl.DataFrame:
        """The bars of the day so far: one row for each symbol, of `SNAPSHOT_COLUMNS`.

        Raises
        ------
        ProviderError
            If it does not answer.
        """
        ...


class Snapshots:
    """A feed that asks a vendor for the whole market, in one call each time."""

    def __init__(self, source: Any, now: Callable[[], datetime]) -> None:
        self._source, self._now = source, now

    def now(self) -> datetime:
        """The vendor's time."""
        return self._now()

    def bars(self) -> pl.DataFrame:
        """The newest bar of everything that trades, in one call."""
        ask = Ask("snapshot")
        table: pl.DataFrame = self._source.read(ask, self._source.fetch(ask)).table
        return table


@dataclass(frozen=True)
class Glance:
    """One look at the market.

    Attributes
    ----------
    scan : the name of the scan
    at : the instant of the look
    state : "trading", "closed", "stored" (the session is in the store already) or what went wrong
    report : over the bars of the day so far; None while there are none
    difference : from the look before; at the first, from the newest stored session
    alerts : what the changes gave rise to
    bars : how many symbols have a bar of the day so far
    strangers : how many symbols of the snapshot the store does not know
    doubtful : symbols whose close of the day before is not the one that the store holds
    refused : how many bars cannot be: negative, or with a high below the low
    timings : milliseconds by stage: "asked" is the vendor's, "merged", "scanned" and "compared" ours
    """

    scan: str
    at: datetime
    state: str
    report: Report | None = None
    difference: Difference | None = None
    alerts: tuple[Alert, ...] = ()
    bars: int = 0
    strangers: int = 0
    doubtful: tuple[str, ...] = ()
    refused: int = 0
    timings: dict[str, float] = field(default_factory=dict)

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
            "strangers": self.strangers,
            "doubtful": list(self.doubtful),
            "refused": self.refused,
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
            return Glance(self.name, at, str(error))
        laps.end("asked")
        good, refused = _good(snapshot, session)
        merged = merge(self._store, self._store.panel(version=version), good, session)
        laps.end("merged")
        if merged.view is None:
            return Glance(self.name, at, CLOSED, refused=refused, doubtful=merged.doubtful)
        report, changes = self._report(merged, version, laps)
        return Glance(
            scan=self.name,
            at=at,
            state="trading",
            report=report,
            difference=changes,
            alerts=self._observe(report),
            bars=merged.bars,
            strangers=len(merged.strangers),
            doubtful=merged.doubtful,
            refused=refused,
            timings=laps.ms,
        )

    def _report(
        self, merged: Merged, version: StoreVersion, laps: _Laps
    ) -> tuple[Report, Difference]:
        """Scan the bars of the day so far, and compare with the look before."""
        report = self._scan(merged, version)
        laps.end("scanned")
        assert self._before is not None  # `_begin` has set it
        changes = difference(self._before, report, crossings(self.file))
        self._before = report
        laps.end("compared")
        return report, changes

    def _observe(self, report: Report) -> tuple[Alert, ...]:
        """The alerts that a report gives rise to, if a book of alerts is kept."""
        if self._book is None:
            return ()
        return tuple(self._book.observe(self.name, self.file, report, datetime.now(UTC)))

    def _begin(self, version: str) -> None:
        """Another store version: its newest answer, and states carried to its last bar."""
        self._before = scan(self._store, file=self.file, settings=self._settings)
        # State is carried to the last stored bar now, so that a look only adds the bar of today.
        question = resolve_question(self.file)
        carry_ahead(question.series, self._store.panel(), self._settings)
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


def _good(snapshot: pl.DataFrame, session: date) -> tuple[pl.DataFrame, int]:
    """Rows of the session that can be believed, and how many could not."""
    today = snapshot.filter(pl.col("date") == session)
    stamped = today.with_columns(known_at=pl.lit(None, dtype=pl.Datetime("us", "UTC")))
    rows = examine(stamped).good.select(list(SNAPSHOT_COLUMNS))
    return rows, today.height - rows.height


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
