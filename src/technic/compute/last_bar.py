"""All series of a question at each symbol's last bar: recalled, carried on, or computed.

1. `columns_of` recalls the columns of the view that are cached, one by one: a question over known
   features computes nothing.
2. `_compute` makes a program of those that are missing.
3. `_carry` runs it from what its folds carried after an earlier session, which is cached too, fold
   by fold: `_parts` sets apart the series that need a fold nobody has asked for. `_continued` says
   which symbols can be carried on: the panel never changes a run that it has shown, so one
   whose run lies where it lay goes on with its new bars, and one whose run was written anew (a
   split, a revision) starts from nothing.

Both ways give the same bits: a full run is an incremental run that starts from nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from time import perf_counter

import numpy as np

from technic.compute.benchmark import benchmark_closes
from technic.compute.column_cache import ColumnCache
from technic.compute.fold_states import SavedStates, Stamp, keep, recall
from technic.compute.kernel import ensure_compiled
from technic.compute.stretches import advance_last_bars
from technic.data.store.mapped_panel import MappedPanel
from technic.indicators import Series
from technic.indicators.kernel.codegen import digest as kernel_digest
from technic.indicators.kernel.graph import Operation, order_of
from technic.indicators.kernel.program import Program, compile_program
from technic.indicators.kernel.run import Continuation
from technic.market.typing import FloatArray
from technic.runtime.cache import key_of
from technic.runtime.settings import Settings


@dataclass(frozen=True, slots=True)
class Columns:
    """Values of series at each symbol's last bar, and the work that they took.

    Attributes
    ----------
    values : float64, shape (n_symbols,) each; NaN is unknown
    work : symbols `advanced` by new bars, `refolded` from their first bar, `unchanged`; and
        columns `found` in a cache or `computed`
    """

    values: dict[Series, FloatArray]
    work: Mapping[str, int] = field(default_factory=dict)


def columns_of(
    series: Sequence[Series], benchmark: str, view: MappedPanel, settings: Settings
) -> Columns:
    """Find or compute series at the last bar of every symbol of a view.

    Parameters
    ----------
    series : what to compute, each once
    benchmark : "market" or a symbol, for series that compare with it
    view : the session to stand in
    settings : cache, threads and kernels; none of them changes a value

    Returns
    -------
    Columns
        Per series float64 of shape (n_symbols,), NaN where unknown; and counts of the work done.

    Raises
    ------
    ConfigError
        If the benchmark is no symbol of the store.
    """
    cache = ColumnCache(settings.cache, len(view))
    keys = {s: _column_key(s, benchmark, view) for s in series}
    values = cache.recall(keys)
    missing = tuple(s for s in series if s not in values)
    work = {"found": len(values), "computed": len(missing)}
    if missing:
        ensure_compiled(settings.kernels)
        since = perf_counter()
        fresh, counts = _compute(missing, benchmark, view, settings)
        cache.keep(keys, fresh, cost=1e3 * (perf_counter() - since) / len(missing))
        work |= counts
        values |= fresh
    return Columns({s: values[s] for s in series}, work)


def _compute(
    series: tuple[Series, ...], benchmark: str, view: MappedPanel, settings: Settings
) -> tuple[dict[Series, FloatArray], dict[str, int]]:
    """Compute series, carried on from a cached state where that is allowed; and count symbols."""
    alone = tuple(s for s in series if not reads_benchmark(s))
    relative = tuple(s for s in series if reads_benchmark(s))
    columns: dict[Series, FloatArray] = {}
    counts: dict[str, int] = {}
    if alone:
        columns, counts = _carry(alone, view, settings)
    if relative:
        # The benchmark's past moves when any bar is revised: nothing is carried over it.
        run = advance_last_bars(
            _program(relative),
            view.panel,
            settings.kernels,
            benchmark=benchmark_closes(view, benchmark),
            threads=settings.threads,
        )
        columns |= dict(zip(relative, run.values, strict=True))
    return columns, counts


def carry_ahead(series: Sequence[Series], view: MappedPanel, settings: Settings) -> None:
    """Cache the state of a program now, so that tomorrow's scan computes one bar per symbol.

    Parameters
    ----------
    series : those that compare with the benchmark are passed over: they carry no state
    view : the newest session, with everything known
    settings : the cache that keeps the state
    """
    alone = tuple(s for s in series if not reads_benchmark(s))
    if alone:
        ensure_compiled(settings.kernels)
        _carry(alone, view, settings)


def _carry(
    series: tuple[Series, ...], view: MappedPanel, settings: Settings
) -> tuple[dict[Series, FloatArray], dict[str, int]]:
    """Run series from the newest states there are, and keep the states they end with."""
    whole = _program(series)
    # What was known before then does not start from what is known now.
    saved = recall(whole.folds, view, settings.cache) if view.known_at is None else []
    columns: dict[Series, FloatArray] = {}
    counts: dict[str, int] = {}
    for part, states in _parts(series, whole, saved):
        program = whole if part == series else _program(part, _tails(whole))
        values, done = _run(program, states, view, settings)
        columns |= dict(zip(part, values, strict=True))
        # Who is computed from nothing for one series counts as that, whatever the others need.
        counts = done if not counts or done["refolded"] > counts["refolded"] else counts
    return columns, counts


def _parts(
    series: tuple[Series, ...], whole: Program, saved: list[SavedStates]
) -> list[tuple[tuple[Series, ...], SavedStates | None]]:
    """Series that can go on from the same states, and those that start from nothing."""
    left = list(series)
    parts: list[tuple[tuple[Series, ...], SavedStates | None]] = []
    for states in saved:
        known = {fold.node for fold in states.states}
        carried = {fold.node for fold in whole.folds}
        part = [s for s in left if (_folds_of(s) & carried) <= known]
        if any(_folds_of(s) & carried for s in part):
            parts.append((tuple(part), states))
            left = [s for s in left if s not in set(part)]
    if left:
        parts.append((tuple(left), None))
    return parts


def _run(
    program: Program, states: SavedStates | None, view: MappedPanel, settings: Settings
) -> tuple[FloatArray, dict[str, int]]:
    """One program from states of an earlier session, or from nothing; and count symbols."""
    panel = view.panel
    since = None
    counts = {"advanced": 0, "refolded": len(panel), "unchanged": 0}
    if states is not None:
        since = _continued(states, view, program)
        fresh = since.fresh
        same = fresh < panel.lengths
        counts = {
            "advanced": int((same & (fresh > 0)).sum()),
            "refolded": int((~same & (panel.lengths > 0)).sum()),
            "unchanged": int((fresh == 0).sum()),
        }
    began = perf_counter()
    run = advance_last_bars(program, panel, settings.kernels, since=since, threads=settings.threads)
    # The next session does not start from an unfinished day, nor from what was known before then.
    is_final = view.known_at is None and not view.provisional
    if is_final and (states is None or counts["advanced"] or counts["refolded"]):
        stamp = Stamp(panel.security_ids, panel.places, panel.lengths)
        cost = 1e3 * (perf_counter() - began)
        keep(program.folds, stamp, run.state, view, settings.cache, cost)
    return run.values, counts


def _continued(before: SavedStates, view: MappedPanel, program: Program) -> Continuation:
    """State to start from and bars not yet seen, per symbol."""
    panel, stamp = view.panel, before.stamp
    # Clipped, a security newer than the state points at another's row, and its id tells them apart.
    at = np.minimum(
        np.searchsorted(stamp.security_ids, panel.security_ids), len(stamp.security_ids) - 1
    )
    same = (
        (stamp.security_ids[at] == panel.security_ids)
        & (stamp.places[at] == panel.places)
        & (stamp.lengths[at] <= panel.lengths)
        & (stamp.lengths[at] > 0)
        & ~np.isin(panel.security_ids, view.anew)
    )
    state = np.zeros((len(panel), max(program.state_width, 1)))
    rows = at[same]
    for fold in program.folds:
        state[same, fold.slot : fold.slot + fold.width] = before.states[fold][rows]
    return Continuation(state, np.where(same, panel.lengths - stamp.lengths[at], panel.lengths))


def _tails(program: Program) -> tuple[tuple[Operation, int], ...]:
    return tuple((fold.node, fold.tail) for fold in program.folds)


@lru_cache(maxsize=4096)
def _folds_of(series: Series) -> frozenset[Operation]:
    """The folds that a series is made of."""
    return frozenset(node for node in order_of([series]) if node.kind == "fold")


@lru_cache(maxsize=64)
def _program(series: tuple[Series, ...], tails: tuple[tuple[Operation, int], ...] = ()) -> Program:
    return compile_program(series, tails=dict(tails))


@lru_cache(maxsize=4096)
def reads_benchmark(series: Series) -> bool:
    """Return whether a series, or anything it is made of, compares with the benchmark."""
    return series.name == "benchmark" or any(reads_benchmark(read) for read in series.inputs)


def _column_key(series: Series, benchmark: str, view: MappedPanel) -> str:
    against = benchmark if reads_benchmark(series) else ""
    return key_of("column", kernel_digest(), view.name, against, _text(series))


@lru_cache(maxsize=4096)
def _text(series: Series) -> str:
    return repr(series)
