"""Vendors → store: asks what is missing, newest first, and can be stopped at any moment.

    plan ─ ask ─► inbox ─► ingest ─► store
            ▲                 │
            └── what is still missing ◄┘

Every answer is on the disk before the next question is asked; a commit takes a handful of them.
With `ahead`, a window of questions is asked at once, and their answers are taken in order.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from time import monotonic
from typing import Any

import polars as pl

from technic.data.ingest.commit import Tally, ingest
from technic.data.ingest.doubts import Suspicion, suspicion
from technic.data.ingest.inbox import Answered, Inbox
from technic.data.ingest.planning import Step, SyncPlan, Wish, plan
from technic.data.providers.source import Ask, Pace, Reading, Source
from technic.data.store import Store, StoreVersion
from technic.data.store.tickers import eras
from technic.errors import AccessError, ProviderError, StoreError
from technic.runtime.files import alone

BATCH = 24  # answers per commit
PATIENCE = 20.0  # seconds after which a commit is made anyway
GIVE_UP = 5  # failures in a row
WINDOW = 8  # questions asked at once: what a kill can cost

Progress = Callable[[int, int, str], None]
Pages = list[bytes] | ProviderError
Ahead = Callable[[Sequence[Step]], list[Pages]]  # pages of each step, or why there are none


def _unseen(_done: int, _total: int, _what: str) -> None:
    """No progress is shown unless an interface asks for it."""


@dataclass
class Synced:
    """What a sync did.

    Attributes
    ----------
    plan : what it set out to do
    tally : what became of what it received
    failed : asks that were not answered, and why
    version : the store version afterwards
    """

    plan: SyncPlan
    version: StoreVersion
    tally: Tally = field(default_factory=Tally)
    failed: list[tuple[Ask, str]] = field(default_factory=list)
    answered: int = 0
    resumed: int = 0


def plan_sync(
    store: Store, sources: Mapping[str, Source], wish: Wish, paces: Mapping[str, Pace]
) -> SyncPlan:
    """What `sync` would ask; asks nothing."""
    version = store.version()
    asked = store.table("asked", version).collect()
    named = eras(store.table("tickers", version).collect())
    listed = sorted(named.filter(pl.col("until").is_null())["symbol"].unique().to_list())
    return plan(asked, wish, sources, paces, listed)


def sync(
    store: Store,
    sources: Mapping[str, Source],
    wish: Wish,
    *,
    paces: Mapping[str, Pace] | None = None,
    clock: Callable[[], datetime],
    progress: Progress = _unseen,
    simulated: dict[str, Any] | None = None,
    ahead: Ahead | None = None,
) -> Synced:
    """Bring in what is missing.

    Parameters
    ----------
    sources, paces : vendors by name, and how fast each may be asked
    clock : what time it is
    simulated : how the market was made, if it is not real
    ahead : asks several questions at once; they are asked one by one without it

    Raises
    ------
    StoreError
        If another sync runs, or the store holds another kind of bars.
    AccessError
        If a key is refused.
    """
    with alone(store.folder, "sync"):
        _same_kind(store, simulated)
        work = _Work(store, sources, wish, clock, progress, simulated)
        work.resume()
        done = Synced(plan_sync(store, sources, wish, paces or {}), store.version())
        work.run(done, ahead)
        if done.version.last is not None:
            store.panel()
    return done


def take_in(
    store: Store, sources: Mapping[str, Source], simulated: dict[str, Any] | None = None
) -> StoreVersion:
    """Store what an interrupted sync had received; asks nothing."""
    with alone(store.folder, "sync"):
        now = datetime.now(UTC)
        work = _Work(store, sources, Wish(now.date(), now), lambda: now, _unseen, simulated)
        work.resume()
        if store.version().last is not None:
            store.panel()
    return store.version()


class _Work:
    """One run: what is on its way."""

    def __init__(
        self,
        store: Store,
        sources: Mapping[str, Source],
        wish: Wish,
        clock: Callable[[], datetime],
        progress: Progress,
        simulated: dict[str, Any] | None,
    ) -> None:
        self.store, self.sources, self.wish = store, sources, wish
        self.clock, self.progress, self.simulated = clock, progress, simulated
        self.inbox = Inbox(store.folder / "inbox")
        self.pending: list[Answered] = []
        self.standing: list[Answered] = []
        self.tally = Tally()
        self.resumed = 0
        self.since = monotonic()
        self._asked = store.table("asked").collect()

    def resume(self) -> None:
        """Take in what an interrupted run had received."""
        for answered in self.inbox.waiting():
            if answered.provider in self.sources:
                self.resumed += 1
                self._take(answered)
        self._flush(last=True)

    def run(self, done: Synced, ahead: Ahead | None = None) -> None:
        """Ask everything that is planned."""
        done.tally, done.resumed = self.tally, self.resumed
        in_a_row = 0
        refused: dict[tuple[str, str], str] = {}
        try:
            for k, (step, pages) in enumerate(self._fetched(done.plan.steps, ahead, refused)):
                self.progress(k, len(done.plan.steps), str(step.ask))
                key = (step.provider, step.ask.kind)
                if key in refused:
                    done.failed.append((step.ask, refused[key]))
                    continue
                try:
                    self._take(self._ask(step, pages))
                    done.answered += 1
                    in_a_row = 0
                except AccessError as error:
                    if not done.answered:
                        raise
                    refused[key] = str(error)
                    done.failed.append((step.ask, str(error)))
                except ProviderError as error:
                    done.failed.append((step.ask, str(error)))
                    in_a_row += 1
                    if in_a_row >= GIVE_UP:
                        break
            self.progress(len(done.plan.steps), len(done.plan.steps), "done")
        finally:
            self._flush(last=True)
            done.version = self.store.version()

    def _fetched(
        self, steps: Sequence[Step], ahead: Ahead | None, refused: Mapping[tuple[str, str], str]
    ) -> Iterator[tuple[Step, Pages | None]]:
        """Steps, each with its pages if they were asked for already."""
        if ahead is None:
            yield from ((step, None) for step in steps)
            return
        for first in range(0, len(steps), WINDOW):
            window = [
                step
                for step in steps[first : first + WINDOW]
                if (step.provider, step.ask.kind) not in refused
            ]
            found = dict(zip(window, ahead(window), strict=True))
            yield from ((step, found.get(step)) for step in steps[first : first + WINDOW])

    def _ask(self, step: Step, pages: Pages | None) -> Answered:
        """One answer; a day that looks wrong as a whole is asked for twice."""
        source, ask = self.sources[step.provider], step.ask
        if isinstance(pages, ProviderError):
            raise pages
        if pages is None:
            pages = source.fetch(ask)
        reading = source.read(ask, pages)
        if self._doubt(ask, reading) is not None:
            pages = source.fetch(ask)
            reading = source.read(ask, pages)
            again = self._doubt(ask, reading)
            if again is not None and not again.odd:
                raise ProviderError(
                    f"{step.provider}: {ask}: {again.why}; refused, and asked for again next time"
                )
            if again is not None:
                self.tally.note(f"{ask.first}: {again.why}")
        return self.inbox.put(Answered(step.provider, ask, self.clock(), pages, reading=reading))

    def _doubt(self, ask: Ask, reading: Reading) -> Suspicion | None:
        if ask.kind != "day" or ask.first is None or reading.delayed:
            return None
        volume = float(reading.table["volume"].sum() or 0.0)
        return suspicion(ask.first, reading.table.height, volume, self._asked)

    def _take(self, answered: Answered) -> None:
        kind = answered.ask.kind
        if kind in {"splits", "dividends"}:
            self.standing.append(answered)
            return
        if kind == "day" and any(a.ask.first == answered.ask.first for a in self.pending):
            self._flush()
        self.pending.append(answered)
        first_day = kind == "day" and self.store.version().last is None
        if first_day or len(self.pending) >= BATCH or monotonic() - self.since > PATIENCE:
            self._flush()

    def _flush(self, *, last: bool = False) -> None:
        """Commit what is pending. Actions stay until the last commit: the securities that they
        belong to may only be met further back.
        """
        if self.pending or (last and self.standing):
            answers = [*self.pending, *self.standing]
            ingest(self.store, answers, self.sources, self.tally, self.simulated)
            self.inbox.done(answers if last else self.pending)
            self._asked = self.store.table("asked").collect()
            self.pending = []
        if last:
            self.standing = []
        self.since = monotonic()


def _same_kind(store: Store, simulated: dict[str, Any] | None) -> None:
    version = store.version()
    if version.last is None:
        return
    if version.adjustment != "none":
        raise StoreError(
            f"{store.folder}: holds bars that a vendor adjusted; a sync brings bars as traded, "
            "and the two are never mixed. Use another store: --store DIR"
        )
    if bool(version.simulated) != bool(simulated):
        raise StoreError(
            f"{store.folder}: holds {'a simulated' if version.simulated else 'a real'} market and "
            f"the vendor is {'real' if version.simulated else 'simulated'}; the two are never "
            "mixed and nothing was asked. Use another store: --store DIR"
        )
