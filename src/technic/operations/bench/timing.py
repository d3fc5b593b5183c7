"""Measuring time, processor and memory."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from statistics import median
from time import perf_counter, process_time
from typing import Any


@dataclass(frozen=True, slots=True)
class Figure:
    """Something that was measured several times.

    Attributes
    ----------
    what : what was measured, for a reader
    unit : of the three numbers: "ms", "s", "MB", "×" …
    median, minimum, maximum : over the runs
    runs : how many runs there were
    """

    what: str
    unit: str
    median: float
    minimum: float
    maximum: float
    runs: int

    @classmethod
    def of(cls, what: str, unit: str, taken: list[float]) -> Figure:
        """The figure of some runs.

        Parameters
        ----------
        taken : what each run took, in `unit`
        """
        digits = 4 if max(taken) < 1.0 else 2
        middle, low, high = (round(f(taken), digits) for f in (median, min, max))
        return cls(what, unit, middle, low, high, len(taken))

    def as_dict(self) -> dict[str, Any]:
        """As JSON holds it."""
        return asdict(self)


def milliseconds(work: Callable[[], Any], runs: int) -> list[float]:
    """Milliseconds that each of so many calls took, after one that is not counted."""
    work()
    taken = []
    for _ in range(runs):
        since = perf_counter()
        work()
        taken.append(1e3 * (perf_counter() - since))
    return taken


def time_once(work: Callable[[], Any]) -> tuple[float, Any]:
    """Seconds that one call took, and what it returned."""
    since = perf_counter()
    value = work()
    return perf_counter() - since, value


def cpu_share(work: Callable[[], Any]) -> float:
    """Share of all cores that this process used during a call, in percent."""
    since, used = perf_counter(), process_time()
    work()
    wall = perf_counter() - since
    return 100.0 * (process_time() - used) / wall / (os.cpu_count() or 1)


def busy() -> float:
    """Percent of all cores that others use; this process does nothing for a second meanwhile."""
    import psutil

    return float(psutil.cpu_percent(interval=1.0))


CHILD = """
import json, sys, time
since = time.perf_counter()
{code}
import psutil
about = psutil.Process().memory_info()
peak = about.rss
try:
    for line in open("/proc/self/status"):
        if line.startswith("VmHWM"):
            peak = int(line.split()[1]) * 1024
except OSError:
    pass
print(json.dumps({{"seconds": time.perf_counter() - since, "peak_mb": peak / 1e6, "result": result}}))
"""


def run_in_process(code: str, environment: Mapping[str, str]) -> dict[str, Any]:
    """Run code in a new process.

    Parameters
    ----------
    code : lines of Python that leave a `result`, which JSON can hold
    environment : variables beside those of this process

    Returns
    -------
    dict
        `seconds` from the first line on, imports included; `peak_mb`, the most memory the process
        held; and the `result`.
    """
    import json

    finished = subprocess.run(  # noqa: S603 -- our own interpreter and our own text
        [sys.executable, "-c", CHILD.format(code=code)],
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=True,
    )
    answer: dict[str, Any] = json.loads(finished.stdout.strip().splitlines()[-1])
    return answer
