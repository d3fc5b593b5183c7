"""Quotients and means over companies, some of which have said nothing.

Every function takes and returns float64 of shape (n_symbols,) with NaN for unknown.
"""

from __future__ import annotations

import numpy as np

from technic.market.typing import FloatArray


def per(above: FloatArray, below: FloatArray) -> FloatArray:
    """`above` / `below`; unknown where `below` is zero or negative, as no such share means anything.

    Parameters
    ----------
    above, below : float64, shape (n_symbols,); NaN is unknown

    Examples
    --------
    >>> per(np.array([1.0, 1.0, np.nan]), np.array([4.0, -4.0, 1.0]))
    array([0.25,  nan,  nan])
    """
    with np.errstate(all="ignore"):
        return np.where(below > 0.0, above / below, np.nan)


def change(now: FloatArray, then: FloatArray) -> FloatArray:
    """Growth from `then` to `now`, as a share of the size of `then`; a loss that shrinks grows.

    Parameters
    ----------
    now, then : float64, shape (n_symbols,); NaN is unknown

    Examples
    --------
    >>> change(np.array([12.0, -1.0]), np.array([10.0, -2.0]))
    array([0.2, 0.5])
    """
    with np.errstate(all="ignore"):
        return np.where(then != 0.0, (now - then) / np.abs(then), np.nan)


def mean_of_known(least: int, *parts: FloatArray) -> FloatArray:
    """The mean of what is known of each symbol, added from first to last.

    Parameters
    ----------
    least : how many must be known; with fewer the mean is unknown
    parts : float64, shape (n_symbols,); NaN is unknown
    """
    n_known = np.array([~np.isnan(part) for part in parts]).sum(axis=0)
    total = np.zeros(len(parts[0]))
    for part in parts:
        total = total + np.where(np.isnan(part), 0.0, part)
    return np.where(n_known >= least, total / np.maximum(n_known, 1), np.nan)


def truth(claim: np.ndarray, *needed: FloatArray) -> FloatArray:
    """1 where a claim holds, 0 where not, unknown where a value it needs is.

    Parameters
    ----------
    claim : bool, shape (n_symbols,)
    needed : what the claim is made from
    """
    decidable = np.logical_and.reduce([~np.isnan(value) for value in needed])
    return np.where(decidable, claim.astype(np.float64), np.nan)
