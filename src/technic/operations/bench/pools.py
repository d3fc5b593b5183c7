"""The same pandas work, which holds the GIL, on every kind of executor: 10 to 100 symbols."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from importlib.util import find_spec
from os import cpu_count
from statistics import median
from typing import Any

import numpy as np

from technic.operations.bench.markets import Market
from technic.operations.bench.ratios import ROUNDS
from technic.operations.bench.timing import milliseconds
from technic.runtime.executors import Executor, Work, open_executor, spans

SIZES = (10, 20, 50, 100)
BARS = 250  # of each symbol: a year


def pools(
    market: Market,
    sizes: Sequence[int] = SIZES,
    runs: int = 3,
    urls: Sequence[str] | None = None,
) -> list[dict[str, Any]]:
    """Run the same pandas work on every kind of executor, in several rounds.

    Parameters
    ----------
    sizes : numbers of symbols
    runs : how often each is repeated in a round; medians are given
    urls : of the executors; by default every kind there is here, with one worker and more

    Returns
    -------
    list
        One row for each executor and size: `executor`, number of `symbols`, whether the bytes are
        `equal` to those of the first executor, and where they are, median `ms` and those of each
        of the `rounds`.
    """
    works = {size: work_of(market, size) for size in sizes}
    taken: dict[tuple[str, int], list[float]] = {}
    made: dict[tuple[str, int], bytes] = {}
    kinds = list(urls or every_kind())
    for _ in range(ROUNDS):
        for url in kinds:
            with closing(open_executor(url)) as executor:
                for size in sizes:
                    some, made[url, size] = _timed(executor, works[size], size, runs)
                    taken.setdefault((url, size), []).append(median(some))
    return [
        _row(url, size, taken[url, size], is_equal=made[url, size] == made[kinds[0], size])
        for url in kinds
        for size in sizes
    ]


def _row(url: str, size: int, rounds: list[float], *, is_equal: bool) -> dict[str, Any]:
    """No time is told of what gives another answer."""
    return {
        "executor": url,
        "symbols": size,
        "ms": round(median(rounds), 1) if is_equal else None,
        "rounds": [round(ms, 3) for ms in rounds] if is_equal else [],
        "equal": is_equal,
    }


def every_kind() -> list[str]:
    """Addresses of every kind of executor there is here, with one worker up to one for each core."""
    urls = ["inline:"]
    for workers in range(1, (cpu_count() or 1) + 1):
        urls += [f"threads:{workers}", f"processes:{workers}"]
        if find_spec("ray") is not None:
            urls.append(f"ray://local:{workers}")
    return urls


def work_of(market: Market, size: int) -> Work:
    """The baseline's scan of some symbols as work for an executor; bars are handed over once."""
    panel = market.view.panel
    bars = min(BARS, int(panel.lengths.max(initial=0)))
    chosen = np.flatnonzero(panel.lengths >= bars)[:size]
    lengths = np.minimum(panel.lengths[chosen], bars)
    arrays = {
        name: np.concatenate([panel.run(int(i), name)[-bars:] for i in chosen])
        for name in ("open", "high", "low", "close", "volume")
    }
    bounds = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    return Work("technic.operations.bench.baseline:run_part", {}, {**arrays, "bounds": bounds})


def _timed(executor: Executor, work: Work, size: int, runs: int) -> tuple[list[float], bytes]:
    count = len(work.arrays["bounds"]) - 1
    parts = spans(count, max(1, -(-min(count, size) // (2 * executor.workers))))

    def run() -> bytes:
        answers = [part.answer or {} for part in executor.map(work, parts)]
        return np.concatenate([answer["values"] for answer in answers]).tobytes()

    taken = milliseconds(run, runs)
    return taken, run()
