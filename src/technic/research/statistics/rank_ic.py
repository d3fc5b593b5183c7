"""How much a column says about what came after: rank correlations, spreads, and how sure.

1. `measure_columns` holds the columns of one session against the returns that followed it;
   `measure_column` is the same of one column.
2. `Evidence` holds what the sessions gave, and sums it up.
3. `interval` says how sure a mean over sessions is, by a circular block bootstrap. Neighbouring
   sessions share most of their forward returns, so blocks of twice the horizon are drawn whole.

References
----------
Grinold and Kahn (1999), Active Portfolio Management, for the information coefficient; Politis
and Romano (1992) for the circular block bootstrap.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import ceil, isfinite
from typing import Any, NamedTuple

import numpy as np
from numba import njit

from technic.market.typing import BoolArray, FloatArray, IntArray

BINS = 5
DRAWS = 2_000
SEED = 20_261_122
CONFIDENCE = 0.95
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


@dataclass(slots=True)
class Evidence:
    """What a column said about the returns that followed, session by session.

    NaN stands wherever too few symbols had both a value and a return.

    Attributes
    ----------
    text : the column, as it was asked for
    horizons : sessions ahead, ascending
    years : int64, shape (n_sessions,); the calendar year of each session
    groups : names of the sectors
    ic : float64, shape (n_sessions, n_horizons); rank correlations, −1 to 1
    spread : float64, shape (n_sessions, n_horizons); mean return of the highest bin less the
        lowest, as a share of the price
    by_group : float64, shape (n_sessions, n_groups); rank correlations within each sector, over
        the middle horizon
    means : float64, shape (n_sessions, n_horizons, n_bins); mean return of each bin
    turnover : float64, shape (n_sessions,); share of the top bin that was not in it the session
        before
    known : float64, shape (n_sessions,); how many symbols had a value
    """

    text: str
    horizons: tuple[int, ...]
    years: IntArray
    groups: tuple[str, ...]
    ic: FloatArray
    spread: FloatArray
    by_group: FloatArray
    means: FloatArray
    turnover: FloatArray
    known: FloatArray
    _summary: dict[str, Any] = field(default_factory=dict)

    def summary(self) -> Mapping[str, Any]:
        """Everything summed up, as JSON holds it; unknown is None.

        Returns
        -------
        Mapping
            `ic` and `spread` by horizon, each with `mean`, `low`, `high`, `sessions` and
            `sessions_needed`; `quantiles` by horizon, mean returns from the lowest bin to the
            highest; `turnover`; `decay`, the correlation at each horizon as a share of the
            first's; `years` and `sectors`, mean correlations; `coverage`, symbols with a value.
        """
        if not self._summary:
            self._summary = {
                "ic": {str(h): self._of(self.ic[:, j], h) for j, h in enumerate(self.horizons)},
                "spread": {
                    str(h): self._of(self.spread[:, j], h) for j, h in enumerate(self.horizons)
                },
                "quantiles": {
                    str(h): [plain(v) for v in _means(self.means[:, j])]
                    for j, h in enumerate(self.horizons)
                },
                "turnover": plain(_mean(self.turnover)),
                "decay": self._decay(),
                "years": self._years(),
                "sectors": {
                    name: plain(_mean(self.by_group[:, g])) for g, name in enumerate(self.groups)
                },
                "coverage": plain(_mean(self.known)),
            }
        return self._summary

    def _of(self, series: FloatArray, horizon: int) -> dict[str, Any]:
        """Mean, interval, and how many sessions would tell it from zero."""
        block = max(2 * horizon, round(len(series) ** (1.0 / 3.0)))
        mean, low, high, error = interval(series, block)
        sessions = int((~np.isnan(series)).sum())
        needed = None
        if isfinite(error) and mean and error > 0.0:
            needed = ceil(sessions * (1.96 * error / mean) ** 2)
        return {
            "mean": plain(mean),
            "low": plain(low),
            "high": plain(high),
            "sessions": sessions,
            "sessions_needed": needed,
        }

    def _decay(self) -> list[float | None]:
        """The mean correlation at each horizon as a share of the first one's."""
        means = [_mean(self.ic[:, j]) for j in range(len(self.horizons))]
        return [plain(value / means[0]) if means[0] else None for value in means]

    def _years(self) -> dict[str, float | None]:
        """Mean correlation at the middle horizon by calendar year."""
        middle = self.ic[:, len(self.horizons) // 2]
        return {str(y): plain(_mean(middle[self.years == y])) for y in np.unique(self.years)}


def _mean(values: FloatArray) -> float:
    finite = values[~np.isnan(values)]
    return float(finite.mean()) if len(finite) else float("nan")


def _means(values: FloatArray) -> list[float]:
    return [_mean(values[:, b]) for b in range(values.shape[1])]


def plain(value: float) -> float | None:
    """A number as JSON holds it: unknown is None."""
    return float(value) if isfinite(value) else None
