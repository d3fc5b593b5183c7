"""Bars of hours and minutes are refused by that name."""

from __future__ import annotations

import datetime as dt

import polars as pl
import pytest

from technic.data.formats.bars import read_bars
from technic.errors import SchemaError


def rows(minutes, days=3, symbols=("ACME",)):
    at = [
        dt.datetime(2024, 1, 2 + d, 9, 30) + dt.timedelta(minutes=minutes * k)  # noqa: DTZ001 -- as files have them
        for d in range(days)
        for k in range(min(7, 390 // minutes))
    ]
    table = pl.DataFrame({"datetime": at, "open": 10.0, "high": 11.0, "low": 9.0, "close": 10.0, "volume": 1e3})  # fmt: skip
    return table.join(pl.DataFrame({"symbol": symbols}), how="cross")


def split(table):
    return table.with_columns(
        date=pl.col("datetime").dt.date(), time=pl.col("datetime").dt.strftime("%H:%M:%S")
    ).drop("datetime")


@pytest.mark.parametrize(
    ("minutes", "words"), [(60, "an hour"), (30, "30 minutes"), (5, "5 minutes"), (1, "a minute"), (120, "2 hours")]
)  # fmt: skip
@pytest.mark.parametrize("kind", ["csv", "parquet", "zoned", "two columns"])
def test_intraday_bars_are_named(tmp_path, minutes, words, kind):
    table = rows(minutes, symbols=("ACME", "BOLT"))
    if kind == "zoned":
        table = table.with_columns(pl.col("datetime").dt.replace_time_zone("America/New_York"))
    if kind == "two columns":
        table = split(table)
    path = tmp_path / f"bars.{'parquet' if kind == 'parquet' else 'csv'}"
    (table.write_parquet if kind == "parquet" else table.write_csv)(path)
    with pytest.raises(SchemaError, match=f"intraday bars, {words} apart: . of ACME on 2024-01-02"):
        read_bars(path)


@pytest.mark.parametrize("table", [rows(390), split(rows(390))])
def test_a_bar_a_day_with_its_time_is_a_bar_of_a_day(table):
    assert read_bars(table.with_columns(symbol=pl.lit("ACME"))).rows.height == 3
