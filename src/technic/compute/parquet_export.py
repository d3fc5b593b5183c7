"""Histories of features as a folder of Parquet files, one per year and stretch of symbols.

1. `_work` puts the panel, the program and the past of split symbols; `_gather` hands out parts of
   `BLOCKS` blocks each: the files are the same whoever makes them, and however many there are.
2. `run_part` computes its columns and encodes its files, which is where the time goes.
3. Files come into a folder beside the target, which takes its name once all are there.
"""

from __future__ import annotations

import io
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from technic.compute.as_known import RevisedValues
from technic.compute.history import FeatureRequest, as_known, chosen_symbols, history_frame
from technic.compute.kernel import ensure_compiled
from technic.compute.panel_series import PanelSeries
from technic.compute.parallel import PANEL, arrays_of, rows_of, sizes_of, stretch_values
from technic.data.store import Store
from technic.errors import StoreError
from technic.indicators.kernel.codegen import digest as kernel_digest
from technic.indicators.kernel.program import compile_program
from technic.market.panel import Panel
from technic.market.typing import BoolArray, FloatArray, IntArray
from technic.query.series import series_for
from technic.runtime.executors import Executor, Progress, Work, spans
from technic.runtime.executors.local import InlineExecutor
from technic.runtime.executors.protocol import Shared
from technic.runtime.settings import Settings

BLOCKS = 64  # of a part: 512 symbols


@dataclass(frozen=True, slots=True)
class WrittenFeatures:
    """The files that were written.

    Attributes
    ----------
    folder : `year=YYYY/part-NNNNNN.parquet`, with `symbol`, `session` and a column per feature
    files, rows : how many there are, in all
    size : bytes of all files
    columns : names of the features
    """

    folder: Path
    files: int
    rows: int
    size: int
    columns: tuple[str, ...]


def write_features(
    store: Store,
    request: FeatureRequest,
    folder: Path,
    *,
    settings: Settings | None = None,
    executor: Executor | None = None,
    progress: Progress | None = None,
) -> WrittenFeatures:
    """Write the history of features of a store's symbols as Parquet files below a folder.

    Any reader of partitioned Parquet opens it: `polars.scan_parquet(f"{folder}/**/*.parquet")`.

    Parameters
    ----------
    store : whose bars are read
    request : features, symbols and the last session
    folder : is made; may be there if it is empty
    settings : threads and kernels; none of them changes a file
    executor : where parts are made; this process by default
    progress : is told how many parts are done, and of how many

    Returns
    -------
    WrittenFeatures
        How much was written, and where.

    Raises
    ------
    StoreError
        If the folder is there already and not empty, or a part was lost.
    """
    if folder.exists() and any(folder.iterdir()):
        raise StoreError(f"{folder}: is not empty; nothing was written. Name another folder")
    settings = settings or Settings.load()
    ensure_compiled(settings.kernels)
    view = store.panel(request.as_of)
    columns, series = series_for(request.texts)
    chosen = chosen_symbols(view, request.symbols)
    panel = view.panel.select(chosen)
    history = PanelSeries(store, view, panel, tuple(series), settings.kernels)
    work = _work(history, columns, view.who["symbol"].gather(chosen).to_list())
    # What is not complete never lies under the name that readers look for.
    scratch = folder.with_name(f".{folder.name}.writing")
    shutil.rmtree(scratch, ignore_errors=True)
    try:
        counts = _gather(executor or InlineExecutor(), work, panel, scratch, progress)
        if folder.exists():
            folder.rmdir()
        scratch.rename(folder)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return WrittenFeatures(folder, *counts, tuple(columns))


def _work(history: PanelSeries, columns: Sequence[str], symbols: list[str]) -> Work:
    """Step 1: all that parts read, put once."""
    program = compile_program(history.series, every_bar=True)
    rows, values, differs = _past(as_known(history), len(history.series))
    return Work(
        "technic.compute.parquet_export:run_part",
        {
            "kernels": str(history.kernels),
            "kernel": kernel_digest(),
            "columns": columns,
            "symbols": symbols,
            **sizes_of(program),
        },
        {
            **arrays_of(program, history.panel, history.closes),
            "past_rows": rows,
            "past_values": values,
            "past_differs": differs,
        },
    )


def _past(
    revised: Iterable[RevisedValues], n_series: int
) -> tuple[IntArray, FloatArray, BoolArray]:
    """Rows that a scan of their session saw otherwise, in order; their values, and which differ."""
    rows, values = [np.empty(0, np.int64)], [np.empty((n_series, 0))]
    differs = [np.empty((n_series, 0), dtype=bool)]
    for at, which, seen in revised:
        whole = np.full((n_series, len(at)), np.nan)
        differ = np.zeros((n_series, len(at)), dtype=bool)
        whole[which], differ[which] = seen, True
        rows.append(at)
        values.append(whole)
        differs.append(differ)
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
    """Step 2: make the files of some blocks.

    Parameters
    ----------
    shared : what `_work` put
    first, last : blocks of the panel

    Returns
    -------
    dict
        `rows`, and per year the bytes of a Parquet file.
    """
    arrays, job = shared.arrays, shared.job
    chosen, values = stretch_values(shared, first, last)
    panel = Panel(*(arrays[name] for name in PANEL))
    _mend(values, panel, chosen, arrays)
    symbols = np.array(job["symbols"], dtype=object)[chosen].astype(str)
    columns = dict(zip(job["columns"], values, strict=True))
    table = history_frame(panel.select(chosen), symbols, columns)
    files: dict[str, Any] = {"rows": table.height}
    years = table["session"].dt.year()
    for year in sorted(years.unique()):
        buffer = io.BytesIO()
        table.filter(years == year).write_parquet(buffer, compression="zstd", statistics=True)
        files[str(year)] = buffer.getvalue()
    return files


def _mend(values: FloatArray, panel: Panel, chosen: IntArray, arrays: Mapping[str, Any]) -> None:
    """Put what a scan saw otherwise where it saw it; where a row comes twice, the last values."""
    rows, past, differs = (arrays[f"past_{name}"] for name in ("rows", "values", "differs"))
    at = 0
    for low, high in rows_of(panel, chosen):
        first, last = np.searchsorted(rows, [low, high])
        for j in range(len(values)):
            other = first + np.flatnonzero(differs[j, first:last])
            values[j, at + rows[other] - low] = past[j, other]
        at += high - low
