"""Quotients and means over companies, some of which told nothing."""

from __future__ import annotations

import numpy as np

from technic.market.typing import FloatArray


def per(above: FloatArray, below: FloatArray) -> FloatArray:
    """`above` / `below`; unknown where `below` is zero or negative, as no such share means anything.

    Examples
    --------
    >>> per(np.array([1.0, 1.0, np.nan]), np.array([4.0, -4.0, 1.0]))
    array([0.25,  nan,  nan])
    """
    with np.errstate(all="ignore"):
        return np.where(below > 0.0, above / below, np.nan)


def change(now: FloatArray, then: FloatArray) -> FloatArray:
    """Growth from `then` to `now`, as a share of the size of `then`; a loss that shrinks grows.

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
    """
    known = np.array([~np.isnan(part) for part in parts]).sum(axis=0)
    total = np.zeros(len(parts[0]))
    for part in parts:
        total = total + np.where(np.isnan(part), 0.0, part)
    return np.where(known >= least, total / np.maximum(known, 1), np.nan)


def truth(claim: np.ndarray, *needed: FloatArray) -> FloatArray:
    """1 where a claim holds, 0 where not, unknown where one of `needed` is."""
    known = np.logical_and.reduce([~np.isnan(value) for value in needed])
    return np.where(known, claim.astype(np.float64), np.nan)
