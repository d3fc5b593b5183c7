"""One session, one value per symbol: percentiles, standard scores, ranks among peers.

Every function takes `values`, float64 of shape (n_symbols,) with NaN for unknown, and
`within`, int64 of the same shape: the peer group of each symbol, usually its sector, where
a negative group means that the group itself is unknown. Without `within` everybody is a
peer. The answer has the same shape and is NaN wherever the value or its group is unknown.
Two arrays of different lengths raise a ValueError.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from technic.market.typing import BoolArray, FloatArray, IntArray

MOST_GROUPS = 2**16  # that 16 bits can number


def percentile(values: FloatArray, within: IntArray | None = None) -> FloatArray:
    """Percentile of each value among its peers, in (0, 100).

    The mid-rank convention: the share of peers below, plus half the share that ties,
    itself included. No value reaches 0 or 100; a symbol without peers has 50.

    Parameters
    ----------
    values : float64, shape (n_symbols,); NaN is unknown
    within : int64, shape (n_symbols,); peer groups, negative where unknown

    Returns
    -------
    array of float64
        Shape (n_symbols,); NaN where the value or its group is unknown.

    References
    ----------
    Hazen (1914) plotting position; `scipy.stats.percentileofscore(kind="mean")`.

    Examples
    --------
    >>> percentile(np.array([3.0, 1.0, np.nan, 3.0])).round(2)
    array([66.67, 16.67,   nan, 66.67])
    """
    out = np.full(len(values), np.nan)
    order, below, through, size = _ordered(values, within)
    out[order] = 50.0 * (below + through) / size
    return out


def ordinal_rank(values: FloatArray, within: IntArray | None = None) -> FloatArray:
    """Rank of each value among its peers: 1 is the highest, ties share the better rank.

    Parameters
    ----------
    values : float64, shape (n_symbols,); NaN is unknown
    within : int64, shape (n_symbols,); peer groups, negative where unknown

    Returns
    -------
    array of float64
        Shape (n_symbols,), whole numbers; NaN where the value or its group is unknown.

    Examples
    --------
    >>> ordinal_rank(np.array([3.0, 1.0, np.nan, 3.0]))
    array([ 1.,  3., nan,  1.])
    """
    out = np.full(len(values), np.nan)
    order, _, through, size = _ordered(values, within)
    out[order] = size - through + 1.0
    return out


def quantile(values: FloatArray, bins: int, within: IntArray | None = None) -> FloatArray:
    """Which of `bins` equal bins each value falls into among its peers; 1 is the lowest.

    Parameters
    ----------
    values : float64, shape (n_symbols,); NaN is unknown
    bins : how many there are: 5 for quintiles
    within : int64, shape (n_symbols,); peer groups, negative where unknown

    Returns
    -------
    array of float64
        Shape (n_symbols,), whole numbers from 1 to `bins`; NaN where unknown.

    Examples
    --------
    >>> quantile(np.array([10.0, 40.0, 20.0, 30.0]), 2)
    array([1., 2., 1., 2.])
    """
    return np.minimum(np.floor(percentile(values, within) * bins / 100.0) + 1.0, bins)


def demean(values: FloatArray, within: IntArray | None = None) -> FloatArray:
    """Distance of each value from the mean of its peers.

    Parameters
    ----------
    values : float64, shape (n_symbols,); NaN is unknown
    within : int64, shape (n_symbols,); peer groups, negative where unknown

    Returns
    -------
    array of float64
        Shape (n_symbols,), in the unit of `values`; NaN where unknown.
    """
    out = np.full(len(values), np.nan)
    for peers in _groups(values, within):
        out[peers] = values[peers] - values[peers].mean()
    return out


def standardize(values: FloatArray, within: IntArray | None = None) -> FloatArray:
    """Distance from the mean of the peers in their population standard deviations.

    Parameters
    ----------
    values : float64, shape (n_symbols,); NaN is unknown
    within : int64, shape (n_symbols,); peer groups, negative where unknown

    Returns
    -------
    array of float64
        Shape (n_symbols,); NaN where unknown, and where all peers are equal: 0/0 is unknown.
    """
    out = np.full(len(values), np.nan)
    for peers in _groups(values, within):
        centred = values[peers] - values[peers].mean()
        deviation = np.sqrt((centred * centred).mean())
        if deviation > 0.0:
            out[peers] = centred / deviation
    return out


def winsorize(
    values: FloatArray, share: float = 0.01, within: IntArray | None = None
) -> FloatArray:
    """Values drawn in to the `share` and 1 - `share` quantiles of their peers.

    The quantiles interpolate linearly, as `numpy.quantile` does.

    Parameters
    ----------
    values : float64, shape (n_symbols,); NaN is unknown
    share : of the peers on each side, between 0 and 0.5
    within : int64, shape (n_symbols,); peer groups, negative where unknown

    Returns
    -------
    array of float64
        Shape (n_symbols,), in the unit of `values`; NaN where unknown.
    """
    out = np.full(len(values), np.nan)
    for peers in _groups(values, within):
        low, high = np.quantile(values[peers], [share, 1.0 - share])
        out[peers] = np.clip(values[peers], low, high)
    return out


def _ordered(
    values: FloatArray, within: IntArray | None
) -> tuple[IntArray, IntArray, IntArray, IntArray]:
    """Positions of what is known, group by group, lowest first; and of each how many peers are
    below it, how many are below or equal, and how many there are.
    """
    order, groups = _order(values, within)
    ranked = values[order]
    place = np.arange(len(order))
    first_of_group = np.append(True, groups[1:] != groups[:-1])[: len(order)]
    first_of_ties = first_of_group | np.append(True, ranked[1:] != ranked[:-1])[: len(order)]
    start = np.maximum.accumulate(np.where(first_of_group, place, 0))
    end = _ends(first_of_group)
    below = np.maximum.accumulate(np.where(first_of_ties, place, 0)) - start
    through = _ends(first_of_ties) - start
    return order, below, through, end - start


def _order(values: FloatArray, within: IntArray | None) -> tuple[IntArray, IntArray]:
    """Positions of what is known, group by group, lowest first; and the group of each."""
    members = np.flatnonzero(_members(values, within))
    order = members[np.argsort(values[members])]
    if within is None:
        return order, np.zeros(len(order), dtype=np.int64)
    groups = within[order]
    few = groups.max(initial=0) < MOST_GROUPS
    small = groups if few else np.unique(groups, return_inverse=True)[1]
    # A stable sort by group leaves each in order of value; 16 bits are counted, not compared.
    by_group = np.argsort(small.astype(np.uint16), kind="stable")
    return order[by_group], groups[by_group]


def _members(values: FloatArray, within: IntArray | None) -> BoolArray:
    """Where a value is known, and so is its group."""
    finite = np.isfinite(values)
    if within is None:
        return finite
    if len(within) != len(values):
        message = f"{len(values)} values but {len(within)} groups"
        raise ValueError(message)
    return finite & (within >= 0)


def _ends(first: BoolArray) -> IntArray:
    """Of each place the end of its stretch, where stretches begin at `first`."""
    starts = np.flatnonzero(first)
    sizes = np.diff(np.append(starts, len(first)))
    return np.repeat(starts + sizes, sizes)


def _groups(values: FloatArray, within: IntArray | None) -> Iterator[IntArray]:
    """Positions of the known members of each group, in ascending order."""
    members = _members(values, within)
    if within is None:
        if members.any():
            yield np.flatnonzero(members)
        return
    for group in np.unique(within[members]):
        yield np.flatnonzero(members & (within == group))
