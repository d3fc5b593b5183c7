"""Work that takes longer than a request: started, watched, cancelled, fetched."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from secrets import token_urlsafe
from threading import Lock
from typing import Any

from technic.errors import StoppedError, TechnicError
from technic.interfaces.http.api_keys import Key
from technic.interfaces.http.problems import Problem
from technic.interfaces.outside import outside
from technic.runtime.deadline import Deadline, held_to

MOST_WAITING = 32  # of all keys, with the one that runs
MOST_OF_ONE = 8  # of one key
MOST_KEPT = 32  # finished ones, whose results can still be fetched
LONGEST = 12 * 3_600.0  # seconds
LOG = logging.getLogger("technic.http")
Progress = Callable[[int, int, str], None]
Run = Callable[[Progress], Any]


@dataclass(frozen=True)
class Stage:
    """Where a piece of work stands, at one instant.

    Attributes
    ----------
    state : waiting, running, done, failed or cancelled
    done, total, what : how far it has come, of how many steps, and which one it is at
    error : one line where it failed; empty otherwise
    ended : instant, UTC; None until then
    result : what the work returned, once it is done
    """

    state: str = "waiting"
    done: int = 0
    total: int = 0
    what: str = ""
    error: str = ""
    ended: datetime | None = None
    result: Any = None


@dataclass
class Job:
    """One piece of long work.

    Attributes
    ----------
    id : random, part of the job's address
    kind, title : what sort of work it is, and what it is about, for people
    key : that started it; nobody else sees it, save who may administer
    created : instant, UTC
    stage : where it stands. The thread that works replaces it whole, so who reads it once reads
        things that belong together
    deadline : what its work looks at; called off once somebody has asked to cancel it
    """

    id: str
    kind: str
    title: str
    key: Key
    created: datetime = field(default_factory=lambda: datetime.now(UTC))
    stage: Stage = field(default_factory=Stage)
    deadline: Deadline = field(default_factory=lambda: Deadline(LONGEST))

    def as_dict(self, stage: Stage | None = None) -> dict[str, Any]:
        """As JSON holds it, at a stage, or at that of now; without the result."""
        stage = stage or self.stage
        return {
            "id": self.id,
            "kind": self.kind,
            "title": self.title,
            "owner": self.key.name,
            "state": stage.state,
            "done": stage.done,
            "total": stage.total,
            "what": stage.what,
            "error": stage.error,
            "created": self.created.isoformat(),
            "ended": stage.ended.isoformat() if stage.ended else None,
        }

    def is_of(self, key: Key) -> bool:
        """Whether a key may see and cancel it."""
        return self.key.id == key.id or key.may("admin")


class Jobs:
    """Long work, one piece at a time; keys take turns, whoever has begun how much.

    Parameters
    ----------
    tell : is told of every sign of progress, from the thread that works
    """

    def __init__(self, tell: Callable[[Job], None]) -> None:
        self._tell, self._jobs, self._guard = tell, dict[str, Job](), Lock()
        self._lines = dict[int, deque[tuple[Job, Run]]]()  # what waits, by key
        self._turns = dict[int, int]()  # when each key had its last turn
        self._pool = ThreadPoolExecutor(1, "technic-job")

    def start(self, kind: str, title: str, key: Key, run: Run) -> Job:
        """Begin some work as soon as its turn comes.

        Raises
        ------
        Problem
            503 with Retry-After, if too much waits already; 429, if too much of this key does.
        """
        with self._guard:
            waiting = [job.key.id for job in self._jobs.values() if job.stage.ended is None]
            if len(waiting) >= MOST_WAITING:
                raise Problem(503, f"{len(waiting)} jobs wait or run already", retry_after=30)
            if (own := waiting.count(key.id)) >= MOST_OF_ONE:
                raise Problem(429, f"{own} jobs of this key wait or run already", retry_after=30)
            job = Job(token_urlsafe(12), kind, title, key)
            self._jobs[job.id] = job
            self._lines.setdefault(key.id, deque()).append((job, run))
            self._forget_old()
        self._pool.submit(self._work_on_next)
        return job

    def find(self, number: str, key: Key) -> Job:
        """A job that a key may see.

        Raises
        ------
        Problem
            404, if there is none, or it is somebody else's.
        """
        job = self._jobs.get(number)
        if job is None or not job.is_of(key):
            raise Problem(404, "there is no such job; results are kept for the newest 32")
        return job

    def of(self, key: Key) -> list[Job]:
        """The jobs that a key may see, newest first: its own, or all for who may administer."""
        return [job for job in reversed(list(self._jobs.values())) if job.is_of(key)]

    def cancel(self, job: Job, reason: str = "it was cancelled") -> None:
        """Want it no more: it ends at its next look at its deadline."""
        job.deadline.cancel(reason)
        with self._guard:
            line = self._lines.get(job.key.id, deque())
            waits = [entry for entry in line if entry[0] is job]
            for entry in waits:
                line.remove(entry)
        if waits:
            self._end(job, "cancelled")

    def dismiss(self, is_good: Callable[[int], bool]) -> None:
        """Cancel the jobs of keys that open nothing any more."""
        for job in list(self._jobs.values()):
            if job.stage.ended is None and not job.deadline.cancelled and not is_good(job.key.id):
                self.cancel(job, "its key opens nothing any more")

    @property
    def owners(self) -> set[int]:
        """Numbers of the keys whose jobs wait or run."""
        return {job.key.id for job in list(self._jobs.values()) if job.stage.ended is None}

    def close(self) -> None:
        """Want nothing any more."""
        for job in list(self._jobs.values()):
            job.deadline.cancel("the server ends")
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _work_on_next(self) -> None:
        with self._guard:
            waiting = [number for number, line in self._lines.items() if line]
            if not waiting:  # what was to be done has been cancelled
                return
            owner = min(waiting, key=lambda number: self._turns.get(number, 0))
            self._turns[owner] = max(self._turns.values(), default=0) + 1
            job, run = self._lines[owner].popleft()
            job.stage = Stage("running")
        self._work(job, run)

    def _work(self, job: Job, run: Run) -> None:
        self._tell(job)

        def progress(done: int, total: int, what: str = "") -> None:
            job.deadline.check()
            job.stage = Stage("running", done, total, what)
            self._tell(job)

        try:
            with held_to(job.deadline):
                result = run(progress)
        except StoppedError as error:
            cancelled = job.deadline.cancelled
            self._end(
                job, "cancelled" if cancelled else "failed", "" if cancelled else outside(error)
            )
        except TechnicError as error:
            self._end(job, "failed", outside(error))
        except Exception:
            LOG.exception("a job of kind %s", job.kind)
            self._end(job, "failed", "a defect of technic's; the log has more")
        else:
            cancelled = job.deadline.cancelled
            self._end(
                job, "cancelled" if cancelled else "done", result=None if cancelled else result
            )

    def _end(self, job: Job, state: str, error: str = "", result: Any = None) -> None:
        job.stage = replace(
            job.stage, state=state, error=error, ended=datetime.now(UTC), result=result
        )
        self._tell(job)

    def _forget_old(self) -> None:
        ended = [job for job in self._jobs.values() if job.stage.ended is not None]
        for job in ended[: max(len(ended) - MOST_KEPT, 0)]:
            del self._jobs[job.id]
