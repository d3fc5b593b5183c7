"""A user's frame of bars: checked column by column, and made a panel.

Nobody knows what stands in it. What is no number, no date or no session is refused with the name of
its column, before anything is computed. A row that lacks a price or its volume is no bar, as an
import sets such a row aside: it is left out of the panel, and whatever is asked of it is unknown.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import polars as pl

from technic.errors import SchemaError, first_line
from technic.market.panel import Panel, pack
from technic.market.sessions import nyse
from technic.market.typing import BoolArray, FloatArray, IntArray

NEEDED = ("open", "high", "low", "close", "volume")


def read_frame(frame: Any, what: str, needed: Iterable[str]) -> pl.DataFrame:
    """A frame under lower-case names.

    Parameters
    ----------
    frame : Polars or pandas frame, or what Polars makes one of
    what : it is, for messages
    needed : columns that it must have

    Raises
    ------
    SchemaError
        If it is no frame, lacks a column, or has one twice.
    """
    try:
        table = frame if isinstance(frame, pl.DataFrame) else pl.DataFrame(frame)
    except (TypeError, ValueError, pl.exceptions.PolarsError) as error:
        raise SchemaError(f"{what} cannot be read: {first_line(error)}") from error
    given: dict[str, str] = {}
    for name in table.columns:
        if (other := given.setdefault(name.lower(), name)) != name:
            raise SchemaError(f"{what} has the column {name.lower()} twice: {other}, {name}")
    if missing := [name for name in needed if name not in given]:
        raise SchemaError(f"{what} has no column {', '.join(missing)}; it has {table.columns}")
    return table.rename({name: lower for lower, name in given.items() if lower != name})


def panel_of(table: pl.DataFrame) -> tuple[IntArray, Panel]:
    """Which rows are bars, sorted by symbol and date, and the panel of them in that order.

    A row is a bar if open, high, low, close and volume are known and finite; `vwap` may be unknown.
    A column `volume` that has no type, as a frame gives what holds nothing at all, makes no row
    unknown: an index has bars and no volume.

    Parameters
    ----------
    table : of `read_frame`, with the columns `NEEDED`

    Returns
    -------
    rows, panel
        int64, positions in the table of the rows that are bars; and their panel.

    Raises
    ------
    SchemaError
        If a column holds what it must not, a date is no session, or one symbol has it twice.
    """
    names, codes = _symbols(table)
    sessions = _sessions(table) if "date" in table.columns else np.arange(table.height)
    order = np.lexsort((sessions, codes))
    twice = (np.diff(codes[order]) == 0) & (np.diff(sessions[order]) == 0)
    if twice.any():
        row = order[np.flatnonzero(twice)[0]]
        whose = f"{names[codes[row]]} has" if "symbol" in table.columns else "the frame has"
        raise SchemaError(f"{whose} {nyse().day(int(sessions[row]))} twice; keep one row of it")
    prices = (*NEEDED, "vwap") if "vwap" in table.columns else NEEDED
    columns = {name: _numbers(table, name, "the frame") for name in prices}
    order = order[_are_bars(table, columns)[order]]
    columns = {name: values[order] for name, values in columns.items()}
    columns["session"] = sessions[order].astype(np.float64)
    present, lengths = np.unique(codes[order], return_counts=True)
    return order, pack(present, lengths.astype(np.int64), columns)


def closes_of(frame: Any) -> FloatArray:
    """The closes of a benchmark, per session ordinal; NaN where it has none.

    Parameters
    ----------
    frame : with `date` and `close`

    Raises
    ------
    SchemaError
        If a column is missing or holds what it must not, or a date is there twice.
    """
    table = read_frame(frame, "benchmark", ("date", "close"))
    days = _days(table, "benchmark")
    if twice := table.filter(pl.Series(days).is_duplicated()).height:
        raise SchemaError(f"benchmark has {twice} rows of dates that stand there twice; keep one")
    at = nyse().ordinals(days)
    out = np.full(len(nyse()), np.nan)
    out[at[at >= 0]] = _numbers(table, "close", "benchmark")[at >= 0]
    return out


def _symbols(table: pl.DataFrame) -> tuple[np.ndarray, IntArray]:
    """The symbols there are, and which one each row is of."""
    if "symbol" not in table.columns:
        return np.array([""]), np.zeros(table.height, dtype=np.int64)
    if table["symbol"].null_count():
        raise SchemaError("the frame: column symbol is empty in some rows")
    return np.unique(table["symbol"].to_numpy().astype(str), return_inverse=True)


def _are_bars(table: pl.DataFrame, columns: dict[str, FloatArray]) -> BoolArray:
    """Of which rows all is known that makes a bar."""
    without_volume = table["volume"].dtype == pl.Null
    read = NEEDED[:-1] if without_volume else NEEDED
    known: BoolArray = np.all([np.isfinite(columns[name]) for name in read], axis=0)
    return known


def _sessions(table: pl.DataFrame) -> IntArray:
    days = _days(table, "the frame")
    sessions = nyse().ordinals(days)
    if (sessions < 0).any():
        strange = days[sessions < 0][0]
        raise SchemaError(f"{strange} is no session of the NYSE; remove that row")
    return sessions


def _days(table: pl.DataFrame, what: str) -> np.ndarray:
    column = table["date"]
    if column.dtype not in (pl.Date, pl.Datetime, pl.String, pl.Null):  # a Datetime of any unit
        raise SchemaError(f"{what}: column date holds {column.dtype}, not dates")
    try:
        is_text = column.dtype == pl.String
        days = column.str.to_date("%Y-%m-%d") if is_text else column.cast(pl.Date)
    except pl.exceptions.PolarsError as error:
        raise SchemaError(
            f"{what}: column date holds what is no date; one is written 2024-01-02"
        ) from error
    if days.null_count():
        raise SchemaError(f"{what}: column date is empty in some rows")
    return days.to_numpy()


def _numbers(table: pl.DataFrame, name: str, what: str) -> FloatArray:
    column = table[name]
    if not (column.dtype.is_numeric() or column.dtype in {pl.String, pl.Null}):
        raise SchemaError(f"{what}: column {name} holds {column.dtype}, not numbers")
    try:
        numbers = column.cast(pl.Float64)
    except pl.exceptions.PolarsError as error:
        raise SchemaError(f"{what}: column {name} holds what is no number") from error
    return numbers.fill_null(np.nan).to_numpy()
