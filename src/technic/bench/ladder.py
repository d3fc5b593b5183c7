"""The same scan of 50 to 11,000 symbols: cold, warm, after a new session; what it took and whether it is right."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import median
from typing import Any

import numpy as np

from technic.bench.markets import Market
from technic.bench.timing import busy, in_process, milliseconds, once
from technic.config import ScanFile, Settings
from technic.indicators.advance import evaluate
from technic.market.panel import FIELDS
from technic.query.lower import lower
from technic.query.reference import Reference
from technic.query.resolve import Resolver
from technic.query.tree import Feature, Name
from technic.report import Report
from technic.scanning import scan
from technic.store import Store
from technic.store.panels import MappedPanel

SIZES = (50, 100, 500, 2_648, 5_277, 11_000)
ASKED = ScanFile(
    name="bench", where="close > sma(50) and rsi(14) > 50", rank="ret(63) - realized_vol(20)",
    columns=("close", "rsi(14)", "atr_pct(14)", "ret(63) - realized_vol(20)"), top=50,
)  # fmt: skip
CHECKED = 12  # symbols held against the slow reference
TOLERANCE = 1e-9  # relative: the reference adds in another order
COLD = """
import sys
connections = []
sys.addaudithook(lambda event, _: connections.append(event) if event == "socket.connect" else None)
import technic as tc
from technic.bench.ladder import ASKED
from technic.scanning import scan
report = scan(tc.open_store({store!r}), file=ASKED)
told = [report.manifest["seal"], len(connections)]
"""


def ladder(market: Market, sizes: Sequence[int] = SIZES, runs: int = 5) -> list[dict[str, Any]]:
    """One row per size.

    Returns
    -------
    list
        `symbols`, `cold_s` (a new process, nothing cached, from its first line: imports included), `warm_ms` (the same
        question again), `fresh_ms` (again, nothing cached), `incremental_ms` (after a new session),
        `us_per_symbol`, `calls` (connections that the cold process opened), `hit_rate`, `peak_mb`, `cpu_pct`, `errors`, `off_reference`
    """
    return [_rung(market, size, runs) for size in sizes]


def _rung(market: Market, size: int, runs: int) -> dict[str, Any]:
    settings = market.settings
    store = market.sized(size, without_last=1)
    scan(store, file=ASKED, settings=settings)
    whole = market.sized(size)
    newest = market.bars["date"].max()
    incremental = _one_more_session(market, store, size, settings, newest)
    cold = in_process(COLD.format(store=str(whole.folder)), market.environment())
    seal, calls = cold["told"]
    report = scan(whole, file=ASKED, settings=settings)
    bare = settings.uncached()
    fresh = milliseconds(lambda: scan(whole, file=ASKED, settings=bare), runs)
    warm = milliseconds(lambda: scan(whole, file=ASKED, settings=settings), runs)
    again = scan(whole, file=ASKED, settings=settings)
    lookups = sum(v for k, v in again.work.items() if k.endswith(("hits", "misses")))
    hits = sum(v for k, v in again.work.items() if k.endswith("hits"))
    book = report.ledger_book
    return {
        "symbols": size,
        "cold_s": round(cold["seconds"], 3),
        "warm_ms": round(median(warm), 2),
        "fresh_ms": round(median(fresh), 2),
        "incremental_ms": incremental,
        "us_per_symbol": round(1e3 * median(fresh) / size, 2),
        "calls": calls,
        "hit_rate": round(100.0 * hits / lookups, 1) if lookups else None,
        "peak_mb": round(cold["peak_mb"]),
        "cpu_pct": round(busy(lambda: [scan(whole, file=ASKED, settings=bare) for _ in range(3)])),
        "errors": book.total - sum(book.counts().values()) + int(seal != again.manifest["seal"]),
        "off_reference": off_reference(whole, report),
        "ranked": report.n_ranked,
    }  # fmt: skip


def _one_more_session(
    market: Market, store: Store, size: int, settings: Settings, newest: Any
) -> float:
    """Milliseconds from a session's bars being stored to its report, state carried on."""
    import polars as pl  # noqa: PLC0415

    names = store.panel().who["symbol"].to_list()
    last = market.bars.filter(pl.col("date") == newest)
    copies = [last] + [
        last.with_columns(pl.col("symbol") + f".{k}") for k in range(1, size // len(market.symbols) + 2)
    ]  # fmt: skip
    rows = pl.concat(copies).filter(pl.col("symbol").is_in(names))
    store.import_bars(rows, "splits", simulated=store.require().simulated)  # type: ignore[attr-defined]
    store.panel()
    took, _ = once(lambda: scan(store, file=ASKED, settings=settings))
    return round(1e3 * took, 2)


def plain_seal(market: Market, size: int = 50) -> tuple[str, str]:
    """The seal of a scan by compiled code, and by the same definitions run as plain Python."""
    place, here = str(market.sized(size).folder), {**market.environment(), "TECHNIC_CACHE": "none"}
    compiled = in_process(COLD.format(store=place), here)
    plain = in_process(COLD.format(store=place), {**here, "NUMBA_DISABLE_JIT": "1"})
    return str(compiled["told"][0]), str(plain["told"][0])


def off_reference(store: Store, report: Report, count: int = CHECKED) -> int:
    """Values of the report that the slow definition of the language does not give."""
    view = store.panel()
    shown = report.shown[:: max(len(report.shown) // count, 1)][:count]
    trees = {text: Resolver().any(text)[0] for text in report.asked["columns"]}
    position = {symbol: i for i, symbol in enumerate(view.who["symbol"])}
    slow = _reference(view, [position[row.symbol] for row in shown], list(trees.values()))
    wrong = 0
    for k, row in enumerate(shown):
        for text, tree in trees.items():
            wanted, found = slow.last(tree, k), row.values[text]
            wrong += not _close(found, wanted)
    return wrong


def _reference(view: MappedPanel, chosen: list[int], trees: list[Any]) -> Reference:
    """The slow interpreter over some symbols: only single features come from the kernel."""
    parts = [
        node for tree in trees for node in tree.walk()
        if isinstance(node, Feature) or (isinstance(node, Name) and node.name in FIELDS)
    ]  # fmt: skip
    parts = list(dict.fromkeys(parts))
    panel = view.panel.select(np.array(chosen))
    from technic.config import Settings as Here  # noqa: PLC0415 -- the kernel of this machine

    rows = evaluate([lower(p) for p in parts], panel, Here.load().kernels, every_bar=True)
    ends = np.cumsum(panel.lengths)
    table = dict(zip(parts, rows, strict=True))

    def history(node: Any, symbol: int) -> list[float]:
        found: list[float] = table[node][
            ends[symbol] - panel.lengths[symbol] : ends[symbol]
        ].tolist()
        return found

    return Reference(panel.lengths.tolist(), history, {}, [True] * len(panel))


def _close(found: Any, wanted: Any) -> bool:
    if found is None or wanted is None:
        return found is None and (wanted is None or math.isnan(float(wanted)))
    return math.isclose(float(found), float(wanted), rel_tol=TOLERANCE, abs_tol=1e-12)
