"""An executor of processes, any of which may be killed, hang or run out of memory.

1. `_ProcessMap.over`: each worker has a thread here that hands it parts and waits for answers.
2. `_ProcessMap._pieces`: a part whose worker is lost is tried again: thrice if it was killed from outside, once if it
   ended by itself, hung or took too much.
3. Then it is cut in two, and so on: a single position that no worker survives is lost, by name.
4. Where nothing survives, or too many workers or too much time are lost, the circuit opens: what
   is left is given up at once, by name, instead of costing hours.
5. A part that was only ever killed from outside, or for which no worker would start, is done
   here instead, unless it is guarded.
"""

from __future__ import annotations

import logging
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from time import monotonic
from typing import Any

from technic import errors
from technic.errors import StoreError, TechnicError
from technic.market.typing import FloatArray
from technic.runtime.executors.child import Child, ChildLostError
from technic.runtime.executors.local import do_here
from technic.runtime.executors.protocol import GIVEN_UP, Done, Progress, Span, Work, quiet
from technic.runtime.executors.shared import Scratch, place_of, unpack

LOG = logging.getLogger("technic.runtime.executors")
KILLED_TRIES, FAILED_TRIES = 4, 2
HOPELESS = 8  # positions lost before the first one survives
MOST_LOST, MOST_WASTED = 256, 300.0  # workers, and seconds spent in them, of one `map`
START = 60.0  # seconds in which a worker must have started
WORKER = (sys.executable, "-m", "technic.runtime.executors.worker")


class ProcessExecutor:
    """An `Executor` of spawned processes, which stay from one `map` to the next.

    Parameters
    ----------
    workers : how many processes
    command : that starts one

    Attributes
    ----------
    lost : how many workers were lost so far
    """

    name = "processes"

    def __init__(self, workers: int, command: Sequence[str] = WORKER) -> None:
        self.workers = workers
        self.lost = 0
        self._command = command
        self._scratch = Scratch()
        self._places: list[_Place] = [_Place(command) for _ in range(workers)]

    def map(
        self, work: Work, parts: Sequence[Span], progress: Progress | None = None
    ) -> Iterator[Done]:
        """Do every part; see `Executor.map`."""
        arrays, scratch_files = self._scratch.describe(work.arrays)
        run = _ProcessMap(work, parts, self._description(work, arrays), progress or quiet)
        try:
            yield from run.over(self._places[: max(1, min(self.workers, len(parts)))])
        finally:
            self.lost += run.lost
            for path in scratch_files:
                path.unlink(missing_ok=True)

    def room(self, shape: tuple[int, ...]) -> FloatArray:
        """Memory that workers see."""
        return self._scratch.room(shape)

    def pids(self) -> list[int]:
        """The workers that run now."""
        return [place.child.pid for place in self._places if place.child is not None]

    def close(self) -> None:
        """End every worker."""
        for place in self._places:
            place.close()
        self._scratch.close()

    def _description(self, work: Work, arrays: dict[str, Any]) -> dict[str, Any]:
        out = None if work.out is None else place_of(work.out)
        if work.out is not None and out is not None:
            out = {**out, "dtype": work.out.dtype.str, "shape": list(work.out.shape)}
        return {
            "name": work.name,
            "job": dict(work.job),
            "arrays": arrays,
            "out": out,
            "scratch": str(self._scratch.folder),
        }


class _Place:
    """Room for one worker, and the worker in it, if any."""

    def __init__(self, command: Sequence[str]) -> None:
        self.child: Child | None = None
        self.closed = False
        self._command = command
        self._took: object = None
        self._guard = threading.Lock()
        self._using = threading.Lock()  # a part of an earlier `map` may still be on its way

    def do(self, work: Work, description: dict[str, Any], part: Span) -> dict[str, Any]:
        """The answer of the worker here; starts one if need be.

        Raises
        ------
        ChildLostError
            If it is lost; the next one is new.
        """
        with self._using:
            try:
                child = self._worker()
                child.memory = work.memory
                if self._took is not description:
                    child.tell({"take": description})
                    self._took = description
                return child.ask({"do": part}, work.patience)
            except ChildLostError:
                self.child = self._took = None
                raise

    def _worker(self) -> Child:
        with self._guard:
            if self.closed:
                raise ChildLostError("was stopped", "died", killed=True)
            if self.child is None:
                try:
                    self.child = Child(self._command)
                except OSError as error:
                    raise ChildLostError(
                        f"could not be started: {error.strerror}", "died", ready=False
                    ) from error
        if not self.child.ready:
            self.child.hear(START)
        return self.child

    def close(self) -> None:
        with self._guard:
            self.closed = True
            if self.child is not None:
                self.child.kill()


class _ProcessMap:
    """One `map`: parts that wait, parts that are done, threads between them."""

    def __init__(
        self, work: Work, parts: Sequence[Span], description: dict[str, Any], progress: Progress
    ) -> None:
        self.lost = 0
        self._work, self._parts, self._description = work, parts, description
        self._progress = progress
        self._waiting = iter(range(len(parts)))
        self._done: dict[int, list[Done]] = {}
        self._raised: BaseException | None = None
        self._stopped = False
        self._news = threading.Condition()
        self._circuit = _Circuit()

    def over(self, places: Sequence[_Place]) -> Iterator[Done]:
        """Hand the parts out to workers, and give back what they made of them, in order."""
        threads = [
            threading.Thread(target=self._serve, args=(place,), daemon=True) for place in places
        ]
        for thread in threads:
            thread.start()
        try:
            for k in range(len(self._parts)):
                with self._news:
                    while k not in self._done and self._raised is None:
                        self._news.wait(0.5)  # so that Ctrl-C is noticed
                    if self._raised is not None:
                        raise self._raised
                    done = self._done.pop(k)
                yield from done
                self._progress(k + 1, len(self._parts), "")
        finally:
            self._stopped = True

    def _serve(self, place: _Place) -> None:
        while not self._stopped:
            with self._news:
                k = next(self._waiting, None)
            if k is None:
                return
            try:
                done = self._pieces(place, self._parts[k])
            except BaseException as error:  # noqa: BLE001 -- raised again where it is waited for
                with self._news:
                    self._raised = self._raised or error
                    self._news.notify_all()
                return
            with self._news:
                self._done[k] = done
                self._news.notify_all()

    def _pieces(self, place: _Place, part: Span) -> list[Done]:
        """Steps 2 to 5."""
        losses: list[ChildLostError] = []
        while not self._stopped and not _enough(losses):
            if self._circuit.why:
                return [Done(*part, None, self._circuit.why)]
            since = monotonic()
            try:
                answer = place.do(self._work, self._description, part)
            except ChildLostError as lost:
                self.lost += 1
                losses.append(lost)
                self._circuit.lose(lost, monotonic() - since)
                LOG.info("positions %d to %d: a worker %s", *part, lost)
                continue
            self._circuit.survived = True
            if "raised" in answer:
                raise error_of(answer)
            return [Done(*part, unpack(answer))]
        blameless = all(lost.killed or not lost.ready for lost in losses)
        if self._stopped or (blameless and not self._work.guarded):
            return [] if self._stopped else [do_here(self._work, part)]
        first, last = part
        if last - first <= 1:
            LOG.warning("position %d: every worker %s", first, losses[-1])
            self._circuit.give_up_position(losses[-1])
            return [Done(first, last, None, f"every worker {losses[-1]}")]
        middle = (first + last) // 2
        return self._pieces(place, (first, middle)) + self._pieces(place, (middle, last))


class _Circuit:
    """Whether a `map` still makes sense.

    Attributes
    ----------
    survived : whether any part ever did
    why : it does not; empty while it does
    """

    def __init__(self) -> None:
        self.survived = False
        self.why = ""
        self._positions = self._lost = 0
        self._wasted = 0.0
        self._guard = threading.Lock()

    def lose(self, lost: ChildLostError, seconds: float) -> None:
        """Count a worker, unless it was ended from outside or never came up."""
        if lost.killed or not lost.ready:
            return
        with self._guard:
            self._lost += 1
            self._wasted += seconds
            if self._lost >= MOST_LOST or self._wasted >= MOST_WASTED:
                self._open(lost)

    def give_up_position(self, lost: ChildLostError) -> None:
        """Count a position that no worker survives."""
        with self._guard:
            self._positions += 1
            if self._positions >= HOPELESS and not self.survived:
                self._open(lost)

    def _open(self, lost: ChildLostError) -> None:
        if not self.why:
            self.why = f"{GIVEN_UP} after {self._lost} workers were lost: the last one {lost}"
            LOG.warning("the work is %s", self.why)


def _enough(losses: Sequence[ChildLostError]) -> bool:
    """Whether trying once more would be vain."""
    own = sum(not lost.killed and lost.ready for lost in losses)
    return own >= FAILED_TRIES or len(losses) >= KILLED_TRIES


def error_of(answer: dict[str, Any]) -> Exception:
    """The error that a part raised: one of ours as it was, any other as `StoreError`.

    Parameters
    ----------
    answer : of a worker, with `raised` and `text`
    """
    kind = getattr(errors, answer["raised"], None) if answer["raised"] else None
    make: Callable[[str], TechnicError] = kind if isinstance(kind, type) else StoreError
    return make(answer["text"])
