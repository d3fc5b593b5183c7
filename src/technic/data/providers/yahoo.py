"""Yahoo through yfinance: a few symbols, one request a second, adjusted for splits by Yahoo.

Opt-in: Yahoo's terms allow personal use only, and it blocks who asks much. Its prices are
adjusted for splits even when it says they are not, so they go into a store of that kind.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

import polars as pl

from technic.errors import ProviderError, not_installed
from technic.market.symbols import vendor_symbol

MOST_SYMBOLS = 200
PAUSE = 1.0  # seconds between two symbols


def download(symbols: Sequence[str], first: date, last: date) -> pl.DataFrame:
    """Bars of some symbols as `technic import` reads them, adjusted for splits.

    Parameters
    ----------
    first, last : sessions, both included

    Returns
    -------
    DataFrame
        `symbol`, `date`, open, high, low, close, volume and `dividend`; to be imported with
        `adjusted="splits"`.

    Raises
    ------
    ProviderError
        If there are too many symbols, or Yahoo refuses.
    ConfigError
        If the extra is not installed.
    """
    try:
        import yfinance  # it imports pandas
    except ModuleNotFoundError as error:
        raise not_installed(error, "yahoo", "yahoo") from error
    if len(symbols) > MOST_SYMBOLS:
        raise ProviderError(
            f"yahoo: {len(symbols)} symbols are more than it stands; at most {MOST_SYMBOLS}"
        )
    parts = []
    for symbol in symbols:
        try:
            history = yfinance.Ticker(vendor_symbol(symbol, "yahoo")).history(
                start=f"{first}", end=f"{last + timedelta(days=1)}", auto_adjust=False, actions=True
            )
        except Exception as error:
            raise ProviderError(
                f"yahoo: {symbol}: {type(error).__name__}; nothing was stored. Wait an hour, or use "
                "another provider"
            ) from error
        parts.append(as_rows(symbol, history))
        time.sleep(PAUSE)
    return pl.concat(parts) if parts else pl.DataFrame()


def as_rows(symbol: str, history: Any) -> pl.DataFrame:
    """One symbol's answer in long form; dividends as Yahoo tells them, splits in its prices.

    Parameters
    ----------
    history : a pandas frame, as yfinance gives it
    """
    table = pl.from_pandas(history.reset_index())
    return table.select(
        pl.lit(symbol).alias("symbol"),
        pl.col("Date").dt.convert_time_zone("America/New_York").dt.date().alias("date")
        if getattr(table.schema["Date"], "time_zone", None)
        else pl.col("Date").cast(pl.Date).alias("date"),
        *(
            pl.col(name).cast(pl.Float64).alias(name.lower())
            for name in ("Open", "High", "Low", "Close", "Volume")
        ),
        pl.col("Dividends").cast(pl.Float64).alias("dividend"),
    )
