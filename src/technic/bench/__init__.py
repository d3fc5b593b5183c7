"""Measuring the scan on the machine and the store at hand."""

from __future__ import annotations

from collections.abc import Callable
from statistics import median
from time import perf_counter
from typing import Any

from technic.config import Settings
from technic.indicators import REGISTRY, Series
from technic.indicators.advance import advance
from technic.indicators.program import compile_program
from technic.scanning import scan
from technic.store import Store


def all_features() -> list[Series]:
    """Every output of every indicator at its defaults that needs no benchmark."""
    return [
        series
        for it in REGISTRY.values()
        if not it.operator and "benchmark" not in it.inputs
        for series in it.all()
    ]


def milliseconds(work: Callable[[], Any], runs: int) -> list[float]:
    """What each of `runs` calls took, after one that is not counted."""
    work()
    taken = []
    for _ in range(runs):
        since = perf_counter()
        work()
        taken.append(1e3 * (perf_counter() - since))
    return taken


def measure(store: Store, settings: Settings, runs: int = 7) -> list[dict[str, Any]]:
    """The scan's own figures: median, minimum and maximum in milliseconds."""
    view = store.panel()
    roots = all_features()
    program = compile_program(roots)
    titles = {
        f"{len(roots)} last-bar features of {len(view.panel):,} symbols": lambda: advance(
            program, view.panel, settings.kernels, threads=settings.threads
        ),
        "scan, warm, in this process": lambda: scan(store, settings=settings),
    }
    figures = []
    for title, work in titles.items():
        taken = milliseconds(work, runs)
        figures.append(
            {
                "what": title,
                "unit": "ms",
                "median": round(median(taken), 2),
                "minimum": round(min(taken), 2),
                "maximum": round(max(taken), 2),
                "runs": runs,
            }
        )
    return figures
