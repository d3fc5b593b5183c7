"""How much a column says about what came after: rank correlations, spreads, and how sure.

`tested` takes one column on one session; `Evidence` sums up many sessions. The interval of a
mean comes from a circular block bootstrap, because neighbouring sessions share most of their
forward returns: blocks of twice the horizon are drawn whole.

References
----------
Grinold and Kahn (1999), Active Portfolio Management, for the information coefficient; Politis
and Romano (1992) for the circular block bootstrap.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import ceil, isfinite
from typing import Any

import numpy as np
from numba import njit

from technic.market.typing import BoolArray, FloatArray, IntArray

BINS = 5
DRAWS = 2_000
SEED = 20_261_122
CONFIDENCE = 0.95
LEAST = 30  # symbols on a session, below which it does not count


@njit(nogil=True)  # type: ignore[untyped-decorator]
def mid_ranks(
    order: IntArray, values: FloatArray, keep: BoolArray, out: FloatArray
) -> int:  # pragma: no cover -- compiled
    """Ranks from 1 among the kept, ties sharing their mean; returns how many there are."""
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
    """Pearson's correlation of two rankings of the kept; NaN where one of them is all ties."""
    mean = (count + 1) / 2.0
    both = one = other = 0.0
    for i in range(len(keep)):
        if keep[i]:
            a = first[i] - mean
            b = second[i] - mean
            both += a * b
            one += a * a
            other += b * b
    if one <= 0.0 or other <= 0.0:
        return np.nan
    return float(both / np.sqrt(one * other))


@njit(nogil=True)  # type: ignore[untyped-decorator]
def tested(  # noqa: C901, PLR0912, PLR0913, PLR0917 -- one kernel, and its arguments
    values: FloatArray,
    order: IntArray,
    forward: FloatArray,
    forward_order: IntArray,
    groups: IntArray,
    n_groups: int,
    bins: int,
    least: int,
    ic: FloatArray,
    spread: FloatArray,
    by_group: FloatArray,
    means: FloatArray,
    top: BoolArray,
) -> None:  # pragma: no cover -- compiled
    """One column on one session, against returns over several horizons.

    Parameters
    ----------
    values : shape (n,); NaN is unknown
    order : positions of the known values, lowest first
    forward : shape (n_horizons, n); NaN is unknown
    forward_order : shape (n_horizons, n); positions, lowest return first, unknown ones last
    groups : shape (n,); −1 is unknown
    ic, spread : shape (n_horizons,); written
    by_group : shape (n_groups,); the correlation within each group at the middle horizon
    means : shape (n_horizons, bins); mean return of each bin of the values
    top : shape (n,); whether a symbol is in the highest bin
    """
    n = len(values)
    mine = np.empty(n)
    theirs = np.empty(n)
    keep = np.zeros(n, np.bool_)
    for i in order:
        keep[i] = True
    count = mid_ranks(order, values, keep, mine)
    for i in order:
        if count >= least and (mine[i] - 0.5) / count * bins >= bins - 1:
            top[i] = True
    for h in range(forward.shape[0]):
        joint = np.zeros(n, np.bool_)
        for i in order:
            joint[i] = not np.isnan(forward[h, i])
        count = mid_ranks(order, values, joint, mine)
        mid_ranks(forward_order[h], forward[h], joint, theirs)
        if count < least:
            continue
        ic[h] = correlation(mine, theirs, joint, count)
        total = np.zeros(bins)
        members = np.zeros(bins)
        for i in order:
            if joint[i]:
                b = min(int((mine[i] - 0.5) / count * bins), bins - 1)
                total[b] += forward[h, i]
                members[b] += 1
        for b in range(bins):
            means[h, b] = total[b] / members[b] if members[b] else np.nan
        spread[h] = means[h, bins - 1] - means[h, 0]
        if h == forward.shape[0] // 2:
            for g in range(n_groups):
                inside = np.zeros(n, np.bool_)
                for i in order:
                    inside[i] = joint[i] and groups[i] == g
                size = mid_ranks(order, values, inside, mine)
                mid_ranks(forward_order[h], forward[h], inside, theirs)
                if size >= least:
                    by_group[g] = correlation(mine, theirs, inside, size)


@njit(nogil=True)  # type: ignore[untyped-decorator]
def tested_together(  # noqa: PLR0913, PLR0917 -- a kernel's arguments
    values: FloatArray,
    orders: IntArray,
    counts: IntArray,
    forward: FloatArray,
    forward_order: IntArray,
    groups: IntArray,
    n_groups: int,
    bins: int,
    least: int,
    ic: FloatArray,
    spread: FloatArray,
    by_group: FloatArray,
    means: FloatArray,
    top: BoolArray,
) -> None:  # pragma: no cover -- compiled
    """`tested` for several columns: `values`, `orders` and what is written have one row each.

    Parameters
    ----------
    counts : how many values of each column are known; its order puts them first
    """
    for c in range(len(values)):
        tested(
            values[c],
            orders[c, : counts[c]],
            forward,
            forward_order,
            groups,
            n_groups,
            bins,
            least,
            ic[c],
            spread[c],
            by_group[c],
            means[c],
            top[c],
        )


def interval(series: FloatArray, block: int) -> tuple[float, float, float, float]:
    """Mean of a series, the bounds of its interval, and its standard error by blocks.

    NaN where there are fewer than four blocks: too few to say anything.
    """
    known = series[~np.isnan(series)]
    n = len(known)
    mean = float(known.mean()) if n else np.nan
    if n < 4 * block:
        return mean, np.nan, np.nan, np.nan
    starts = np.random.default_rng(SEED).integers(0, n, size=(DRAWS, ceil(n / block)))
    sums = np.concatenate([[0.0], np.cumsum(np.concatenate([known, known[:block]]))])
    drawn = (sums[starts + block] - sums[starts]).sum(axis=1) / (starts.shape[1] * block)
    tail = 100.0 * (1.0 - CONFIDENCE) / 2.0
    low, high = np.percentile(drawn, [tail, 100.0 - tail])
    wider = widening(n / block)
    low, high = mean - wider * (mean - float(low)), mean + wider * (float(high) - mean)
    return mean, low, high, float(drawn.std())


def widening(blocks: float) -> float:
    """How much wider an interval must be because the spread of few blocks is itself uncertain.

    Drawn means vary by (k − 1) / k of what they should, and Student's quantile at k − 1 degrees
    is further out than the normal one (Cornish and Fisher's expansion, two terms).
    """
    z, free = 1.959963984540054, blocks - 1.0
    quantile = z + (z**3 + z) / (4.0 * free) + (5 * z**5 + 16 * z**3 + 3 * z) / (96.0 * free**2)
    return float(quantile / z * np.sqrt(blocks / free))


@dataclass(slots=True)
class Evidence:
    """What a column said about what came after, session by session.

    Attributes
    ----------
    text : the column
    horizons : sessions ahead
    years : of each session
    groups : names of the sectors
    ic, spread : shape (n_sessions, n_horizons)
    by_group : shape (n_sessions, n_groups); at the middle horizon
    means : shape (n_sessions, n_horizons, BINS)
    turnover : shape (n_sessions,); share of the top bin that was not in it the session before
    known : shape (n_sessions,); how many symbols had a value
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
        """Everything summed up, as JSON holds it; unknown is None."""
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
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else float("nan")


def _means(values: FloatArray) -> list[float]:
    return [_mean(values[:, b]) for b in range(values.shape[1])]


def plain(value: float) -> float | None:
    """A number as JSON holds it: unknown is None."""
    return float(value) if isfinite(value) else None
