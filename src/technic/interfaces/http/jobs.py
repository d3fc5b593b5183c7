"""Work that takes longer than a request: started, watched, cancelled, fetched."""

from __future__ import annotations

import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from secrets import token_urlsafe
from threading import Lock
from typing import Any

from technic.errors import TechnicError
from technic.interfaces.http.problems import Problem

MOST_WAITING = 8
MOST_KEPT = 32  # finished ones, whose results can still be fetched
LOG = logging.getLogger("technic.http")
Progress = Callable[[int, int, str], None]
Run = Callable[[Progress], Any]


class CancelledError(Exception):
    """Nobody wants the result any more."""


@dataclass
class Job:
    """One piece of long work.

    Attributes
    ----------
    id : random, part of the job's address
    kind, title : what sort of work it is, and what it is about, for people
    owner : number of the key that started it; nobody else sees it
    state : waiting, running, done, failed or cancelled
    done, total, what : how far it has come, of how many steps, and which one it is at
    error : one line where it failed; empty otherwise
    created, ended : instants, UTC; None while it runs
    result : what the work returned, once it is done
    wanted : False once somebody has asked to cancel it
    """

    id: str
    kind: str
    title: str
    owner: int
    state: str = "waiting"
    done: int = 0
    total: int = 0
    what: str = ""
    error: str = ""
    created: datetime = field(default_factory=lambda: datetime.now(UTC))
    ended: datetime | None = None
    result: Any = None
    wanted: bool = True

    def as_dict(self) -> dict[str, Any]:
        """As JSON holds it, without the result."""
        return {
            "id": self.id,
            "kind": self.kind,
            "title": self.title,
            "state": self.state,
            "done": self.done,
            "total": self.total,
            "what": self.what,
            "error": self.error,
            "created": self.created.isoformat(),
            "ended": self.ended.isoformat() if self.ended else None,
        }


class Jobs:
    """Long work, one piece at a time: the scans of people go on beside it."""

    def __init__(self, tell: Callable[[Job], None]) -> None:
        self._tell, self._jobs, self._guard = tell, dict[str, Job](), Lock()
        self._pool = ThreadPoolExecutor(1, "technic-job")

    def start(self, kind: str, title: str, owner: int, run: Run) -> Job:
        """Begin some work as soon as its turn comes.

        Raises
        ------
        Problem
            503 with Retry-After, if too much waits already.
        """
        with self._guard:
            waiting = sum(job.ended is None for job in self._jobs.values())
            if waiting >= MOST_WAITING:
                raise Problem(503, f"{waiting} jobs are waiting or running already", retry_after=30)
            job = Job(token_urlsafe(12), kind, title, owner)
            self._jobs[job.id] = job
            self._forget_old()
        self._pool.submit(self._work, job, run)
        return job

    def find(self, number: str, owner: int) -> Job:
        """One of somebody's jobs.

        Raises
        ------
        Problem
            404, if there is none, or it is somebody else's.
        """
        job = self._jobs.get(number)
        if job is None or job.owner != owner:
            raise Problem(404, "there is no such job; results are kept for the newest 32")
        return job

    def of(self, owner: int) -> list[Job]:
        """Somebody's jobs, newest first."""
        return [job for job in reversed(self._jobs.values()) if job.owner == owner]

    def cancel(self, job: Job) -> None:
        """Want it no more: it ends at its next sign of progress."""
        job.wanted = False
        if job.state == "waiting":
            self._end(job, "cancelled")

    def close(self) -> None:
        """Want nothing any more."""
        for job in self._jobs.values():
            job.wanted = False
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _work(self, job: Job, run: Run) -> None:
        if not job.wanted:
            return
        job.state = "running"
        self._tell(job)

        def progress(done: int, total: int, what: str = "") -> None:
            if not job.wanted:
                raise CancelledError
            job.done, job.total, job.what = done, total, what
            self._tell(job)

        try:
            job.result = run(progress)
        except CancelledError:
            self._end(job, "cancelled")
        except TechnicError as error:
            job.error = str(error)
            self._end(job, "failed")
        except Exception:
            LOG.exception("a job of kind %s", job.kind)
            job.error = "a defect of technic's; the log has more"
            self._end(job, "failed")
        else:
            self._end(job, "done" if job.wanted else "cancelled")

    def _end(self, job: Job, state: str) -> None:
        job.state, job.ended = state, datetime.now(UTC)
        if state != "done":
            job.result = None
        self._tell(job)

    def _forget_old(self) -> None:
        ended = [job for job in self._jobs.values() if job.ended is not None]
        for job in ended[: max(len(ended) - MOST_KEPT, 0)]:
            del self._jobs[job.id]
