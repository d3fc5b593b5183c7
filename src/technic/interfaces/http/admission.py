"""Limits on concurrent requests: a few work, a few more wait, the rest are told to come back."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from os import cpu_count
from time import monotonic
from typing import TypeVar

from technic.interfaces.http.problems import Problem

T = TypeVar("T")


class AdmissionLimit:
    """Runs functions in threads.

    Parameters
    ----------
    workers : how many work at once
    waiting : how many may wait
    patience : seconds that one waits at most
    """

    def __init__(
        self, workers: int | None = None, waiting: int = 64, patience: float = 10.0
    ) -> None:
        self.workers = workers or max(2, cpu_count() or 2)
        self.most_waiting, self.patience = waiting, patience
        self.waiting = self.working = self.turned_away = 0
        self._places = asyncio.Semaphore(self.workers)
        self._pool = ThreadPoolExecutor(self.workers, "technic-request")

    async def run(self, work: Callable[[], T]) -> T:
        """Do something as soon as there is a place.

        Raises
        ------
        Problem
            503 with Retry-After, if too many wait, or this one has waited too long.
        """
        if self.waiting >= self.most_waiting:
            self.turned_away += 1
            raise Problem(503, f"{self.waiting} requests are waiting already", retry_after=1)
        self.waiting += 1
        try:
            await asyncio.wait_for(self._places.acquire(), self.patience)
        except TimeoutError as error:
            self.turned_away += 1
            raise Problem(503, "no place became free in time", retry_after=2) from error
        finally:
            self.waiting -= 1
        self.working += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._pool, work)
        finally:
            self.working -= 1
            self._places.release()

    def close(self) -> None:
        """Wait for nobody."""
        self._pool.shutdown(wait=False, cancel_futures=True)


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

    def take(self) -> float:
        """Take one; seconds to wait if there is none, else 0."""
        now = monotonic()
        self.held = min(self.most, self.held + (now - self.since) * self.rate)
        self.since = now
        if self.held >= 1.0:
            self.held -= 1.0
            return 0.0
        return (1.0 - self.held) / self.rate
