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
from technic.research.statistics.bootstrap import DRAWS, SEED, widening

YEAR = 252  # sessions
EULER = 0.5772156649015329
NORMAL = NormalDist()


def newey_west(series: FloatArray, lag: int) -> float:
    """The t of a mean whose neighbours share what moves them; NaN where it cannot be known.

    Parameters
    ----------
    series : float64, shape (n,); NaN is left out
    lag : how many neighbours before and after a value count, with weights that fall to zero
    """
    finite = series[~np.isnan(series)]
    n = len(finite)
    if n <= lag + 1:
        return np.nan
    off = finite - finite.mean()
    variance = float(off @ off) / n
    for k in range(1, lag + 1):
        variance += 2.0 * (1.0 - k / (lag + 1.0)) * float(off[k:] @ off[:-k]) / n
    return float(finite.mean()) / sqrt(variance / n) if variance > 0.0 else np.nan


def resampled_means(series: FloatArray, block: int) -> FloatArray:
    """Means of a series drawn anew in whole blocks, around the end and back.

    Parameters
    ----------
    series : float64, shape (n,); no NaN
    block : values that are drawn together

    Returns
    -------
    ndarray
        float64, shape (DRAWS,); the same every time.
    """
    n = len(series)
    count = -(-n // block)
    starts = np.random.default_rng(SEED).integers(0, n, size=(DRAWS, count))
    sums = np.concatenate([[0.0], np.cumsum(np.concatenate([series, series[:block]]))])
    means: FloatArray = (sums[starts + block] - sums[starts]).sum(axis=1) / (count * block)
    return means


def chance_of_no_gain(first: FloatArray, second: FloatArray, block: int) -> float:
    """The chance that the first of two series is no better than the second, by blocks; one-sided.

    Parameters
    ----------
    first, second : float64, shape (n,); a pair with a NaN is left out
    block : neighbouring pairs that are drawn together

    Returns
    -------
    float
        0 to 1; NaN where there are fewer than four blocks of pairs.
    """
    difference = first - second
    difference = difference[~np.isnan(difference)]
    if len(difference) < 4 * block:
        return np.nan
    return float((resampled_means(difference, block) <= 0.0).mean())


def sharpe(returns: FloatArray) -> float:
    """The Sharpe ratio per session: mean over standard deviation; NaN where nothing moves."""
    finite = returns[~np.isnan(returns)]
    spread = float(finite.std()) if len(finite) > 1 else 0.0
    return float(finite.mean()) / spread if spread > 0.0 else np.nan


def sharpe_interval(returns: FloatArray, block: int) -> tuple[float, float]:
    """The 95 % bounds of a Sharpe ratio per session, by a circular block bootstrap.

    Parameters
    ----------
    returns : float64, shape (n_sessions,); NaN is left out
    block : sessions that are drawn together

    Returns
    -------
    low, high
        Both NaN where there are fewer than four blocks, or nothing moves.
    """
    finite = returns[~np.isnan(returns)]
    n = len(finite)
    if n < 4 * block or not finite.std() > 0.0:
        return np.nan, np.nan
    starts = np.random.default_rng(SEED).integers(0, n, size=(DRAWS, -(-n // block)))
    wrapped = np.concatenate([finite, finite[:block]])
    sums = np.concatenate([[0.0], np.cumsum(wrapped)])
    squares = np.concatenate([[0.0], np.cumsum(wrapped * wrapped)])
    count = starts.shape[1] * block
    mean = (sums[starts + block] - sums[starts]).sum(axis=1) / count
    square = (squares[starts + block] - squares[starts]).sum(axis=1) / count
    drawn = mean / np.sqrt(np.maximum(square - mean * mean, 1e-300))
    low, high = np.percentile(drawn, [2.5, 97.5])
    ratio, wider = sharpe(finite), widening(n / block)
    return ratio - wider * (ratio - float(low)), ratio + wider * (float(high) - ratio)


def probabilistic_sharpe(returns: FloatArray, against: float = 0.0) -> float:
    """The chance that the true Sharpe ratio per session lies above another one.

    Skewness and kurtosis of the returns count: a ratio that rests on a few large gains is less
    sure than one of the same size that does not.

    Parameters
    ----------
    returns : float64, shape (n_sessions,); NaN is left out
    against : a Sharpe ratio per session

    Returns
    -------
    float
        0 to 1; NaN where nothing moves.
    """
    finite = returns[~np.isnan(returns)]
    ratio = sharpe(finite)
    if not isfinite(ratio):
        return np.nan
    off = (finite - finite.mean()) / finite.std()
    skew, kurtosis = float((off**3).mean()), float((off**4).mean())
    # The variance of an estimated Sharpe ratio; 1 + ratio² / 2 if returns were normal.
    width = 1.0 - skew * ratio + (kurtosis - 1.0) / 4.0 * ratio * ratio
    return NORMAL.cdf((ratio - against) * sqrt(len(finite) - 1) / sqrt(max(width, 1e-12)))


def expected_best(trials: int, sessions: int, variance: float | None = None) -> float:
    """The best Sharpe ratio per session that so many trials without any edge are expected to show.

    Parameters
    ----------
    sessions : how many returns each trial has
    variance : of the trials' Sharpe ratios; that of pure chance, 1 / sessions, by default

    Examples
    --------
    >>> round(expected_best(100, 252) * 252**0.5, 2)  # a year: luck alone shows a ratio of 2.5
    2.53
    """
    if trials <= 1:
        return 0.0
    spread = sqrt(1.0 / sessions if variance is None else variance)
    first = NORMAL.inv_cdf(1.0 - 1.0 / trials)
    second = NORMAL.inv_cdf(1.0 - 1.0 / (trials * e))
    return spread * ((1.0 - EULER) * first + EULER * second)


def deflated_sharpe(returns: FloatArray, trials: int, variance: float | None = None) -> float:
    """The chance that a Sharpe ratio is more than the best of so many trials by luck.

    Parameters
    ----------
    returns : float64, shape (n_sessions,); NaN is left out
    trials : how many distinct things were tried
    variance : of the trials' Sharpe ratios; that of pure chance by default

    Returns
    -------
    float
        0 to 1; NaN of fewer than two returns, or where nothing moves.
    """
    finite = returns[~np.isnan(returns)]
    if len(finite) < 2:
        return np.nan
    return probabilistic_sharpe(finite, expected_best(trials, len(finite), variance))


def sessions_needed(returns: FloatArray, against: float = 0.0) -> float:
    """How many sessions would tell such a Sharpe ratio from another with 95 % confidence.

    Parameters
    ----------
    returns : float64, shape (n_sessions,); NaN is left out
    against : the other Sharpe ratio, per session

    Returns
    -------
    float
        Sessions; infinite where the ratio is not above the other.
    """
    finite = returns[~np.isnan(returns)]
    ratio = sharpe(finite)
    if not isfinite(ratio) or ratio <= against:
        return np.inf
    off = (finite - finite.mean()) / finite.std()
    skew, kurtosis = float((off**3).mean()), float((off**4).mean())
    width = 1.0 - skew * ratio + (kurtosis - 1.0) / 4.0 * ratio * ratio
    return 1.0 + width * (NORMAL.inv_cdf(0.95) / (ratio - against)) ** 2


def overfitting(returns: FloatArray, blocks: int = 10) -> float:
    """The chance that the best of several candidates is below their median on sessions unseen.

    Parameters
    ----------
    returns : float64, shape (n_sessions, n_candidates), no NaN
    blocks : even; half of them choose, the other half judge, in every combination

    Returns
    -------
    float
        0 to 1; NaN of a single candidate, or of too few sessions.
    """
    if returns.shape[1] < 2 or len(returns) < 2 * blocks:
        return np.nan
    parts = np.array_split(returns, blocks)
    # Sums by part are enough for the ratio of any choice of parts: no choice reads the returns again.
    sums = np.array([part.sum(axis=0) for part in parts])
    squares = np.array([(part * part).sum(axis=0) for part in parts])
    counts = np.array([len(part) for part in parts], dtype=np.float64)
    below, splits = 0, 0
    for chosen in combinations(range(blocks), blocks // 2):
        inside = np.zeros(blocks, dtype=bool)
        inside[list(chosen)] = True
        best = int(np.argmax(_ratio(sums, squares, counts, inside)))
        judged = _ratio(sums, squares, counts, ~inside)
        place = float((judged < judged[best]).mean() + 0.5 * (judged == judged[best]).mean())
        below += bool(place <= 0.5)  # noqa: PLR2004 -- the median
        splits += 1
    return below / splits


def _ratio(
    sums: FloatArray, squares: FloatArray, counts: FloatArray, inside: np.ndarray
) -> FloatArray:
    n = counts[inside].sum()
    mean = sums[inside].sum(axis=0) / n
    spread = np.sqrt(np.maximum(squares[inside].sum(axis=0) / n - mean * mean, 1e-300))
    ratio: FloatArray = mean / spread
    return ratio
