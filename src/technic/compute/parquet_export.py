"""Histories of features as a folder of Parquet files, one per year and stretch of symbols.

1. `write_features` puts the panel, the program and the past of split symbols, and hands out parts
   of `BLOCKS` blocks each: the files are the same whoever makes them, and however many there are.
2. `_part` computes its columns and encodes its files, which is where the time goes.
3. Files come into a folder beside the target, which takes its name once all are there.
"""

from __future__ import annotations

import io
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from technic.compute.benchmark import benchmark_closes
from technic.compute.history import as_known, chosen_symbols, is_relative
from technic.compute.kernel import ensure_compiled
from technic.compute.parallel import PANEL, arrays_of, rows_of, sizes_of, stretch_values
from technic.data.store import Store
from technic.errors import StoreError
from technic.indicators import Series
from technic.indicators.kernel.codegen import digest as kernel_digest
from technic.indicators.kernel.program import compile_program
from technic.market.panel import Panel
from technic.market.sessions import nyse
from technic.market.typing import BoolArray, FloatArray, IntArray
from technic.query.series import series_for
from technic.runtime.executors import Executor, Progress, Work, spans
from technic.runtime.executors.local import InlineExecutor
from technic.runtime.executors.protocol import Shared
from technic.runtime.settings import Settings

BLOCKS = 64  # of a part: 512 symbols


@dataclass(frozen=True, slots=True)
class Written:
    """What was written.

    Attributes
    ----------
    folder : `year=YYYY/part-NNNNNN.parquet`, with `symbol`, `session` and a column per feature
    """

    folder: Path
    files: int
    rows: int
    size: int
    columns: tuple[str, ...]


def write_features(
    store: Store,
    texts: Sequence[str],
    folder: Path,
    *,
    symbols: Iterable[str] | None = None,
    as_of: date | None = None,
    settings: Settings | None = None,
    executor: Executor | None = None,
    progress: Progress | None = None,
) -> Written:
    """The history of features of a store's symbols, as Parquet files below a folder.

    Any reader of partitioned Parquet opens it: `polars.scan_parquet(f"{folder}/**/*.parquet")`.

    Raises
    ------
    StoreError
        If the folder is there already and not empty, or a part was lost.
    """
    if folder.exists() and any(folder.iterdir()):
        raise StoreError(f"{folder}: is not empty; nothing was written. Name another folder")
    settings = settings or Settings.load()
    ensure_compiled(settings.kernels)
    view = store.panel(as_of)
    columns, series = series_for(texts)
    chosen = chosen_symbols(view, symbols)
    panel = view.panel.select(chosen)
    closes = benchmark_closes(view, "market") if is_relative(series) else None
    program = compile_program(series, every_bar=True)
    known = as_known(store, view, panel, series, settings.kernels, closes)
    rows, past, differs = _past(known, series)
    work = Work(
        "technic.compute.parquet_export:run_part",
        {
            "kernels": str(settings.kernels),
            "kernel": kernel_digest(),
            "columns": columns,
            "symbols": view.who["symbol"].gather(chosen).to_list(),
            **sizes_of(program),
        },
        {
            **arrays_of(program, panel, closes),
            "past_rows": rows,
            "past_values": past,
            "past_differs": differs,
        },
    )
    scratch = folder.with_name(f".{folder.name}.writing")
    shutil.rmtree(scratch, ignore_errors=True)
    try:
        found = _gather(executor or InlineExecutor(), work, panel, scratch, progress)
        if folder.exists():
            folder.rmdir()
        scratch.rename(folder)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return Written(folder, *found, tuple(columns))


def _past(
    found: Iterable[tuple[IntArray, IntArray, FloatArray]], series: Sequence[Series]
) -> tuple[IntArray, FloatArray, BoolArray]:
    """Rows that a scan of their session saw otherwise, in order; their values, and which differ."""
    rows, values = [np.empty(0, np.int64)], [np.empty((len(series), 0))]
    differs = [np.empty((len(series), 0), dtype=bool)]
    for at, which, seen in found:
        whole, mine = (
            np.full((len(series), len(at)), np.nan),
            np.zeros((len(series), len(at)), bool),
        )
        whole[which], mine[which] = seen, True
        rows.append(at)
        values.append(whole)
        differs.append(mine)
    every = np.concatenate(rows)
    order = np.argsort(every, kind="stable")
    return (
        every[order],
        np.ascontiguousarray(np.concatenate(values, axis=1)[:, order]),
        np.ascontiguousarray(np.concatenate(differs, axis=1)[:, order]),
    )


def _gather(
    executor: Executor, work: Work, panel: Panel, scratch: Path, progress: Progress | None
) -> tuple[int, int, int]:
    """Files, rows and bytes that came of the parts."""
    files = rows = size = 0
    scratch.mkdir(parents=True)
    for done in executor.map(work, spans(panel.bars.shape[0], BLOCKS), progress):
        if done.answer is None:
            raise StoreError(
                f"blocks {done.first} to {done.last}: {done.lost}; nothing was written"
            )
        rows += int(done.answer.pop("rows"))
        for year, content in done.answer.items():
            path = scratch / f"year={year}" / f"part-{done.first:06d}.parquet"
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(content)
            files += 1
            size += len(content)
    return files, rows, size


def run_part(shared: Shared, first: int, last: int) -> dict[str, Any]:
    """Step 2: the files of some blocks, by year."""
    arrays, question = shared.arrays, shared.job
    chosen, values = stretch_values(shared, first, last)
    panel = Panel(*(arrays[name] for name in PANEL))
    _mend(values, panel, chosen, arrays)
    sessions = np.concatenate(
        [np.empty(0), *(panel.run(int(i), "session") for i in chosen)]
    ).astype(np.int64)
    names = np.array(question["symbols"], dtype=object)[chosen]
    table = pl.DataFrame(
        {
            "symbol": np.repeat(names.astype(str), panel.lengths[chosen]),
            "session": pl.Series(nyse().dates[sessions]).cast(pl.Date),
            **dict(zip(question["columns"], values, strict=True)),
        }
    ).fill_nan(None)
    answer: dict[str, Any] = {"rows": table.height}
    years = table["session"].dt.year()
    for year in sorted(years.unique()):
        buffer = io.BytesIO()
        table.filter(years == year).write_parquet(buffer, compression="zstd", statistics=True)
        answer[str(year)] = buffer.getvalue()
    return answer


def _mend(values: FloatArray, panel: Panel, chosen: IntArray, arrays: Mapping[str, Any]) -> None:
    """What a scan saw otherwise stands where it saw it; of a row that comes twice the last one."""
    rows, past, differs = (arrays[f"past_{name}"] for name in ("rows", "values", "differs"))
    at = 0
    for low, high in rows_of(panel, chosen):
        first, last = np.searchsorted(rows, [low, high])
        for j in range(len(values)):
            mine = first + np.flatnonzero(differs[j, first:last])
            values[j, at + rows[mine] - low] = past[j, mine]
        at += high - low
