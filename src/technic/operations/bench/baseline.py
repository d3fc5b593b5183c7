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

from technic.errors import not_installed
from technic.market.panel import Panel
from technic.market.sessions import nyse
from technic.runtime.executors.protocol import Shared

if TYPE_CHECKING:
    import pandas as pd

SNAPSHOTS = 150  # sessions in the cache
LOOKBACK = 95  # calendar days: the default style asks for 90, and adds 5
WEIGHTS = {"trend": 3, "momentum": 3, "volume": 2, "volatility": 1, "oscillator": 1, "breakout": 1}
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


def pandas_or_refuse() -> Any:
    """pandas, which the baseline alone needs.

    Raises
    ------
    ConfigError
        If it is not installed.
    """
    try:
        import pandas as pd
    except ModuleNotFoundError as error:
        raise not_installed(error, "bench", "the baseline is written in pandas") from error
    return pd


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


def passes(bars: pd.DataFrame) -> bool:
    """Its checks after the bars are there: enough of them, dear enough, traded enough, calm enough."""
    if len(bars) < 20 or bars["Close"].iloc[-1] < 1.0:
        return False
    traded = (bars["Close"] * bars["Volume"]).tail(40).mean()
    last = bars["Close"].tail(20)
    return bool(traded >= 250_000 and last.std() / last.mean() <= 0.5)


def features(bars: pd.DataFrame, *, intended: bool = False) -> dict[str, float]:
    """Features of one symbol: whole series are computed, and the last value of each is used."""
    close, high, low, volume = bars["Close"], bars["High"], bars["Low"], bars["Volume"]
    out: dict[str, float] = {}
    for n in (1, 5, 21):
        out[f"ret_{n}d"] = _last(close / close.shift(n) - 1)
    out["vol_realized_20"] = _last(close.pct_change().rolling(20).std() * np.sqrt(252))
    reach = _true_range(bars)
    atr = reach.ewm(alpha=1 / 14, adjust=False).mean() if intended else reach.rolling(14).mean()
    out["ATR14"], out["ATR14_pct"] = _last(atr), _last(atr / close)
    for n in (20, 50, 200):
        out[f"SMA{n}"] = _last(close.rolling(n).mean())
    out["pct_from_high20"] = _last(100 * (close / close.rolling(20).max() - 1))
    out["RSI14"] = _last(_rsi(close, intended=intended))
    fast, slow = close.ewm(span=12).mean(), close.ewm(span=26).mean()
    macd = fast - slow
    out["MACD_hist"] = _last(macd - macd.ewm(span=9).mean())
    dollars = close * volume
    out["dollar_vol_20"] = _last(dollars.rolling(20).mean())
    out["vol_spike_ratio"] = _last(dollars / dollars.rolling(20).mean())
    gaps = (bars["Open"] - close.shift(1)).abs() / close.shift(1)
    out["gap_mean_10"] = _last(gaps.rolling(10).mean())
    out |= {
        "Open": _last(bars["Open"]),
        "High": _last(high),
        "Low": _last(low),
        "Close": _last(close),
        "Volume": _last(volume),
        "DollarVolume": _last(dollars),
    }
    return out


def _true_range(bars: pd.DataFrame) -> pd.Series:
    pd = pandas_or_refuse()
    before = bars["Close"].shift(1)
    parts = [
        bars["High"] - bars["Low"],
        (bars["High"] - before).abs(),
        (bars["Low"] - before).abs(),
    ]
    return pd.concat(parts, axis=1).max(axis=1)


def _rsi(close: pd.Series, *, intended: bool) -> pd.Series:
    move = close.diff()
    gain, loss = move.clip(lower=0), -move.clip(upper=0)
    if intended:
        up, down = (x.ewm(alpha=1 / 14, adjust=False).mean() for x in (gain, loss))
    else:
        up, down = gain.rolling(14).mean(), loss.rolling(14).mean()
    return 100 - 100 / (1 + up / down)


def _last(series: pd.Series) -> float:
    return float(series.iloc[-1])


def scores(row: dict[str, float]) -> dict[str, Any]:
    """Its scores: small whole numbers, their weighted sum, and a scale for risk."""
    points = dict.fromkeys(WEIGHTS, 0)
    points["trend"] = int(row["SMA20"] > row["SMA50"]) * 2 + int(row["SMA50"] > row["SMA200"])
    rsi, distance = row["RSI14"], row["pct_from_high20"]
    momentum = int(rsi > 55) + int(rsi > 65) - int(rsi < 45) - int(rsi < 40)
    momentum += int(row["MACD_hist"] > 0) + int(distance > -3)
    points["momentum"] = max(-3, min(3, momentum))
    spike, calm = row["vol_spike_ratio"], row["ATR14_pct"]
    points["volume"] = 2 if spike > 1.5 else 1 if spike > 1.2 else -1 if spike < 0.7 else 0
    points["volatility"] = 1 if calm < 0.01 else -1 if calm > 0.03 else 0
    points["oscillator"] = 1 if 55 <= rsi <= 65 else -1 if rsi > 70 or rsi < 40 else 0
    points["breakout"] = int(distance > -1) + int(row["ret_5d"] > 0.02)
    raw = sum(WEIGHTS[name] * value for name, value in points.items())
    risk = 1 - 50 * calm
    rating = raw * (0.7 + 0.3 * max(0.0, min(1.0, risk)))
    strong = rating >= 22 and points["trend"] >= 2 and points["momentum"] >= 1
    signal = (
        "Strong Long" if strong else "Long" if rating >= 16 and points["trend"] >= 1 else "Avoid"
    )
    titles = {f"{name.title()}Score": value for name, value in points.items()}
    return {
        **titles,
        "TechRating_raw": raw,
        "RiskScore": risk,
        "TechRating": rating,
        "Signal": signal,
    }


def factors(bars: pd.DataFrame) -> dict[str, float]:
    """Its factors: a second time what was computed already, and some more."""
    close = bars["Close"]
    out = {f"mom_{n}": _last(close / close.shift(n) - 1) for n in (5, 21, 63)}
    out["reversal_5"] = -out["mom_5"]
    mean = close.rolling(20).mean().dropna()
    line = np.polyfit(np.arange(len(mean)), mean.to_numpy(), 1) if len(mean) > 1 else [np.nan]
    out["ma_slope_20"] = float(line[0]) / _last(close)
    out["atr_pct_14"] = _last(_true_range(bars).rolling(14).mean() / close)
    out["vol_realized_20_again"] = _last(close.pct_change().rolling(20).std() * np.sqrt(252))
    out["dollar_vol_20_again"] = _last((close * bars["Volume"]).rolling(20).mean())
    gaps = (bars["Open"] - close.shift(1)).abs() / close.shift(1)
    out["gap_stat_10"] = _last(gaps.rolling(10).mean())
    return out


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
