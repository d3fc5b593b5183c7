"""What scores and features have been worth on the user's own store.

1. `_columns` reads the texts; sums such as `rating` stay whole.
2. `histories.every_bar` gives every series at every bar, as a scan of its session would.
3. `_Sessions` cuts them into cross-sections: who traded, what was known of them that night.
4. `forward_returns` gives what came after: from the next open to the open some sessions later.
5. `evidence.tested` holds each column against each horizon; `Evidence` sums up.

Nothing is fitted and nothing is chosen by its result.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date
from os import cpu_count
from typing import Any

import numpy as np

from technic.compiling import ensure_compiled
from technic.config import UNIVERSES, Settings
from technic.errors import StoreError
from technic.evidence import BINS, LEAST, Evidence, tested_together
from technic.fundamentals import statements_at
from technic.histories import every_bar
from technic.indicators import Series
from technic.indicators.series import field
from technic.market.sessions import nyse
from technic.past import Past, Seen
from technic.query.evaluate import Evaluation
from technic.query.lower import series_of
from technic.query.names import NUMBER
from technic.query.resolve import Resolver
from technic.query.tree import Node, clauses
from technic.scores import MACROS, SCORES
from technic.store import Store
from technic.store.panels import MappedPanel
from technic.typing import FloatArray, IntArray

HORIZONS = (1, 5, 21)
CUT = 1.0  # a forward return counts at most +100 %
BATCH = 12  # series held at once: about 40 MB each for a market of three years
FEATURES = (
    "ret(1)", "ret(5)", "ret(21)", "ret(63)", "ret(126)", "ret(252)", "rsi(14)", "from_high(252)",
    "realized_vol(20)", "atr_pct(14)", "volume_ratio(20)", "dollar_volume(20)",
)  # fmt: skip
CLOSE = field("close")
DEFAULT_UNIVERSE = UNIVERSES["liquid"]


@dataclass(frozen=True, slots=True)
class Evaluated:
    """Evidence for many columns, and what it was gathered from.

    Attributes
    ----------
    evidence : by column
    notes : what a reader should know, one line each
    """

    evidence: dict[str, Evidence]
    first: date
    last: date
    sessions: int
    universe: str
    simulated: bool
    store_version: str
    notes: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """By column, as JSON holds it."""
        return {text: dict(found.summary()) for text, found in self.evidence.items()}

    def about(self) -> dict[str, Any]:
        """What it was gathered from, and everything that was found."""
        return {
            "store_version": self.store_version, "as_of": self.last.isoformat(),
            "first": self.first.isoformat(), "sessions": self.sessions, "universe": self.universe,
            "columns": self.as_dict(),
        }  # fmt: skip


def default_columns() -> list[str]:
    """Every rating and score, and some plain features beside them."""
    parts = {f"{name}_part" for name in ("value", "quality", "growth", "safety")}
    return [*MACROS, *(name for name in SCORES if name not in parts), *FEATURES]


def evaluate(
    store: Store,
    columns: Sequence[str] = (),
    *,
    universe: str = DEFAULT_UNIVERSE,
    horizons: Sequence[int] = HORIZONS,
    as_of: date | None = None,
    last: int | None = None,
    settings: Settings | None = None,
    progress: Callable[[int, int, str], None] = lambda _done, _total, _what: None,
) -> Evaluated:
    """Hold columns against the returns that followed, session by session.

    Parameters
    ----------
    columns : expressions of the scan language; every rating and score by default
    universe : who is compared on each session, by what was known then
    horizons : sessions ahead, ascending
    as_of : the last session to look at; the newest by default
    last : how many sessions to look at; all by default

    Raises
    ------
    QuestionError
        If a column cannot be understood.
    StoreError
        If the store has too few sessions.
    """
    settings = settings or Settings.load()
    ensure_compiled(settings.kernels)
    view = store.panel(as_of)
    trees = _columns(columns or default_columns())
    asked = clauses(Resolver().question(universe)) if universe.strip() else ()
    batches = list(_batches(trees))
    held = max(len(_series(list(batch.values()))) for batch in [*batches, _numbered(asked)])
    room = np.empty((held, view.panel.n_bars))
    progress(0, len(batches), "who is compared")
    sessions = _Sessions.of(store, view, tuple(horizons), asked, last, settings, room)
    made: dict[str, Evidence] = {}
    for done, batch in enumerate(batches):
        progress(done, len(batches), "features")
        made |= _evaluated(sessions, batch, settings, room)
    progress(len(batches), len(batches), "")
    return Evaluated(
        evidence={text: made[text] for text in trees},
        first=nyse().day(int(sessions.ordinals[0])),
        last=nyse().day(int(sessions.ordinals[-1])),
        sessions=len(sessions.ordinals),
        universe=universe,
        simulated=view.version.simulated is not None,
        store_version=view.version.name,
        notes=_notes(view, sessions),
    )


def _columns(texts: Sequence[str]) -> dict[str, Node]:
    """The canonical tree of each column, by the text that was given."""
    resolver = Resolver()
    return {text: resolver.question(text, NUMBER) for text in dict.fromkeys(texts)}


def _batches(trees: dict[str, Node]) -> Sequence[dict[str, Node]]:
    """Columns in portions whose series can be held at once."""
    batches: list[dict[str, Node]] = [{}]
    held: set[Series] = set()
    for text, tree in trees.items():
        needed = set(series_of(tree))
        if batches[-1] and len(held | needed) > BATCH:
            batches.append({})
            held = set()
        batches[-1][text] = tree
        held |= needed
    return batches


def _notes(view: MappedPanel, sessions: _Sessions) -> tuple[str, ...]:
    notes = []
    newest = view.panel.last("session")
    gone = int((newest < nyse().ordinal(view.as_of) - max(HORIZONS)).sum())
    if gone < 0.01 * len(view.panel) * len(sessions.ordinals) / 252.0:
        notes.append(
            "this store holds almost only names that still trade: what vanished is missing, and "
            "every figure is flattered by it"
        )
    if view.version.simulated is not None:
        notes.append("this market is simulated: its figures say nothing about a real one")
    return tuple(notes)


def _series(trees: Sequence[Node]) -> list[Series]:
    """What must be computed for some trees, and the close."""
    return list(dict.fromkeys([CLOSE, *(s for tree in trees for s in series_of(tree))]))


def _numbered(trees: Sequence[Node]) -> dict[str, Node]:
    return {str(k): tree for k, tree in enumerate(trees)}


@dataclass(slots=True)
class _Sessions:
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
        settings: Settings,
        room: FloatArray,
    ) -> _Sessions:
        """Steps 3 and 4; `room` is memory for series."""
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
        returns = forward_returns(view, ordinals, horizons)
        past = Past(store, view, statements_at(store, view.version))
        series = _series(asked)
        values = every_bar(store, view, panel, series, settings.kernels, room)
        by_series = dict(zip(series, values, strict=True))
        made = cls(store, view, horizons, ordinals, [], [], [], [], [], [], past.sectors)
        for t, ordinal in enumerate(ordinals):
            rows = order[bounds[t] : bounds[t + 1]]
            seen = past.at(int(ordinal), owner[rows], by_series[CLOSE][rows])
            inside = np.flatnonzero(_members(asked, seen, by_series, rows))
            made.rows.append(rows[inside])
            made.symbols.append(owner[rows][inside])
            made.known.append(seen.only(inside))
            made.groups.append(codes_of(made.known[-1]["sector"], past.sectors))
            made.forward.append(np.ascontiguousarray(returns[:, t, made.symbols[-1]]))
            made.orders.append(np.argsort(made.forward[-1], axis=1))
        return made


def _members(
    asked: tuple[Node, ...], seen: Seen, by_series: dict[Series, FloatArray], rows: IntArray
) -> np.ndarray:
    """Who of those that traded is listed and in the universe."""
    here = {s: column[rows] for s, column in by_series.items()}
    evaluation = _evaluation(here, seen, len(rows))
    members = seen.listed.copy()
    for clause in asked:
        members &= evaluation.value(clause) == 1.0
    return members


def _evaluation(here: dict[Series, FloatArray], seen: Seen, n: int) -> Evaluation:
    """Over one cross-section, everybody a peer; watch-lists of today say nothing of the past."""
    return Evaluation(n, here, seen, np.ones(n, dtype=bool), lambda _name: frozenset())


def forward_returns(view: MappedPanel, ordinals: IntArray, horizons: Sequence[int]) -> FloatArray:
    """Returns from the open after each session to the open `h` sessions later.

    Who does not trade on the day of the exit leaves at its last close before; who does not trade
    at the next open cannot be bought. A gain counts at most `CUT`.

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
        seen = at >= 0
        opens[at[seen], i] = panel.run(i, "open")[seen]
        exits[at[seen], i] = panel.run(i, "close")[seen]
    opens[~(opens > 0.0)] = np.nan
    # The last close known by the evening before each session.
    for t in range(1, span):
        missing = np.isnan(exits[t])
        exits[t, missing] = exits[t - 1, missing]
    out = np.full((len(horizons), len(ordinals), len(panel)), np.nan)
    for j, h in enumerate(horizons):
        for k, ordinal in enumerate(ordinals - first):
            leave = ordinal + 1 + h
            if leave < span:
                price = np.where(np.isnan(opens[leave]), exits[leave - 1], opens[leave])
                with np.errstate(all="ignore"):
                    out[j, k] = np.minimum(price / opens[ordinal + 1] - 1.0, CUT)
    return out


def _evaluated(
    sessions: _Sessions, batch: dict[str, Node], settings: Settings, room: FloatArray
) -> dict[str, Evidence]:
    """Steps 2 and 5 for the columns of one batch."""
    series = _series(list(batch.values()))
    view, n = sessions.view, len(sessions.ordinals)
    values = every_bar(sessions.store, view, view.panel, series, settings.kernels, room)
    by_series = dict(zip(series, values, strict=True))
    found = _Found.of(n, len(batch), sessions)

    def work(t: int) -> None:
        _session(sessions, t, by_series, list(batch.values()), found)

    with ThreadPoolExecutor(settings.threads or cpu_count() or 1) as pool:
        list(pool.map(work, range(n)))
    return {text: found.evidence(c, text, sessions) for c, text in enumerate(batch)}


@dataclass(frozen=True, slots=True)
class _Found:
    """What the sessions say of the columns of a batch; arrays begin (n_sessions, n_columns)."""

    ic: FloatArray
    spread: FloatArray
    by_group: FloatArray
    means: FloatArray
    known: FloatArray
    tops: np.ndarray

    @classmethod
    def of(cls, n: int, columns: int, sessions: _Sessions) -> _Found:
        h, groups = len(sessions.horizons), len(sessions.sectors)

        def empty(*shape: int) -> FloatArray:
            return np.full((n, columns, *shape), np.nan)

        tops = np.zeros((n, columns, len(sessions.view.panel)), dtype=bool)
        return cls(empty(h), empty(h), empty(groups), empty(h, BINS), empty(), tops)

    def evidence(self, c: int, text: str, sessions: _Sessions) -> Evidence:
        """What was found of one column."""
        turnover = np.full(len(sessions.ordinals), np.nan)
        turnover[1:] = _turnover(self.tops[:, c])
        years = np.array([nyse().day(int(o)).year for o in sessions.ordinals])
        return Evidence(
            text, sessions.horizons, years, sessions.sectors, self.ic[:, c], self.spread[:, c],
            self.by_group[:, c], self.means[:, c], turnover, self.known[:, c],
        )  # fmt: skip


def _session(
    sessions: _Sessions,
    t: int,
    by_series: dict[Series, FloatArray],
    trees: list[Node],
    found: _Found,
) -> None:
    """Every column of a batch on one session."""
    rows, symbols = sessions.rows[t], sessions.symbols[t]
    here = {s: column[rows] for s, column in by_series.items()}
    evaluation = _evaluation(here, sessions.known[t], len(rows))
    values = np.stack([evaluation.value(tree) for tree in trees])
    counts = (~np.isnan(values)).sum(axis=1)
    top = np.zeros(values.shape, dtype=bool)
    tested_together(
        values, np.argsort(values, axis=1), counts, sessions.forward[t], sessions.orders[t],
        sessions.groups[t], len(sessions.sectors), BINS, LEAST, found.ic[t], found.spread[t],
        found.by_group[t], found.means[t], top,
    )  # fmt: skip
    found.known[t] = counts
    found.tops[t][:, symbols] = top


def codes_of(names: Any, known: tuple[str, ...]) -> IntArray:
    """The place of each sector in a tuple of them; −1 where it is unknown."""
    if not known:
        return np.full(len(names), -1, dtype=np.int64)
    place = {name: k for k, name in enumerate(known)}
    return np.array([place.get(name, -1) for name in names], dtype=np.int64)


def _turnover(tops: np.ndarray) -> FloatArray:
    """Share of each session's top bin that was not in it the session before."""
    size = tops[1:].sum(axis=1)
    new = (tops[1:] & ~tops[:-1]).sum(axis=1)
    with np.errstate(all="ignore"):
        share: FloatArray = np.where((size > 0) & tops[:-1].any(axis=1), new / size, np.nan)
    return share
