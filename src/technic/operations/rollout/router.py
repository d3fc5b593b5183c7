"""Questions come in, the right engine's answer goes out, and the candidate is watched.

1. The rollout's file is read before every question, and again before a candidate's answer is given.
2. The stable engine is always asked, and its answer always waited for.
3. The candidate is asked beside it: in shadow nobody waits for it; in a canary it may take
   `PATIENCE` times what the stable one took, and its answer is given only if it agrees.
4. What was seen goes to the record; `health.judge` may roll back, or take the next step.
"""

from __future__ import annotations

from hashlib import blake2b
from time import perf_counter
from typing import Any

import orjson

from technic.errors import StoreError
from technic.operations.rollout.health import nonsense
from technic.operations.rollout.state import Rollout, RolloutFile, Started, start
from technic.operations.rollout.trial import STABLE_DEADLINE, Trial
from technic.runtime.executors.child import ChildLostError

DEADLINE = 10.0  # seconds after which a candidate has hung
PATIENCE, AT_LEAST = 2.0, 0.25  # times the stable engine's time, and seconds
MEMORY = 3 << 30  # bytes a candidate may hold


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
        self._trial: Trial | None = None

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

    def _on_trial(self, rollout: Rollout) -> Trial | None:
        """The candidate of this generation; one that was given up is ended."""
        wanted = (rollout.candidate, rollout.generation) if rollout.candidate else None
        if self._trial is not None and self._trial.key != wanted:
            self._trial.close()
            self._trial = None
        if self._trial is None and wanted is not None:
            self._trial = Trial(self.file, rollout, self._deadline, self._memory)
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
