"""An executor on a Ray cluster, or on a Ray of our own on this machine.

Ray's driver is a process of its own: a cluster that is lost takes its driver with it, and that
must not be us. We speak with it in lines of JSON, as with any worker; what it cannot do, and what
may be hostile to its process, is done by processes here.

A Ray that we start listens on loopback alone, has no dashboard, and asks for a token. No secret
of the user's is in its environment.
"""

from __future__ import annotations

import logging
import os
import secrets
import sys
from collections.abc import Iterator, Sequence
from importlib.metadata import version
from importlib.util import find_spec
from os import cpu_count
from typing import Any

from technic.errors import ConfigError, install_hint
from technic.runtime.executors.child import Child, ChildLostError
from technic.runtime.executors.processes import ProcessExecutor, error_of
from technic.runtime.executors.protocol import Done, Progress, Span, Work, quiet
from technic.runtime.executors.shared import Scratch, unpack

LOG = logging.getLogger("technic.runtime.executors")
OLDEST = (2, 52)  # earlier ones knew no token
START = 120.0  # seconds in which a cluster has answered
LEAVE = 3.0  # seconds that a cluster of ours has to end by itself
SILENCE = 5.0  # seconds without a sign of life after which a cluster is lost


def open_ray(address: str) -> RayExecutor:
    """Open an executor on a Ray cluster.

    Parameters
    ----------
    address : host:port, or `local` or `local:N`, which starts a Ray of our own

    Raises
    ------
    ConfigError
        If Ray is too old to ask for a token, or asked not to.
    ModuleNotFoundError
        If Ray is not installed.
    """
    if find_spec("ray") is None:
        raise ModuleNotFoundError("No module named 'ray'", name="ray")
    have = tuple(int(part) for part in version("ray").split(".")[:2])
    if have < OLDEST:
        raise ConfigError(f"ray {version('ray')} knows no token: {install_hint('ray')}")
    if os.environ.get("RAY_AUTH_MODE", "token") != "token":
        raise ConfigError(
            "RAY_AUTH_MODE is not token: whoever reaches such a cluster runs code on it; "
            "start it with RAY_AUTH_MODE=token"
        )
    return RayExecutor(address)


class RayExecutor:
    """An `Executor` of Ray tasks; arrays are put into Ray's object store once.

    What has no underscore serves `_ClusterMap`.

    Attributes
    ----------
    lost : how many clusters were lost so far
    current : the process that speaks to the cluster; None before the first part, and after a loss
    answers : what the cluster said, by ticket, until it is taken
    flying : parts that are on their way
    """

    name = "ray"

    def __init__(self, address: str) -> None:
        self.address = address
        self.lost = 0
        self.workers = cpu_count() or 1
        self._scratch = Scratch()
        self.current: Child | None = None
        self.answers: dict[int, dict[str, Any]] = {}
        self.flying = 0
        self._sent = 0
        self._instead: ProcessExecutor | None = None

    def map(
        self, work: Work, parts: Sequence[Span], progress: Progress | None = None
    ) -> Iterator[Done]:
        """Do every part; see `Executor.map`. Guarded work is done by processes here.

        Ray's workers serve everybody's work, without a bound on memory; a part that forks, or kills
        each of them, is noticed by processes here alone: see `processes`.
        """
        if work.guarded:
            yield from self.instead.map(work, parts, progress)
            return
        show = progress or quiet
        arrays, scratch_files = self._scratch.describe(work.arrays)
        try:
            run = _ClusterMap(self, work, parts, arrays)
            for k in range(len(parts)):
                yield from run.done(k)
                show(k + 1, len(parts), "")
        finally:
            for path in scratch_files:
                path.unlink(missing_ok=True)

    def room(self, _shape: tuple[int, ...]) -> None:
        """A cluster shares no memory with us."""
        return

    def close(self) -> None:
        """Leave the cluster; end it if it is ours."""
        if self.current is not None:
            self.current.stop(LEAVE)
            self.current = None
        if self._instead is not None:
            self._instead.close()
        self._scratch.close()

    def driver(self) -> Child:
        """The process that speaks to the cluster; started at first use, and after a loss."""
        if self.current is None:
            self.current = Child(
                (sys.executable, "-m", "technic.runtime.executors.ray", self.address),
                environment=_environment(is_own(self.address)),
            )
            self.workers = int(self.current.hear(START)["workers"])
        return self.current

    def send(self, part: Span) -> int:
        """Send a part on its way; returns the ticket of its answer in `answers`."""
        assert self.current is not None
        self._sent += 1
        self.flying += 1
        self.current.tell({"do": part, "ticket": self._sent})
        return self._sent

    def hear(self) -> None:
        """One line from the driver: it says something every second, if only that it lives."""
        assert self.current is not None
        message = self.current.hear(SILENCE)
        if "ticket" in message:
            self.answers[int(message["ticket"])] = message
            self.flying -= 1

    def give_up(self, why: ChildLostError) -> None:
        """The cluster is gone; what is left is done here."""
        LOG.warning("the cluster at %s is lost (%s); its parts are done here", self.address, why)
        self.lost += 1
        self.flying = 0
        if self.current is not None:
            self.current.kill()
            self.current = None

    def description(self, work: Work, arrays: dict[str, Any]) -> dict[str, Any]:
        """What the driver is told of a work, as JSON holds it.

        Parameters
        ----------
        arrays : where they lie, as `Scratch.describe` says
        """
        return {
            "name": work.name,
            "job": dict(work.job),
            "arrays": arrays,
            "patience": work.patience,
            "scratch": str(self._scratch.folder),
        }

    @property
    def instead(self) -> ProcessExecutor:
        """Processes here, for what the cluster cannot do."""
        if self._instead is None:
            self._instead = ProcessExecutor(cpu_count() or 1)
        return self._instead


class _ClusterMap:
    """One `map`: parts on their way, and what came back."""

    def __init__(
        self, executor: RayExecutor, work: Work, parts: Sequence[Span], arrays: dict[str, Any]
    ) -> None:
        self._executor, self._work, self._parts, self._arrays = executor, work, parts, arrays
        self._tickets: list[int] = []
        self._local: dict[int, list[Done]] = {}
        self._driver: Child | None = None
        try:
            self._driver = executor.driver()
            self._driver.tell({"take": executor.description(work, arrays)})
        except ChildLostError as lost:
            executor.give_up(lost)

    def done(self, k: int) -> list[Done]:
        """What became of part `k`; waits for it."""
        answer = self._answer(k)
        if answer is None:
            return self._here(k)
        if "lost" in answer:
            return self._in_halves(self._parts[k], answer["lost"])
        if "raised" in answer:
            raise error_of(answer)
        return [Done(*self._parts[k], unpack(answer))]

    def _answer(self, k: int) -> dict[str, Any] | None:
        """What the cluster says of part `k`; None if it is lost."""
        executor = self._executor
        try:
            while self._driver is not None and self._driver is executor.current:
                self._fill()
                if self._tickets[k] in executor.answers:
                    break
                executor.hear()
        except ChildLostError as lost:
            executor.give_up(lost)
        return executor.answers.pop(self._tickets[k], None) if k < len(self._tickets) else None

    def _fill(self) -> None:
        """As many parts on their way as there are workers, and one for each that waits."""
        while (
            len(self._tickets) < len(self._parts)
            and self._executor.flying < 2 * self._executor.workers
        ):
            ticket = self._executor.send(self._parts[len(self._tickets)])
            self._tickets.append(ticket)

    def _here(self, k: int) -> list[Done]:
        """The rest of the parts, by processes on this machine, from part `k` on."""
        if k not in self._local:
            answered = self._executor.answers
            left = [
                j
                for j in range(k, len(self._parts))
                if j >= len(self._tickets) or self._tickets[j] not in answered
            ]
            pieces = iter(self._executor.instead.map(self._work, [self._parts[j] for j in left]))
            for j in left:
                self._local[j] = []
                while not self._local[j] or self._local[j][-1].last < self._parts[j][1]:
                    self._local[j].append(next(pieces))
        return self._local.pop(k)

    def _in_halves(self, part: Span, why: str) -> list[Done]:
        """A part that no worker of the cluster survived, cut until who is to blame stands alone."""
        first, last = part
        if last - first <= 1:
            LOG.warning("position %d: every worker of the cluster %s", first, why)
            return [Done(first, last, None, f"every worker {why}")]
        middle = (first + last) // 2
        halves = _ClusterMap(
            self._executor, self._work, ((first, middle), (middle, last)), self._arrays
        )
        return halves.done(0) + halves.done(1)


def is_own(address: str) -> bool:
    """Whether an address means a Ray of our own: `local`, or `local:4` with four workers."""
    kind, _, workers = address.partition(":")
    return kind == "local" and (not workers or workers.isdecimal())


def _environment(own: bool) -> dict[str, str]:
    """Settings that Ray reads when it is imported."""
    users = {name: value for name, value in os.environ.items() if name.startswith("RAY_")}
    variables = {"RAY_AUTH_MODE": "token", "RAY_USAGE_STATS_ENABLED": "0", **users}
    if own:
        variables["RAY_AUTH_TOKEN"] = secrets.token_hex(32)
        # A Ray that may not become a cluster binds to loopback, on every system.
        variables["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"
    return variables
