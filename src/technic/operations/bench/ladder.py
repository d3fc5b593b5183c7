"""The same scan of 50 to 11,000 symbols: cold, warm, after a new session, and whether it is right."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median
from typing import Any

from technic.data.store import Store
from technic.operations.bench.markets import Market
from technic.operations.bench.timing import cpu_share, milliseconds, run_in_process, time_once
from technic.operations.spot_check import count_off_reference
from technic.runtime.settings import Settings
from technic.scanner.scan import scan
from technic.scanner.spec.scan_file import ScanFile

SIZES = (50, 100, 500, 2_648, 5_277, 11_000)
ASKED = ScanFile(
    name="bench",
    where="close > sma(50) and rsi(14) > 50",
    rank="ret(63) - realized_vol(20)",
    columns=("close", "rsi(14)", "atr_pct(14)", "ret(63) - realized_vol(20)"),
    top=50,
)
COLD = """
import sys
connections = []
sys.addaudithook(lambda event, _: connections.append(event) if event == "socket.connect" else None)
import technic as tc
from technic.operations.bench.ladder import ASKED
from technic.scanner.scan import scan
report = scan(tc.open_store({store!r}), file=ASKED)
result = [report.manifest["seal"], len(connections)]
"""


def ladder(market: Market, sizes: Sequence[int] = SIZES, runs: int = 5) -> list[dict[str, Any]]:
    """Measure the same scan over stores of several sizes.

    Parameters
    ----------
    sizes : numbers of symbols; beyond the market's own, symbols are repeated under other names
    runs : how often each scan is repeated; medians are given

    Returns
    -------
    list
        One row for each size. `cold_s`: seconds of a new process from its first line on, imports
        included, nothing cached; `warm_ms`: the same question again; `fresh_ms`: again, with
        nothing cached; `incremental_ms`: after a new session; `us_per_symbol`; `calls`:
        connections that the cold process opened; `hit_rate` of the caches and `cpu_pct` of all
        cores, percent; `peak_mb`; `errors`: symbols without an account, and answers that differ;
        `off_reference`: values that the slow reference does not give; `ranked`: symbols.
    """
    return [_rung(market, size, runs) for size in sizes]


def _rung(market: Market, size: int, runs: int) -> dict[str, Any]:
    settings = market.settings
    store = market.sized(size, without_last=1)
    scan(store, file=ASKED, settings=settings)
    whole = market.sized(size)
    newest = market.bars["date"].max()
    incremental = _one_more_session(market, store, size, settings, newest)
    cold = run_in_process(COLD.format(store=str(whole.folder)), market.environment())
    seal, calls = cold["result"]
    report = scan(whole, file=ASKED, settings=settings)
    bare = settings.uncached()
    fresh = milliseconds(lambda: scan(whole, file=ASKED, settings=bare), runs)
    warm = milliseconds(lambda: scan(whole, file=ASKED, settings=settings), runs)
    repeated = scan(whole, file=ASKED, settings=settings)
    lookups = sum(v for k, v in repeated.work.items() if k.endswith(("hits", "misses")))
    hits = sum(v for k, v in repeated.work.items() if k.endswith("hits"))
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
        "cpu_pct": round(
            cpu_share(lambda: [scan(whole, file=ASKED, settings=bare) for _ in range(3)])
        ),
        "errors": book.total - sum(book.counts().values()) + int(seal != repeated.manifest["seal"]),
        "off_reference": count_off_reference(whole, report),
        "ranked": report.n_ranked,
    }


def _one_more_session(
    market: Market, store: Store, size: int, settings: Settings, newest: Any
) -> float:
    """Milliseconds from a session's bars being stored to its report, state carried on."""
    import polars as pl

    names = store.panel().who["symbol"].to_list()
    last = market.bars.filter(pl.col("date") == newest)
    copies = [last] + [
        last.with_columns(pl.col("symbol") + f".{k}")
        for k in range(1, size // len(market.symbols) + 2)
    ]
    rows = pl.concat(copies).filter(pl.col("symbol").is_in(names))
    store.import_bars(rows, "splits", simulated=store.require().simulated)  # type: ignore[attr-defined]
    store.panel()
    took, _ = time_once(lambda: scan(store, file=ASKED, settings=settings))
    return round(1e3 * took, 2)


def plain_seal(market: Market, size: int = 50) -> tuple[str, str]:
    """The seal of a scan by compiled code, and by the same definitions run as plain Python."""
    place, environment = (
        str(market.sized(size).folder),
        {**market.environment(), "TECHNIC_CACHE": "none"},
    )
    compiled = run_in_process(COLD.format(store=place), environment)
    plain = run_in_process(COLD.format(store=place), {**environment, "NUMBA_DISABLE_JIT": "1"})
    return str(compiled["result"][0]), str(plain["result"][0])
