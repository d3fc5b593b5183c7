"""A spot check of answers: values of some symbols, computed again by the slow reference."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from technic.data.store import Store
from technic.data.store.mapped_panel import MappedPanel
from technic.indicators.kernel.run import evaluate
from technic.market.panel import FIELDS
from technic.query.lower import lower
from technic.query.reference import Reference
from technic.query.resolve import Resolver
from technic.query.tree import Feature, Name
from technic.runtime.settings import Settings
from technic.scanner.report import Report, Row
from technic.scanner.scan import scan
from technic.scanner.spec.scan_file import ScanFile

CHECKED = 12  # symbols held against the slow reference
TOLERANCE = 1e-9  # relative: the reference adds in another order
PROBE = ScanFile(
    name="accuracy",
    universe="bars > 0",
    rank="close",
    top=100_000,
    columns=(
        "close",
        "rsi(14)",
        "atr_pct(14)",
        "ret(63) - realized_vol(20)",
        "close / sma(50) - 1",
        "ema(close, 20)",
        "highest(high, 20) - lowest(low, 20)",
        "volume / sma(volume, 20)",
    ),
)


@dataclass(frozen=True, slots=True)
class Accuracy:
    """What a spot check found.

    Attributes
    ----------
    symbols, values : how many were compared
    off : how many values differ by more than `TOLERANCE`
    """

    symbols: int
    values: int
    off: int


def check_accuracy(store: Store, settings: Settings, count: int = 50, seed: str = "") -> Accuracy:
    """Recompute values of random symbols that traded on the newest session.

    Parameters
    ----------
    count : how many symbols
    seed : chooses the symbols; the store version by default, so that a check can be repeated
    """
    report = scan(store, file=PROBE, settings=settings)
    chance = random.Random(seed or report.manifest["store_version"])  # noqa: S311 -- a sample
    rows = chance.sample(report.shown, min(count, len(report.shown)))
    off = count_off_rows(store, report, rows, settings)
    return Accuracy(len(rows), len(rows) * len(report.asked["columns"]), off)


def count_off_reference(store: Store, report: Report, count: int = CHECKED) -> int:
    """How many values of a report differ from the slow definition of the language.

    Parameters
    ----------
    count : how many symbols are compared, evenly spread over the rows shown
    """
    shown = report.shown[:: max(len(report.shown) // count, 1)][:count]
    return count_off_rows(store, report, shown, Settings.load())


def count_off_rows(store: Store, report: Report, rows: Sequence[Row], settings: Settings) -> int:
    """How many values of some rows of a report differ from the slow definition of the language."""
    view = store.panel()
    trees = {text: Resolver().any(text)[0] for text in report.asked["columns"]}
    position = {symbol: i for i, symbol in enumerate(view.who["symbol"])}
    chosen = [position[row.symbol] for row in rows]
    slow = _reference(view, chosen, list(trees.values()), settings)
    wrong = 0
    for k, row in enumerate(rows):
        for text, tree in trees.items():
            expected, value = slow.last(tree, k), row.values[text]
            wrong += not _close(value, expected)
    return wrong


def _reference(
    view: MappedPanel, chosen: list[int], trees: list[Any], settings: Settings
) -> Reference:
    """The slow interpreter over some symbols: only single features come from the kernel."""
    parts = [
        node
        for tree in trees
        for node in tree.walk()
        if isinstance(node, Feature) or (isinstance(node, Name) and node.name in FIELDS)
    ]
    parts = list(dict.fromkeys(parts))
    panel = view.panel.select(np.array(chosen))
    rows = evaluate([lower(p) for p in parts], panel, settings.kernels, every_bar=True)
    ends = np.cumsum(panel.lengths)
    table = dict(zip(parts, rows, strict=True))

    def history(node: Any, symbol: int) -> list[float]:
        values: list[float] = table[node][
            ends[symbol] - panel.lengths[symbol] : ends[symbol]
        ].tolist()
        return values

    return Reference(panel.lengths.tolist(), history, {}, [True] * len(panel))


def _close(value: Any, expected: Any) -> bool:
    if value is None or expected is None:
        return value is None and (expected is None or math.isnan(float(expected)))
    return math.isclose(float(value), float(expected), rel_tol=TOLERANCE, abs_tol=1e-12)
