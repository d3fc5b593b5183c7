"""Vendors → store: asks what is missing, newest first, and can be stopped at any moment.

    plan ─ ask ─► inbox ─► commit ─► store
            ▲                 │
            └── what is still missing ◄┘

1. `SyncRun.resume` takes in what an interrupted sync had received.
2. `plan_sync` lists what to ask.
3. `SyncRun.run` asks it; every answer is on the disk before the next question is asked, and a
   commit takes a handful of them.
4. With `ahead`, a window of questions is asked at once, and their answers are taken in order.
5. `SyncRun` leaves out what lies before a vendor's history, once `beginnings.Edge` has seen it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from time import monotonic
from typing import Any

import polars as pl

from technic.data.ingest.beginnings import BELIEVED, Edge, mark_rows
from technic.data.ingest.commit import Tally, ingest
from technic.data.ingest.doubts import Suspicion, suspicion
from technic.data.ingest.inbox import Answered, Inbox
from technic.data.ingest.merge import refuse_mixture
from technic.data.ingest.planning import SyncPlan, Wish, plan_steps
from technic.data.ingest.ways import Step
from technic.data.providers.source import Ask, Pace, Reading, Source
from technic.data.store import Store, StoreVersion
from technic.data.store.tickers import eras
from technic.data.store.vacuum import tidy
from technic.errors import AccessError, ProviderError
from technic.runtime.files import alone

BATCH = 24  # answers per commit
PATIENCE = 20.0  # seconds after which a commit is made anyway
GIVE_UP = 5  # failures in a row
WINDOW = 8  # questions asked at once: what a kill can cost

Progress = Callable[[int, int, str], None]
Pages = list[bytes] | ProviderError
Ahead = Callable[[Sequence[Step]], list[Pages]]  # pages of each step, or why there are none


def _ignore_progress(_done: int, _total: int, _what: str) -> None:
    """No progress is shown unless an interface asks for it."""


@dataclass(frozen=True, slots=True)
class SyncRequest:
    """What a store should hold, and who is asked for it.

    Attributes
    ----------
    sources : vendors by name, the preferred one first
    wish : sessions and symbols that the store should hold
    paces : how fast each vendor may be asked, by name; as fast as it goes where none is given
    simulated : how the market was made; None for a real one
    marks : digests of keys and plans, by name; with another one than before, what lies before a
        vendor's history is asked for once more
    """

    sources: Mapping[str, Source]
    wish: Wish
    paces: Mapping[str, Pace] = field(default_factory=dict)
    simulated: dict[str, Any] | None = None
    marks: Mapping[str, str] = field(default_factory=dict)


@dataclass
class Synced:
    """What a sync did.

    Attributes
    ----------
    plan : what it set out to do
    version : the store version afterwards
    tally : what became of what it received
    failed : asks that were not answered, and why
    answered : how many asks were answered
    resumed : how many answers of an interrupted sync were taken in first
    spared : how many planned asks were left out, as they lie before a vendor's history
    """

    plan: SyncPlan
    version: StoreVersion
    tally: Tally = field(default_factory=Tally)
    failed: list[tuple[Ask, str]] = field(default_factory=list)
    answered: int = 0
    resumed: int = 0
    spared: int = 0


def plan_sync(store: Store, request: SyncRequest) -> SyncPlan:
    """Plan what `sync` would ask; asks nothing.

    Raises
    ------
    ConfigError
        If no vendor has the whole market and no symbol is known.
    """
    version = store.version()
    asked = store.table("asked", version).collect()
    named = eras(store.table("tickers", version).collect())
    listed = sorted(named.filter(pl.col("until").is_null())["symbol"].unique().to_list())
    return plan_steps(asked, request.wish, request.sources, request.paces, listed, request.marks)


def sync(
    store: Store,
    request: SyncRequest,
    *,
    clock: Callable[[], datetime],
    progress: Progress = _ignore_progress,
    ahead: Ahead | None = None,
) -> Synced:
    """Bring in what is missing.

    Parameters
    ----------
    clock : what time it is
    progress : is told how many steps are done, how many there are, and what is asked now
    ahead : asks several questions at once; they are asked one by one without it

    Raises
    ------
    StoreError
        If another sync runs, or the store holds another kind of bars.
    AccessError
        If a key is refused.
    """
    with alone(store.folder, "sync"):
        refuse_mixture(store, "asked", adjustment="none", simulated=bool(request.simulated))
        run = SyncRun(store, request, clock, progress)
        run.resume()
        done = Synced(plan_sync(store, request), store.version())
        run.run(done, ahead)
        if done.version.last is not None:
            store.panel()
            tidy(store)
            done.version = store.version()
    return done


class SyncRun:
    """One run of a sync, and the answers that wait for a commit.

    It is used by one process at a time, inside `alone(store.folder, "sync")`.

    Parameters
    ----------
    clock : what time it is
    """

    def __init__(
        self,
        store: Store,
        request: SyncRequest,
        clock: Callable[[], datetime],
        progress: Progress = _ignore_progress,
    ) -> None:
        self.tally = Tally()
        self.resumed = 0
        self._store, self._request = store, request
        self._clock, self._progress = clock, progress
        self._inbox = Inbox(store.folder / "inbox")
        self._pending: list[Answered] = []
        self._actions: list[Answered] = []
        self._last_commit = monotonic()
        self._refused: dict[tuple[str, str], str] = {}  # provider and kind, and why
        self._failures_in_a_row = 0
        self._asked = store.table("asked").collect()
        self._edge = Edge(self._asked)
        # Sessions without a bar, older than all that have some, and the pages that say so.
        self._at_edge: list[tuple[Step, list[bytes]]] = []

    def resume(self) -> None:
        """Take in what an interrupted run had received; asks nothing."""
        for answered in self._inbox.waiting():
            if answered.provider in self._request.sources:
                self.resumed += 1
                self._take(answered)
        self._flush(last=True)

    def run(self, done: Synced, ahead: Ahead | None = None) -> None:
        """Ask everything that is planned, and commit the answers.

        Parameters
        ----------
        done : with the plan; what came of it is written into it
        ahead : asks several questions at once; they are asked one by one without it

        Raises
        ------
        AccessError
            If the first question is refused; a later refusal counts as a failed question.
        """
        done.tally, done.resumed = self.tally, self.resumed
        steps = done.plan.steps
        try:
            for k, (step, pages) in enumerate(self._with_pages(steps, ahead)):
                self._progress(k, len(steps), str(step.ask))
                if pages is None and self._lies_before(step):
                    done.spared += 1
                    continue
                self._attempt(step, pages, done)
                self._ask_bridged(step, done)
                if self._failures_in_a_row >= GIVE_UP:
                    break
            self._progress(len(steps), len(steps), "done")
            self._tell_of_edges(done)
            self._flush(last=True)
            self._keep_marks()
        finally:
            self._flush(last=True)
            done.version = self._store.version()

    def _attempt(self, step: Step, pages: Pages | None, done: Synced) -> None:
        """Ask one step; what a vendor has refused once is not asked of it again."""
        key = (step.provider, step.ask.kind)
        if key in self._refused:
            done.failed.append((step.ask, self._refused[key]))
            return
        try:
            self._take(self._ask(step, pages))
        except AccessError as error:
            if not done.answered:
                raise
            self._refused[key] = str(error)
            done.failed.append((step.ask, str(error)))
        except ProviderError as error:
            done.failed.append((step.ask, str(error)))
            self._failures_in_a_row += 1
        else:
            done.answered += 1
            self._failures_in_a_row = 0

    def _lies_before(self, step: Step) -> bool:
        """Whether a step asks for a session before its vendor's history."""
        first = step.ask.first
        is_fresh_day = step.ask.kind == "day" and not step.again
        return is_fresh_day and first is not None and self._edge.is_before(step.provider, first)

    def _ask_bridged(self, step: Step, done: Synced) -> None:
        """Doubt empty sessions that seemed to lie before all history, once an older one has bars:
        like any other empty session they are believed if a second answer agrees.
        """
        for skipped, pages in list(self._at_edge):
            vendor, first = skipped.provider, skipped.ask.first
            if (
                first is not None
                and vendor == step.provider
                and not self._edge.is_at(vendor, first)
            ):
                self._at_edge.remove((skipped, pages))
                self._attempt(skipped, pages, done)

    def _keep_marks(self) -> None:
        """Remember with which key and plan the vendors' histories were seen to begin."""
        rows = mark_rows(self._asked, self._request.marks, self._clock())
        if len(rows):
            self._store.commit({"asked": rows})

    def _tell_of_edges(self, done: Synced) -> None:
        """Say where a history was found to begin, and where it reaches further than was known."""
        again = (self._clock() + BELIEVED).date()
        for step, _ in self._at_edge:
            vendor, first = step.provider, self._edge.begins(step.provider)
            self.tally.note(
                f"{vendor}: no bar before {first}: its history begins there; older sessions are "
                f"not asked for until {again}, with another key or plan, or with --older"
                if first is not None
                else f"{step.ask.first}: no bar at all: its history begins later, the market was "
                "closed, or the vendor's feed was down"
            )
        for vendor, known in done.plan.before.items():
            if self._edge.reaches(vendor, known.first):
                self.tally.note(
                    f"{vendor}: its history reaches back before {known.first} now: the next sync "
                    "brings in what is older"
                )

    def _with_pages(
        self, steps: Sequence[Step], ahead: Ahead | None
    ) -> Iterator[tuple[Step, Pages | None]]:
        """Steps, each with its pages if they were asked for already."""
        if ahead is None:
            yield from ((step, None) for step in steps)
            return
        for first in range(0, len(steps), WINDOW):
            window = steps[first : first + WINDOW]
            wanted = [
                step
                for step in window
                if (step.provider, step.ask.kind) not in self._refused
                and not self._lies_before(step)
            ]
            pages = dict(zip(wanted, ahead(wanted), strict=True))
            yield from ((step, pages.get(step)) for step in window)

    def _ask(self, step: Step, pages: Pages | None) -> Answered:
        """One answer; a day that looks wrong as a whole is asked for twice."""
        source, ask = self._request.sources[step.provider], step.ask
        if isinstance(pages, ProviderError):
            raise pages
        if pages is None:
            pages = source.fetch(ask)
        reading = source.read(ask, pages)
        if self._is_at_edge(step, reading):
            self._at_edge.append((step, pages))
        elif self._doubt(ask, reading) is not None:
            pages = source.fetch(ask)
            reading = source.read(ask, pages)
            doubt = self._doubt(ask, reading)
            if doubt is not None and not doubt.odd:
                raise ProviderError(
                    f"{step.provider}: {ask}: {doubt.why}; refused, and asked for again next time"
                )
            if doubt is not None:
                self.tally.note(f"{ask.first}: {doubt.why}")
        return self._inbox.put(Answered(step.provider, ask, self._clock(), pages, reading=reading))

    def _is_at_edge(self, step: Step, reading: Reading) -> bool:
        """Whether a session is empty and older than all that have bars."""
        first = step.ask.first
        if step.ask.kind != "day" or first is None or reading.delayed:
            return False
        return reading.table.is_empty() and self._edge.is_at(step.provider, first)

    def _doubt(self, ask: Ask, reading: Reading) -> Suspicion | None:
        if ask.kind != "day" or ask.first is None or reading.delayed:
            return None
        volume = float(reading.table["volume"].sum() or 0.0)
        return suspicion(ask.first, reading.table.height, volume, self._asked)

    def _take(self, answered: Answered) -> None:
        """Keep an answer for the next commit, and commit if it is time to."""
        kind = answered.ask.kind
        if kind in {"splits", "dividends"}:
            self._actions.append(answered)
            return
        if kind == "day" and answered.ask.first is not None:
            reading = answered.read(self._request.sources)
            if not reading.delayed:
                self._edge.note(answered.provider, answered.ask.first, reading.table.height)
        if kind == "day" and any(a.ask.first == answered.ask.first for a in self._pending):
            self._flush()  # of two answers for one day the later counts; they do not share a commit
        self._pending.append(answered)
        # The first day of all at once: from then on the store can be scanned.
        first_day = kind == "day" and self._store.version().last is None
        waited = monotonic() - self._last_commit
        if first_day or len(self._pending) >= BATCH or waited > PATIENCE:
            self._flush()

    def _flush(self, *, last: bool = False) -> None:
        """Commit what is pending. Actions stay until the last commit: the securities that they
        belong to may only be met further back.
        """
        if self._pending or (last and self._actions):
            answers = [*self._pending, *self._actions]
            ingest(self._store, answers, self._request.sources, self.tally, self._request.simulated)
            self._inbox.done(answers if last else self._pending)
            self._asked = self._store.table("asked").collect()
            self._pending = []
        if last:
            self._actions = []
        self._last_commit = monotonic()
