"""Seeded bars."""

from __future__ import annotations

import numpy as np

from technic.market.panel import Panel, pack
from technic.market.sessions import nyse


def walk(
    lengths: tuple[int, ...] = (320, 7, 161, 320, 90, 1, 320, 320, 250), seed: int = 0
) -> Panel:
    """Random bars whose high and low always bracket open and close; some do not move at all."""
    rng = np.random.default_rng(seed)
    n = sum(lengths)
    close = 50.0 * np.exp(np.cumsum(rng.normal(0.0, 0.02, n)))
    close = np.where(rng.random(n) < 0.02, np.roll(close, 1), close)
    open_ = close * np.exp(rng.normal(0.0, 0.01, n))
    columns = {
        "open": open_,
        "high": np.maximum(open_, close) * (1.0 + rng.random(n) / 50.0),
        "low": np.minimum(open_, close) * (1.0 - rng.random(n) / 50.0),
        "close": close,
        "volume": rng.integers(0, 1_000_000, n).astype(float),
    }
    last = nyse().last_until(np.datetime64("2024-03-08").astype(object))
    columns["session"] = np.concatenate(
        [np.sort(rng.choice(m + 40, m, replace=False)) + last - m - 39.0 for m in lengths]
    )
    return pack(np.arange(len(lengths)), np.array(lengths), columns)


def strange() -> dict[str, Panel]:
    """One symbol of each kind that formulas stumble over, by what is strange about it."""
    rng = np.random.default_rng(3)
    made = {
        f"flat at {price}": _bars(rng, np.full(300, price), 0.0) for price in (12.34, 0.1, 101.7)
    }
    made["flat, never traded"] = _bars(rng, np.full(300, 7.77), 0.0, np.zeros(300))
    made["a range and no move"] = {
        **_bars(rng, np.full(300, 10.0), 0.0),
        "high": np.full(300, 10.5),
        "low": np.full(300, 9.5),
    }
    halted = _bars(rng, _prices(rng, 300))
    for name in ("open", "high", "low", "close"):
        halted[name][101:170] = halted["close"][100]
    made["halted"] = halted
    for factor in (3.0, 1.0 / 7.0):
        close = _prices(rng, 300)
        close[150:] *= factor
        made[f"gaps to {factor:.2g}"] = _bars(rng, close)
    for step in (0.1, -0.1, 0.01):
        close = np.round(50.0 + step * np.arange(300), 2)
        line = _bars(rng, close)
        made[f"a line of {step}"] = {**line, "high": close + 0.07, "low": close - 0.05}
    for n in (1, 2, 5, 14, 20, 27, 34, 35, 60):
        made[f"young: {n}"] = _bars(rng, _prices(rng, n))
    volume = np.where(rng.random(300) < 0.5, 0.0, rng.integers(1, 1000, 300))
    volume[100:160] = 0.0
    made["rarely traded"] = _bars(rng, _prices(rng, 300), 0.01, volume)
    return {what: _single(bars) for what, bars in made.items()}


def _prices(rng: np.random.Generator, n: int) -> np.ndarray:
    return np.round(50.0 * np.exp(np.cumsum(rng.normal(0.0, 0.02, n))), 2)


def _bars(
    rng: np.random.Generator,
    close: np.ndarray,
    wick: float = 0.01,
    volume: np.ndarray | None = None,
) -> dict[str, np.ndarray]:
    open_ = np.concatenate([close[:1], close[:-1]])
    return {
        "open": open_,
        "high": np.maximum(open_, close) * (1.0 + wick * rng.random(len(close))),
        "low": np.minimum(open_, close) * (1.0 - wick * rng.random(len(close))),
        "close": close.copy(),
        "volume": rng.integers(1, 10**6, len(close)).astype(float) if volume is None else volume,
    }


def _single(bars: dict[str, np.ndarray]) -> Panel:
    n = len(bars["close"])
    return pack(np.arange(1), np.array([n]), {**bars, "session": np.arange(n) + 5000.0})
