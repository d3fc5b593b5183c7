"""Full histories of features: for research, for training, for charts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from technic.compute.as_known import revised_values
from technic.compute.benchmark import benchmark_closes
from technic.compute.kernel import ensure_compiled
from technic.compute.last_bar import reads_benchmark
from technic.compute.parallel import spread
from technic.data.store import Store
from technic.data.store.panels import MappedPanel
from technic.data.store.rows import newest_per, read_newest_bars
from technic.errors import SchemaError
from technic.indicators import Series
from technic.indicators.kernel.program import compile_program
from technic.indicators.kernel.run import evaluate
from technic.market.adjust import adjust_for_splits
from technic.market.panel import Panel, pack
from technic.market.sessions import nyse
from technic.market.typing import FloatArray, IntArray
from technic.query.series import series_for
from technic.runtime.executors import Executor, Progress
from technic.runtime.settings import Settings

NEEDED = ("open", "high", "low", "close", "volume")


def features(
    frame: Any, texts: Sequence[str], *, benchmark: Any = None, settings: Settings | None = None
) -> pl.DataFrame:
    """The full history of features as columns, row for row with `frame`.

    Parameters
    ----------
    frame : Polars or pandas frame with open, high, low, close, volume; with `symbol` if it
        holds several, and with `date`. Without dates rows are taken as they stand, oldest
        first, and nothing weekly, monthly or relative can be asked.
    texts : features such as "rsi(14)" or "macd(12, 26, 9)", which gives all three outputs
    benchmark : frame with `date` and `close`, for beta, corr and rel_strength

    Returns
    -------
    DataFrame
        One float64 column per feature, named by its canonical text; null where unknown.

    Raises
    ------
    QuestionError
        If a text is no feature.
    SchemaError
        If a column is missing.
    """
    table = frame if isinstance(frame, pl.DataFrame) else pl.DataFrame(frame)
    names = {name: name.lower() for name in table.columns}
    table = table.rename({k: v for k, v in names.items() if k != v})
    if missing := [name for name in NEEDED if name not in table.columns]:
        raise SchemaError(f"the frame has no column {', '.join(missing)}; it has {table.columns}")
    columns, series = series_for(texts)
    if "date" not in table.columns and any(map(_needs_dates, series)):
        raise SchemaError("weekly, monthly and relative features need a column date")
    order, panel = _panel(table)
    closes = _benchmark(benchmark) if benchmark is not None else None
    kernels = (settings or Settings.load()).kernels
    ensure_compiled(kernels)
    values = evaluate(series, panel, kernels, benchmark=closes, every_bar=True)
    back = np.empty(len(order), dtype=np.int64)
    back[order] = np.arange(len(order))
    return pl.DataFrame(
        {name: row[back] for name, row in zip(columns, values, strict=True)}
    ).fill_nan(None)


def store_features(
    store: Store,
    texts: Sequence[str],
    *,
    symbols: Iterable[str] | None = None,
    as_of: date | None = None,
    last: int | None = None,
    settings: Settings | None = None,
    executor: Executor | None = None,
    progress: Progress | None = None,
) -> pl.DataFrame:
    """The history of features of a store's symbols: `symbol`, `session`, one column each.

    A row holds what a scan as of its session gives: bars adjusted for the splits until then.
    """
    settings = settings or Settings.load()
    ensure_compiled(settings.kernels)
    view = store.panel(as_of)
    columns, series = series_for(texts)
    found = view.who["symbol"].to_numpy()
    chosen = chosen_symbols(view, symbols)
    panel = view.panel.select(chosen)
    values = every_bar(
        store, view, panel, series, settings.kernels, executor=executor, progress=progress
    )
    sessions = np.concatenate([panel.run(i, "session") for i in range(len(panel))])
    table = pl.DataFrame(
        {
            "symbol": np.repeat(found[chosen].astype(str), panel.lengths),
            "session": pl.Series(nyse().dates[sessions.astype(np.int64)]).cast(pl.Date),
            **dict(zip(columns, values, strict=True)),
        }
    ).fill_nan(None)
    return table if last is None else table.group_by("symbol", maintain_order=True).tail(last)


def chosen_symbols(view: MappedPanel, symbols: Iterable[str] | None) -> IntArray:
    """Positions of the symbols asked for; all if none are.

    Raises
    ------
    SchemaError
        If the store has no such symbol.
    """
    found = view.who["symbol"].to_numpy()
    if symbols is None:
        return np.arange(len(found))
    wanted = set(symbols)
    if strange := sorted(wanted - set(found)):
        raise SchemaError(f"{', '.join(strange)}: no such symbol in the store")
    return np.flatnonzero(np.isin(found, sorted(wanted)))


def every_bar(
    store: Store,
    view: MappedPanel,
    panel: Panel,
    series: list[Series],
    kernels: Path,
    out: FloatArray | None = None,
    *,
    threads: int | None = None,
    executor: Executor | None = None,
    progress: Progress | None = None,
) -> FloatArray:
    """Series at every bar, each as a scan as of its session gives it; shape (n_series, n_bars).

    Bars lie symbol after symbol, as in `panel`, which holds some or all symbols of `view`.
    With `out`, of at least as many rows, the answer is written there: large memory that is
    asked for anew costs more than what is put into it. With `executor`, blocks of symbols are
    worked on there; the answer is the same.
    """
    closes = benchmark_closes(view, "market") if is_relative(series) else None
    if executor is None:
        values: FloatArray = evaluate(
            series, panel, kernels, benchmark=closes, every_bar=True, threads=threads, out=out
        )
    else:
        program = compile_program(series, every_bar=True)
        values = spread(
            program, panel, kernels, executor, benchmark=closes, out=out, progress=progress
        )
    for rows, which, then in as_known(store, view, panel, series, kernels, closes):
        values[np.ix_(which, rows)] = then
    return values


def _needs_dates(series: Series) -> bool:
    return series.name in {"hold", "benchmark"} or any(map(_needs_dates, series.inputs))


def as_known(
    store: Store,
    view: MappedPanel,
    panel: Panel,
    series: list[Series],
    kernels: Path,
    closes: FloatArray | None,
) -> Iterator[tuple[IntArray, IntArray, FloatArray]]:
    """Rows of the history, positions among `series`, and what a scan of their session gave.

    Only what differs from a fold over today's bars; where a row comes again, the last one counts.
    """
    every = np.arange(len(series))
    for rows, past in past_epochs(store, view, panel, series, kernels, closes):
        yield rows, every, past
    yield from revised_values(store, view, panel, series, kernels)


def past_epochs(
    store: Store,
    view: MappedPanel,
    panel: Panel,
    series: list[Series],
    kernels: Path,
    closes: FloatArray | None,
) -> Iterator[tuple[IntArray, FloatArray]]:
    """Rows of the history that lie before a split, and their values as they were then.

    A symbol with splits at s1 < s2 < … is folded once per adjustment epoch: its bars before
    s1 as traded, its bars before s2 adjusted for s1 alone, and so on; of each fold the rows
    since the split before are kept.
    """
    if view.version.adjustment == "splits":
        return
    rows = store.table("actions", view.version).filter(
        pl.col("kind") == "split",
        pl.col("session") <= view.as_of,
        pl.col("security_id").is_in(panel.security_ids.tolist()),
    )
    splits = (
        newest_per(rows, "security_id", "session")
        .collect()
        .sort("security_id", "session")
        .with_columns(place=pl.col("session").rank("ordinal").over("security_id"))
    )
    ids = splits["security_id"].unique().to_list()
    stored = store.table("bars", view.version).filter(
        pl.col("security_id").is_in(ids), pl.col("session") <= view.as_of
    )
    raw = read_newest_bars(stored)
    starts = np.cumsum(panel.lengths) - panel.lengths
    for epoch in range(1, int(splits["place"].max() or 0) + 1):  # type: ignore[arg-type]
        ends = splits.filter(pl.col("place") == epoch).select("security_id", end="session")
        before = raw.join(ends, on="security_id").filter(pl.col("session") < pl.col("end"))
        if before.is_empty():
            continue
        known = splits.filter(pl.col("place") < epoch)
        bars = adjust_for_splits(before.drop("end"), known)
        last = known.group_by("security_id").agg(since=pl.col("session").max())
        kept = bars.join(last, on="security_id", how="left", maintain_order="left").select(
            keep=pl.col("since").is_null() | (pl.col("session") >= pl.col("since"))
        )["keep"]
        values = evaluate(series, _packed(bars), kernels, benchmark=closes, every_bar=True)
        owner = np.searchsorted(panel.security_ids, bars["security_id"].to_numpy())
        row = np.arange(bars.height) - np.searchsorted(
            bars["security_id"].to_numpy(), bars["security_id"].to_numpy()
        )
        chosen = kept.to_numpy()
        yield (starts[owner] + row)[chosen], values[:, chosen]


def _packed(bars: pl.DataFrame) -> Panel:
    """Bars of the store, sorted by security and session, as a panel."""
    ids, lengths = np.unique(bars["security_id"].to_numpy(), return_counts=True)
    columns = {name: bars[name].to_numpy() for name in NEEDED}
    columns["session"] = nyse().ordinals(bars["session"].to_numpy()).astype(np.float64)
    columns["vwap"] = bars["vwap"].fill_null(float("nan")).to_numpy()
    return pack(ids, lengths.astype(np.int64), columns)


def is_relative(series: list[Series]) -> bool:
    """Whether any of some series compares with the benchmark."""
    return any(map(reads_benchmark, series))


def _panel(table: pl.DataFrame) -> tuple[np.ndarray, Panel]:
    """The order that sorts the rows by symbol and date, and the panel in that order."""
    n = table.height
    symbols = (
        table["symbol"].to_numpy() if "symbol" in table.columns else np.zeros(n, dtype=np.int64)
    )
    _, codes = np.unique(symbols.astype(str), return_inverse=True)
    if "date" in table.columns:
        days = table["date"].cast(pl.Date).to_numpy()
        sessions = nyse().ordinals(days)
        if (sessions < 0).any():
            strange = days[sessions < 0][0]
            raise SchemaError(f"{strange} is no session of the NYSE; remove that row")
    else:
        sessions = np.arange(n)
    order = np.lexsort((sessions, codes))
    columns = {
        name: table[name].cast(pl.Float64).fill_null(np.nan).to_numpy()[order] for name in NEEDED
    }
    columns["session"] = sessions[order].astype(np.float64)
    if "vwap" in table.columns:
        columns["vwap"] = table["vwap"].cast(pl.Float64).fill_null(np.nan).to_numpy()[order]
    lengths = np.bincount(codes) if n else np.zeros(0, np.int64)
    return order, pack(np.arange(len(lengths)), lengths.astype(np.int64), columns)


def _benchmark(frame: Any) -> FloatArray:
    table = frame if isinstance(frame, pl.DataFrame) else pl.DataFrame(frame)
    table = table.rename({name: name.lower() for name in table.columns})
    at = nyse().ordinals(table["date"].cast(pl.Date).to_numpy())
    out = np.full(len(nyse()), np.nan)
    out[at[at >= 0]] = table["close"].cast(pl.Float64).to_numpy()[at >= 0]
    return out
