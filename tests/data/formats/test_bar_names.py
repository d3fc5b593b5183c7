"""Which of a file's columns is meant, where several could be."""

from __future__ import annotations

from datetime import date
from itertools import permutations

import polars as pl
import pytest

from technic.data.formats.bar_file import FileHints
from technic.data.formats.bars import read_bars

DAYS = [date(2024, 1, day) for day in (2, 3, 4)]
PRICES = ("open", "high", "low", "close")


def written(path, made):
    made.write_csv(path)
    return path


def bars(**columns):
    made = pl.DataFrame({"date": DAYS}).with_columns(pl.lit(10.0).alias(name) for name in PRICES)
    return made.with_columns(volume=1000, **{k: pl.Series(v) for k, v in columns.items()})


@pytest.mark.parametrize("name", ["as_of", "asOf", "As Of", "AS-OF", "as of"])
def test_since_when_a_row_is_known_is_read_under_every_spelling(tmp_path, name):
    """Lost, it would be known on its own evening."""
    read = read_bars(written(tmp_path / "ACME.csv", bars(**{name: ["2024-06-01"] * 3})))
    assert "as_of" in read.columns


@pytest.mark.parametrize("order", list(permutations(["ticker", "tradingsymbol", "name"])))
def test_a_layouts_own_column_is_meant_before_those_of_others(tmp_path, order):
    cells = {"ticker": ["BRK"] * 3, "tradingsymbol": ["BRK.B"] * 3, "name": ["BERK"] * 3}
    names = {"date": "DlyCalDt", "open": "DlyOpen", "high": "DlyHigh", "low": "DlyLow",
             "close": "DlyClose", "volume": "DlyVol"}  # fmt: skip
    made = bars(**cells).rename(names).select(*order, *names.values())
    read = read_bars(written(tmp_path / "dsf.csv", made))
    assert read.rows["symbol"].unique().to_list() == ["BRK.B"]


@pytest.mark.parametrize("order", list(permutations(["Time Stamp", "TradeDate"])))
def test_the_day_of_the_trade_is_meant_before_a_stamp(tmp_path, order):
    stamp = {"Time Stamp": ["2024-06-03 08:00"] * 3, "TradeDate": [str(day) for day in DAYS]}
    made = bars(**stamp).drop("date").select(*order, *PRICES, "volume")
    assert read_bars(written(tmp_path / "ACME.csv", made)).rows["date"].to_list() == DAYS


def test_one_name_in_a_file_called_by_its_symbol_is_a_company(tmp_path):
    path = written(tmp_path / "NKE.csv", bars(name=["NIKE"] * 3))
    assert read_bars(path).rows["symbol"].unique().to_list() == ["NKE"]
    assert read_bars(path, FileHints(symbol="X")).rows["symbol"].unique().to_list() == ["X"]
    several = written(tmp_path / "prices of all.csv", bars(Name=["NKE", "V", "BRK.B"]))
    assert sorted(read_bars(several).rows["symbol"]) == ["BRK.B", "NKE", "V"]


@pytest.mark.parametrize(
    ("file", "last", "change"),
    [("aapl_price-history-01-05-2024.csv", "Latest", "%Change"),
     ("aapl_daily_historical-data-01-05-2024.csv", "Last", "%Chg")],
)  # fmt: skip
def test_barcharts_files_name_their_symbols(tmp_path, file, last, change):
    made = bars().rename({"date": "Time", "close": last})
    made = made.with_columns(pl.lit("0.1").alias("Change"), pl.lit("1%").alias(change))
    assert read_bars(written(tmp_path / file, made)).rows["symbol"].unique().to_list() == ["AAPL"]
