"""What a forecast was worth: rank correlations, spreads and a book of it, session by session."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from math import sqrt
from os import cpu_count
from typing import Any

import numpy as np

from technic.market.sessions import nyse
from technic.market.typing import FloatArray, IntArray
from technic.research.statistics.rank_ic import LEAST, Evidence, interval, plain, tested_together
from technic.research.statistics.significance import (
    YEAR,
    deflated_sharpe,
    newey_west,
    probabilistic_sharpe,
    sessions_needed,
    sharpe,
    sharpe_interval,
)
from technic.scanner.alpha.samples import Float32, Samples

DECILES = 10
COSTS = (0, 5, 10, 20)  # basis points a side
SHIPPED = 10  # basis points at which a model is judged
TOP = 50  # names


@dataclass(frozen=True, slots=True)
class Book:
    """A portfolio of a forecast, renewed by 1 / horizon each session.

    Attributes
    ----------
    returns : float64, shape (n_sessions,); before costs, open to open
    traded : float64, shape (n_sessions,); sum of the absolute changes of weights
    """

    returns: FloatArray
    traded: FloatArray

    def net(self, basis_points: float) -> FloatArray:
        """Returns after so much a side."""
        return self.returns - 1e-4 * basis_points * self.traded

    def summary(self, trials: int, horizon: int) -> dict[str, Any]:
        """Sharpe ratios by cost, the cost at which nothing is left, and how sure that is."""
        by_cost = {}
        for cost in COSTS:
            net = self.net(cost)
            low, high = sharpe_interval(net, block_of(len(net), horizon))
            by_cost[str(cost)] = {
                "sharpe": plain(sharpe(net) * sqrt(YEAR)),
                "low": plain(low * sqrt(YEAR)),
                "high": plain(high * sqrt(YEAR)),
                "yearly": plain(float(np.nanmean(net)) * YEAR) if len(net) else None,
            }
        judged = self.net(SHIPPED)
        traded = float(self.traded.mean()) if len(self.traded) else 0.0
        return {
            "by_cost": by_cost,
            "turnover": plain(traded / 2.0),
            "break_even_bps": plain(1e4 * float(self.returns.mean()) / traded) if traded else None,
            "psr": plain(probabilistic_sharpe(judged)),
            "dsr": plain(deflated_sharpe(judged, trials)),
            "trials": trials,
            "sessions_needed": plain(sessions_needed(judged)),
        }


@dataclass(frozen=True, slots=True)
class Measured:
    """One forecast, held against what came after.

    Attributes
    ----------
    evidence : by session; groups are sectors, bins are deciles
    ordinals : the sessions
    at : the horizon of the label, as a position among the horizons
    by : mean rank IC within groups, such as size and liquidity
    spread_book, top_book : highest less lowest decile; the best `TOP` less the universe
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
        return {str(y): _mean(self.ic[years == y]) for y in np.unique(years)}

    def summary(self, trials: int) -> dict[str, Any]:
        """Everything a card says of it, as JSON holds it."""
        known = self.ic[~np.isnan(self.ic)]
        mean, low, high, _ = interval(self.ic, block_of(len(self.ic), self.horizon))
        found = self.evidence.summary()
        spread = float(known.std()) if len(known) else 0.0
        return {
            "ic": {"mean": plain(mean), "low": plain(low), "high": plain(high)},
            "t": plain(self.t),
            "icir": plain(mean / spread) if spread else None,
            "sd": plain(spread),
            "hits": plain(float((known > 0.0).mean())) if len(known) else None,
            "sessions": len(known),
            "by_horizon": found["ic"],
            "deciles": found["quantiles"][str(self.horizon)],
            "spread": found["spread"][str(self.horizon)],
            "turnover": found["turnover"],
            "decay": found["decay"],
            "coverage": found["coverage"],
            "years": self.years(),
            "by": {name: dict(values) for name, values in self.by.items()},
            "long_short": self.spread_book.summary(trials, self.horizon),
            f"top_{TOP}": self.top_book.summary(trials, self.horizon),
        }


def block_of(sessions: int, horizon: int) -> int:
    """How long the blocks of a bootstrap are: twice the horizon, and at least what n asks for.

    Returns of one session overlap with nothing: their blocks are single sessions.
    """
    return max(2 * horizon, round(max(sessions, 1) ** (1.0 / 3.0))) if horizon > 1 else 1


def measured(
    samples: Samples, scores: Mapping[str, Float32], first: int, last: int
) -> dict[str, Measured]:
    """Several forecasts on the sessions from `first` to before `last`.

    Parameters
    ----------
    scores : by name, float32 of shape (n_rows,); NaN is unknown
    """
    sessions, names = range(first, last), list(scores)
    found = _ForecastStatistics.of(samples, len(sessions), len(names))
    values = [np.asarray(scores[name]) for name in names]

    def work(k: int) -> None:
        _session(samples, sessions[k], k, values, found)

    with ThreadPoolExecutor(cpu_count() or 1) as pool:
        list(pool.map(work, range(len(sessions))))
    ordinals = samples.ordinals[first:last]
    years = np.array([nyse().day(int(o)).year for o in ordinals])
    at = samples.horizons.index(samples.horizon)
    made = {}
    for c, name in enumerate(names):
        evidence = Evidence(
            name,
            samples.horizons,
            years,
            samples.groups.get("sector", ((), None))[0],
            found.ic[:, c],
            found.spread[:, c],
            found.by["sector"][:, c] if "sector" in found.by else np.empty((len(sessions), 0)),
            found.means[:, c],
            _turnover(samples, values[c], sessions),
            found.known[:, c],
        )
        by = {
            group: {label: _mean(found.by[group][:, c, g]) for g, label in enumerate(labels)}
            for group, (labels, _) in samples.groups.items()
        }
        books = _books(samples, values[c], sessions)
        made[name] = Measured(evidence, ordinals, at, by, *books)
    return made


@dataclass(frozen=True, slots=True)
class _ForecastStatistics:
    """What the sessions say; arrays begin (n_sessions, n_columns)."""

    ic: FloatArray
    spread: FloatArray
    means: FloatArray
    known: FloatArray
    by: dict[str, FloatArray]

    @classmethod
    def of(cls, samples: Samples, n: int, columns: int) -> _ForecastStatistics:
        def empty(*shape: int) -> FloatArray:
            return np.full((n, columns, *shape), np.nan)

        h = len(samples.horizons)
        by = {name: empty(len(labels)) for name, (labels, _) in samples.groups.items()}
        return cls(empty(h), empty(h), empty(h, DECILES), empty(), by)


def _session(
    samples: Samples, session: int, k: int, values: list[Float32], found: _ForecastStatistics
) -> None:
    rows = samples.rows(session)
    here = np.stack([column[rows] for column in values]).astype(np.float64)
    forward = samples.forward[:, rows].astype(np.float64)
    orders, counts = np.argsort(here, axis=1), (~np.isnan(here)).sum(axis=1)
    found.known[k] = counts
    n = here.shape[1]
    top = np.zeros(here.shape, dtype=bool)
    nobody = np.full(n, -1, dtype=np.int64)
    tested_together(
        here,
        orders,
        counts,
        forward,
        np.argsort(forward, axis=1),
        nobody,
        0,
        DECILES,
        LEAST,
        found.ic[k],
        found.spread[k],
        np.empty((len(here), 0)),
        found.means[k],
        top,
    )
    mine = forward[[samples.horizons.index(samples.horizon)]]
    order = np.argsort(mine, axis=1)
    for name, (labels, codes) in samples.groups.items():
        spare = np.full((len(here), 1), np.nan)
        tested_together(
            here,
            orders,
            counts,
            mine,
            order,
            codes[rows].astype(np.int64),
            len(labels),
            DECILES,
            LEAST,
            spare,
            spare.copy(),
            found.by[name][k],
            np.full((len(here), 1, DECILES), np.nan),
            top,
        )


def _turnover(samples: Samples, values: Float32, sessions: range) -> FloatArray:
    """Share of each session's top decile that was not in it the session before."""
    out, before = np.full(len(sessions), np.nan), None
    for k, session in enumerate(sessions):
        rows = samples.rows(session)
        best = _ends(values[rows])[0]
        now = set(samples.symbols[rows][best].tolist())
        if before and now:
            out[k] = len(now - before) / len(now)
        before = now
    return out


def _ends(values: Float32) -> tuple[IntArray, IntArray]:
    """Positions of the highest and of the lowest decile; ties by position."""
    known = np.flatnonzero(~np.isnan(values))
    n = len(known) // DECILES
    order = known[np.argsort(values[known], kind="stable")]
    return order[len(order) - n :], order[:n]


def _books(samples: Samples, values: Float32, sessions: range) -> tuple[Book, Book]:
    """The books of highest less lowest decile, and of the best `TOP` less everybody."""
    n_symbols, h = samples.next_return.shape[1], samples.horizon
    wanted = np.zeros((2, len(sessions), n_symbols), dtype=np.float32)
    for k, session in enumerate(sessions):
        rows = samples.rows(session)
        who, here = samples.symbols[rows], values[rows]
        high, low = _ends(here)
        if not len(high):
            continue
        wanted[0, k, who[high]] = 1.0 / len(high)
        wanted[0, k, who[low]] -= 1.0 / len(low)
        known = np.flatnonzero(~np.isnan(here))
        best = known[np.argsort(here[known], kind="stable")][-min(TOP, len(high)) :]
        wanted[1, k, who[known]] = -1.0 / len(known)
        wanted[1, k, who[best]] += 1.0 / len(best)
    return _book(samples, wanted[0], sessions, h), _book(samples, wanted[1], sessions, h)


def _book(samples: Samples, wanted: Float32, sessions: range, horizon: int) -> Book:
    """Of each session 1 / horizon of the book is renewed; what is not traded earns nothing."""
    n = len(sessions)
    returns, traded = np.zeros(n), np.zeros(n)
    held = np.zeros(wanted.shape[1])
    for k, session in enumerate(sessions):
        after = held + wanted[k] / horizon
        if k >= horizon:
            after = after - wanted[k - horizon] / horizon
        traded[k] = np.abs(after - held).sum()
        held = after
        returns[k] = float(held @ np.nan_to_num(samples.next_return[session], nan=0.0))
    return Book(returns, traded)


def _mean(values: FloatArray) -> float | None:
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else None
