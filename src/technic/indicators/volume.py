"""How much traded, and on which side."""

from __future__ import annotations

from typing import Any

from technic.indicators.average import ema, sma
from technic.indicators.define import ALWAYS, fold, formula, window
from technic.indicators.lanes import where
from technic.indicators.momentum import PERCENT
from technic.indicators.reading import apart, place_in_bar, ratio, share, typical
from technic.indicators.series import Series, apply


@fold(
    lookback=lambda: 0,
    carries="balance",
    decay=lambda: ALWAYS,
    unit="volume",
    oracle=lambda ta, b: ta.OBV(b.close, b.volume),
    source="Granville (1963); starts from the first bar's volume, as TA-Lib",
)
def obv(t: int, k: Any, close: Any, volume: Any, balance: Any) -> Any:
    """On-balance volume: shares of rising bars less shares of falling ones."""
    move = apart(close[t], close[max(t - 1, 0)])
    signed = where(move > 0.0, volume[t], where(move < 0.0, -volume[t], 0.0))
    balance = where(k < 1.0, volume[t], balance + signed)
    return balance, balance


@fold(
    lookback=lambda: 0,
    carries="balance",
    decay=lambda: ALWAYS,
    unit="volume",
    oracle=lambda ta, b: ta.AD(b.high, b.low, b.close, b.volume),
    source="Chaikin's accumulation / distribution line",
)
def adl(
    t: int,
    k: Any,  # noqa: ARG001 -- a sum does not ask how many bars there were
    high: Any,
    low: Any,
    close: Any,
    volume: Any,
    balance: Any,
) -> Any:
    """Shares weighted by where in its range each bar closed, summed since the first bar.

    A bar without a range adds nothing.
    """
    balance = balance + place_in_bar(high, low, close, t) * volume[t]
    return balance, balance


@window(
    lookback=lambda n: n - 1,
    bounds=(-1.0, 1.0),
    scale_free=True,
    unit="ratio",
    source="Chaikin money flow",
)
def cmf(t: int, high: Any, low: Any, close: Any, volume: Any, n: int = 20) -> Any:
    """Volume weighted by where in its range each bar closed, per share traded."""
    flow, shares = 0.0 * close[t], 0.0 * close[t]
    for j in range(t - n + 1, t + 1):
        flow = flow + place_in_bar(high, low, close, j) * volume[j]
        shares = shares + volume[j]
    return ratio(flow, shares, 0.0)


@window(
    lookback=lambda n: n,
    bounds=PERCENT,
    scale_free=True,
    unit="percent",
    oracle=lambda ta, b, n: ta.MFI(b.high, b.low, b.close, b.volume, n),
    source="Quong & Soudack (1989), Stocks & Commodities 7:3",
    differs="where no money flowed (typical prices equal, or volume 0, for n + 1 bars) TA-Lib "
    "says 0; here it is unknown",
)
def mfi(t: int, high: Any, low: Any, close: Any, volume: Any, n: int = 14) -> Any:
    """Share of the money of `n` bars that flowed in rising ones, in percent.

    A bar whose typical price is that of the bar before counts on neither side.
    """
    up, down = 0.0 * close[t], 0.0 * close[t]
    for j in range(t - n + 1, t + 1):
        price = typical(high, low, close, j)
        move, money = apart(price, typical(high, low, close, j - 1)), price * volume[j]
        up = up + where(move > 0.0, money, 0.0 * money)
        down = down + where(move < 0.0, money, 0.0 * money)
    return 100.0 * share(up, up + down, 0.0)


@formula(
    decay=lambda n: 1.0 - 2.0 / (n + 1.0),
    unit="money",
    source="Elder (1993), Trading for a Living",
)
def force_index(close: Series, volume: Series, n: int = 13) -> Series:
    """Exponential average of each bar's move times its volume, in USD."""
    before = apply("lag", close, params=(1,))
    return ema(apply("difference", close, before, close) * volume, n)


@formula(unit="money", source="mean of close × volume")
def dollar_volume(close: Series, volume: Series, n: int = 20) -> Series:
    """Mean dollars traded per bar over `n` bars: close × volume."""
    return sma(close * volume, n)


@formula(scale_free=True, unit="ratio", source="volume over its mean, today included")
def volume_ratio(volume: Series, n: int = 20) -> Series:
    """Volume as a multiple of its mean over `n` bars; unknown if nothing traded."""
    return volume / sma(volume, n)


@window(lookback=lambda n: n, scale_free=True, unit="ratio", source="O'Neil's up / down volume")
def up_down_volume(t: int, close: Any, volume: Any, n: int = 50) -> Any:
    """Volume of rising bars per share of falling ones over `n` bars.

    Unknown if no share traded in a falling bar.
    """
    up, down = 0.0 * close[t], 0.0 * close[t]
    for j in range(t - n + 1, t + 1):
        move = apart(close[j], close[j - 1])
        up = up + where(move > 0.0, volume[j], 0.0 * volume[j])
        down = down + where(move < 0.0, volume[j], 0.0 * volume[j])
    return ratio(up, down, 0.0)
