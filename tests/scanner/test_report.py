"""The answer of a scan as a frame: its columns and types are those of the question, whoever is found."""

from __future__ import annotations

import polars as pl
import pytest

import technic as tc
from technic.data.simulated import simulate
from technic.scanner.spec.scan_file import presets

NOBODY = "close < 0"
COLUMNS = [
    ["close"],
    ["symbol", "name", "sector", "type", "is_common", "market_cap"],
    ["rsi", "macd", "rating", "pe", "close > 10", "coalesce(industry, 'none')"],
    [],
]


@pytest.fixture(scope="module")
def market(tmp_path_factory, kernels):
    made = simulate(seed=3, size=60, sessions=300)
    store = tc.open_store(tmp_path_factory.mktemp("market") / "store")
    store.import_bars(made.bars, simulated=made.about)
    store.import_listings(made.listings)
    return store


@pytest.mark.parametrize("columns", COLUMNS, ids=str)
@pytest.mark.parametrize("rank", ["close", "close + close - 2 * rsi", "tech_rating"])
def test_an_empty_answer_has_the_columns_and_types_of_a_full_one(market, columns, rank):
    full = tc.scan(market, columns=columns, rank=rank, top=5)
    empty = tc.scan(market, NOBODY, columns=columns, rank=rank)
    assert full.rows.height == 5
    assert empty.rows.height == 0
    assert empty.rows["symbol"].to_list() == []
    assert empty.rows.schema == full.rows.schema
    assert list(full.rows.columns) == list(full.record(full.shown[0]))
    assert full.rows.schema["contributions"] == pl.Struct(
        dict.fromkeys(full.shown[0].contributions, pl.Float64)
    )


@pytest.mark.parametrize("preset", presets())
def test_the_rows_of_every_preset_are_what_the_records_say(market, preset):
    report = tc.scan(market, file=tc.ScanFile.preset(preset))
    assert report.rows.to_dicts() == [report.record(row) for row in report.shown]


def test_rows_of_none_are_still_of_their_type(market):
    rows = tc.scan(market, columns=["market_cap", "industry"], top=3).rows
    assert rows.schema["market_cap"] == pl.Float64
    assert rows.schema["industry"] == pl.String
