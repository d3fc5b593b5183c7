"""Honest baselines: the same kinds of features over the same bars, as others compute them.

Each takes the panel and the positions of the symbols to compute, and returns how many outputs
it gave per symbol. Where a library lacks a feature it is left out, which favours the library.
"""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pandas as pd
import polars as pl
import talib

from technic.indicators import REGISTRY


def talib_loop(panel, chosen):
    """TA-Lib called once per symbol and indicator, keeping the last value."""
    ours = [it for it in REGISTRY.values() if it.oracle is not None and not it.operator]
    outputs = 0
    for i in chosen:
        bars = SimpleNamespace(
            **{name: np.ascontiguousarray(panel.run(i, name)) for name in panel.fields[:5]}
        )
        outputs = 0
        for it in ours:
            answer = it.oracle(talib, bars, **it.defaults)
            for series in answer if isinstance(answer, tuple | list) else (answer,):
                series[-1]
                outputs += 1
    return outputs


def pandas_loop(panel, chosen):
    """One frame per symbol, rolling and ewm, whole series of which the last row is used."""
    outputs = 0
    for i in chosen:
        frame = pd.DataFrame({name: panel.run(i, name) for name in panel.fields[:5]})
        outputs = len(_pandas_features(frame).iloc[-1])
    return outputs


def _pandas_features(df):
    c, h, low, v = df["close"], df["high"], df["low"], df["volume"]
    out = {}
    for n in (20, 50, 200):
        out[f"sma_{n}"] = c.rolling(n).mean()
    for n in (12, 20, 26):
        out[f"ema_{n}"] = c.ewm(span=n, adjust=False).mean()
    for n in (5, 10, 21, 63, 126):
        out[f"ret_{n}"] = c / c.shift(n) - 1
    move = c.diff()
    gain, loss = move.clip(lower=0), -move.clip(upper=0)
    for n in (7, 14):
        up, down = (x.ewm(alpha=1 / n, adjust=False).mean() for x in (gain, loss))
        out[f"rsi_{n}"] = 100 * up / (up + down)
    up, down = gain.rolling(14).mean(), loss.rolling(14).mean()
    out["rsi_cutler"] = 100 * up / (up + down)
    macd = out["ema_12"] - out["ema_26"]
    out["macd"], out["macd_signal"] = macd, macd.ewm(span=9, adjust=False).mean()
    out["macd_hist"] = macd - out["macd_signal"]
    out["ppo"] = 100 * macd / out["ema_26"]
    floor, ceiling = low.rolling(14).min(), h.rolling(14).max()
    out["stoch_k"] = (100 * (c - floor) / (ceiling - floor)).rolling(3).mean()
    out["stoch_d"] = out["stoch_k"].rolling(3).mean()
    out["williams_r"] = -100 * (ceiling - c) / (ceiling - floor)
    reach = pd.concat([h - low, (h - c.shift()).abs(), (low - c.shift()).abs()], axis=1).max(axis=1)
    out["true_range"] = reach
    out["atr"] = reach.ewm(alpha=1 / 14, adjust=False).mean()
    out["atr_pct"] = 100 * out["atr"] / c
    rise, fall = h.diff(), -low.diff()
    plus = rise.where((rise > fall) & (rise > 0), 0).ewm(alpha=1 / 14, adjust=False).mean()
    minus = fall.where((fall > rise) & (fall > 0), 0).ewm(alpha=1 / 14, adjust=False).mean()
    out["plus_di"], out["minus_di"] = 100 * plus / out["atr"], 100 * minus / out["atr"]
    lean = 100 * (plus - minus).abs() / (plus + minus)
    out["adx"] = lean.ewm(alpha=1 / 14, adjust=False).mean()
    middle, spread = c.rolling(20).mean(), c.rolling(20).std(ddof=0)
    out["bb_upper"], out["bb_lower"] = middle + 2 * spread, middle - 2 * spread
    out["bb_pct"] = (c - out["bb_lower"]) / (4 * spread)
    out["bb_width"] = 4 * spread / middle
    out["zscore"] = (c - middle) / spread
    out["donchian_upper"], out["donchian_lower"] = h.rolling(20).max(), low.rolling(20).min()
    out["highest_252"], out["lowest_252"] = h.rolling(252).max(), low.rolling(252).min()
    out["from_high"] = 100 * (c / out["highest_252"] - 1)
    out["from_low"] = 100 * (c / out["lowest_252"] - 1)
    out["realized_vol"] = c.pct_change().rolling(20).std() * 252**0.5
    out["obv"] = (np.sign(move).fillna(0) * v).cumsum()
    place = ((c - low) - (h - c)) / (h - low).replace(0, np.nan)
    out["adl"] = (place.fillna(0) * v).cumsum()
    out["cmf"] = (place.fillna(0) * v).rolling(20).sum() / v.rolling(20).sum()
    typical = (h + low + c) / 3
    money, step = typical * v, typical.diff()
    inflow = money.where(step > 0, 0).rolling(14).sum()
    outflow = money.where(step < 0, 0).rolling(14).sum()
    out["mfi"] = 100 * inflow / (inflow + outflow)
    out["force_index"] = (move * v).ewm(span=13, adjust=False).mean()
    out["dollar_volume"] = (c * v).rolling(20).mean()
    out["volume_ratio"] = v / v.rolling(20).mean()
    out["up_down_volume"] = (
        v.where(move > 0, 0).rolling(50).sum() / v.where(move < 0, 0).rolling(50).sum()
    )
    out["gap"] = 100 * (df["open"] / c.shift() - 1)
    out["vwma"] = (c * v).rolling(20).sum() / v.rolling(20).sum()
    one = c.ewm(span=20, adjust=False).mean()
    two = one.ewm(span=20, adjust=False).mean()
    three = two.ewm(span=20, adjust=False).mean()
    out["dema"], out["tema"] = 2 * one - two, 3 * one - 3 * two + three
    out["trix"] = 100 * three.pct_change()
    mean = typical.rolling(20).mean()
    out["cci"] = (typical - mean) / (0.015 * (typical - mean).abs().rolling(20).mean())
    return pd.DataFrame(out)


def polars_expressions(panel, chosen):
    """One lazy query over all bars, grouped by symbol, last value of each expression."""
    frame = pl.DataFrame(
        {
            "symbol": np.repeat(chosen, panel.lengths[chosen]),
            **{
                name: np.concatenate([panel.run(i, name) for i in chosen])
                for name in panel.fields[:5]
            },
        }
    )
    c, h, low, v = (pl.col(name) for name in ("close", "high", "low", "volume"))
    move = c - c.shift(1)
    gain, loss = (
        pl.when(move > 0).then(move).otherwise(0.0),
        pl.when(move < 0).then(-move).otherwise(0.0),
    )
    reach = pl.max_horizontal(h, c.shift(1)) - pl.min_horizontal(low, c.shift(1))
    macd = c.ewm_mean(span=12, adjust=False) - c.ewm_mean(span=26, adjust=False)
    middle, spread = c.rolling_mean(20), c.rolling_std(20, ddof=0)
    made = {
        **{f"sma_{n}": c.rolling_mean(n) for n in (20, 50, 200)},
        **{f"ema_{n}": c.ewm_mean(span=n, adjust=False) for n in (12, 20, 26)},
        **{f"ret_{n}": c / c.shift(n) - 1 for n in (5, 10, 21, 63, 126)},
        "rsi": gain.ewm_mean(alpha=1 / 14, adjust=False)
        / loss.ewm_mean(alpha=1 / 14, adjust=False),
        "macd": macd,
        "macd_signal": macd.ewm_mean(span=9, adjust=False),
        "atr": reach.ewm_mean(alpha=1 / 14, adjust=False),
        "bb_upper": middle + 2 * spread,
        "bb_lower": middle - 2 * spread,
        "zscore": (c - middle) / spread,
        "highest": h.rolling_max(252),
        "lowest": low.rolling_min(252),
        "stoch": (c - low.rolling_min(14)) / (h.rolling_max(14) - low.rolling_min(14)),
        "dollar_volume": (c * v).rolling_mean(20),
        "volume_ratio": v / v.rolling_mean(20),
        "realized_vol": (c / c.shift(1) - 1).rolling_std(20),
    }
    frame.lazy().group_by("symbol").agg(e.last().alias(name) for name, e in made.items()).collect()
    return len(made)
