"""Technical indicators. Importing this package fills `REGISTRY`."""

from __future__ import annotations

from technic.indicators import (
    average,
    levels,
    momentum,
    operators,
    relative,
    trend,
    volatility,
    volume,
)
from technic.indicators.define import REGISTRY, Indicator
from technic.indicators.series import Series

__all__ = [
    "REGISTRY",
    "Indicator",
    "Series",
    "average",
    "levels",
    "momentum",
    "operators",
    "relative",
    "trend",
    "volatility",
    "volume",
]
