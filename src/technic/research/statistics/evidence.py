"""What a column said about the returns that followed, session by session, and summed up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import ceil, isfinite
from typing import Any

import numpy as np

from technic.market.typing import FloatArray, IntArray
from technic.research.statistics.bootstrap import interval
from technic.research.statistics.figures import mean_known, plain


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
                "turnover": plain(mean_known(self.turnover)),
                "decay": self._decay(),
                "years": self._years(),
                "sectors": {
                    name: plain(mean_known(self.by_group[:, g]))
                    for g, name in enumerate(self.groups)
                },
                "coverage": plain(mean_known(self.known)),
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
        means = [mean_known(self.ic[:, j]) for j in range(len(self.horizons))]
        return [plain(value / means[0]) if means[0] else None for value in means]

    def _years(self) -> dict[str, float | None]:
        """Mean correlation at the middle horizon by calendar year."""
        middle = self.ic[:, len(self.horizons) // 2]
        return {str(y): plain(mean_known(middle[self.years == y])) for y in np.unique(self.years)}


def _means(values: FloatArray) -> list[float]:
    return [mean_known(values[:, b]) for b in range(values.shape[1])]
