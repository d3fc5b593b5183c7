"""Ray's driver, in a process of its own: see `executors.cluster`.

    python -m technic.runtime.executors.ray ADDRESS

It takes parts as lines of JSON, and says what became of them.
"""

from __future__ import annotations

import os
import queue
import sys
import threading
from pathlib import Path
from time import monotonic
from typing import Any

import orjson
import psutil
import ray
from ray.exceptions import OutOfMemoryError, TaskCancelledError, WorkerCrashedError

from technic.errors import TechnicError, first_line
from technic.runtime.executors.protocol import Shared, call
from technic.runtime.executors.shared import line, open_arrays, pack

RETRIES = 1  # of a part whose worker is lost, by Ray itself
BEAT = 1.0  # seconds between two signs of life


def main() -> None:
    """Connect, then do the parts that are asked for, until nobody asks."""
    output = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # what Ray prints is none of our lines
    _connect(sys.argv[1])
    workers = int(ray.cluster_resources().get("CPU", 1))
    requests: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(requests,), daemon=True).start()
    _say(output, {"ready": True, "workers": workers})
    driver = _Driver(output)
    while driver.step(requests):
        pass
    ray.shutdown()


def _connect(address: str) -> None:
    options: dict[str, Any] = {"log_to_driver": False, "logging_level": "ERROR"}
    kind, _, workers = address.partition(":")
    if kind == "local":
        options |= {"include_dashboard": False, "address": "local"}
        options |= {"num_cpus": int(workers)} if workers else {}
    else:
        options |= {"address": address}
    ray.init(**options)


def _listen(requests: queue.SimpleQueue[dict[str, Any] | None]) -> None:
    for request in sys.stdin.buffer:
        requests.put(orjson.loads(request))
    requests.put(None)


class _Driver:
    """The work that is being done, and its parts that are on their way."""

    def __init__(self, output: Any) -> None:
        self._output = output
        self._work: dict[str, Any] = {}
        self._arrays: list[Any] = []
        self._put: dict[str, Any] = {}
        self._flying: dict[Any, tuple[int, float]] = {}
        self._beat = monotonic()
        self._count = 0
        self._nodes = [
            process
            for process in psutil.process_iter(["name"])
            if str(process.info["name"]).startswith("raylet")
        ]

    def step(self, requests: queue.SimpleQueue[dict[str, Any] | None]) -> bool:
        """Take one request, look for answers; False once nobody asks."""
        try:
            message = requests.get(timeout=0.002 if self._flying else 0.2)
        except queue.Empty:
            message = {}
        if message is None:
            return False
        if "take" in message:
            self._take(message["take"])
        elif "do" in message:
            self._start(int(message["ticket"]), *message["do"])
        self._look()
        if monotonic() - self._beat > BEAT:
            self._beat = monotonic()
            if not any(map(_runs, self._nodes)):  # Ray itself takes half a minute to notice
                os._exit(1)
            _say(self._output, {"alive": True})
        return True

    def _take(self, work: dict[str, Any]) -> None:
        self._work = work
        places = work["arrays"]
        fresh = {str(place): name for name, place in places.items() if str(place) not in self._put}
        arrays = open_arrays({name: places[name] for name in fresh.values()})
        for key, name in fresh.items():
            self._put[key] = ray.put(arrays[name])
        self._put = {str(place): self._put[str(place)] for place in places.values()}
        self._arrays = [self._put[str(place)] for place in places.values()]

    def _start(self, ticket: int, first: int, last: int) -> None:
        names = tuple(self._work["arrays"])
        ref = _part.remote(self._work["name"], self._work["job"], names, first, last, *self._arrays)
        self._flying[ref] = (ticket, monotonic())

    def _look(self) -> None:
        if not self._flying:
            return
        ready, waiting = ray.wait(list(self._flying), timeout=0.01)
        for ref in ready:
            ticket, _ = self._flying.pop(ref)
            self._tell(ticket, ref)
        for ref in waiting:
            ticket, since = self._flying[ref]
            # At most one part lies before it at its worker.
            if monotonic() - since > 2 * self._work["patience"]:
                ray.cancel(ref, force=True)
                del self._flying[ref]
                _say(
                    self._output,
                    {"ticket": ticket, "lost": f"hung for {self._work['patience']:g} s"},
                )

    def _tell(self, ticket: int, ref: Any) -> None:
        try:
            answer = ray.get(ref)
        except (WorkerCrashedError, OutOfMemoryError, TaskCancelledError) as error:
            # Of the worker; any other error is of the cluster, and ends this process.
            why = first_line(error)[:200]
            _say(self._output, {"ticket": ticket, "lost": f"was lost ({why})"})
            return
        if "raised" in answer:
            _say(self._output, {"ticket": ticket, **answer})
            return
        self._count += 1
        path = Path(self._work["scratch"], f"ray-{self._count}.answer")
        _say(self._output, {"ticket": ticket, **pack(answer["answer"], path)})


def _runs(process: psutil.Process) -> bool:
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:  # it ended between the two
        return False


def _say(output: Any, message: dict[str, Any]) -> None:
    output.write(line(message))
    output.flush()


@ray.remote(max_retries=RETRIES)  # type: ignore[untyped-decorator]
def _part(
    name: str, job: dict[str, Any], names: tuple[str, ...], first: int, last: int, *arrays: Any
) -> dict[str, Any]:
    """One part, on some worker."""
    shared = Shared(job, dict(zip(names, arrays, strict=True)), None)
    try:
        return {"answer": call(name, shared, first, last)}
    except TechnicError as error:
        return {"raised": type(error).__name__, "text": str(error)}
    except Exception as error:  # noqa: BLE001 -- told to who waits, who raises it
        return {"raised": "", "text": f"{type(error).__name__}: {error}"}


if __name__ == "__main__":
    main()
