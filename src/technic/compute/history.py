"""Features at every bar: of a frame, or of a store's symbols as scans of each session gave them.

1. `features` makes a panel of a frame and runs the series over it, row for row.
2. `store_features` does it for the symbols of a store, with `every_bar`: the program runs over the
   bars as they are known now, and `as_known` says where a scan of the time saw something else.
3. `past_epochs` (epochs.py) gives the values before each split, `revised_values` (as_known.py) those
   of bars that became known late or were corrected.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import polars as pl

from technic.compute.as_known import RevisedValues, revised_values
from technic.compute.epochs import past_epochs
from technic.compute.frames import NEEDED, closes_of, panel_of, read_frame
from technic.compute.kernel import ensure_compiled
from technic.compute.panel_series import PanelSeries
from technic.compute.parallel import spread
from technic.data.store import Store
from technic.data.store.mapped_panel import MappedPanel
from technic.errors import SchemaError
from technic.indicators import Series
from technic.indicators.kernel.program import compile_program
from technic.indicators.kernel.run import evaluate
from technic.market.panel import Panel
from technic.market.sessions import nyse
from technic.market.symbols import asked_symbols
from technic.market.typing import FloatArray, IntArray
from technic.query.series import series_for
from technic.runtime.executors import Executor, Progress
from technic.runtime.settings import Settings


def features(
    frame: Any, texts: Sequence[str], *, benchmark: Any = None, settings: Settings | None = None
) -> pl.DataFrame:
    """Compute the full history of features, row for row with a frame of bars.

    A row in which open, high, low, close or volume is unknown or infinite is no bar, as an import
    sets it aside: every feature is unknown on it, and goes on behind it as if it were not there.

    Parameters
    ----------
    frame : Polars or pandas frame with open, high, low, close, volume; with `symbol` if it
        holds several, and with `date`. Without dates rows are taken as they stand, oldest
        first, and nothing weekly, monthly or relative can be asked
    texts : features such as "rsi(14)" or "macd(12, 26, 9)", which gives all three outputs
    benchmark : frame with `date` and `close`, for beta, corr and rel_strength
    settings : the folder of the compiled indicators

    Returns
    -------
    DataFrame
        One float64 column per feature, named by its canonical text; null where unknown.

    Raises
    ------
    QuestionError
        If a text is no feature.
    SchemaError
        If a column is missing, stands there twice or holds something else, a date is no session
        of the NYSE, or one symbol has it twice.

    Examples
    --------
    >>> import technic as tc
    >>> import polars as pl
    >>> closes = [10.0, 11.0, 12.0, 13.0]
    >>> bars = pl.DataFrame({name: closes for name in ("open", "high", "low", "close", "volume")})
    >>> tc.features(bars, ["sma(3)"])["sma(3)"].to_list()
    [None, None, 11.0, 12.0]
    """
    table = read_frame(frame, "the frame", NEEDED)
    columns, series = series_for(texts)
    if "date" not in table.columns and any(map(_needs_dates, series)):
        raise SchemaError("weekly, monthly and relative features need a column date")
    rows, panel = panel_of(table)
    closes = closes_of(benchmark) if benchmark is not None else None
    kernels = (settings or Settings.load()).kernels
    ensure_compiled(kernels)
    values = np.full((len(columns), table.height), np.nan)
    values[:, rows] = evaluate(series, panel, kernels, benchmark=closes, every_bar=True)
    return pl.DataFrame(dict(zip(columns, values, strict=True))).fill_nan(None)


@dataclass(frozen=True, slots=True)
class FeatureRequest:
    """Which features of which symbols of a store, until which session.

    Attributes
    ----------
    texts : features such as "rsi(14)"
    symbols : only these; None for all
    as_of : the session that histories end with; None for the newest stored
    """

    texts: Sequence[str]
    symbols: Iterable[str] | None = None
    as_of: date | None = None


def store_features(
    store: Store,
    request: FeatureRequest,
    *,
    last: int | None = None,
    settings: Settings | None = None,
    executor: Executor | None = None,
    progress: Progress | None = None,
) -> pl.DataFrame:
    """Compute the history of features of a store's symbols.

    A row holds what a scan as of its session gives: bars adjusted for the splits until then.

    Parameters
    ----------
    store : whose bars are read
    request : features, symbols and the last session
    last : how many of the newest sessions of each symbol; None for all
    settings : threads and kernels; none of them changes a value
    executor : where blocks of symbols are worked on; this process by default
    progress : is told how many parts are done, and of how many

    Returns
    -------
    DataFrame
        `symbol`, `session` and a float64 column per feature; null where unknown.

    Raises
    ------
    QuestionError
        If a text is no feature.
    SchemaError
        If the store has no such symbol.
    """
    settings = settings or Settings.load()
    ensure_compiled(settings.kernels)
    view = store.panel(request.as_of)
    columns, series = series_for(request.texts)
    chosen = chosen_symbols(view, request.symbols)
    panel = view.panel.select(chosen)
    history = PanelSeries(store, view, panel, tuple(series), settings.kernels)
    values = every_bar(history, executor=executor, progress=progress)
    symbols = view.who["symbol"].to_numpy()[chosen].astype(str)
    table = history_frame(panel, symbols, dict(zip(columns, values, strict=True)))
    return table if last is None else table.group_by("symbol", maintain_order=True).tail(last)


def history_frame(panel: Panel, symbols: Any, columns: dict[str, FloatArray]) -> pl.DataFrame:
    """Put columns of a history beside the symbol and the session of each bar.

    Parameters
    ----------
    panel : whose bars they are
    symbols : str, shape (n_symbols,)
    columns : float64, shape (n_bars,) each; NaN becomes null
    """
    sessions = [panel.run(i, "session") for i in range(len(panel))]
    days = nyse().dates[np.concatenate([np.empty(0), *sessions]).astype(np.int64)]
    return pl.DataFrame(
        {
            "symbol": np.repeat(symbols, panel.lengths),
            "session": pl.Series(days).cast(pl.Date),
            **columns,
        }
    ).fill_nan(None)


def chosen_symbols(view: MappedPanel, symbols: Iterable[str] | None) -> IntArray:
    """Return the positions of some symbols in a view; of all where none are named.

    Raises
    ------
    UnknownSymbolError
        If the store has no such symbol.
    """
    names = view.who["symbol"].to_numpy()
    if symbols is None:
        return np.arange(len(names))
    wanted = set(asked_symbols(symbols, set(names)).values())
    return np.flatnonzero(np.isin(names, sorted(wanted)))


def every_bar(
    history: PanelSeries,
    out: FloatArray | None = None,
    *,
    threads: int | None = None,
    executor: Executor | None = None,
    progress: Progress | None = None,
) -> FloatArray:
    """Compute series at every bar, each as a scan as of its session gives it.

    Parameters
    ----------
    history : the series, and whose bars
    out : memory of at least as many rows, to write to: large memory that is asked for anew costs
        more than what is put into it
    threads : how many to use in this process; all cores by default
    executor : where blocks of symbols are worked on instead; the answer is the same
    progress : is told how many parts are done, and of how many

    Returns
    -------
    FloatArray
        float64, shape (n_series, n_bars), symbol after symbol; NaN is unknown.
    """
    series, panel, kernels, closes = history.series, history.panel, history.kernels, history.closes
    if executor is None:
        values: FloatArray = evaluate(
            list(series), panel, kernels, benchmark=closes, every_bar=True, threads=threads, out=out
        )
    else:
        program = compile_program(series, every_bar=True)
        values = spread(
            program, panel, kernels, executor, benchmark=closes, out=out, progress=progress
        )
    for rows, which, seen in as_known(history):
        values[np.ix_(which, rows)] = seen
    return values


def _needs_dates(series: Series) -> bool:
    return series.name in {"hold", "benchmark"} or any(map(_needs_dates, series.inputs))


def as_known(history: PanelSeries) -> Iterator[RevisedValues]:
    """Yield what scans of past sessions gave where it differs from a fold over today's bars.

    Yields
    ------
    tuple
        Rows of the history, positions among the series, and the values seen then, of shape
        (n_series, n_rows). Where a row comes more than once, the last values count.
    """
    every = np.arange(len(history.series))
    for rows, values in past_epochs(history):
        yield rows, every, values
    yield from revised_values(history)
