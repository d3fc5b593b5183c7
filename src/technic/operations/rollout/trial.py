"""A candidate on trial: asked beside the stable engine, observed, and judged by all that was seen.

Observations go to the record of the trial; `health.judge` may roll back, or take the next step.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, replace
from time import perf_counter
from typing import Any

import orjson

from technic.errors import ConfigError, StoreError
from technic.operations.rollout.health import Observation, compare_answers, judge, nonsense
from technic.operations.rollout.state import STEPS, Rollout, RolloutFile, Started, start
from technic.runtime.executors.child import ChildLostError
from technic.runtime.files import make_folder, open_private

LOG = logging.getLogger("technic.operations.rollout")
STABLE_DEADLINE = 120.0
RECORD = 8 << 20  # bytes of a trial's record
NUMBER = (int, float)
KINDS: dict[str, Any] = {
    "error": str, "same": bool, "overlap": NUMBER, "correlation": (*NUMBER, type(None)),
    "ms": NUMBER, "stable_ms": NUMBER, "rss": int, "stable_rss": int, "pid": int, "given": bool,
    "share": int,
}  # fmt: skip


class Trial:
    """A candidate on trial: its process, and everything that was observed of it.

    Attributes
    ----------
    key : the candidate's name and the number of the trial
    observations : oldest first, those of whoever served before among them
    """

    def __init__(self, file: RolloutFile, rollout: Rollout, deadline: float, memory: int) -> None:
        self.key = (rollout.candidate, rollout.generation)
        self._file, self._deadline, self._memory = file, deadline, memory
        self._engine = rollout.engine(rollout.candidate)
        self._child: Started | None = None
        self._busy: Watched | None = None
        self._over = False
        self.observations = read_record(file, rollout.generation)

    def ask(self, message: dict[str, Any]) -> Watched | None:
        """Ask the candidate; None if it is still busy with an earlier question.

        A slow candidate is asked fewer questions: nobody queues for it.
        """
        if self._busy is not None and not self._busy.observed.is_set():
            return None
        rollout = self._file.read()
        self._busy = Watched(message, rollout, self._work, self._observe)
        return self._busy

    def settle(self, patience: float) -> None:
        """Wait so many seconds, at most, until the question it is busy with has been observed."""
        if self._busy is not None:
            self._busy.observed.wait(patience)

    def close(self) -> None:
        """End the candidate; what it still answers is observed no more."""
        self._over = True
        if self._child is not None:
            self._child.kill()

    def _work(self, message: dict[str, Any]) -> tuple[dict[str, Any] | None, str, float, int]:
        """The candidate's answer, or why there is none; its time and its process."""
        try:
            if self._child is None:
                self._child = start(self._engine, self._memory)
            since = perf_counter()
            answer = self._child.ask(message, self._deadline)
            took = 1e3 * (perf_counter() - since)
        except (ChildLostError, ConfigError) as lost:
            self._child = None
            return None, str(lost), 0.0, 0
        if trouble := nonsense(answer):
            return None, f"answered {trouble}", took, self._child.pid
        return {**answer, "id": message.get("id")}, "", took, self._child.pid

    def _observe(self, observation: Observation) -> None:
        """Keep an observation and judge the candidate by all of them: step 4."""
        if self._over:
            return
        self.observations.append(observation)
        with suppress(OSError):
            path = self._file.observed(self.key[1])
            make_folder(path.parent)
            if not path.exists() or path.stat().st_size < RECORD:
                with open(path, "ab", opener=open_private) as handle:
                    handle.write(orjson.dumps(asdict(observation)) + b"\n")
        rollout = self._file.read()
        if (rollout.candidate, rollout.generation) != self.key:
            return
        verdict = judge(self.observations, rollout.share, rollout.overlap)
        if verdict.what == "roll back":
            LOG.warning("%s is rolled back: %s", self.key[0], verdict.why)
            self._file.change(lambda now: self._unless_moved(now, now.rolled_back(verdict.why)))
        elif verdict.what == "advance" and rollout.phase == "canary":
            later = [step for step in STEPS if step > rollout.share]
            if later:
                LOG.warning("%s: %s; now %d %%", self.key[0], verdict.why, later[0])
                self._file.change(lambda now: self._unless_moved(now, now.sharing(later[0])))

    def _unless_moved(self, now: Rollout, then: Rollout) -> Rollout:
        """The state that shall be, unless somebody has begun another trial meanwhile."""
        return then if (now.candidate, now.generation) == self.key else now


class Watched:
    """One question on its way to the candidate, and what becomes of it.

    A thread of its own waits for the candidate; whoever asked goes on. Two events tie them together:
    the candidate has answered, and it is decided whose answer was given. After both the question
    can be observed.
    """

    def __init__(
        self,
        message: dict[str, Any],
        rollout: Rollout,
        work: Callable[[dict[str, Any]], tuple[dict[str, Any] | None, str, float, int]],
        observe: Callable[[Observation], None],
    ) -> None:
        self.observed = threading.Event()
        self._rollout, self._observe = rollout, observe
        self._candidate: dict[str, Any] | None = None
        self._answered, self._decided = threading.Event(), threading.Event()
        self._stable: dict[str, Any] = {}
        self._stable_ms = 0.0
        self._given = self._dropped = False
        threading.Thread(target=self._run, args=(work, message), daemon=True).start()

    def stable(self, answer: dict[str, Any], ms: float) -> None:
        """Take note of what the stable engine said, and how long it took."""
        self._stable, self._stable_ms = answer, ms

    def drop(self) -> None:
        """Give up: there is no stable answer, and nothing to be observed."""
        self._dropped = True
        self._decided.set()

    def wait(self, seconds: float) -> dict[str, Any] | None:
        """The candidate's answer, if it is there in time and may be given."""
        self._answered.wait(seconds)
        answer = self._candidate
        if answer is None or "error" in answer:
            return None
        near = compare_answers(answer, self._stable)
        wanted = self._rollout.overlap
        agrees = near["same"] if wanted is None else near["overlap"] >= wanted
        return answer if agrees else None

    def decided(self, *, given: bool) -> None:
        """Take note of whether the candidate's answer was given; now it can be observed."""
        self._given = given
        self._decided.set()

    def _run(
        self,
        work: Callable[[dict[str, Any]], tuple[dict[str, Any] | None, str, float, int]],
        message: dict[str, Any],
    ) -> None:
        try:
            answer, error, ms, pid = work(message)
        except Exception as failed:  # noqa: BLE001 -- whatever a candidate brings about is its failure
            answer, error, ms, pid = None, f"brought about {type(failed).__name__}", 0.0, 0
        self._candidate = answer
        self._answered.set()
        self._decided.wait(3 * STABLE_DEADLINE)
        if self._dropped:
            self.observed.set()
            return
        try:
            self._observe(self._seen(answer, error, ms, pid))
        except (ConfigError, StoreError, OSError) as failed:
            LOG.warning("what the candidate did could not be kept: %s", failed)
        finally:
            self.observed.set()

    def _seen(self, answer: dict[str, Any] | None, error: str, ms: float, pid: int) -> Observation:
        observation = Observation(
            error=error,
            ms=ms,
            stable_ms=self._stable_ms,
            pid=pid,
            given=self._given,
            share=self._rollout.share,
            stable_rss=int(self._stable.get("rss") or 0),
        )
        if answer is None:
            return replace(observation, same=False, overlap=0.0)
        if "error" in answer or "error" in self._stable:
            same = ("error" in answer) == ("error" in self._stable)
            why = "" if same else f"raised {answer.get('error', {}).get('text', 'nothing')}"
            return replace(observation, error=why, same=same)
        return replace(
            observation, rss=int(answer.get("rss") or 0), **compare_answers(answer, self._stable)
        )


def read_record(file: RolloutFile, generation: int) -> list[Observation]:
    """Everything that was observed in a trial so far, by whoever served; oldest first."""
    try:
        lines = file.observed(generation).read_bytes().splitlines()
    except OSError:
        return []
    observations = []
    for line in lines:
        with suppress(orjson.JSONDecodeError, TypeError):  # the last line may be cut short
            observation = Observation(**orjson.loads(line))
            if all(isinstance(getattr(observation, name), kind) for name, kind in KINDS.items()):
                observations.append(observation)
    return observations
