"""What scores and features have been worth on the user's own store: asked for, and summed up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from technic.compute.kernel import ensure_compiled
from technic.compute.parallel import pin
from technic.data.store import Store
from technic.errors import ConfigError, StoreError
from technic.indicators import Series
from technic.indicators.define import MAX_LOOKBACK
from technic.query.lower import series_of
from technic.query.series import clauses_of
from technic.query.tree import Node
from technic.research.evaluation.worker import ARRAYS, forget, read_columns
from technic.research.statistics.evidence import Evidence
from technic.runtime.executors import Executor, Progress, Work, quiet, spans
from technic.runtime.executors.local import InlineExecutor
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
DEFAULT_UNIVERSE = UNIVERSES["liquid"]


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
        "technic.research.evaluation.worker:run_part",
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
        forget()
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
