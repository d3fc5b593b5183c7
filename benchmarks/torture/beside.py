"""Checks beside one another, each in a process of its own and told whole, when it has ended.

What measures time, or keeps all processors busy by itself, runs alone: after the others, one by one.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from time import perf_counter
from typing import NamedTuple

ALONE = frozenset({
    "damage", "doors", "faults", "killed", "memory", "moments", "points", "redis", "rollback",
    "workers",
})  # fmt: skip
LONG = ("matrix", "histories", "growth", "files", "rows", "chaos", "snapshots")  # begin first


class Told(NamedTuple):
    """What a check said.

    Attributes
    ----------
    name, seconds
        Which, and how long it took.
    results
        (what, failed, count, more) of each of its lines.
    printed
        What it printed besides.
    """

    name: str
    seconds: float
    results: list[tuple[str, int, int, str]]
    printed: str


def pairs(names: Sequence[str], jobs: int) -> tuple[list[str], list[str]]:
    """The checks that may run beside others, long ones first, and those that run alone.

    Examples
    --------
    >>> pairs(["doors", "poison", "matrix"], 2)
    (['matrix', 'poison'], ['doors'])
    >>> pairs(["doors", "poison"], 1)
    ([], ['doors', 'poison'])
    """
    together = [name for name in names if jobs > 1 and name not in ALONE]
    together.sort(key=lambda name: LONG.index(name) if name in LONG else len(LONG))
    return together, [name for name in names if name not in together]


def told_by(names: Sequence[str], tier: int, seed: int, jobs: int) -> Iterator[Told]:
    """What each check said, as they end; one whose process ends early has failed.

    Parameters
    ----------
    names : checks
    tier, seed : as of the command
    jobs : how many at once
    """
    with ThreadPoolExecutor(jobs) as pool:
        running = [pool.submit(_apart, name, tier, seed) for name in names]
        for done in as_completed(running):
            yield done.result()


def _apart(name: str, tier: int, seed: int) -> Told:
    since = perf_counter()
    with tempfile.TemporaryDirectory(prefix="technic-torture-") as folder:
        kept = Path(folder) / "results"
        argv = ["--tier", str(tier), "--seed", str(seed), "--results", str(kept)]
        done = subprocess.run(
            [sys.executable, "-m", "torture", name, *argv],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            cwd=Path(__file__).parents[1],
            check=False,
        )
        results = [tuple(line) for line in json.loads(kept.read_text())] if kept.exists() else []
    if done.returncode:
        results.append((f"{name}: its process ended by itself", 1, 1, f"status {done.returncode}"))
    return Told(name, perf_counter() - since, results, done.stdout)
