"""Histories where bars were told late or corrected: against sums done by hand, and past scans."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import polars as pl
import pytest

import technic as tc
from technic.compute.as_known import revised_values
from technic.compute.history import FeatureRequest, store_features
from technic.compute.panel_series import PanelSeries
from technic.data.simulated.market import simulate
from technic.market.sessions import nyse
from technic.query.series import series_for

N = 12  # sessions
LAST = nyse().last_until(np.datetime64("2026-03-13").astype(object))
DAYS = [nyse().day(LAST - N + 1 + k) for k in range(N)]
CLOSES = {"AAA": [10.0 + k for k in range(N)], "BBB": [50.0 + k * k for k in range(N)]}
CORRECTED, SAID = 5, 8  # AAA's close of session 5 was corrected on the evening of session 8
MISSED, TOLD = 6, 9  # BBB's bar of session 6 was told on the evening of session 9


def bars(symbol, closes, told):
    return pl.DataFrame(
        {
            "symbol": symbol,
            "date": [DAYS[k] for k in closes],
            **{name: list(closes.values()) for name in ("open", "high", "low", "close")},
            "volume": 1e6,
            "as_of": [DAYS[k] for k in told],
        }
    )


@pytest.fixture(scope="module")
def by_hand(tmp_path_factory, kernels):
    store = tc.open_store(tmp_path_factory.mktemp("revised") / "store")
    tables = []
    for symbol, closes in CLOSES.items():
        for k, close in enumerate(closes):
            late = symbol == "BBB" and k == MISSED
            tables.append(bars(symbol, {k: close}, [TOLD if late else k]))
    store.import_bars(pl.concat(tables))
    store.import_bars(bars("AAA", {CORRECTED: 99.0}, [SAID]))
    return store


def revised(store, texts, kernels):
    """{(symbol, session, text): value}, as `revised_values` gives them."""
    view, (_, series) = store.panel(), series_for(texts)
    symbols = view.who["symbol"].to_list()
    owners = np.repeat(np.arange(len(view.panel)), view.panel.lengths)
    sessions = np.concatenate([view.panel.run(i, "session") for i in range(len(view.panel))])
    found = {}
    for rows, which, values in revised_values(
        PanelSeries(store, view, view.panel, tuple(series), kernels)
    ):
        for j, one in enumerate(which):
            for k, row in enumerate(rows):
                at = (symbols[owners[row]], int(sessions[row]), texts[one])
                found[at] = values[j, k]
    return found


def test_values_are_those_of_the_bars_that_were_known(by_hand, kernels):
    found = revised(by_hand, ["close", "sma(3)"], kernels)
    first = LAST - N + 1
    a, b = CLOSES["AAA"], CLOSES["BBB"]
    expected = {
        ("AAA", 5, "close"): a[5],
        ("AAA", 6, "close"): a[6],
        ("AAA", 7, "close"): a[7],
        ("AAA", 5, "sma(3)"): (a[3] + a[4] + a[5]) / 3,
        ("AAA", 6, "sma(3)"): (a[4] + a[5] + a[6]) / 3,
        ("AAA", 7, "sma(3)"): (a[5] + a[6] + a[7]) / 3,
        ("BBB", 6, "close"): np.nan,  # a scan of that night found no bar
        ("BBB", 7, "close"): b[7],
        ("BBB", 8, "close"): b[8],
        ("BBB", 6, "sma(3)"): np.nan,
        ("BBB", 7, "sma(3)"): (b[4] + b[5] + b[7]) / 3,
        ("BBB", 8, "sma(3)"): (b[5] + b[7] + b[8]) / 3,
    }
    assert found.keys() == {(who, first + k, text) for who, k, text in expected}
    for (who, k, text), value in expected.items():
        np.testing.assert_allclose(found[who, first + k, text], value, err_msg=f"{who} {k} {text}")


def test_a_history_shows_them_and_the_correction_from_its_evening_on(by_hand):
    frame = store_features(by_hand, FeatureRequest(["sma(3)"]))
    table = {(r["symbol"], r["session"]): r["sma(3)"] for r in frame.iter_rows(named=True)}
    a = CLOSES["AAA"]
    assert table["AAA", DAYS[7]] == pytest.approx((a[5] + a[6] + a[7]) / 3)
    assert table["AAA", DAYS[8]] == pytest.approx((a[6] + a[7] + a[8]) / 3)
    today = by_hand.panel().panel
    assert today.run(0, "close")[CORRECTED] == 99.0


def test_without_late_words_there_is_nothing_to_say(tmp_path, kernels):
    store = tc.open_store(tmp_path / "store")
    store.import_bars(bars("AAA", dict(enumerate(CLOSES["AAA"])), range(N)))
    assert revised(store, ["close"], kernels) == {}


def test_what_compares_with_the_market_is_what_scans_of_those_nights_said(tmp_path, kernels):
    made = simulate(seed=5, size=60, sessions=60)
    store = tc.open_store(tmp_path / "store")
    store.import_bars(made.bars, simulated=made.about)
    store.import_listings(made.listings)
    wrong = made.bars.sort("as_of").unique(["symbol", "date"], keep="last", maintain_order=True)
    wrong = wrong.select("symbol", "date", "open", "high", "low", "close", "volume")[500:2500:160]
    prices = pl.col("open", "high", "low", "close") * 1.04
    told = pl.col("date") + timedelta(days=5)
    store.import_bars(wrong.with_columns(prices, as_of=told), simulated=made.about)
    texts = ["beta(20)", "close"]
    found = revised(store, texts, kernels)
    nights = sorted({session for _, session, text in found if text == "beta(20)"})
    assert len(nights) > 6, "closes were corrected days later"
    for night in nights[:: max(len(nights) // 6, 1)]:
        scan = tc.scan(store, columns=texts, rank="close", top=60, as_of=nyse().day(night))
        told = {row.symbol: row.values["beta(20)"] for row in scan.shown}
        said = {s: v for (s, t, text), v in found.items() if (t, text) == (night, "beta(20)")}
        both = told.keys() & said.keys()
        assert len(both) > 20
        for symbol in both:
            value = np.nan if told[symbol] is None else told[symbol]
            np.testing.assert_array_equal(said[symbol], value, err_msg=f"{symbol} {night}")
