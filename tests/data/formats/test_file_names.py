"""What a file's name says of its symbol, and what it does not."""

from __future__ import annotations

import polars as pl
import pytest

from technic.data.formats.bar_file import FileHints
from technic.data.formats.bars import read_bars
from technic.errors import SchemaError

ADDED = [
    "", " (1)", " (12)", " copy", " copy 2", " - Copy", " - Copy (3)", " Kopie", "_daily", "-daily",
    "_1d", "-1D", " prices", "_historical_data", "-history", "_2024", "-2024", "_2024-01-02",
    "_20240102", "_2019-12-31_2024-01-02", "_from_2019-12-31_to_2024-01-02", "_eod (1)", "_ohlcv_adj",
]  # fmt: skip


def written(path, name):
    rows = {"date": ["2024-01-02", "2024-01-03"], "open": 9.0, "high": 11.0, "low": 8.0, "close": 10.0, "volume": 5}  # fmt: skip
    pl.DataFrame(rows).write_csv(path / f"{name}.csv")
    return path / f"{name}.csv"


@pytest.mark.parametrize("added", ADDED)
@pytest.mark.parametrize("symbol", ["KO", "F", "BRK-B", "BRK.B", "GOOGL", "BAC-PL"])
def test_what_is_added_to_a_name_is_no_part_of_its_symbol(tmp_path, symbol, added):
    rows = read_bars(written(tmp_path, f"{symbol}{added}")).rows
    assert rows["symbol"].unique().to_list() == [symbol]


@pytest.mark.parametrize(
    "name",
    ["ko", "ko-2024", "prices", "my prices", "PRICES", "BARS (1)", "DAILY", "export_2024", "KO!",
     "KO and PEP", "KOPEP_X1", "2024-01-02", "(1)", "copy", "ko copy", "Coca Cola", "KO_PEP"],
)  # fmt: skip
def test_a_name_that_is_no_symbol_for_certain_is_refused_with_the_option(tmp_path, name):
    with pytest.raises(SchemaError, match="give --symbol ACME"):
        read_bars(written(tmp_path, name))
    rows = read_bars(written(tmp_path, name), FileHints(symbol="KO")).rows
    assert rows["symbol"].unique().to_list() == ["KO"]


def test_a_vendors_own_name_of_a_file_may_carry_the_mark_of_a_copy(tmp_path):
    path = written(tmp_path, "acme_us_d (2)")
    file = read_bars(path)
    assert (file.rows["symbol"][0], file.adjusted) == ("ACME", "splits")
    assert read_bars(written(tmp_path, "acme.us copy")).rows["symbol"][0] == "ACME"
