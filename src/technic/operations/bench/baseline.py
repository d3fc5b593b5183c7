"""The baseline: an older scan written anew from its description, in pandas, symbol by symbol.

`benchmarks/B0.md` holds every line against that description. The network is removed; no sleep and
no copy is added beyond those the description counts. B0 is the scan as it was executed, B1 the same
with its wiring mended (`intended`). Neither is fast, and neither was made slower than it was.

1. `market_cache` makes one frame of all bars of the look-back, as its cache of snapshots did.
2. `universe` filters symbols row by row.
3. `scan_symbol` slices, checks, computes and scores one symbol; a thread pool runs it.
4. `finalize` blends, ranks and plans, row by row.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from os import cpu_count
from typing import TYPE_CHECKING, Any

import numpy as np

from technic.market.panel import Panel
from technic.market.sessions import nyse
from technic.operations.bench.baseline_symbol import (
    factors,
    features,
    pandas_or_refuse,
    passes,
    scores,
)
from technic.runtime.executors.protocol import Shared

if TYPE_CHECKING:
    import pandas as pd

SNAPSHOTS = 150  # sessions in the cache
LOOKBACK = 95  # calendar days: the default style asks for 90, and adds 5
# The sectors its filter knew, by the names of another vendor: of GICS names only three match.
KNOWN_SECTORS = frozenset(
    {
        "Technology",
        "Healthcare",
        "Financial Services",
        "Consumer Cyclical",
        "Industrials",
        "Communication Services",
        "Consumer Defensive",
        "Energy",
    }
)


def market_cache(panel: Panel, symbols: Sequence[str]) -> pd.DataFrame:
    """One frame of the newest bars of everybody: a snapshot per session, joined and sorted."""
    pd = pandas_or_refuse()
    newest = int(np.nanmax(panel.last("session")))
    first = newest - SNAPSHOTS + 1
    columns: dict[str, list[np.ndarray]] = {name: [] for name in ("session", "row")}
    names = ("open", "high", "low", "close", "volume")
    bars: dict[str, list[np.ndarray]] = {name: [] for name in names}
    for i in range(len(panel)):
        session = panel.run(i, "session")
        start = int(np.searchsorted(session, first))
        columns["session"].append(session[start:])
        columns["row"].append(np.full(len(session) - start, i))
        for name in names:
            bars[name].append(panel.run(i, name)[start:])
    everything = pd.DataFrame(
        {
            "Symbol": np.array(symbols, dtype=object)[np.concatenate(columns["row"])],
            "Date": nyse().dates[np.concatenate(columns["session"]).astype(np.int64)],
            **{name.title(): np.concatenate(parts) for name, parts in bars.items()},
        }
    )
    snapshots = [snapshot for _, snapshot in everything.groupby("Date", sort=True)]
    return pd.concat(snapshots, ignore_index=True).sort_values(["Symbol", "Date"])


def universe(rows: pd.DataFrame, *, intended: bool = False) -> list[str]:
    """Symbols that pass its filter, row by row.

    Parameters
    ----------
    rows : one for each listing, with `symbol` and `sector`
    intended : as its authors meant it, rather than as it was executed
    """
    symbols = []
    for _, row in rows.iterrows():
        symbol = str(row["symbol"]).upper().strip()
        if not symbol.isalpha() or not 1 <= len(symbol) <= 5:
            continue
        sector = row["sector"]
        if not intended and sector is not None and sector not in KNOWN_SECTORS:
            continue
        if not intended and len(symbol) < 2:
            continue
        symbols.append(symbol)
    return symbols


def scan_symbol(
    cache: pd.DataFrame, symbol: str, *, intended: bool = False
) -> dict[str, Any] | None:
    """Scan one symbol: a row of its answer, or None where its checks reject the symbol.

    Parameters
    ----------
    cache : bars of everybody, as `market_cache` gives them
    intended : as its authors meant it, rather than as it was executed
    """
    bars = cache[cache["Symbol"] == symbol].copy()  # its slice of the cache
    bars = bars.tail(_bars_of_lookback(bars)).copy()
    history = bars.set_index("Date").copy()
    if not passes(history):
        return None
    row: dict[str, Any] = {"Symbol": symbol}
    row |= features(history.copy(), intended=intended)
    row |= scores(row)
    bundle = factors(history.copy())
    if intended:  # as executed, they were merged by `Series.update`, which adds no new label
        row |= bundle
    return row


def _bars_of_lookback(bars: pd.DataFrame) -> int:
    """How many bars lie in the look-back, which counts calendar days."""
    dates = bars["Date"]
    return int((dates > dates.iloc[-1] - np.timedelta64(LOOKBACK, "D")).sum()) if len(dates) else 0


def finalize(
    rows: list[dict[str, Any]], account: float = 10_000.0, risk: float = 0.01
) -> pd.DataFrame:
    """Blend, rank and plan its rows: z-scores, then functions applied row by row.

    Parameters
    ----------
    rows : as `scan_symbol` gives them
    account : USD
    risk : share of the account that a trade may lose
    """
    pd = pandas_or_refuse()
    table = pd.DataFrame(rows)
    if table.empty:
        return table
    rating = table["TechRating"]
    table["factor_alpha"] = (rating - rating.mean()) / (rating.std() or 1.0)
    thin = (table["DollarVolume"] / 20e6).clip(upper=1.0)
    table["alpha_blend"] = table["factor_alpha"] * thin
    table["TechRating"] = 0.6 * rating + 0.4 * (10 * table["alpha_blend"] + 15)
    ranks = {
        name: table[name].rank(pct=True) for name in ("TechRating", "alpha_blend", "DollarVolume")
    }
    table["InstitutionalCoreScore"] = 100 * (
        0.28 * ranks["TechRating"] + 0.22 * ranks["alpha_blend"] + 0.10 * ranks["DollarVolume"]
    )
    table["PlayStyle"] = table.apply(_play_style, axis=1)
    plans = table.apply(lambda row: pd.Series(_plan(row, account, risk)), axis=1)
    table = pd.concat([table, plans], axis=1)
    return table.sort_values("TechRating", ascending=False).reset_index(drop=True)


def _play_style(row: pd.Series) -> str:
    return (
        "Stable"
        if row["RiskScore"] >= 0.75
        else "Explosive"
        if row["RiskScore"] <= 0.45
        else "Neutral"
    )


def _plan(row: pd.Series, account: float, risk: float) -> dict[str, float]:
    close, reach = row["Close"], row["ATR14"]
    stop = min(max(min(row["Low"], close - 1.5 * reach), close - 3 * reach), close - 0.5 * reach)
    entry = close + 0.1 * reach
    size = np.floor(account * risk / (entry - stop)) if entry > stop else 0.0
    size = min(size, 0.05 * row["DollarVolume"] / close)
    return {
        "EntryPrice": entry,
        "StopPrice": stop,
        "TargetPrice": entry + 2 * (entry - stop),
        "PositionSize": size,
        "RewardRisk": 2.0,
    }


def scan(
    cache: pd.DataFrame,
    symbols: Sequence[str],
    *,
    intended: bool = False,
    workers: int | None = None,
) -> pd.DataFrame:
    """Scan some symbols in its thread pool.

    Parameters
    ----------
    cache : bars of everybody, as `market_cache` gives them
    intended : as its authors meant it, rather than as it was executed
    workers : threads; as many as it took by default
    """
    size = workers or min(32, 2 * (cpu_count() or 1))
    with ThreadPoolExecutor(size) as pool:
        rows = list(pool.map(lambda s: scan_symbol(cache, s, intended=intended), symbols))
    return finalize([row for row in rows if row is not None])


def run_part(shared: Shared, first: int, last: int) -> dict[str, Any]:
    """Scan some symbols on some worker, in pandas, which holds the GIL."""
    pd = pandas_or_refuse()
    arrays = shared.arrays
    bounds = arrays["bounds"]
    ratings = np.full(last - first, np.nan)
    for i in range(first, last):
        stretch = slice(int(bounds[i]), int(bounds[i + 1]))
        bars = pd.DataFrame(
            {
                name.title(): arrays[name][stretch]
                for name in ("open", "high", "low", "close", "volume")
            }
        )
        if passes(bars):
            row = features(bars.copy(), intended=True)
            ratings[i - first] = scores(row)["TechRating"]
            factors(bars.copy())
    return {"values": ratings}
