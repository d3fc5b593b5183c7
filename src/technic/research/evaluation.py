"""What scores and features have been worth on the user's own store.

1. `read_columns` parses the texts; sums such as `rating` stay whole. `_batches` divides them into
   portions that fit into memory, and each goes to a worker, which runs `run_part`.
2. `PanelHistory.read` cuts the store into cross-sections: who traded on each session, what was
   known of them that night, and the returns from the next open on.
3. `every_bar` computes every series at every bar, as a scan of its session would.
4. `_measure_session` holds each column of a batch against the returns over each horizon.
5. `Evidence` sums up what the sessions gave.

Nothing is fitted and nothing is chosen by its result.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from os import cpu_count
from threading import Lock, local
from typing import Any

import numpy as np
import orjson

from technic.compute.kernel import ensure_compiled
from technic.compute.parallel import kernels_here, pin, pinned
from technic.data.store import Store
from technic.data.store.mapped_panel import MappedPanel
from technic.data.store.version import SIMULATED_NOTE
from technic.errors import ConfigError, StoreError
from technic.indicators import Series
from technic.indicators.define import MAX_LOOKBACK
from technic.market.sessions import nyse
from technic.market.typing import FloatArray
from technic.query.lower import series_of
from technic.query.names import NUMBER
from technic.query.resolve import Resolver
from technic.query.series import clauses_of
from technic.query.tree import Node
from technic.research.forward_returns import survivors_only, vanished
from technic.research.history import (
    HistoryRequest,
    PanelHistory,
    Workspace,
    evaluation_of,
    needed_series,
)
from technic.research.statistics.rank_ic import (
    BINS,
    LEAST,
    Evidence,
    Outcome,
    Statistics,
    measure_columns,
)
from technic.runtime.executors import Executor, Progress, Work, quiet, spans
from technic.runtime.executors.local import InlineExecutor
from technic.runtime.executors.protocol import Shared
from technic.runtime.section import shown, text_of, whole_of
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
_READING, _THREAD = Lock(), local()


@dataclass(frozen=True, slots=True)
class Evaluated:
    """Evidence for many columns, and the sessions it was gathered from.

    Attributes
    ----------
    evidence : what each column said of later returns, by its text
    first, last : the first and the last session that was looked at
    sessions : how many there were
    universe : the condition for being compared, by what was known on each session
    simulated : whether the market is a simulated one
    store_version : which state of the store was read
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
        """The summary of each column by its text, as JSON holds it."""
        return {text: dict(evidence.summary()) for text, evidence in self.evidence.items()}

    def about(self) -> dict[str, Any]:
        """The summaries and what they were gathered from, as the store keeps them."""
        return {
            "store_version": self.store_version,
            "as_of": self.last.isoformat(),
            "first": self.first.isoformat(),
            "sessions": self.sessions,
            "universe": self.universe,
            "columns": self.as_dict(),
        }


def default_columns() -> list[str]:
    """The texts that are evaluated unless others are named: ratings, scores, plain features."""
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
    """Measure how well columns ranked the returns that followed, session by session.

    On each session the members of the universe are ranked by a column, by what was known that
    evening, and the ranks are correlated with the returns from the next open on.

    Parameters
    ----------
    store : where the bars lie, as `open_store` gives it
    columns : expressions of the scan language; every rating and score by default
    universe : a condition for being compared on a session, by what was known then
    horizons : sessions ahead, ascending
    as_of : the last session to look at; the newest by default
    last : how many sessions to look at; all by default
    settings : folders and numbers of threads; those of the user by default
    executor : where batches of columns are worked on; here, on all cores, by default. It never
        changes the answer
    progress : is told how far the work is

    Returns
    -------
    Evaluated
        Evidence by column, in the order they were asked for; what too few symbols tell is NaN.

    Raises
    ------
    ConfigError
        If `horizons` or `last` counts no sessions.
    QuestionError
        If a column cannot be understood.
    StoreError
        If the store has too few sessions, or a worker was lost.

    Examples
    --------
    >>> import technic as tc
    >>> store = tc.open_store("demo")
    >>> evaluated = tc.evaluate(store, ["ret(5)", "rsi(14)"], horizons=(1, 5), last=60)
    >>> evaluated.evidence["ret(5)"].ic.shape == (evaluated.sessions, 2)
    True
    >>> sorted(evaluated.as_dict()["rsi(14)"]["ic"])
    ['1', '5']
    """
    trees = check_evaluation(columns, universe, horizons, last)
    settings = settings or Settings.load()
    ensure_compiled(settings.kernels)
    version = store.require()
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
    evidence: dict[str, Evidence] = {}
    about: dict[str, Any] = {}
    try:
        for part in runner.map(work, spans(len(work.job["batches"]), 1), progress):
            if part.answer is None:
                raise StoreError(f"columns {work.job['batches'][part.first]}: {part.lost}")
            about = part.answer
            evidence |= _read_evidence(part.answer, work.job["batches"][part.first : part.last])
    finally:  # what this process holds of it is large, and nobody asks for it again
        _read_sessions.cache_clear()
        _THREAD.__dict__.clear()
    return Evaluated(
        evidence={text: evidence[text] for text in trees},
        first=date.fromisoformat(about["first"]),
        last=date.fromisoformat(about["last"]),
        sessions=about["n_sessions"],
        universe=universe,
        simulated=version.simulated is not None,
        store_version=version.name,
        notes=tuple(about["notes"]),
    )


def check_evaluation(
    columns: Sequence[str] = (),
    universe: str = DEFAULT_UNIVERSE,
    horizons: Sequence[int] = HORIZONS,
    last: int | None = None,
) -> dict[str, Node]:
    """Refuse at once what `evaluate` would refuse; returns the tree of each column, by its text.

    Raises
    ------
    ConfigError
        If `horizons` or `last` counts no sessions.
    QuestionError
        If a column or the universe cannot be understood.
    """
    _checked_horizons(horizons)
    if last is not None:
        whole_of(last, "evaluate: last")
    clauses_of(text_of(universe, "evaluate: universe"))
    return read_columns(columns or default_columns())


def _checked_horizons(horizons: Sequence[int]) -> tuple[int, ...]:
    """The horizons: at least one, each a number of sessions, ascending."""
    if not isinstance(horizons, list | tuple):
        raise ConfigError(f"evaluate: horizons is a list of sessions ahead; got {shown(horizons)}")
    ahead = tuple(whole_of(h, "evaluate: horizons", 1, MAX_LOOKBACK) for h in horizons)
    if not ahead or list(ahead) != sorted(set(ahead)):
        raise ConfigError(
            f"evaluate: horizons ascend, and there is at least one: (1, 5, 21); got {shown(horizons)}"
        )
    return ahead


def run_part(shared: Shared, first: int, last: int) -> dict[str, Any]:
    """Evaluate some batches of columns, on some worker; its sessions are read once."""
    job = shared.job
    batches = [read_columns(texts) for texts in job["batches"]]
    groups = [*(list(batch.values()) for batch in batches), clauses_of(job["universe"])]
    held = max(len(needed_series(trees)) for trees in groups)
    with _READING:  # threads of one process share the sessions: the first reads, the others wait
        sessions = _read_sessions(
            orjson.dumps({k: v for k, v in job.items() if k != "batches"}), held
        )
    threads = job["threads"] or cpu_count() or 1
    workspace = Workspace(kernels_here(job), threads, _room(held, sessions.view.panel.n_bars))
    answer: dict[str, Any] = {
        "first": nyse().day(int(sessions.ordinals[0])).isoformat(),
        "last": nyse().day(int(sessions.ordinals[-1])).isoformat(),
        "n_sessions": len(sessions.ordinals),
        "notes": _notes(sessions.view, sessions),
        "horizons": list(sessions.horizons),
        "sectors": list(sessions.sectors),
    }
    for j, batch in enumerate(batches[first:last]):
        for c, evidence in enumerate(_evaluate_batch(sessions, batch, workspace).values()):
            for name in ARRAYS:
                answer[f"{j}.{c}.{name}"] = np.ascontiguousarray(getattr(evidence, name))
    return answer


def _read_evidence(answer: dict[str, Any], batches: list[list[str]]) -> dict[str, Evidence]:
    """The evidence that came back from a worker, by column."""
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
def _read_sessions(content: bytes, held: int) -> PanelHistory:
    """The sessions of a job; read once per worker."""
    job = orjson.loads(content)
    store, version, kernels = pinned(job)
    as_of = None if job["as_of"] is None else date.fromisoformat(job["as_of"])
    view = store.panel(as_of, version=version)
    request = HistoryRequest(tuple(job["horizons"]), clauses_of(job["universe"]), job["last"])
    workspace = Workspace(kernels, job["threads"] or None, _room(held, view.panel.n_bars))
    return PanelHistory.read(store, view, request, workspace)


def _room(series: int, bars: int) -> FloatArray:
    """Memory for series, of this thread: asking for it anew costs more than filling it."""
    room: FloatArray | None = getattr(_THREAD, "room", None)
    if room is None or room.shape[0] < series or room.shape[1] != bars:
        room = _THREAD.room = np.empty((series, bars))
    return room


def read_columns(texts: Sequence[str]) -> dict[str, Node]:
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


def _evaluate_batch(
    sessions: PanelHistory, batch: dict[str, Node], workspace: Workspace
) -> dict[str, Evidence]:
    """Steps 3 to 5 for the columns of one batch."""
    trees = list(batch.values())
    by_series = workspace.compute(sessions.store, sessions.view, needed_series(trees))
    n = len(sessions.ordinals)
    statistics = _SessionStatistics.empty(n, len(batch), sessions)

    def work(t: int) -> None:
        _measure_session(sessions, t, by_series, trees, statistics)

    with ThreadPoolExecutor(workspace.threads) as pool:
        list(pool.map(work, range(n)))
    return {text: statistics.evidence(c, text, sessions) for c, text in enumerate(batch)}


@dataclass(frozen=True, slots=True)
class _SessionStatistics:
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
    def empty(cls, n: int, columns: int, sessions: PanelHistory) -> _SessionStatistics:
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


def _measure_session(
    sessions: PanelHistory,
    t: int,
    by_series: dict[Series, FloatArray],
    trees: list[Node],
    statistics: _SessionStatistics,
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
