"""Batches of columns, on some worker: its sessions are read once and cut once."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from functools import lru_cache
from os import cpu_count
from threading import Lock, local
from typing import Any

import numpy as np
import orjson

from technic.compute.parallel import kernels_here, pinned
from technic.data.store.mapped_panel import MappedPanel
from technic.data.store.version import SIMULATED_NOTE
from technic.market.sessions import nyse
from technic.market.typing import FloatArray
from technic.query.names import NUMBER
from technic.query.resolve import Resolver
from technic.query.series import clauses_of
from technic.query.tree import Node
from technic.research.evaluation.session_statistics import SessionStatistics, measure_session
from technic.research.forward_returns import survivors_only, vanished
from technic.research.history import HistoryRequest, PanelHistory, Workspace, needed_series
from technic.research.statistics.evidence import Evidence
from technic.runtime.executors.protocol import Shared

ARRAYS = ("years", "ic", "spread", "by_group", "means", "turnover", "known")
_READING, _THREAD = Lock(), local()


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


def forget() -> None:
    """Let go of the sessions that this process holds: they are large."""
    _read_sessions.cache_clear()
    _THREAD.__dict__.clear()


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


def _notes(view: MappedPanel, sessions: PanelHistory) -> tuple[str, ...]:
    notes = survivors_only(vanished(view), len(sessions.ordinals))
    if view.version.is_simulated:
        notes.append(SIMULATED_NOTE)
    return tuple(notes)


def _evaluate_batch(
    sessions: PanelHistory, batch: dict[str, Node], workspace: Workspace
) -> dict[str, Evidence]:
    """Every series at every bar, and what each session says of the columns of one batch."""
    trees = list(batch.values())
    by_series = workspace.compute(sessions.store, sessions.view, needed_series(trees))
    n = len(sessions.ordinals)
    statistics = SessionStatistics.empty(n, len(batch), sessions)

    def work(t: int) -> None:
        measure_session(sessions, t, by_series, trees, statistics)

    with ThreadPoolExecutor(workspace.threads) as pool:
        list(pool.map(work, range(n)))
    return {text: statistics.evidence(c, text, sessions) for c, text in enumerate(batch)}
