"""How sure a mean over sessions is, by a circular block bootstrap.

Neighbouring sessions share most of their forward returns, so blocks of twice the horizon are drawn
whole.

References
----------
Politis and Romano (1992), for the circular block bootstrap.
"""

from __future__ import annotations

from math import ceil

import numpy as np

from technic.market.typing import FloatArray

DRAWS = 2_000
SEED = 20_261_122
CONFIDENCE = 0.95


def interval(series: FloatArray, block: int) -> tuple[float, float, float, float]:
    """The mean of a series, and how sure it is, by a circular block bootstrap.

    Parameters
    ----------
    series : float64, shape (n,); one value for each session, NaN is left out
    block : sessions that are drawn whole

    Returns
    -------
    mean, low, high, error
        The mean, the bounds of its 95 % interval, and its standard error, in the unit of the
        series. The mean is NaN of nothing; the other three are NaN where there are fewer than
        four blocks, too few to say anything.
    """
    finite = series[~np.isnan(series)]
    n = len(finite)
    mean = float(finite.mean()) if n else np.nan
    if n < 4 * block:
        return mean, np.nan, np.nan, np.nan
    # The same draws every time: an interval is part of sealed answers.
    starts = np.random.default_rng(SEED).integers(0, n, size=(DRAWS, ceil(n / block)))
    sums = np.concatenate([[0.0], np.cumsum(np.concatenate([finite, finite[:block]]))])
    drawn = (sums[starts + block] - sums[starts]).sum(axis=1) / (starts.shape[1] * block)
    tail = 100.0 * (1.0 - CONFIDENCE) / 2.0
    low, high = np.percentile(drawn, [tail, 100.0 - tail])
    wider = widening(n / block)
    low, high = mean - wider * (mean - float(low)), mean + wider * (float(high) - mean)
    return mean, low, high, float(drawn.std())


def widening(blocks: float) -> float:
    """By what factor an interval must be wider because few blocks know their spread only roughly.

    Drawn means vary by (k − 1) / k of what they should, and Student's quantile at k − 1 degrees
    is further out than the normal one (Cornish and Fisher's expansion, two terms).
    """
    z, free = 1.959963984540054, blocks - 1.0
    quantile = z + (z**3 + z) / (4.0 * free) + (5 * z**5 + 16 * z**3 + 3 * z) / (96.0 * free**2)
    return float(quantile / z * np.sqrt(blocks / free))
