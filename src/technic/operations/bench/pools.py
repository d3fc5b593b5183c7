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
    """Run the same pandas work on every kind of executor.

    Parameters
    ----------
    sizes : numbers of symbols
    runs : how often each is repeated; medians are given
    urls : of the executors; by default every kind there is here, with one worker and more

    Returns
    -------
    list
        One row for each executor and size: `executor`, number of `symbols`, median `ms`, and
        whether the bytes are `equal` to those of the first executor.
    """
    rows: list[dict[str, Any]] = []
    wanted: dict[int, bytes] = {}
    works = {size: work_of(market, size) for size in sizes}
    for url in urls or every_kind():
        with closing(open_executor(url)) as executor:
            for size in sizes:
                taken, values = _timed(executor, works[size], size, runs)
                wanted.setdefault(size, values)
                rows.append(
                    {
                        "executor": url,
                        "symbols": size,
                        "ms": round(median(taken), 1),
                        "equal": values == wanted[size],
                    }
                )
    return rows


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


def best(rows: list[dict[str, Any]], size: int) -> dict[str, float]:
    """The quickest of each kind of executor at a size, ms by kind."""
    quickest: dict[str, float] = {}
    for row in rows:
        kind = str(row["executor"]).partition(":")[0]
        if row["symbols"] == size and row["ms"] < quickest.get(kind, float("inf")):
            quickest[kind] = float(row["ms"])
    return quickest
