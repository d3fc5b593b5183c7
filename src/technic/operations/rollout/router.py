"""Questions come in, the right engine's answer goes out, and the candidate is watched.

1. The rollout's file is read before every question, and again before a candidate's answer is given.
2. The stable engine is always asked, and its answer always waited for.
3. The candidate is asked beside it: in shadow nobody waits for it; in a canary it may take
   `PATIENCE` times what the stable one took, and its answer is given only if it agrees.
4. What was seen goes to the record; `health.judge` may roll back, or take the next step.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, replace
from hashlib import blake2b
from time import perf_counter
from typing import Any

import orjson

from technic.errors import ConfigError, StoreError
from technic.operations.rollout.health import Observation, compare_answers, judge, nonsense
from technic.operations.rollout.state import STEPS, Rollout, RolloutFile, Started, start
from technic.runtime.executors.child import ChildLostError
from technic.runtime.files import make_folder, open_private

LOG = logging.getLogger("technic.operations.rollout")
DEADLINE = 10.0  # seconds after which a candidate has hung
STABLE_DEADLINE = 120.0
PATIENCE, AT_LEAST = 2.0, 0.25  # times the stable engine's time, and seconds
MEMORY = 3 << 30  # bytes a candidate may hold
RECORD = 8 << 20  # bytes of a trial's record
NUMBER = (int, float)
KINDS: dict[str, Any] = {
    "error": str, "same": bool, "overlap": NUMBER, "correlation": (*NUMBER, type(None)),
    "ms": NUMBER, "stable_ms": NUMBER, "rss": int, "stable_rss": int, "pid": int, "given": bool,
    "share": int,
}  # fmt: skip


class Router:
    """Answers questions, and watches a candidate beside the stable engine.

    One thread asks at a time.

    Parameters
    ----------
    file : says which engine is stable, and which is tried
    deadline : seconds after which a candidate counts as hung
    memory : bytes that a candidate may hold
    """

    def __init__(self, file: RolloutFile, deadline: float = DEADLINE, memory: int = MEMORY) -> None:
        self.file = file
        self._deadline, self._memory = deadline, memory
        self._stable: tuple[str, Started] | None = None
        self._trial: _Trial | None = None

    def answer(self, message: dict[str, Any]) -> dict[str, Any]:
        """The answer to `{"id": …, "scan": {…}}`, and whose it is.

        Raises
        ------
        StoreError
            If the stable engine cannot be had.
        """
        rollout = self.file.read()
        trial = self._on_trial(rollout)
        watched = trial.ask(message) if trial is not None else None
        since = perf_counter()
        try:
            stable = self._ask_stable(rollout, message)
        except StoreError:
            if watched is not None:
                watched.drop()  # nothing to compare with: it says nothing of the candidate
            raise
        took = perf_counter() - since
        if trial is None or watched is None:
            return {**stable, "engine": rollout.stable}
        watched.stable(stable, 1e3 * took)
        candidate = None
        if rollout.phase == "canary" and bucket(message) < rollout.share:
            candidate = watched.wait(max(PATIENCE * took, AT_LEAST))
            now = self.file.read()
            if now.candidate != rollout.candidate or now.phase != "canary":
                candidate = None  # rolled back while it answered
        watched.decided(given=candidate is not None)
        if candidate is not None:
            return {**candidate, "engine": rollout.candidate}
        return {**stable, "engine": rollout.stable}

    def settle(self, patience: float = 60.0) -> None:
        """Wait until the answers of the candidate have been observed.

        Parameters
        ----------
        patience : seconds after which it is not waited for any longer
        """
        if self._trial is not None:
            self._trial.settle(patience)

    def close(self) -> None:
        """End every engine."""
        if self._trial is not None:
            self._trial.close()
        if self._stable is not None:
            self._stable[1].kill()
        self._trial = self._stable = None

    def _ask_stable(self, rollout: Rollout, message: dict[str, Any]) -> dict[str, Any]:
        """Ask the stable engine; once more, in a new process, if it is lost."""
        for last in (False, True):
            try:
                if self._stable is not None and self._stable[0] != rollout.stable:
                    self._stable[1].kill()
                    self._stable = None
                if self._stable is None:
                    self._stable = (rollout.stable, start(rollout.engine(rollout.stable)))
                answer = self._stable[1].ask(message, STABLE_DEADLINE)
                if trouble := nonsense(answer):
                    self._stable[1].kill()
                    raise ChildLostError(f"answered {trouble}", "died")  # noqa: TRY301 -- as if it died
                return {**answer, "id": message.get("id")}
            except ChildLostError as lost:
                self._stable = None
                if last:
                    raise StoreError(f"the stable engine {rollout.stable} {lost}") from lost
        raise AssertionError

    def _on_trial(self, rollout: Rollout) -> _Trial | None:
        """The candidate of this generation; one that was given up is ended."""
        wanted = (rollout.candidate, rollout.generation) if rollout.candidate else None
        if self._trial is not None and self._trial.key != wanted:
            self._trial.close()
            self._trial = None
        if self._trial is None and wanted is not None:
            self._trial = _Trial(self.file, rollout, self._deadline, self._memory)
        return self._trial


def bucket(message: dict[str, Any]) -> int:
    """Where a question falls, 0 to 99: the same question always in the same place.

    Examples
    --------
    >>> bucket({"id": 1, "scan": {}}) == bucket({"id": 2, "scan": {}})
    True
    """
    text = orjson.dumps(message.get("scan"), option=orjson.OPT_SORT_KEYS)
    return int.from_bytes(blake2b(text, digest_size=8).digest(), "big") % 100


class _Trial:
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
        self._busy: _Watched | None = None
        self._over = False
        self.observations = read_record(file, rollout.generation)

    def ask(self, message: dict[str, Any]) -> _Watched | None:
        """Ask the candidate; None if it is still busy with an earlier question.

        A slow candidate is asked fewer questions: nobody queues for it.
        """
        if self._busy is not None and not self._busy.observed.is_set():
            return None
        rollout = self._file.read()
        self._busy = _Watched(message, rollout, self._work, self._observe)
        return self._busy

    def settle(self, patience: float) -> None:
        if self._busy is not None:
            self._busy.observed.wait(patience)

    def close(self) -> None:
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


class _Watched:
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
