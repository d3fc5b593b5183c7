"""Limits on concurrent requests: a few work, a few more wait, the rest are told to come back."""

from __future__ import annotations

import asyncio
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from os import cpu_count
from time import monotonic
from typing import TypeVar

from technic.interfaces.http.problems import Problem
from technic.runtime.deadline import Deadline, held_to

T = TypeVar("T")
LIMIT = 30.0  # seconds that the work of one request may take
GRACE = 2.0  # seconds after that in which the work has looked at its deadline
SHARE = 4  # one key may take a quarter of the places to wait
REMEMBERED = 10_000  # buckets
ADVICE = "ask for less, or begin a job, which may take longer"
ASKER: ContextVar[int] = ContextVar(
    "technic.asker", default=0
)  # number of the key; 0: this machine


class AdmissionLimit:
    """Runs functions in threads, each held to a deadline.

    Parameters
    ----------
    workers : how many work at once
    waiting : how many may wait
    patience : seconds that one waits at most
    limit : seconds that one may work
    """

    def __init__(
        self,
        workers: int | None = None,
        waiting: int = 64,
        patience: float = 10.0,
        limit: float = LIMIT,
    ) -> None:
        self.workers = workers or max(2, cpu_count() or 2)
        self.most_waiting, self.patience, self.limit = waiting, patience, limit
        self.working = self.turned_away = 0
        self._waiting: Counter[int] = Counter()
        self._places = asyncio.Semaphore(self.workers)
        self._pool = ThreadPoolExecutor(self.workers, "technic-request")
        self._deadlines: set[Deadline] = set()

    @property
    def waiting(self) -> int:
        """How many wait for a place."""
        return self._waiting.total()

    async def run(self, work: Callable[[], T]) -> T:
        """Do something as soon as there is a place.

        Raises
        ------
        Problem
            503 with Retry-After, if too many wait, or this one has waited too long; 429, if too
            many of the same key wait.
        StoppedError
            If the work takes longer than it may.
        """
        with self._place_in_line():
            try:
                await asyncio.wait_for(self._places.acquire(), self.patience)
            except TimeoutError as error:
                self.turned_away += 1
                raise Problem(503, "no place became free in time", retry_after=2) from error
        deadline = Deadline(self.limit, ADVICE)
        self._deadlines.add(deadline)
        self.working += 1
        running = asyncio.get_running_loop().run_in_executor(self._pool, _held, deadline, work)
        running.add_done_callback(lambda done: self._leave(done, deadline))
        try:
            return await asyncio.wait_for(asyncio.shield(running), self.limit + GRACE)
        except TimeoutError as error:
            raise Problem(
                503, f"no answer in {self.limit:.0f} s; {ADVICE}", retry_after=5
            ) from error
        finally:
            deadline.cancel()  # whoever asked has the answer, or has gone

    def give_up(self) -> None:
        """Stop all work at its next look."""
        for deadline in list(self._deadlines):
            deadline.cancel("the server ends")

    def close(self) -> None:
        """Wait for nobody."""
        self.give_up()
        self._pool.shutdown(wait=False, cancel_futures=True)

    @contextmanager
    def _place_in_line(self) -> Iterator[None]:
        asker = ASKER.get()
        if self.waiting >= self.most_waiting:
            self.turned_away += 1
            raise Problem(503, f"{self.waiting} requests are waiting already", retry_after=1)
        if asker and self._waiting[asker] >= max(self.most_waiting // SHARE, 1):
            self.turned_away += 1
            raise Problem(429, f"{self._waiting[asker]} requests of this key wait", retry_after=1)
        self._waiting[asker] += 1
        try:
            yield
        finally:
            self._waiting[asker] -= 1
            if not self._waiting[asker]:
                del self._waiting[asker]

    def _leave(self, done: asyncio.Future[T], deadline: Deadline) -> None:
        """The thread is free: so is its place, whether or not somebody still waits for it."""
        self.working -= 1
        self._places.release()
        self._deadlines.discard(deadline)
        if not done.cancelled():
            done.exception()  # it was told to whoever waited


def _held(deadline: Deadline, work: Callable[[], T]) -> T:
    with held_to(deadline):
        return work()


@dataclass
class TokenBucket:
    """A token bucket: how many requests a key may make each second, and how many at once.

    Attributes
    ----------
    rate
        Tokens that flow in each second.
    most
        Tokens the bucket holds when it is full.
    held
        Tokens in it at the instant `since`.
    since
        Seconds of the monotonic clock.
    """

    rate: float
    most: float
    held: float
    since: float

    @classmethod
    def full(cls, rate: float, most: float) -> TokenBucket:
        """One that was not drawn on yet."""
        return cls(rate, most, most, monotonic())

    def wait(self) -> float:
        """Seconds until there is one; 0 if there is."""
        now = monotonic()
        self.held = min(self.most, self.held + (now - self.since) * self.rate)
        self.since = now
        return max(1.0 - self.held, 0.0) / self.rate

    def take(self) -> float:
        """Take one; seconds to wait if there is none, else 0."""
        wait = self.wait()
        if not wait:
            self.held -= 1.0
        return wait


class TokenBuckets:
    """A bucket for each name; those that were not drawn on for longest are forgotten.

    Parameters
    ----------
    rate, most : of every bucket
    """

    def __init__(self, rate: float, most: float) -> None:
        self._rate, self._most = rate, most
        self._buckets: OrderedDict[str, TokenBucket] = OrderedDict()

    def wait(self, name: str) -> float:
        """Seconds until there is a token of a name; 0 if there is."""
        bucket = self._buckets.get(name)
        return bucket.wait() if bucket is not None else 0.0

    def take(self, name: str) -> float:
        """Take a token of a name; seconds to wait if there is none, else 0."""
        bucket = self._buckets.pop(name, None) or TokenBucket.full(self._rate, self._most)
        self._buckets[name] = bucket
        if len(self._buckets) > REMEMBERED:
            self._buckets.popitem(last=False)
        return bucket.take()
