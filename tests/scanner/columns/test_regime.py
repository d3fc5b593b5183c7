"""How the market stands: against the definition, symbol by symbol."""

from __future__ import annotations

import numpy as np
import pytest

import technic as tc
from technic.compute.benchmark import benchmark_closes
from technic.data.simulated import simulate
from technic.market.sessions import nyse
from technic.query.names import REGIME


@pytest.fixture(scope="module")
def store(tmp_path_factory, kernels):
    made = simulate(seed=4, size=150, sessions=300)
    store = tc.open_store(tmp_path_factory.mktemp("regime") / "store")
    store.import_bars(made.bars, simulated=made.about)
    store.import_listings(made.listings)
    return store


def members(view):
    """Common stocks with a bar on the session: their closes, highs and lows."""
    today = nyse().ordinal(view.as_of)
    for i, kind in enumerate(view.who["type"]):
        days = view.panel.run(i, "session")
        if kind in {"common", None} and len(days) and days[-1] == today:
            yield tuple(view.panel.run(i, name) for name in ("close", "high", "low"))


def test_breadth_highs_and_dispersion_by_hand(store):
    view, found = store.panel(), tc.market_regime(store).values
    closes = list(members(view))
    for n in (50, 200):
        known = [c for c, _, _ in closes if len(c) >= n]
        above = sum(c[-1] > c[-n:].mean() for c in known)
        assert found[f"market_above_{n}"] == pytest.approx(100.0 * above / len(known))
    year = [(h[-252:], low[-252:]) for c, h, low in closes if len(c) >= 252]
    assert found["market_new_highs"] == sum(h[-1] >= h.max() for h, _ in year)
    assert found["market_new_lows"] == sum(low[-1] <= low.min() for _, low in year)
    month = np.sort([c[-1] / c[-22] - 1.0 for c, _, _ in closes if len(c) > 21])
    cut = len(month) // 100
    assert found["market_dispersion"] == pytest.approx(100 * month[cut : len(month) - cut].std())


def test_volatility_and_trend_are_those_of_the_level(store):
    view, found = store.panel(), tc.market_regime(store).values
    level = benchmark_closes(view, "market")
    level = level[~np.isnan(level)]
    moves = np.diff(np.log(level))
    assert found["market_volatility"] == pytest.approx(100 * np.sqrt(252) * moves[-20:].std())
    past = [moves[k - 20 : k].std() for k in range(len(moves) - 252 + 1, len(moves) + 1)]
    below = np.mean(np.array(past) < past[-1]) + np.mean(np.array(past) == past[-1]) / 2
    assert found["market_volatility_pct"] == pytest.approx(100 * below, abs=0.5)
    slow = level[-200:].mean()
    up = int(level[-1] > slow) + int(level[-50:].mean() > slow)
    assert found["market_trend"] == up - 1


def test_the_level_by_market_value_follows_the_large(store):
    """Reference: a portfolio of shares, revalued session by session."""
    from technic.runtime.settings import Settings
    from technic.scanner.columns.attributes import Attributes
    from technic.scanner.columns.regime import level_by_value

    view = store.panel()
    caps = Attributes(store, view, Settings.load())["market_cap"]
    shares = caps / view.panel.last("close")
    level = level_by_value(view, shares.tobytes())
    prices = {}
    for i in range(len(view.panel)):
        if not np.isnan(shares[i]):
            days = view.panel.run(i, "session").astype(int)
            prices[i] = dict(zip(days, view.panel.run(i, "close"), strict=True))
    today = nyse().ordinal(view.as_of)
    for day in range(today - 20, today + 1):
        gain = worth = 0.0
        for i, own in prices.items():
            before = [d for d in own if d < day]
            if day in own and before:
                held = shares[i] * own[before[-1]]
                gain += held * np.clip(own[day] / own[before[-1]] - 1.0, -0.5, 0.5)
                worth += held
        assert level[day] / level[day - 1] - 1.0 == pytest.approx(gain / worth, abs=1e-9)


def test_every_figure_can_be_asked_for_in_a_question(store):
    values = tc.market_regime(store).values
    assert set(values) == set(REGIME)
    report = tc.scan(store, rank="ret(21)", columns=sorted(REGIME), top=1)
    assert report.shown[0].values == pytest.approx(values)
    assert tc.scan(store, where="market_above_200 > 101").n_ranked == 0


def test_a_young_market_is_unknown_not_average(tmp_path, kernels):
    made = simulate(seed=4, size=40, sessions=15)
    young = tc.open_store(tmp_path / "young")
    young.import_bars(made.bars, simulated=made.about)
    found = tc.market_regime(young)
    assert found.values["market_trend"] is None
    assert found.values["market_above_50"] is None
    assert dict(found.lines)["trend, equal-weighted"] == "unknown"


def test_a_past_session_looks_the_same_with_and_without_what_came_later(store, tmp_path):
    day = nyse().day(nyse().ordinal(store.panel().as_of) - 30)
    cut = tc.open_store(tmp_path / "cut")
    made = simulate(seed=4, size=150, sessions=300)
    import polars as pl

    cut.import_bars(made.bars.filter(pl.col("date") <= day), simulated=made.about)
    cut.import_listings(made.listings)
    then, now = tc.market_regime(cut).values, tc.market_regime(store, as_of=day).values
    for name in ("market_above_50", "market_above_200", "market_volatility", "market_trend"):
        assert then[name] == now[name], name
