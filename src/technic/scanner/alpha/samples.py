"""Samples that a model learns from: a row per symbol and session, places of features, a label.

A feature enters as its place among the members of the universe on that session, from −0.5 to 0.5,
so that a row of 2015 and a row of 2024 can be compared; unknown stays unknown. The label is the
place of the forward return among the same members, spread like a normal variable.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

from technic.market.cross_section import demean, percentile
from technic.market.typing import FloatArray, IntArray

Float32 = npt.NDArray[np.float32]


@dataclass(slots=True)
class Samples:
    """The samples of a model: rows session after session, and in a session symbol after symbol.

    Attributes
    ----------
    features : names of the columns of `x`
    ordinals : int64, shape (n_sessions,); NYSE sessions, ascending
    bounds : int64, shape (n_sessions + 1,); the rows of session k are bounds[k] to bounds[k + 1]
    symbols : int32, shape (n_rows,); which symbol a row is of
    x : float32, shape (n_rows, n_features); places in −0.5 … 0.5, NaN is unknown
    label : float32, shape (n_rows,); standard deviations, NaN is unknown
    horizons : sessions ahead, ascending; `horizon` is the one of the label
    forward : float32, shape (n_horizons, n_rows); returns from the next open, NaN is unknown
    next_return : float32, shape (n_sessions, n_symbols); from the open after a session to the
        open after that, of every symbol, members or not; NaN is unknown
    groups : by what rows are told apart, such as "sector": names, and int16 of shape (n_rows,)
        with −1 for unknown
    vanish : bool, shape (n_symbols,); whose last bar lies well before the end
    imputed : forward returns over `horizon` by what a vanished name is thought to return instead
    """

    features: tuple[str, ...]
    ordinals: IntArray
    bounds: IntArray
    symbols: npt.NDArray[np.int32]
    x: Float32
    label: Float32
    horizon: int
    horizons: tuple[int, ...]
    forward: Float32
    next_return: Float32
    groups: Mapping[str, tuple[tuple[str, ...], npt.NDArray[np.int16]]] = field(
        default_factory=dict
    )
    vanish: npt.NDArray[np.bool_] | None = None
    imputed: Mapping[float, Float32] = field(default_factory=dict)

    def __len__(self) -> int:
        """How many sessions there are."""
        return len(self.ordinals)

    @property
    def n_rows(self) -> int:
        """How many rows there are."""
        return len(self.symbols)

    def rows(self, session: int) -> slice:
        """Return the rows of a session."""
        return slice(int(self.bounds[session]), int(self.bounds[session + 1]))

    def until(self, session: int) -> slice:
        """Return the rows of all sessions before one."""
        return slice(0, int(self.bounds[session]))


def rank_features(values: FloatArray) -> Float32:
    """Return the places of the values of one session, from −0.5 to 0.5; unknown stays unknown.

    Examples
    --------
    >>> rank_features(np.array([3.0, 1.0, np.nan, 2.0])).tolist()
    [0.3333333432674408, -0.3333333432674408, nan, 0.0]
    """
    return (percentile(values) / 100.0 - 0.5).astype(np.float32)


def label_of(forward: FloatArray, groups: IntArray | None = None) -> Float32:
    """Return the forward returns of one session as normal scores of their ranks.

    Parameters
    ----------
    forward : float64, shape (n,); NaN is unknown
    groups : whose mean is taken away first, such as the sector; the market's drops out of ranks

    References
    ----------
    Blom (1958); the score of a place is the normal quantile of its mid-rank share.
    """
    values = forward if groups is None else demean(forward, groups)
    shares = percentile(values) / 100.0
    out = np.full(len(values), np.nan, dtype=np.float32)
    is_known = ~np.isnan(shares)
    n = int(is_known.sum())
    if n:
        half_steps = np.rint(shares[is_known] * 2 * n).astype(np.int64)
        out[is_known] = _normal_scores(n)[half_steps]
    return out


@lru_cache(maxsize=64)
def _normal_scores(n: int) -> Float32:
    """Normal quantiles of k / 2n for k from 0 to 2n; the ends, which no mid-rank reaches, are 0."""
    quantile = NormalDist().inv_cdf
    upper = [quantile(k / (2 * n)) for k in range(n + 1, 2 * n)]
    return np.array([0.0, *(-v for v in reversed(upper)), 0.0, *upper, 0.0], dtype=np.float32)
