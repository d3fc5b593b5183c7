"""What a forecast was worth: rank correlations, spreads and a book of it, session by session."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from os import cpu_count
from typing import Any

import numpy as np

from technic.market.sessions import nyse
from technic.market.typing import FloatArray, IntArray
from technic.research.learning.books import DECILES, TOP, Book, block_of, books_of, deciles_of
from technic.research.statistics.bootstrap import interval
from technic.research.statistics.evidence import Evidence
from technic.research.statistics.figures import mean_known, plain
from technic.research.statistics.rank_ic import LEAST, Outcome, Statistics, measure_columns
from technic.research.statistics.significance import newey_west
from technic.scanner.alpha.samples import Float32, Samples


@dataclass(frozen=True, slots=True)
class Measured:
    """One forecast, held against what came after.

    Attributes
    ----------
    evidence : by session; its groups are sectors, its bins deciles, its unknowns NaN
    ordinals : int64, shape (n_sessions,); the sessions, as numbers of the trading calendar
    at : the horizon of the label, as a position among `evidence.horizons`
    by : mean rank IC within groups, by kind of group ("sector", "size", "liquidity") and name;
        None where it is unknown
    spread_book : highest decile bought, lowest sold short
    top_book : the best `TOP` names bought, the universe sold short
    """

    evidence: Evidence
    ordinals: IntArray
    at: int
    by: Mapping[str, Mapping[str, float | None]] = field(default_factory=dict)
    spread_book: Book = field(default_factory=lambda: Book(np.zeros(0), np.zeros(0)))
    top_book: Book = field(default_factory=lambda: Book(np.zeros(0), np.zeros(0)))

    @property
    def horizon(self) -> int:
        """Sessions ahead that the label looks."""
        return self.evidence.horizons[self.at]

    @property
    def ic(self) -> FloatArray:
        """Rank correlation of each session, at the horizon of the label."""
        series: FloatArray = self.evidence.ic[:, self.at]
        return series

    @property
    def t(self) -> float:
        """Newey-West's t of the mean rank IC."""
        return newey_west(self.ic, max(self.horizon - 1, 4))

    def years(self) -> dict[str, float | None]:
        """Mean rank IC by calendar year."""
        years = self.evidence.years
        return {str(y): plain(mean_known(self.ic[years == y])) for y in np.unique(years)}

    def summary(self, trials: int) -> dict[str, Any]:
        """Everything a card says of the forecast, as JSON holds it; unknown is None.

        Parameters
        ----------
        trials : how many distinct things were tried on the store; deflates Sharpe ratios
        """
        daily = self.ic[~np.isnan(self.ic)]
        mean, low, high, _ = interval(self.ic, block_of(len(self.ic), self.horizon))
        evidence = self.evidence.summary()
        spread = float(daily.std()) if len(daily) else 0.0
        return {
            "ic": {"mean": plain(mean), "low": plain(low), "high": plain(high)},
            "t": plain(self.t),
            "icir": plain(mean / spread) if spread else None,
            "sd": plain(spread),
            "hits": plain(float((daily > 0.0).mean())) if len(daily) else None,
            "sessions": len(daily),
            "by_horizon": evidence["ic"],
            "deciles": evidence["quantiles"][str(self.horizon)],
            "spread": evidence["spread"][str(self.horizon)],
            "turnover": evidence["turnover"],
            "decay": evidence["decay"],
            "coverage": evidence["coverage"],
            "years": self.years(),
            "by": {name: dict(values) for name, values in self.by.items()},
            "long_short": self.spread_book.summary(trials, self.horizon),
            f"top_{TOP}": self.top_book.summary(trials, self.horizon),
        }


def measure_forecasts(
    samples: Samples, scores: Mapping[str, Float32], first: int, last: int
) -> dict[str, Measured]:
    """Hold several forecasts against what came after, on the sessions from `first` to before `last`.

    Parameters
    ----------
    scores : forecasts by name; float32, shape (n_rows,), NaN is unknown
    first, last : positions of sessions in the samples

    Returns
    -------
    dict
        One `Measured` for each forecast, in the order they were given.
    """
    sessions, values = range(first, last), [np.asarray(score) for score in scores.values()]
    statistics = _ForecastStatistics.empty(samples, len(sessions), len(values))

    def work(k: int) -> None:
        _measure_session(samples, sessions[k], k, values, statistics)

    with ThreadPoolExecutor(cpu_count() or 1) as pool:
        list(pool.map(work, range(len(sessions))))
    at = samples.horizons.index(samples.horizon)
    measures = {}
    for c, name in enumerate(scores):
        turnover = _turnover(samples, values[c], sessions)
        evidence = statistics.evidence(c, name, samples, sessions, turnover)
        by = {
            group: {
                label: plain(mean_known(statistics.by[group][:, c, g]))
                for g, label in enumerate(labels)
            }
            for group, (labels, _) in samples.groups.items()
        }
        books = books_of(samples, values[c], sessions)
        measures[name] = Measured(evidence, samples.ordinals[first:last], at, by, *books)
    return measures


@dataclass(frozen=True, slots=True)
class _ForecastStatistics:
    """What the sessions say of forecasts; arrays begin (n_sessions, n_columns).

    Each session writes its own rows, so that threads need no lock.
    """

    ic: FloatArray
    spread: FloatArray
    means: FloatArray
    known: FloatArray
    by: dict[str, FloatArray]

    @classmethod
    def empty(cls, samples: Samples, n: int, columns: int) -> _ForecastStatistics:
        def unknown(*shape: int) -> FloatArray:
            return np.full((n, columns, *shape), np.nan)

        h = len(samples.horizons)
        by = {name: unknown(len(labels)) for name, (labels, _) in samples.groups.items()}
        return cls(unknown(h), unknown(h), unknown(h, DECILES), unknown(), by)

    def evidence(
        self, c: int, name: str, samples: Samples, sessions: range, turnover: FloatArray
    ) -> Evidence:
        """The evidence of one forecast."""
        ordinals = samples.ordinals[sessions.start : sessions.stop]
        years = np.array([nyse().day(int(ordinal)).year for ordinal in ordinals])
        nothing = np.empty((len(sessions), 0))
        return Evidence(
            name,
            samples.horizons,
            years,
            samples.groups.get("sector", ((), None))[0],
            self.ic[:, c],
            self.spread[:, c],
            self.by["sector"][:, c] if "sector" in self.by else nothing,
            self.means[:, c],
            turnover,
            self.known[:, c],
        )


def _measure_session(
    samples: Samples, session: int, k: int, values: list[Float32], statistics: _ForecastStatistics
) -> None:
    """Write what every forecast says on one session into row `k`."""
    rows = samples.rows(session)
    columns = np.stack([column[rows] for column in values]).astype(np.float64)
    forward = samples.forward[:, rows].astype(np.float64)
    orders, counts = np.argsort(columns, axis=1), (~np.isnan(columns)).sum(axis=1)
    statistics.known[k] = counts
    nobody = np.full(columns.shape[1], -1, dtype=np.int64)
    order = np.argsort(forward, axis=1)
    overall = Statistics(
        statistics.ic[k],
        statistics.spread[k],
        np.empty((len(columns), 0)),
        statistics.means[k],
        np.zeros(columns.shape, dtype=bool),
    )
    outcome = Outcome(forward, order, nobody, 0, DECILES, LEAST)
    measure_columns(columns, orders, counts, outcome, overall)
    # Groups are judged over the horizon of the label, which need not be the middle one: it alone
    # is given, and of what the kernel writes only the groups are kept.
    at = samples.horizons.index(samples.horizon)
    for name, (labels, codes) in samples.groups.items():
        scratch = Statistics(
            np.full((len(columns), 1), np.nan),
            np.full((len(columns), 1), np.nan),
            statistics.by[name][k],
            np.full((len(columns), 1, DECILES), np.nan),
            np.zeros(columns.shape, dtype=bool),
        )
        groups = codes[rows].astype(np.int64)
        outcome = Outcome(forward[[at]], order[[at]], groups, len(labels), DECILES, LEAST)
        measure_columns(columns, orders, counts, outcome, scratch)


def _turnover(samples: Samples, values: Float32, sessions: range) -> FloatArray:
    """Share of each session's top decile that was not in it the session before."""
    out, before = np.full(len(sessions), np.nan), None
    for k, session in enumerate(sessions):
        rows = samples.rows(session)
        best = deciles_of(values[rows])[0]
        now = set(samples.symbols[rows][best].tolist())
        if before and now:
            out[k] = len(now - before) / len(now)
        before = now
    return out
