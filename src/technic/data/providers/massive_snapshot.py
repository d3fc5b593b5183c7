"""Massive's snapshot of the whole market: the day so far, in one call."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import polars as pl

from technic.data.providers.answers import strict_json
from technic.data.providers.source import SNAPSHOT_COLUMNS, number, text
from technic.errors import PageError
from technic.market.sessions import NEW_YORK
from technic.market.symbols import canonical_symbols

PATH = "/v2/snapshot/locale/us/markets/stocks/tickers"
LETTERS = {"open": "o", "high": "h", "low": "l", "close": "c", "volume": "v", "vwap": "vw"}


def check(body: bytes) -> None:
    """Prove that a snapshot is whole: its count is the number of its symbols.

    Raises
    ------
    PageError
        If it is not.
    """
    content = strict_json(body, "massive")
    rows = content.get("tickers") if isinstance(content, dict) else None
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise PageError("massive: a snapshot without symbols")
    if content.get("count", len(rows)) != len(rows):
        raise PageError(f"massive: a snapshot that says {content['count']} symbols, has others")


def bars(contents: list[dict[str, Any]]) -> pl.DataFrame:
    """Read snapshots: a row of `SNAPSHOT_COLUMNS` per symbol.

    Before its first trade a symbol's day is all zeros: a row without prices, and volume 0. What is no
    number is null.
    """
    rows: list[tuple[Any, ...]] = []
    for row in (row for content in contents for row in content["tickers"]):
        before = row.get("prevDay")
        close = number(before.get("c")) if isinstance(before, dict) else None
        rows.append(
            (text(row.get("ticker")), _day(row.get("updated")), *_values(row), close or None)
        )
    table = pl.DataFrame(rows, schema=SNAPSHOT_COLUMNS, orient="row")
    return table.with_columns(canonical_symbols(table["symbol"]))


def _values(row: dict[str, Any]) -> list[float | None]:
    """Prices, volume and vwap of the day so far, in the order of `LETTERS`."""
    day = row.get("day")
    if not isinstance(day, dict):
        return [None] * len(LETTERS)
    if not any(day.get(letter) for letter in LETTERS.values()):
        return [0.0 if name == "volume" else None for name in LETTERS]
    return [number(day.get(letter)) for letter in LETTERS.values()]


def _day(stamp: Any) -> date | None:
    """The New York date of nanoseconds since 1970; None if there is no such date."""
    if type(stamp) is not int or stamp <= 0:
        return None
    try:
        return datetime.fromtimestamp(stamp // 1_000_000_000, UTC).astimezone(NEW_YORK).date()
    except (ValueError, OverflowError, OSError):
        return None
