"""All series of a question at each symbol's last bar: recalled, carried on, or computed.

1. `columns_of` recalls the columns of the view that are cached, one by one: a question over known
   features computes nothing.
2. `_compute` makes a program of those that are missing.
3. `_carry` runs it from its state after an earlier session, which is cached too. `_continued`
   says which symbols can be carried on: the panel never changes a run that it has shown, so one
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
import polars as pl

from technic.compute.benchmark import benchmark_closes
from technic.compute.column_cache import ColumnCache, arrow_of, table_of_arrow
from technic.compute.kernel import ensure_compiled
from technic.compute.stretches import advance_last_bars
from technic.data.store.mapped_panel import MappedPanel
from technic.indicators import Series
from technic.indicators.kernel.codegen import digest as kernel_digest
from technic.indicators.kernel.program import Program, compile_program
from technic.indicators.kernel.run import Advance, Continuation
from technic.market.typing import FloatArray, IntArray
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


@dataclass(frozen=True, slots=True)
class SavedState:
    """The state of a program after some bars, and which bars those were.

    Attributes
    ----------
    security_ids, places, lengths : int64, shape (n_symbols,), as in the panel it was made from
    state : float64, shape (n_symbols, state_width)
    """

    security_ids: IntArray
    places: IntArray
    lengths: IntArray
    state: FloatArray


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
        run, counts = _carry(alone, view, settings)
        columns |= dict(zip(alone, run.values, strict=True))
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
) -> tuple[Advance, dict[str, int]]:
    """Run a program from the newest state there is, and keep the state it ends with."""
    program, panel, cache = _program(series), view.panel, settings.cache
    key = key_of("state", kernel_digest(), repr(series), view.data)
    # The next session does not start from an unfinished day, nor from what was known before then.
    is_final = view.known_at is None and not view.provisional
    before = _state_of(cache.get(key), program.state_width) if view.known_at is None else None
    since = None
    counts = {"advanced": 0, "refolded": len(panel), "unchanged": 0}
    if before is not None:
        since = _continued(before, view, program.state_width)
        fresh = since.fresh
        same = fresh < panel.lengths
        counts = {
            "advanced": int((same & (fresh > 0)).sum()),
            "refolded": int((~same & (panel.lengths > 0)).sum()),
            "unchanged": int((fresh == 0).sum()),
        }
    began = perf_counter()
    run = advance_last_bars(program, panel, settings.kernels, since=since, threads=settings.threads)
    if is_final and (before is None or counts["advanced"] or counts["refolded"]):
        after = SavedState(panel.security_ids, panel.places, panel.lengths, run.state)
        cache.put(key, _content_of(after), cost=1e3 * (perf_counter() - began))
    return run, counts


def _continued(before: SavedState, view: MappedPanel, width: int) -> Continuation:
    """State to start from and bars not yet seen, per symbol."""
    panel = view.panel
    # Clipped, a security newer than the state points at another's row, and its id tells them apart.
    at = np.minimum(
        np.searchsorted(before.security_ids, panel.security_ids), len(before.security_ids) - 1
    )
    same = (
        (before.security_ids[at] == panel.security_ids)
        & (before.places[at] == panel.places)
        & (before.lengths[at] <= panel.lengths)
        & (before.lengths[at] > 0)
        & ~np.isin(panel.security_ids, view.anew)
    )
    state = np.zeros((len(panel), max(width, 1)))
    state[same] = before.state[at[same]]
    return Continuation(state, np.where(same, panel.lengths - before.lengths[at], panel.lengths))


@lru_cache(maxsize=64)
def _program(series: tuple[Series, ...]) -> Program:
    return compile_program(series)


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


def _content_of(saved: SavedState) -> bytes:
    """A state as the cache holds it."""
    columns: dict[str, np.ndarray] = {
        "security_id": saved.security_ids,
        "place": saved.places,
        "length": saved.lengths,
    }
    columns |= {f"s{j}": saved.state[:, j] for j in range(saved.state.shape[1])}
    return arrow_of(pl.DataFrame(columns))


def _state_of(content: bytes | None, width: int) -> SavedState | None:
    """A cached state; None if there is none of that width."""
    table = None if content is None else table_of_arrow(content)
    names = [f"s{j}" for j in range(max(width, 1))]
    if table is None or table.columns != ["security_id", "place", "length", *names]:
        return None
    if table.is_empty():
        return None
    ids, places, lengths = (table[name].to_numpy() for name in ("security_id", "place", "length"))
    return SavedState(ids, places, lengths, table.select(names).to_numpy())
