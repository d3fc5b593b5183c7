"""Columns of Parquet as writers of all ages make them."""

from __future__ import annotations

from datetime import date

import polars as pl
import pytest

from technic.data.formats.bar_table import UNDEFINED
from technic.data.formats.bars import read_bars
from technic.errors import SchemaError


def table(**more):
    days = [date(2024, 1, day) for day in (2, 3, 4)]
    made = pl.DataFrame({"symbol": ["BRK.B", "BRK.B", "BRK.B"], "date": days})
    made = made.with_columns(open=10.0, high=11.0, low=9.0, close=10.5, volume=pl.lit(1000))
    return made.with_columns(**more)


def written(tmp_path, made):
    path = tmp_path / "bars.parquet"
    made.write_parquet(path)
    return path


def test_bytes_that_are_text_are_read_as_text(tmp_path):
    bare = table(symbol=pl.col("symbol").cast(pl.Binary), open=pl.lit(b"10.25"))
    file = read_bars(written(tmp_path, bare))
    assert file.rows["symbol"].unique().to_list() == ["BRK.B"]
    assert file.rows["open"].to_list() == [10.25] * 3


def test_bytes_that_are_no_text_are_refused_with_what_to_do(tmp_path):
    with pytest.raises(SchemaError, match="write its symbols as text"):
        read_bars(written(tmp_path, table(symbol=pl.lit(b"\xff\xfe"))))


@pytest.mark.parametrize("number", UNDEFINED)
@pytest.mark.parametrize("kind", [pl.Int64, pl.UInt64, pl.Int128, pl.Float64, pl.String])
def test_the_numbers_that_stand_for_none_are_none(tmp_path, number, kind):
    held = {pl.Int64: -(2**63) <= number < 2**63, pl.UInt64: number >= 0}.get(kind, True)
    if not held:
        return
    cells = [1000, number, 3000]
    column = pl.Series([str(c) for c in cells] if kind == pl.String else cells, dtype=kind)
    if kind == pl.Int128:  # Parquet holds none
        rows = read_bars(table(volume=column)).rows
    else:
        rows = read_bars(written(tmp_path, table(volume=column))).rows
    assert rows["volume"].to_list() == [1000.0, None, 3000.0]
