"""Single figures: means of what is known, and numbers as JSON holds them."""

from __future__ import annotations

from math import isfinite

import numpy as np

from technic.market.typing import FloatArray


def mean_known(values: FloatArray) -> float:
    """The mean of what is known; NaN of nothing."""
    finite = values[~np.isnan(values)]
    return float(finite.mean()) if len(finite) else float("nan")


def plain(value: float) -> float | None:
    """A number as JSON holds it: unknown is None."""
    return float(value) if isfinite(value) else None
