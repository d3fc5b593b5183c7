"""How sure one can be of a mean or a Sharpe ratio, after looking more than once.

References
----------
Newey and West (1987); Bailey and López de Prado (2012), The Sharpe ratio efficient frontier, and
(2014), The deflated Sharpe ratio; Bailey, Borwein, López de Prado and Zhu (2017), The probability
of backtest overfitting.
"""

from __future__ import annotations

from itertools import combinations
from math import e, isfinite, sqrt
from statistics import NormalDist

import numpy as np

from technic.market.typing import FloatArray
from technic.research.statistics.rank_ic import DRAWS, SEED, widening

YEAR = 252  # sessions
EULER = 0.5772156649015329
NORMAL = NormalDist()


def newey_west(series: FloatArray, lag: int) -> float:
    """The t of a mean whose neighbours share what moves them; NaN where it cannot be known.

    Parameters
    ----------
    series : NaN is left out
    lag : neighbours that count, with weights that fall to zero beyond it
    """
    known = series[~np.isnan(series)]
    n = len(known)
    if n <= lag + 1:
        return np.nan
    off = known - known.mean()
    variance = float(off @ off) / n
    for k in range(1, lag + 1):
        variance += 2.0 * (1.0 - k / (lag + 1.0)) * float(off[k:] @ off[:-k]) / n
    return float(known.mean()) / sqrt(variance / n) if variance > 0.0 else np.nan


def resampled_means(series: FloatArray, block: int) -> FloatArray:
    """Means of a series drawn anew in whole blocks, around the end and back; shape (DRAWS,)."""
    n = len(series)
    count = -(-n // block)
    starts = np.random.default_rng(SEED).integers(0, n, size=(DRAWS, count))
    sums = np.concatenate([[0.0], np.cumsum(np.concatenate([series, series[:block]]))])
    means: FloatArray = (sums[starts + block] - sums[starts]).sum(axis=1) / (count * block)
    return means


def better(first: FloatArray, second: FloatArray, block: int) -> float:
    """The chance that the mean of paired differences is not above zero, by blocks; one-sided.

    NaN where there are too few pairs.
    """
    difference = first - second
    difference = difference[~np.isnan(difference)]
    if len(difference) < 4 * block:
        return np.nan
    return float((resampled_means(difference, block) <= 0.0).mean())


def sharpe(returns: FloatArray) -> float:
    """Mean over standard deviation per session; NaN where nothing moves."""
    known = returns[~np.isnan(returns)]
    spread = float(known.std()) if len(known) > 1 else 0.0
    return float(known.mean()) / spread if spread > 0.0 else np.nan


def sharpe_interval(returns: FloatArray, block: int) -> tuple[float, float]:
    """The 95 % bounds of a Sharpe ratio per session, by blocks; NaN where there are too few."""
    known = returns[~np.isnan(returns)]
    n = len(known)
    if n < 4 * block or not known.std() > 0.0:
        return np.nan, np.nan
    starts = np.random.default_rng(SEED).integers(0, n, size=(DRAWS, -(-n // block)))
    wrapped = np.concatenate([known, known[:block]])
    sums = np.concatenate([[0.0], np.cumsum(wrapped)])
    squares = np.concatenate([[0.0], np.cumsum(wrapped * wrapped)])
    count = starts.shape[1] * block
    mean = (sums[starts + block] - sums[starts]).sum(axis=1) / count
    square = (squares[starts + block] - squares[starts]).sum(axis=1) / count
    drawn = mean / np.sqrt(np.maximum(square - mean * mean, 1e-300))
    low, high = np.percentile(drawn, [2.5, 97.5])
    found, wider = sharpe(known), widening(n / block)
    return found - wider * (found - float(low)), found + wider * (float(high) - found)


def probabilistic_sharpe(returns: FloatArray, against: float = 0.0) -> float:
    """The chance that the true Sharpe ratio per session lies above `against`.

    Skewness and kurtosis of the returns count; NaN where nothing moves.
    """
    known = returns[~np.isnan(returns)]
    found = sharpe(known)
    if not isfinite(found):
        return np.nan
    off = (known - known.mean()) / known.std()
    skew, kurtosis = float((off**3).mean()), float((off**4).mean())
    width = 1.0 - skew * found + (kurtosis - 1.0) / 4.0 * found * found
    return NORMAL.cdf((found - against) * sqrt(len(known) - 1) / sqrt(max(width, 1e-12)))


def expected_best(trials: int, sessions: int, variance: float | None = None) -> float:
    """The best Sharpe ratio per session that so many trials without any edge are expected to show.

    Parameters
    ----------
    variance : of the trials' Sharpe ratios; that of pure chance, 1 / sessions, by default
    """
    if trials <= 1:
        return 0.0
    spread = sqrt(1.0 / sessions if variance is None else variance)
    first = NORMAL.inv_cdf(1.0 - 1.0 / trials)
    second = NORMAL.inv_cdf(1.0 - 1.0 / (trials * e))
    return spread * ((1.0 - EULER) * first + EULER * second)


def deflated_sharpe(returns: FloatArray, trials: int, variance: float | None = None) -> float:
    """The chance that a Sharpe ratio is more than the best of so many trials by luck."""
    known = returns[~np.isnan(returns)]
    if len(known) < 2:
        return np.nan
    return probabilistic_sharpe(known, expected_best(trials, len(known), variance))


def sessions_needed(returns: FloatArray, against: float = 0.0) -> float:
    """How many sessions would tell such a Sharpe ratio from `against` with 95 % confidence."""
    known = returns[~np.isnan(returns)]
    found = sharpe(known)
    if not isfinite(found) or found <= against:
        return np.inf
    off = (known - known.mean()) / known.std()
    skew, kurtosis = float((off**3).mean()), float((off**4).mean())
    width = 1.0 - skew * found + (kurtosis - 1.0) / 4.0 * found * found
    return 1.0 + width * (NORMAL.inv_cdf(0.95) / (found - against)) ** 2


def overfitting(returns: FloatArray, blocks: int = 10) -> float:
    """The chance that the best of several candidates is below their median on sessions unseen.

    Parameters
    ----------
    returns : float64, shape (n_sessions, n_candidates), no NaN
    blocks : even; half of them choose, the other half judge, in every combination
    """
    if returns.shape[1] < 2 or len(returns) < 2 * blocks:
        return np.nan
    parts = np.array_split(returns, blocks)
    sums = np.array([part.sum(axis=0) for part in parts])
    squares = np.array([(part * part).sum(axis=0) for part in parts])
    counts = np.array([len(part) for part in parts], dtype=np.float64)
    below, tried = 0, 0
    for chosen in combinations(range(blocks), blocks // 2):
        inside = np.zeros(blocks, dtype=bool)
        inside[list(chosen)] = True
        best = int(np.argmax(_ratio(sums, squares, counts, inside)))
        judged = _ratio(sums, squares, counts, ~inside)
        place = float((judged < judged[best]).mean() + 0.5 * (judged == judged[best]).mean())
        below += bool(place <= 0.5)  # noqa: PLR2004 -- the median
        tried += 1
    return below / tried


def _ratio(
    sums: FloatArray, squares: FloatArray, counts: FloatArray, inside: np.ndarray
) -> FloatArray:
    n = counts[inside].sum()
    mean = sums[inside].sum(axis=0) / n
    spread = np.sqrt(np.maximum(squares[inside].sum(axis=0) / n - mean * mean, 1e-300))
    ratio: FloatArray = mean / spread
    return ratio
