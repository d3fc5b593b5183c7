"""What scores and features have been worth on the user's own store.

1. `_columns` reads the texts; sums such as `rating` stay whole.
2. `histories.every_bar` gives every series at every bar, as a scan of its session would.
3. `aftermath.Sessions` cuts them into cross-sections: who traded, what was known of them that night.
4. `aftermath.forward_returns` gives what came after: from the next open to the open some sessions later.
5. `evidence.tested` holds each column against each horizon; `Evidence` sums up.

Nothing is fitted and nothing is chosen by its result.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from os import cpu_count
from pathlib import Path
from threading import Lock, local
from typing import Any

import numpy as np
import orjson

from technic.compute.history import every_bar
from technic.compute.kernel import ensure_compiled
from technic.compute.parallel import kernels_here, pin, pinned
from technic.data.store import Store
from technic.data.store.panels import MappedPanel
from technic.data.store.version import SIMULATED_NOTE
from technic.errors import StoreError
from technic.indicators import Series
from technic.market.sessions import nyse
from technic.market.typing import FloatArray
from technic.query.lower import series_of
from technic.query.names import NUMBER
from technic.query.resolve import Resolver
from technic.query.series import clauses_of
from technic.query.tree import Node
from technic.research.forward_returns import survivors_only, vanished
from technic.research.history import PanelHistory, evaluation_of, needed_series
from technic.research.statistics.rank_ic import BINS, LEAST, Evidence, tested_together
from technic.runtime.executors import Executor, Progress, Work, quiet, spans
from technic.runtime.executors.local import InlineExecutor
from technic.runtime.executors.protocol import Shared
from technic.runtime.settings import Settings
from technic.scanner.spec.scan_file import UNIVERSES
from technic.scores import MACROS, SCORES

HORIZONS = (1, 5, 21)
BATCH = 12  # series held at once: about 40 MB each for a market of three years
FEATURES = (
    "ret(1)",
    "ret(5)",
    "ret(21)",
    "ret(63)",
    "ret(126)",
    "ret(252)",
    "rsi(14)",
    "from_high(252)",
    "realized_vol(20)",
    "atr_pct(14)",
    "volume_ratio(20)",
    "dollar_volume(20)",
)
ARRAYS = ("years", "ic", "spread", "by_group", "means", "turnover", "known")
DEFAULT_UNIVERSE = UNIVERSES["liquid"]
_READING, _MINE = Lock(), local()


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
            "store_version": self.store_version,
            "as_of": self.last.isoformat(),
            "first": self.first.isoformat(),
            "sessions": self.sessions,
            "universe": self.universe,
            "columns": self.as_dict(),
        }


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
    executor: Executor | None = None,
    progress: Progress = quiet,
) -> Evaluated:
    """Hold columns against the returns that followed, session by session.

    Parameters
    ----------
    columns : expressions of the scan language; every rating and score by default
    universe : who is compared on each session, by what was known then
    horizons : sessions ahead, ascending
    as_of : the last session to look at; the newest by default
    last : how many sessions to look at; all by default
    executor : where batches of columns are worked on; here, on all cores, by default

    Raises
    ------
    QuestionError
        If a column cannot be understood.
    StoreError
        If the store has too few sessions.
    """
    settings = settings or Settings.load()
    ensure_compiled(settings.kernels)
    version = store.require()
    trees = _columns(columns or default_columns())
    runner = executor or InlineExecutor()
    work = Work(
        "technic.research.evaluation:run_part",
        {
            **pin(store, version, settings.kernels),
            "as_of": None if as_of is None else as_of.isoformat(),
            "universe": universe,
            "horizons": list(horizons),
            "last": last,
            "batches": [list(batch) for batch in _batches(trees)],
            "threads": settings.threads or 0 if executor is None else 1,
        },
    )
    made: dict[str, Evidence] = {}
    about: dict[str, Any] = {}
    try:
        for done in runner.map(work, spans(len(work.job["batches"]), 1), progress):
            if done.answer is None:
                raise StoreError(f"columns {work.job['batches'][done.first]}: {done.lost}")
            about = done.answer
            made |= _read_evidence(done.answer, work.job["batches"][done.first : done.last])
    finally:  # what this process read for it is large
        _read_sessions.cache_clear()
        _MINE.__dict__.clear()
    return Evaluated(
        evidence={text: made[text] for text in trees},
        first=date.fromisoformat(about["first"]),
        last=date.fromisoformat(about["last"]),
        sessions=about["n_sessions"],
        universe=universe,
        simulated=version.simulated is not None,
        store_version=version.name,
        notes=tuple(about["notes"]),
    )


def run_part(shared: Shared, first: int, last: int) -> dict[str, Any]:
    """Some batches of columns, on some worker; its sessions are read once."""
    question = shared.job
    kernels = kernels_here(question)
    batches = [_columns(texts) for texts in question["batches"]]
    asked = clauses_of(question["universe"])
    series = [needed_series(list(batch.values())) for batch in (*batches, _numbered(asked))]
    about = orjson.dumps({k: v for k, v in question.items() if k != "batches"})
    held = max(map(len, series))
    with _READING:
        sessions = _read_sessions(about, held)
    room = _room(held, sessions.view.panel.n_bars)
    answer: dict[str, Any] = {
        "first": nyse().day(int(sessions.ordinals[0])).isoformat(),
        "last": nyse().day(int(sessions.ordinals[-1])).isoformat(),
        "n_sessions": len(sessions.ordinals),
        "notes": _notes(sessions.view, sessions),
        "horizons": list(sessions.horizons),
        "sectors": list(sessions.sectors),
    }
    threads = question["threads"] or cpu_count() or 1
    for j, batch in enumerate(batches[first:last]):
        for c, found in enumerate(_evaluated(sessions, batch, kernels, threads, room).values()):
            for name in ARRAYS:
                answer[f"{j}.{c}.{name}"] = np.ascontiguousarray(getattr(found, name))
    return answer


def _read_evidence(answer: dict[str, Any], batches: list[list[str]]) -> dict[str, Evidence]:
    """The evidence that a part found, by column."""
    return {
        text: Evidence(
            text=text,
            horizons=tuple(answer["horizons"]),
            groups=tuple(answer["sectors"]),
            **{name: answer[f"{j}.{c}.{name}"] for name in ARRAYS},
        )
        for j, batch in enumerate(batches)
        for c, text in enumerate(batch)
    }


@lru_cache(maxsize=1)
def _read_sessions(question: bytes, held: int) -> PanelHistory:
    """The sessions of a question; read once per worker."""
    asked = orjson.loads(question)
    store, version, kernels = pinned(asked)
    as_of = None if asked["as_of"] is None else date.fromisoformat(asked["as_of"])
    view = store.panel(as_of, version=version)
    return PanelHistory.of(
        store,
        view,
        tuple(asked["horizons"]),
        clauses_of(asked["universe"]),
        asked["last"],
        kernels,
        asked["threads"] or None,
        _room(held, view.panel.n_bars),
    )


def _room(series: int, bars: int) -> FloatArray:
    """Memory for series, of this thread: asking for it anew costs more than filling it."""
    room: FloatArray | None = getattr(_MINE, "room", None)
    if room is None or room.shape[0] < series or room.shape[1] != bars:
        room = _MINE.room = np.empty((series, bars))
    return room


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


def _notes(view: MappedPanel, sessions: PanelHistory) -> tuple[str, ...]:
    notes = survivors_only(vanished(view), len(sessions.ordinals))
    if view.version.is_simulated:
        notes.append(SIMULATED_NOTE)
    return tuple(notes)


def _numbered(trees: Sequence[Node]) -> dict[str, Node]:
    return {str(k): tree for k, tree in enumerate(trees)}


def _evaluated(
    sessions: PanelHistory, batch: dict[str, Node], kernels: Path, threads: int, room: FloatArray
) -> dict[str, Evidence]:
    """Steps 2 and 5 for the columns of one batch."""
    series = needed_series(list(batch.values()))
    view, n = sessions.view, len(sessions.ordinals)
    values = every_bar(sessions.store, view, view.panel, series, kernels, room, threads=threads)
    by_series = dict(zip(series, values, strict=True))
    found = _SessionStatistics.of(n, len(batch), sessions)

    def work(t: int) -> None:
        _session(sessions, t, by_series, list(batch.values()), found)

    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(work, range(n)))
    return {text: found.evidence(c, text, sessions) for c, text in enumerate(batch)}


@dataclass(frozen=True, slots=True)
class _SessionStatistics:
    """What the sessions say of the columns of a batch; arrays begin (n_sessions, n_columns)."""

    ic: FloatArray
    spread: FloatArray
    by_group: FloatArray
    means: FloatArray
    known: FloatArray
    tops: np.ndarray

    @classmethod
    def of(cls, n: int, columns: int, sessions: PanelHistory) -> _SessionStatistics:
        h, groups = len(sessions.horizons), len(sessions.sectors)

        def empty(*shape: int) -> FloatArray:
            return np.full((n, columns, *shape), np.nan)

        tops = np.zeros((n, columns, len(sessions.view.panel)), dtype=bool)
        return cls(empty(h), empty(h), empty(groups), empty(h, BINS), empty(), tops)

    def evidence(self, c: int, text: str, sessions: PanelHistory) -> Evidence:
        """What was found of one column."""
        turnover = np.full(len(sessions.ordinals), np.nan)
        turnover[1:] = _turnover(self.tops[:, c])
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


def _session(
    sessions: PanelHistory,
    t: int,
    by_series: dict[Series, FloatArray],
    trees: list[Node],
    found: _SessionStatistics,
) -> None:
    """Every column of a batch on one session."""
    rows, symbols = sessions.rows[t], sessions.symbols[t]
    here = {s: column[rows] for s, column in by_series.items()}
    evaluation = evaluation_of(here, sessions.known[t], len(rows))
    values = np.stack([evaluation.value(tree) for tree in trees])
    counts = (~np.isnan(values)).sum(axis=1)
    top = np.zeros(values.shape, dtype=bool)
    tested_together(
        values,
        np.argsort(values, axis=1),
        counts,
        sessions.forward[t],
        sessions.orders[t],
        sessions.groups[t],
        len(sessions.sectors),
        BINS,
        LEAST,
        found.ic[t],
        found.spread[t],
        found.by_group[t],
        found.means[t],
        top,
    )
    found.known[t] = counts
    found.tops[t][:, symbols] = top


def _turnover(tops: np.ndarray) -> FloatArray:
    """Share of each session's top bin that was not in it the session before."""
    size = tops[1:].sum(axis=1)
    new = (tops[1:] & ~tops[:-1]).sum(axis=1)
    with np.errstate(all="ignore"):
        share: FloatArray = np.where((size > 0) & tops[:-1].any(axis=1), new / size, np.nan)
    return share
