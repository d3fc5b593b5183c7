"""Definitions spelled out slowly, one bar at a time, for indicators that TA-Lib lacks."""

from __future__ import annotations

import math

import numpy as np


def rolling(n, length, function):
    """`function(start, stop)` for every full window; NaN before."""
    out = np.full(length, np.nan)
    for t in range(n - 1, length):
        out[t] = function(t - n + 1, t + 1)
    return out


def divided(a, b, least=0.0):
    return a / b if b > least else np.nan


def dust(x):
    """What is no difference between prices near `x`."""
    return 1e-12 * np.abs(x)


def plain_ema(x, n):
    out, average, seen = np.full(len(x), np.nan), 0.0, []
    for t, value in enumerate(x):
        if not np.isfinite(value):
            continue
        seen.append(value)
        if len(seen) < n:
            continue
        average = np.mean(seen) if len(seen) == n else average + 2 / (n + 1) * (value - average)
        out[t] = average
    return out


def plain_wma(x, n):
    weights = np.arange(1, n + 1)
    return rolling(n, len(x), lambda a, b: float(weights @ x[a:b]) / weights.sum())


def true_ranges(b):
    out = np.full(len(b.close), np.nan)
    for t in range(1, len(out)):
        out[t] = max(b.high[t], b.close[t - 1]) - min(b.low[t], b.close[t - 1])
    return out


def wilder(x, n):
    out, average, seen = np.full(len(x), np.nan), 0.0, []
    for t, value in enumerate(x):
        if not np.isfinite(value):
            continue
        seen.append(value)
        if len(seen) < n:
            continue
        average = np.mean(seen) if len(seen) == n else average + (value - average) / n
        out[t] = average
    return out


def returns(x):
    return np.concatenate([[np.nan], x[1:] / x[:-1] - 1]) if len(x) else x


def hma(b, n):
    return plain_wma(2 * plain_wma(b.close, n // 2) - plain_wma(b.close, n), math.isqrt(n))


def vwma(b, n):
    return rolling(
        n,
        len(b.close),
        lambda a, e: divided(float(b.close[a:e] @ b.volume[a:e]), b.volume[a:e].sum()),
    )


def rsi_cutler(b, n):
    moves = np.diff(b.close)

    def share(a, e):
        window = moves[a : e - 1]
        up, down = window[window > 0].sum(), -window[window < 0].sum()
        return divided(100 * up, up + down)

    return rolling(n + 1, len(b.close), share)


def ppo(b, fast, slow, signal):
    calm = plain_ema(b.close, slow)
    line = 100 * (plain_ema(b.close, fast) - calm) / calm
    average = plain_ema(line, signal)
    return line, average, line - average


def stoch_rsi(b, length, n, smooth, signal):
    import talib

    strength = talib.RSI(b.close, length) if len(b.close) > 1 else np.full(len(b.close), np.nan)
    raw = rolling(
        n,
        len(strength),
        lambda a, e: divided(
            100 * (strength[e - 1] - strength[a:e].min()),
            strength[a:e].max() - strength[a:e].min(),
            2 * dust(strength[a:e].max()),
        ),
    )
    k = rolling(smooth, len(raw), lambda a, e: raw[a:e].mean())
    return k, rolling(signal, len(k), lambda a, e: k[a:e].mean())


def r2(b, n):
    bars = np.arange(n)

    def share(a, e):
        if np.ptp(b.close[a:e]) == 0:
            return np.nan
        return np.corrcoef(bars, b.close[a:e])[0, 1] ** 2

    return rolling(n, len(b.close), share)


def supertrend(b, n, width):
    average = wilder(true_ranges(b), n)
    line, sides = np.full(len(average), np.nan), np.full(len(average), np.nan)
    upper = lower = side = None
    for t in range(len(average)):
        if np.isnan(average[t]):
            continue
        middle = (b.high[t] + b.low[t]) / 2
        over, under = middle + width * average[t], middle - width * average[t]
        if side is None:
            upper, lower, side = over, under, -1 if b.close[t] <= over + dust(over) else 1
        else:
            upper = over if over < upper or b.close[t - 1] > upper + dust(upper) else upper
            lower = under if under > lower or b.close[t - 1] < lower - dust(lower) else lower
            if side < 0:
                side = 1 if b.close[t] > upper + dust(upper) else -1
            else:
                side = -1 if b.close[t] < lower - dust(lower) else 1
        line[t], sides[t] = (lower if side > 0 else upper), side
    return line, sides


def vortex(b, n):
    reach = true_ranges(b)
    up = np.concatenate([[np.nan], np.abs(b.high[1:] - b.low[:-1])])
    down = np.concatenate([[np.nan], np.abs(b.low[1:] - b.high[:-1])])
    length = len(reach)
    return (
        rolling(n, length, lambda a, e: divided(up[a:e].sum(), reach[a:e].sum())),
        rolling(n, length, lambda a, e: divided(down[a:e].sum(), reach[a:e].sum())),
    )


def keltner(b, n, width, length):
    middle, reach = plain_ema(b.close, n), width * wilder(true_ranges(b), length)
    return middle + reach, middle, middle - reach


def realized_vol(b, n):
    moves = returns(b.close)
    return rolling(n, len(moves), lambda a, e: moves[a:e].std(ddof=1) * math.sqrt(252))


def zscore(b, n):
    def score(a, e):
        spread = b.close[a:e].std()
        return divided(b.close[e - 1] - b.close[a:e].mean(), spread, dust(b.close[e - 1]))

    return rolling(n, len(b.close), score)


def max_drawdown(b, n):
    def fall(a, e):
        window = b.close[a:e]
        return float((1 - window / np.maximum.accumulate(window)).max())

    return rolling(n, len(b.close), fall)


def cmf(b, n):
    flows = [
        ((c - low) - (h - c)) / (h - low) * v if h > low else 0.0
        for h, low, c, v in zip(b.high, b.low, b.close, b.volume, strict=True)
    ]
    return rolling(n, len(flows), lambda a, e: divided(float(sum(flows[a:e])), b.volume[a:e].sum()))


def force_index(b, n):
    moves = np.concatenate([[np.nan], np.diff(b.close)])
    return plain_ema(moves * b.volume, n)


def dollar_volume(b, n):
    money = b.close * b.volume
    return rolling(n, len(money), lambda a, e: money[a:e].mean())


def volume_ratio(b, n):
    return rolling(n, len(b.volume), lambda a, e: divided(b.volume[e - 1], b.volume[a:e].mean()))


def up_down_volume(b, n):
    moves = np.diff(b.close, prepend=np.nan)

    def share(a, e):
        window, volume = moves[a + 1 : e], b.volume[a + 1 : e]
        return divided(volume[window > 0].sum(), volume[window < 0].sum())

    return rolling(n + 1, len(b.close), share)


def from_high(b, n):
    return rolling(n, len(b.close), lambda a, e: 100 * (b.close[e - 1] / b.high[a:e].max() - 1))


def from_low(b, n):
    return rolling(n, len(b.close), lambda a, e: 100 * (b.close[e - 1] / b.low[a:e].min() - 1))


def gap(b):
    return np.concatenate([[np.nan], 100 * (b.open[1:] / b.close[:-1] - 1)])


def beta(b, n):
    own, theirs = returns(b.close), returns(b.benchmark)

    def ratio(a, e):
        return np.cov(own[a:e], theirs[a:e], ddof=0)[0, 1] / theirs[a:e].var()

    out = np.full(len(own), np.nan)
    out[n:] = rolling(n, len(own), ratio)[n:]
    return out


def corr(b, n):
    own, theirs = returns(b.close), returns(b.benchmark)
    out = np.full(len(own), np.nan)

    def together(a, e):
        if min(own[a:e].std(), theirs[a:e].std()) <= dust(1.0):
            return np.nan
        return np.corrcoef(own[a:e], theirs[a:e])[0, 1]

    out[n:] = rolling(n, len(own), together)[n:]
    return out


def rel_strength(b, n):
    out = np.full(len(b.close), np.nan)
    for t in range(n, len(out)):
        out[t] = (b.close[t] / b.close[t - n]) / (b.benchmark[t] / b.benchmark[t - n]) - 1
    return out
