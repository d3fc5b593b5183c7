"""What each session says of columns: ranks held against the returns that followed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from technic.indicators import Series
from technic.market.sessions import nyse
from technic.market.typing import FloatArray
from technic.query.tree import Node
from technic.research.history import PanelHistory, evaluation_of
from technic.research.statistics.evidence import Evidence
from technic.research.statistics.rank_ic import BINS, LEAST, Outcome, Statistics, measure_columns


@dataclass(frozen=True, slots=True)
class SessionStatistics:
    """What the sessions say of the columns of a batch; arrays begin (n_sessions, n_columns).

    Each session writes its own rows, so that threads need no lock.

    Attributes
    ----------
    ic, spread, by_group, means, known : as of `Evidence`; NaN until written
    tops : bool, shape (n_sessions, n_columns, n_symbols); who is in the top bin
    """

    ic: FloatArray
    spread: FloatArray
    by_group: FloatArray
    means: FloatArray
    known: FloatArray
    tops: np.ndarray

    @classmethod
    def empty(cls, n: int, columns: int, sessions: PanelHistory) -> SessionStatistics:
        """Nothing written yet, for some sessions and columns."""
        h, groups = len(sessions.horizons), len(sessions.sectors)

        def unknown(*shape: int) -> FloatArray:
            return np.full((n, columns, *shape), np.nan)

        tops = np.zeros((n, columns, len(sessions.view.panel)), dtype=bool)
        return cls(unknown(h), unknown(h), unknown(groups), unknown(h, BINS), unknown(), tops)

    def evidence(self, c: int, text: str, sessions: PanelHistory) -> Evidence:
        """The evidence of one column."""
        turnover = np.full(len(sessions.ordinals), np.nan)
        turnover[1:] = _turnover(self.tops[:, c])  # of the first session nothing came before
        years = np.array([nyse().day(int(o)).year for o in sessions.ordinals])
        return Evidence(
            text,
            sessions.horizons,
            years,
            sessions.sectors,
            self.ic[:, c],
            self.spread[:, c],
            self.by_group[:, c],
            self.means[:, c],
            turnover,
            self.known[:, c],
        )


def measure_session(
    sessions: PanelHistory,
    t: int,
    by_series: dict[Series, FloatArray],
    trees: list[Node],
    statistics: SessionStatistics,
) -> None:
    """Write what every column of a batch says on one session."""
    rows, symbols = sessions.rows[t], sessions.symbols[t]
    series = {s: column[rows] for s, column in by_series.items()}
    evaluation = evaluation_of(series, sessions.attributes[t], len(rows))
    values = np.stack([evaluation.value(tree) for tree in trees])
    counts = (~np.isnan(values)).sum(axis=1)
    groups, n_groups = sessions.groups[t], len(sessions.sectors)
    outcome = Outcome(sessions.forward[t], sessions.orders[t], groups, n_groups, BINS, LEAST)
    written = Statistics(
        statistics.ic[t],
        statistics.spread[t],
        statistics.by_group[t],
        statistics.means[t],
        np.zeros(values.shape, dtype=bool),
    )
    measure_columns(values, np.argsort(values, axis=1), counts, outcome, written)
    statistics.known[t] = counts
    statistics.tops[t][:, symbols] = written.top


def _turnover(tops: np.ndarray) -> FloatArray:
    """Share of each session's top bin that was not in it the session before."""
    size = tops[1:].sum(axis=1)
    new = (tops[1:] & ~tops[:-1]).sum(axis=1)
    with np.errstate(all="ignore"):
        share: FloatArray = np.where((size > 0) & tops[:-1].any(axis=1), new / size, np.nan)
    return share
