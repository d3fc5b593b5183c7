"""Both real files: what is set aside, and the quirks that are really in there."""

from __future__ import annotations

from datetime import date

import numpy as np
import polars as pl
import pytest

from technic.data.ingest import open_store

pytestmark = pytest.mark.slow  # the larger file takes minutes on a busy machine
FILES = {
    "us_2021_2024_split_adjusted.parquet": "splits",
    "us_2015_2016_as_traded.parquet": "none",
}
# Reviewed by hand when they change: the counts of every row of both files.
GOLDEN = {
    "us_2021_2024_split_adjusted.parquet": {
        "rows": 4_667_365, "added": 4_664_862, "repeated": 0, "symbols": 6_630, "actions": 0,
        "quarantined": {"null_value": 2406, "outside_range": 89, "price_not_positive": 8},
        "splits_set_aside": 0,
    },
    "us_2015_2016_as_traded.parquet": {
        "rows": 1_967_116, "added": 1_966_985, "repeated": 0, "symbols": 6_695,
        "actions": 19_159,
        "quarantined": {"no_session": 119, "outside_range": 1, "price_not_positive": 11},
        "splits_set_aside": 43,
    },
}  # fmt: skip


@pytest.fixture(scope="module")
def stores(real_data, tmp_path_factory):
    made = {}
    for name, adjusted in FILES.items():
        store = open_store(tmp_path_factory.mktemp("real") / "store")
        made[name] = (store, store.import_bars(real_data / "bars" / name, adjusted))
    return made


@pytest.mark.parametrize("name", FILES)
def test_counts_are_the_golden_ones(stores, name):
    _, found = stores[name]
    assert {key: getattr(found, key) for key in GOLDEN[name]} == GOLDEN[name]
    assert found.added + sum(found.quarantined.values()) == found.rows


def run(store, symbol, field="close", as_of=None):
    view = store.panel(as_of)
    i = view.who["symbol"].to_list().index(symbol)
    days = pl.Series(view.panel.run(i, "session")).cast(pl.Int64)
    from technic.market.sessions import nyse

    return dict(
        zip(nyse().dates[days.to_numpy()].astype(object), view.panel.run(i, field), strict=True)
    )


def test_tickers_that_break_parsers_are_there(stores):
    for store, _ in stores.values():
        symbols = set(store.panel().who["symbol"])
        assert {"ON", "TRUE"} & symbols
    symbols = set(stores["us_2021_2024_split_adjusted.parquet"][0].panel().who["symbol"])
    assert "NA" in symbols or "NAN" in symbols


def test_real_jumps_stay(stores):
    """HOLO rose twelvefold on 2024-02-07, TPST forty-fold on 2023-10-11; WETG's unapplied
    reverse split looks like one and stays too: nothing is repaired."""
    store = stores["us_2021_2024_split_adjusted.parquet"][0]
    for symbol, day, least in (
        ("HOLO", date(2024, 2, 7), 8.0),
        ("TPST", date(2023, 10, 11), 30.0),
        ("WETG", date(2023, 6, 9), 100.0),
    ):
        closes = run(store, symbol)
        days = sorted(closes)
        before = closes[days[days.index(day) - 1]]
        assert closes[day] / before > least, symbol


def test_a_symbol_whose_every_row_was_set_aside_is_nobody(stores):
    store = stores["us_2021_2024_split_adjusted.parquet"][0]
    view = store.panel()
    assert len(view.panel) == 6717 - 87
    assert view.panel.lengths.min() > 0


def test_netflix_is_split_once_on_the_right_day(stores):
    """7:1 ex 2015-07-15; the vendor says 2015-07-14 as well."""
    store = stores["us_2015_2016_as_traded.parquet"][0]
    splits = (
        store.table("actions")
        .filter(pl.col("kind") == "split")
        .join(
            store.table("tickers").filter(pl.col("symbol") == "NFLX"), on="security_id", how="semi"
        )
        .collect()
    )
    assert splits["session"].to_list() == [date(2015, 7, 15)]
    closes = run(store, "NFLX")
    step = closes[date(2015, 7, 15)] / closes[date(2015, 7, 14)]
    assert 0.9 < step < 1.1


def test_prints_on_a_holiday_are_set_aside(stores):
    store, found = stores["us_2015_2016_as_traded.parquet"]
    assert found.quarantined["no_session"] == 119
    assert store.catalog.quarantined()["no_session"] == 119


def test_as_of_shows_the_price_of_that_day_and_today_the_adjusted_one(stores):
    store = stores["us_2015_2016_as_traded.parquet"][0]
    then = run(store, "NFLX", as_of=date(2015, 7, 13))
    now = run(store, "NFLX")
    day = date(2015, 7, 10)
    assert then[day] > 600.0
    np.testing.assert_allclose(now[day], then[day] / 7.0)
