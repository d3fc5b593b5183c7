"""The baseline's work on one symbol, in pandas: its checks, features, scores and factors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from technic.errors import not_installed

if TYPE_CHECKING:
    import pandas as pd

WEIGHTS = {"trend": 3, "momentum": 3, "volume": 2, "volatility": 1, "oscillator": 1, "breakout": 1}


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
