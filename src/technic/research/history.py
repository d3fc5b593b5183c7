"""Cross-sections of the past, and what came after each: what an evaluation is made of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from technic.compute.history import every_bar
from technic.compute.panel_series import PanelSeries
from technic.data.store import Store
from technic.data.store.panels import MappedPanel
from technic.errors import StoreError
from technic.indicators import Series
from technic.indicators.series import field
from technic.market.typing import FloatArray, IntArray
from technic.query.evaluate import Evaluation
from technic.query.lower import series_of
from technic.query.tree import Node
from technic.research.forward_returns import dividends_of, forward_returns
from technic.scanner.columns.filings import statements_at
from technic.scanner.columns.past_attributes import AttributeHistory, PastAttributes

CLOSE = field("close")


@dataclass(slots=True)
class PanelHistory:
    """The history of a panel, session by session.

    Attributes
    ----------
    ordinals : sessions that are looked at
    rows : of each, positions of the bars of the universe, where bars lie symbol after symbol
    symbols : of each, positions of the symbols of those bars
    forward : of each, shape (n_horizons, n_members); float64, NaN is unknown
    orders : of each, shape (n_horizons, n_members); positions, lowest return first
    known : of each, what was known of those symbols that night
    groups : of each, the sector of each member; −1 is unknown
    """

    store: Store
    view: MappedPanel
    horizons: tuple[int, ...]
    ordinals: IntArray
    rows: list[IntArray]
    symbols: list[IntArray]
    forward: list[FloatArray]
    orders: list[IntArray]
    known: list[PastAttributes]
    groups: list[IntArray]
    sectors: tuple[str, ...]

    @classmethod
    def of(
        cls,
        store: Store,
        view: MappedPanel,
        horizons: tuple[int, ...],
        asked: tuple[Node, ...],
        last: int | None,
        kernels: Path,
        threads: int | None,
        room: FloatArray,
        *,
        delisting: float | None = None,
    ) -> PanelHistory:
        """Steps 3 and 4; `room` is memory for series.

        With `delisting` returns are total: dividends count, and what vanishes returns so much.
        """
        panel = view.panel
        flat = np.concatenate([panel.run(i, "session") for i in range(len(panel))]).astype(np.int64)
        owner = np.repeat(np.arange(len(panel)), panel.lengths)
        ordinals = np.unique(flat)[-last:] if last else np.unique(flat)
        if len(ordinals) <= max(horizons) + 1:
            raise StoreError(
                f"{store.folder}: {len(ordinals)} sessions are too few to look "
                f"{max(horizons)} ahead; bring in more history: technic sync"
            )
        order = np.argsort(flat, kind="stable")
        bounds = np.searchsorted(flat[order], np.append(ordinals, ordinals[-1] + 1))
        paid = None if delisting is None else dividends_of(store, view)
        returns = forward_returns(
            view, ordinals, horizons, dividends=paid, delisting=delisting or 0.0
        )
        past = AttributeHistory(store, view, statements_at(store, view.version))
        series = needed_series(asked)
        wanted = PanelSeries(store, view, panel, tuple(series), kernels)
        values = every_bar(wanted, room, threads=threads)
        by_series = dict(zip(series, values, strict=True))
        made = cls(store, view, horizons, ordinals, [], [], [], [], [], [], past.sectors)
        for t, ordinal in enumerate(ordinals):
            rows = order[bounds[t] : bounds[t + 1]]
            seen = past.at(int(ordinal), owner[rows], by_series[CLOSE][rows])
            inside = np.flatnonzero(members(asked, seen, by_series, rows))
            made.rows.append(rows[inside])
            made.symbols.append(owner[rows][inside])
            made.known.append(seen.only(inside))
            made.groups.append(codes_of(made.known[-1]["sector"], past.sectors))
            made.forward.append(np.ascontiguousarray(returns[:, t, made.symbols[-1]]))
            made.orders.append(np.argsort(made.forward[-1], axis=1))
        return made


def needed_series(trees: Sequence[Node]) -> list[Series]:
    """What must be computed for some trees, and the close."""
    return list(dict.fromkeys([CLOSE, *(s for tree in trees for s in series_of(tree))]))


def members(
    asked: tuple[Node, ...],
    seen: PastAttributes,
    by_series: dict[Series, FloatArray],
    rows: IntArray,
) -> np.ndarray:
    """Who of those that traded is listed and in the universe."""
    here = {s: column[rows] for s, column in by_series.items()}
    evaluation = evaluation_of(here, seen, len(rows))
    members = seen.listed.copy()
    for clause in asked:
        members &= evaluation.value(clause) == 1.0
    return members


def evaluation_of(here: dict[Series, FloatArray], seen: PastAttributes, n: int) -> Evaluation:
    """Over one cross-section, everybody a peer; watch-lists of today say nothing of the past."""
    return Evaluation(n, here, seen, np.ones(n, dtype=bool), lambda _name: frozenset())


def codes_of(names: Any, known: tuple[str, ...]) -> IntArray:
    """The place of each sector in a tuple of them; −1 where it is unknown."""
    if not known:
        return np.full(len(names), -1, dtype=np.int64)
    place = {name: k for k, name in enumerate(known)}
    return np.array([place.get(name, -1) for name in names], dtype=np.int64)
