"""How much a column says about what came after one session: rank correlations and spreads.

`measure_columns` holds the columns of one session against the returns that followed it;
`measure_column` is the same of one column. Both write into arrays that `Evidence` sums up.

References
----------
Grinold and Kahn (1999), Active Portfolio Management, for the information coefficient.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from technic.market.typing import BoolArray, FloatArray, IntArray

BINS = 5
LEAST = 30  # symbols on a session, below which it does not count


class Outcome(NamedTuple):
    """What came after one session, of symbols that may belong to groups.

    A plain tuple with names, because compiled code takes no dataclass.

    Attributes
    ----------
    forward : float64, shape (n_horizons, n); returns over each horizon, NaN is unknown
    order : int64, shape (n_horizons, n); positions, lowest return first, unknown ones last
    groups : int64, shape (n,); the group of each symbol, −1 is unknown
    n_groups : how many groups there are
    bins : how many bins of equal size the values of a column are divided into
    least : symbols below which a session, or a group in it, says nothing
    """

    forward: FloatArray
    order: IntArray
    groups: IntArray
    n_groups: int
    bins: int
    least: int


class Statistics(NamedTuple):
    """Arrays that the kernels write one session's statistics of a column into.

    For several columns each array has one more axis in front, of shape (n_columns,).

    Attributes
    ----------
    ic : float64, shape (n_horizons,); the rank correlation with each horizon's returns
    spread : float64, shape (n_horizons,); mean return of the highest bin less the lowest
    by_group : float64, shape (n_groups,); the rank correlation within each group, over the middle
        horizon
    means : float64, shape (n_horizons, bins); mean return of each bin of the values
    top : bool, shape (n,); whether a symbol is in the highest bin
    """

    ic: FloatArray
    spread: FloatArray
    by_group: FloatArray
    means: FloatArray
    top: BoolArray


@njit(nogil=True)  # type: ignore[untyped-decorator]
def mid_ranks(
    order: IntArray, values: FloatArray, keep: BoolArray, out: FloatArray
) -> int:  # pragma: no cover -- compiled
    """Write ranks from 1 among the kept, ties sharing their mean; returns how many are kept.

    Parameters
    ----------
    order : int64; positions, lowest value first
    values : float64, shape (n,)
    keep : bool, shape (n,); who takes part
    out : float64, shape (n,); written where `keep` holds
    """
    count = 0
    start = 0
    tied = np.empty(len(order), np.int64)
    previous = 0.0
    n_tied = 0
    for position in range(len(order)):
        i = order[position]
        if not keep[i]:
            continue
        if n_tied > 0 and values[i] != previous:
            rank = start + (n_tied + 1) / 2.0
            for k in range(n_tied):
                out[tied[k]] = rank
            start += n_tied
            n_tied = 0
        tied[n_tied] = i
        n_tied += 1
        previous = values[i]
        count += 1
    rank = start + (n_tied + 1) / 2.0
    for k in range(n_tied):
        out[tied[k]] = rank
    return count


@njit(nogil=True)  # type: ignore[untyped-decorator]
def correlation(
    first: FloatArray, second: FloatArray, keep: BoolArray, count: int
) -> float:  # pragma: no cover -- compiled
    """Pearson's correlation of two rankings of the kept; NaN where one of them is all ties.

    Parameters
    ----------
    first, second : float64, shape (n,); ranks from 1, as `mid_ranks` writes them
    keep : bool, shape (n,); who takes part
    count : how many take part
    """
    mean = (count + 1) / 2.0
    product = first_square = second_square = 0.0
    for i in range(len(keep)):
        if keep[i]:
            a = first[i] - mean
            b = second[i] - mean
            product += a * b
            first_square += a * a
            second_square += b * b
    if first_square <= 0.0 or second_square <= 0.0:
        return np.nan
    return float(product / np.sqrt(first_square * second_square))


@njit(nogil=True)  # type: ignore[untyped-decorator]
def measure_column(  # noqa: C901 -- one kernel
    values: FloatArray, order: IntArray, outcome: Outcome, out: Statistics
) -> None:  # pragma: no cover -- compiled
    """Write into `out` what one column says of one session's returns.

    What cannot be known is left as it is in `out`: it begins as NaN, `top` as false.

    Parameters
    ----------
    values : float64, shape (n,); NaN is unknown
    order : int64; positions of the known values, lowest first
    """
    n, bins, least = len(values), outcome.bins, outcome.least
    forward = outcome.forward
    ranks = np.empty(n)
    return_ranks = np.empty(n)
    keep = np.zeros(n, np.bool_)
    for i in order:
        keep[i] = True
    count = mid_ranks(order, values, keep, ranks)
    # Who is in the top bin is known the same evening: it must not depend on what came after.
    for i in order:
        if count >= least and (ranks[i] - 0.5) / count * bins >= bins - 1:
            out.top[i] = True
    for h in range(forward.shape[0]):
        joint = np.zeros(n, np.bool_)
        for i in order:
            joint[i] = not np.isnan(forward[h, i])
        count = mid_ranks(order, values, joint, ranks)
        mid_ranks(outcome.order[h], forward[h], joint, return_ranks)
        if count < least:
            continue
        out.ic[h] = correlation(ranks, return_ranks, joint, count)
        total = np.zeros(bins)
        members = np.zeros(bins)
        for i in order:
            if joint[i]:
                b = min(int((ranks[i] - 0.5) / count * bins), bins - 1)
                total[b] += forward[h, i]
                members[b] += 1
        for b in range(bins):
            out.means[h, b] = total[b] / members[b] if members[b] else np.nan
        out.spread[h] = out.means[h, bins - 1] - out.means[h, 0]
        if h == forward.shape[0] // 2:
            measure_groups(values, order, joint, outcome, out.by_group)


@njit(nogil=True)  # type: ignore[untyped-decorator]
def measure_groups(
    values: FloatArray, order: IntArray, joint: BoolArray, outcome: Outcome, by_group: FloatArray
) -> None:  # pragma: no cover -- compiled
    """Write the rank correlation within each group, over the middle horizon.

    Parameters
    ----------
    values, order : as of `measure_column`
    joint : bool, shape (n,); whose value and whose return are known
    by_group : float64, shape (n_groups,); written where a group is large enough
    """
    h = outcome.forward.shape[0] // 2
    ranks = np.empty(len(values))
    return_ranks = np.empty(len(values))
    for g in range(outcome.n_groups):
        inside = np.zeros(len(values), np.bool_)
        for i in order:
            inside[i] = joint[i] and outcome.groups[i] == g
        size = mid_ranks(order, values, inside, ranks)
        mid_ranks(outcome.order[h], outcome.forward[h], inside, return_ranks)
        if size >= outcome.least:
            by_group[g] = correlation(ranks, return_ranks, inside, size)


@njit(nogil=True)  # type: ignore[untyped-decorator]
def measure_columns(
    values: FloatArray, orders: IntArray, counts: IntArray, outcome: Outcome, out: Statistics
) -> None:  # pragma: no cover -- compiled
    """Write into `out` what several columns say of one session's returns.

    Parameters
    ----------
    values : float64, shape (n_columns, n); NaN is unknown
    orders : int64, shape (n_columns, n); positions, lowest value first, unknown ones last
    counts : int64, shape (n_columns,); how many values of each column are known
    """
    for c in range(len(values)):
        row = Statistics(out.ic[c], out.spread[c], out.by_group[c], out.means[c], out.top[c])
        measure_column(values[c], orders[c, : counts[c]], outcome, row)
