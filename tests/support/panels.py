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
