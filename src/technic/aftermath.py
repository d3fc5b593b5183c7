"""Cross-sections of the past, and what came after each: what an evaluation is made of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from technic.compute.history import every_bar
from technic.data.store import Store
from technic.data.store.panels import MappedPanel
from technic.errors import StoreError
from technic.indicators import Series
from technic.indicators.series import field
from technic.market.panel import Panel
from technic.market.sessions import nyse
from technic.market.typing import BoolArray, FloatArray, IntArray
from technic.query.evaluate import Evaluation
from technic.query.lower import series_of
from technic.query.tree import Node
from technic.research.statistics.significance import YEAR
from technic.scanner.columns.filings import statements_at
from technic.scanner.columns.past_attributes import Past, Seen

CUT = 1.0  # a forward return counts at most +100 %
IMPUTED = (-0.55, 0.0)  # other returns of names that vanish, to see what hangs on it
LEAVING = 0.01  # of the names, a year: fewer than of any real market
QUIET = 5  # sessions without a bar at the end, after which a name has vanished
CLOSE = field("close")


@dataclass(slots=True)
class Sessions:
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
    known: list[Seen]
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
    ) -> Sessions:
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
        past = Past(store, view, statements_at(store, view.version))
        series = needed_series(asked)
        values = every_bar(store, view, panel, series, kernels, room, threads=threads)
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
    asked: tuple[Node, ...], seen: Seen, by_series: dict[Series, FloatArray], rows: IntArray
) -> np.ndarray:
    """Who of those that traded is listed and in the universe."""
    here = {s: column[rows] for s, column in by_series.items()}
    evaluation = evaluation_of(here, seen, len(rows))
    members = seen.listed.copy()
    for clause in asked:
        members &= evaluation.value(clause) == 1.0
    return members


def evaluation_of(here: dict[Series, FloatArray], seen: Seen, n: int) -> Evaluation:
    """Over one cross-section, everybody a peer; watch-lists of today say nothing of the past."""
    return Evaluation(n, here, seen, np.ones(n, dtype=bool), lambda _name: frozenset())


def forward_returns(
    view: MappedPanel,
    ordinals: IntArray,
    horizons: Sequence[int],
    *,
    dividends: pl.DataFrame | None = None,
    delisting: float = 0.0,
) -> FloatArray:
    """Returns from the open after each session to the open `h` sessions later.

    Who does not trade on the day of the exit leaves at its last close before; who does not trade
    at the next open cannot be bought. A gain counts at most `CUT`.

    Parameters
    ----------
    dividends : as `dividends_of` gives them; who holds a share over the ex-date is paid
    delisting : the return from its last close that is imputed to a name that has vanished

    Returns
    -------
    ndarray
        float64, shape (n_horizons, n_ordinals, n_symbols); NaN where it cannot be known.
    """
    panel, first = view.panel, int(ordinals[0])
    span = int(ordinals[-1]) - first + 1
    opens = np.full((span, len(panel)), np.nan)
    exits = np.full((span, len(panel)), np.nan)
    for i in range(len(panel)):
        at = panel.run(i, "session").astype(np.int64) - first
        seen = (at >= 0) & (at < span)
        opens[at[seen], i] = panel.run(i, "open")[seen]
        exits[at[seen], i] = panel.run(i, "close")[seen]
    opens[~(opens > 0.0)] = np.nan
    ends = panel.last("session") - first
    gone = vanished(view)
    # The last close known by the evening before each session.
    for t in range(1, span):
        missing = np.isnan(exits[t])
        exits[t, missing] = exits[t - 1, missing]
        left = gone & (ends == t - 1)
        exits[t, left] *= 1.0 + delisting
    paid = _paid(panel, dividends, first, span)
    out = np.full((len(horizons), len(ordinals), len(panel)), np.nan)
    for j, h in enumerate(horizons):
        for k, ordinal in enumerate(ordinals - first):
            leave = ordinal + 1 + h
            if leave < span:
                price = np.where(np.isnan(opens[leave]), exits[leave - 1], opens[leave])
                off = gone & (ends == leave - 1)  # vanished this very morning
                price[off] = exits[leave, off]
                held = 0.0 if paid is None else paid[leave] - paid[ordinal + 1]
                with np.errstate(all="ignore"):
                    gain = (price + held) / opens[ordinal + 1] - 1.0
                    out[j, k] = np.minimum(gain, CUT)
    return out


def vanished(view: MappedPanel) -> BoolArray:
    """Whose last bar lies more than `QUIET` sessions before the end of what is looked at."""
    last = view.panel.last("session")
    gone: BoolArray = last < nyse().ordinal(view.as_of) - QUIET
    return gone


def survivors_only(gone: BoolArray, sessions: int) -> list[str]:
    """A note, where so few names have vanished that those that did must be missing.

    Of a real market some percent leave each year.
    """
    if gone.sum() >= LEAVING * len(gone) * sessions / YEAR:
        return []
    note = (
        "this store holds almost only names that still trade: what vanished is missing, and every "
        "figure is flattered by it"
    )
    return [note]


def dividends_of(store: Store, view: MappedPanel) -> pl.DataFrame:
    """Dividends known now: `at` (position of the symbol), `ordinal` of the ex-date, `value`.

    `value` is in USD per share as the panel's shares are: divided by every later split.
    """
    actions = (
        store.table("actions", view.version)
        .filter(pl.col("session") <= view.as_of, pl.col("kind").is_in(["split", "dividend"]))
        .collect()
        .sort("known_at")
        .unique(["security_id", "session", "kind"], keep="last", maintain_order=True)
    )
    ids = pl.Series("security_id", view.panel.security_ids)
    places = pl.DataFrame({"security_id": ids, "at": np.arange(len(ids))})
    found = actions.filter(pl.col("kind") == "dividend", pl.col("value") > 0.0)
    found = found.join(places, on="security_id")
    splits = actions.filter(pl.col("kind") == "split").select(
        "security_id", split="session", ratio="value"
    )
    later = (
        found.select("security_id", "session")
        .join(splits, on="security_id")
        .filter(pl.col("split") > pl.col("session"))
        .group_by("security_id", "session")
        .agg(factor=pl.col("ratio").product())
    )
    joined = found.join(later, on=["security_id", "session"], how="left")
    return joined.select(
        "at",
        ordinal=pl.Series(nyse().ordinals(joined["session"].to_numpy()), dtype=pl.Int64),
        value=pl.col("value") / pl.col("factor").fill_null(1.0),
    ).filter(pl.col("ordinal") >= 0)


def _paid(panel: Panel, dividends: pl.DataFrame | None, first: int, span: int) -> FloatArray | None:
    """What a share has paid from the first session through each; None if nothing ever was."""
    if dividends is None or dividends.is_empty():
        return None
    at = dividends["ordinal"].to_numpy() - first
    seen = (at >= 0) & (at < span)
    paid = np.zeros((span, len(panel)))
    np.add.at(
        paid, (at[seen], dividends["at"].to_numpy()[seen]), dividends["value"].to_numpy()[seen]
    )
    total: FloatArray = np.cumsum(paid, axis=0)
    return total


def codes_of(names: Any, known: tuple[str, ...]) -> IntArray:
    """The place of each sector in a tuple of them; −1 where it is unknown."""
    if not known:
        return np.full(len(names), -1, dtype=np.int64)
    place = {name: k for k, name in enumerate(known)}
    return np.array([place.get(name, -1) for name in names], dtype=np.int64)
