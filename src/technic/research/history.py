"""Cross-sections of the past, and the returns that followed each: what an evaluation is made of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from technic.compute.history import every_bar
from technic.compute.panel_series import PanelSeries
from technic.data.store import Store
from technic.data.store.mapped_panel import MappedPanel
from technic.errors import StoreError
from technic.indicators import Series
from technic.indicators.series import field
from technic.market.typing import FloatArray, IntArray
from technic.query.evaluate import Evaluation
from technic.query.lower import series_of
from technic.query.tree import Node
from technic.research.forward_returns import dividends_of, forward_returns
from technic.runtime.deadline import check
from technic.scanner.columns.filings import statements_at
from technic.scanner.columns.past_attributes import AttributeHistory, PastAttributes

CLOSE = field("close")


@dataclass(frozen=True, slots=True)
class HistoryRequest:
    """Which history is read.

    Attributes
    ----------
    horizons : sessions ahead, ascending
    universe : conditions that a member fulfils on a session; trees of the scan language
    last : how many of the newest sessions are read; None for all
    delisting : the return from its last close that is imputed to a name that vanishes. With it
        returns are total, dividends included; None leaves both out
    """

    horizons: tuple[int, ...]
    universe: tuple[Node, ...]
    last: int | None = None
    delisting: float | None = None


@dataclass(frozen=True, slots=True)
class Workspace:
    """What series are computed with.

    Attributes
    ----------
    kernels : folder of the compiled kernel
    threads : how many work; None for all cores
    room : float64, shape (≥ n_series, n_bars); memory for series, overwritten by each computation
    """

    kernels: Path
    threads: int | None
    room: FloatArray

    def compute(
        self, store: Store, view: MappedPanel, series: list[Series]
    ) -> dict[Series, FloatArray]:
        """Every series at every bar of a view: rows of `room`, good until the next call."""
        wanted = PanelSeries(store, view, view.panel, tuple(series), self.kernels)
        values = every_bar(wanted, self.room, threads=self.threads)
        return dict(zip(series, values, strict=True))


@dataclass(slots=True)
class PanelHistory:
    """The history of a panel, session by session; lists have one entry for each session.

    Attributes
    ----------
    store, view : what was read
    horizons : sessions ahead, ascending
    ordinals : int64, shape (n_sessions,); the sessions, as numbers of the trading calendar
    rows : int64, shape (n_members,); positions of the bars of the universe, where bars lie symbol
        after symbol
    symbols : int64, shape (n_members,); positions of the symbols of those bars
    forward : float64, shape (n_horizons, n_members); returns from the next open over each
        horizon, as shares of the price; NaN is unknown
    orders : int64, shape (n_horizons, n_members); positions among the members, lowest return
        first, unknown ones last
    attributes : what was known of the members that night
    groups : int64, shape (n_members,); position in `sectors`, −1 is unknown
    sectors : names of the sectors that occur
    """

    store: Store
    view: MappedPanel
    horizons: tuple[int, ...]
    ordinals: IntArray
    rows: list[IntArray]
    symbols: list[IntArray]
    forward: list[FloatArray]
    orders: list[IntArray]
    attributes: list[PastAttributes]
    groups: list[IntArray]
    sectors: tuple[str, ...]

    @classmethod
    def read(
        cls, store: Store, view: MappedPanel, request: HistoryRequest, workspace: Workspace
    ) -> PanelHistory:
        """Cut a view into the cross-sections of its sessions.

        Parameters
        ----------
        view : the panel that is cut; its newest session is the last one
        workspace : with room for the series of `request.universe` and the close

        Raises
        ------
        StoreError
            If the view holds too few sessions to look over the longest horizon.
        """
        days, owner = _days_and_owners(view)
        ordinals = _ordinals(store, days, request)
        # Bars lie symbol after symbol: sorted by day, those of one session lie together.
        order = np.argsort(days, kind="stable")
        bounds = np.searchsorted(days[order], np.append(ordinals, ordinals[-1] + 1))
        returns = _returns(store, view, ordinals, request)
        past = AttributeHistory(store, view, statements_at(store, view.version))
        by_series = workspace.compute(store, view, needed_series(request.universe))
        history = cls(store, view, request.horizons, ordinals, [], [], [], [], [], [], past.sectors)
        for t, ordinal in enumerate(ordinals):
            check()
            rows = order[bounds[t] : bounds[t + 1]]
            attributes = past.at(int(ordinal), owner[rows], by_series[CLOSE][rows])
            inside = np.flatnonzero(members(request.universe, attributes, by_series, rows))
            symbols = owner[rows][inside]
            chosen = attributes.only(inside)
            forward = np.ascontiguousarray(returns[:, t, symbols])
            history.rows.append(rows[inside])
            history.symbols.append(symbols)
            history.attributes.append(chosen)
            history.groups.append(codes_of(chosen["sector"], past.sectors))
            history.forward.append(forward)
            history.orders.append(np.argsort(forward, axis=1))
        return history


def _days_and_owners(view: MappedPanel) -> tuple[IntArray, IntArray]:
    """The session of each bar, and the symbol it is of; bars lie symbol after symbol."""
    panel = view.panel
    days = np.concatenate([panel.run(i, "session") for i in range(len(panel))]).astype(np.int64)
    return days, np.repeat(np.arange(len(panel)), panel.lengths)


def _ordinals(store: Store, days: IntArray, request: HistoryRequest) -> IntArray:
    """The sessions that are looked at; refuses too few."""
    ordinals: IntArray = np.unique(days)[-request.last :] if request.last else np.unique(days)
    longest = max(request.horizons)
    if len(ordinals) <= longest + 1:
        raise StoreError(
            f"{store.folder}: {len(ordinals)} sessions are too few to look {longest} ahead; "
            "bring in more history: technic sync"
        )
    return ordinals


def _returns(
    store: Store, view: MappedPanel, ordinals: IntArray, request: HistoryRequest
) -> FloatArray:
    """Forward returns of every symbol; shape (n_horizons, n_ordinals, n_symbols)."""
    if request.delisting is None:
        return forward_returns(view, ordinals, request.horizons)
    paid, lost = dividends_of(store, view), request.delisting
    return forward_returns(view, ordinals, request.horizons, dividends=paid, delisting=lost)


def needed_series(trees: Sequence[Node]) -> list[Series]:
    """The series that must be computed for some trees: the close, and those they read."""
    return list(dict.fromkeys([CLOSE, *(s for tree in trees for s in series_of(tree))]))


def members(
    universe: tuple[Node, ...],
    attributes: PastAttributes,
    by_series: dict[Series, FloatArray],
    rows: IntArray,
) -> np.ndarray:
    """Who of those that traded on a session is listed and in the universe.

    Parameters
    ----------
    attributes : what was known of those that traded, in the order of `rows`
    by_series : values at every bar of the panel
    rows : positions of the bars of the session

    Returns
    -------
    ndarray
        bool, shape (n_rows,)
    """
    columns = {s: column[rows] for s, column in by_series.items()}
    evaluation = evaluation_of(columns, attributes, len(rows))
    members = attributes.listed.copy()
    for clause in universe:
        members &= evaluation.value(clause) == 1.0
    return members


def evaluation_of(
    columns: dict[Series, FloatArray], attributes: PastAttributes, n: int
) -> Evaluation:
    """Values over one cross-section of the past, everybody a peer of everybody.

    Watch-lists are empty: those of today say nothing of the past.
    """
    return Evaluation(n, columns, attributes, np.ones(n, dtype=bool), lambda _name: frozenset())


def codes_of(names: Any, sectors: tuple[str, ...]) -> IntArray:
    """The position of each name in a tuple of sectors; −1 where it is unknown."""
    if not sectors:
        return np.full(len(names), -1, dtype=np.int64)
    place = {name: k for k, name in enumerate(sectors)}
    return np.array([place.get(name, -1) for name in names], dtype=np.int64)
