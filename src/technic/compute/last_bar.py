"""All series of a question at each symbol's last bar: found, carried on, or computed.

1. Columns of a view are cached one by one: a question over known features computes nothing.
2. What is missing is a program. Its state after an earlier session is cached too; the panel
   never changes a run that it has shown, so a symbol whose run lies where it lay is carried on
   by its new bars, and one whose run was written anew (a split, a revision) starts from nothing.
3. Both ways give the same bits: a full run is an incremental run that starts from nothing.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from time import perf_counter

import numpy as np
import polars as pl

from technic.compute.benchmark import benchmark_closes
from technic.compute.kernel import ensure_compiled
from technic.data.store.panels import MappedPanel
from technic.indicators import Series
from technic.indicators.kernel.codegen import digest as kernel_digest
from technic.indicators.kernel.program import Program, compile_program
from technic.indicators.kernel.run import Advance, Continuation, advance
from technic.market.typing import FloatArray, IntArray
from technic.runtime.cache import TieredCache, key_of
from technic.runtime.settings import Settings


@dataclass(frozen=True, slots=True)
class Columns:
    """Values by series, and what it took.

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
    """A program's state, and which bars it has seen.

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
    """Everything the kernel computes for a question."""
    cache = settings.cache
    keys = {s: _column_key(s, benchmark, view) for s in series}
    found = cache.get_many(keys.values())
    values: dict[Series, FloatArray] = {}
    for one, key in keys.items():
        if key in found and (column := column_of(found[key], len(view.panel))) is not None:
            values[one] = column
    missing = tuple(s for s in series if s not in values)
    work = {"found": len(values), "computed": len(missing)}
    if missing:
        ensure_compiled(settings.kernels)
        alone = tuple(s for s in missing if not reads_benchmark(s))
        beside = tuple(s for s in missing if reads_benchmark(s))
        since = perf_counter()
        fresh: dict[Series, FloatArray] = {}
        if alone:
            run, counts = _carry(alone, view, settings, cache)
            work |= counts
            fresh |= dict(zip(alone, run.values, strict=True))
        if beside:
            # The benchmark's past moves when any bar is revised: nothing is carried over it.
            closes = benchmark_closes(view, benchmark)
            run = advance(
                _program(beside),
                view.panel,
                settings.kernels,
                benchmark=closes,
                threads=settings.threads,
            )
            fresh |= dict(zip(beside, run.values, strict=True))
        took = 1e3 * (perf_counter() - since) / len(missing)
        cache.put_many({keys[s]: column_content(v) for s, v in fresh.items()}, cost=took)
        values |= fresh
    return Columns({s: values[s] for s in series}, work)


def carry_ahead(series: Sequence[Series], view: MappedPanel, settings: Settings) -> None:
    """Have the state of a program kept, so that one bar more costs one bar."""
    alone = tuple(s for s in series if not reads_benchmark(s))
    if alone:
        ensure_compiled(settings.kernels)
        _carry(alone, view, settings, settings.cache)


def _carry(
    series: tuple[Series, ...], view: MappedPanel, settings: Settings, cache: TieredCache
) -> tuple[Advance, dict[str, int]]:
    """Run a program from the newest state there is, and keep the state it ends with."""
    program, panel = _program(series), view.panel
    key = key_of("state", kernel_digest(), repr(series), view.data)
    current = view.known_at is None and not view.provisional  # what is not final is not kept
    before = _state(cache.get(key), program.state_width) if view.known_at is None else None
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
    run = advance(program, panel, settings.kernels, since=since, threads=settings.threads)
    if current and (before is None or counts["advanced"] or counts["refolded"]):
        kept = SavedState(panel.security_ids, panel.places, panel.lengths, run.state)
        cache.put(key, _state_content(kept), cost=1e3 * (perf_counter() - began))
    return run, counts


def _continued(before: SavedState, view: MappedPanel, width: int) -> Continuation:
    """State to start from and bars not yet seen, per symbol."""
    panel = view.panel
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
    """Whether a series compares with the benchmark."""
    return series.name == "benchmark" or any(reads_benchmark(read) for read in series.inputs)


def _column_key(series: Series, benchmark: str, view: MappedPanel) -> str:
    against = benchmark if reads_benchmark(series) else ""
    return key_of("column", kernel_digest(), view.name, against, _text(series))


@lru_cache(maxsize=4096)
def _text(series: Series) -> str:
    return repr(series)


def column_content(values: FloatArray) -> bytes:
    """A column of numbers as a cache keeps it."""
    return _arrow(pl.DataFrame({"value": values}))


@lru_cache(maxsize=512)
def column_of(content: bytes, n: int) -> FloatArray | None:
    """A cached column; None if it is not one of `n` symbols. Read once per process."""
    table = _table(content)
    if table is None or table.columns != ["value"] or table.height != n:
        return None
    return table["value"].to_numpy()


def _state_content(carried: SavedState) -> bytes:
    columns: dict[str, np.ndarray] = {
        "security_id": carried.security_ids,
        "place": carried.places,
        "length": carried.lengths,
    }
    columns |= {f"s{j}": carried.state[:, j] for j in range(carried.state.shape[1])}
    return _arrow(pl.DataFrame(columns))


def _state(content: bytes | None, width: int) -> SavedState | None:
    """A cached state; None if there is none of that width."""
    table = None if content is None else _table(content)
    names = [f"s{j}" for j in range(max(width, 1))]
    if table is None or table.columns != ["security_id", "place", "length", *names]:
        return None
    if table.is_empty():
        return None
    ids, places, lengths = (table[name].to_numpy() for name in ("security_id", "place", "length"))
    return SavedState(ids, places, lengths, table.select(names).to_numpy())


def _arrow(table: pl.DataFrame) -> bytes:
    buffer = io.BytesIO()
    table.write_ipc(buffer)
    return buffer.getvalue()


def _table(content: bytes) -> pl.DataFrame | None:
    try:
        return pl.read_ipc(content)
    except (pl.exceptions.PolarsError, OSError, ValueError):
        return None
