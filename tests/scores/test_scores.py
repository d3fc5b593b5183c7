"""Ratios and scores: every one of the registry, and some worked by hand."""

from __future__ import annotations

import json
from inspect import getdoc

import numpy as np
import pytest

from technic.query import Resolver
from technic.query.dependencies import names_in
from technic.query.lower import score_input
from technic.query.names import ATTRIBUTES, BAR_FIELDS, FACTS, OUTPUTS, REGIME
from technic.query.tree import Name
from technic.scores import MACROS, SCORES
from technic.scores.arithmetic import mean_of_known
from technic.scores.rating import PARTS, WEIGHTS


@pytest.mark.parametrize("name", SCORES)
def test_every_score_reads_what_there_is_and_says_what_it_is(name):
    it = SCORES[name]
    for text in it.inputs:
        score_input(text)
    assert it.better in {"higher", "lower"}
    assert it.unit in {"percent", "ratio", "count", "plain"}
    assert getdoc(it.function)
    known = {*SCORES, *FACTS, *ATTRIBUTES, *BAR_FIELDS, *REGIME, "market"}
    assert names_in(Name(name)) <= known


@pytest.mark.parametrize("name", SCORES)
def test_what_is_not_known_makes_a_score_unknown(name):
    it = SCORES[name]
    unknown = [np.array([np.nan, np.nan]) for _ in it.inputs]
    assert np.isnan(it.function(*unknown)).all()


@pytest.mark.parametrize("name", SCORES)
def test_scores_stay_within_their_bounds(name):
    it = SCORES[name]
    rng = np.random.default_rng(3)
    inputs = [rng.uniform(0.01, 99.99, 500) for _ in it.inputs]
    values = it.function(*inputs)
    known = values[~np.isnan(values)]
    assert (known >= it.bounds[0]).all()
    assert (known <= it.bounds[1]).all()


def test_no_name_means_two_things():
    tables = (SCORES, MACROS, FACTS, ATTRIBUTES, BAR_FIELDS, REGIME, OUTPUTS)
    names = [name for table in tables for name in table]
    assert len(names) == len(set(names)), sorted({n for n in names if names.count(n) > 1})


def call(name, **given):
    from inspect import signature

    function = SCORES[name].function
    return float(function(*(np.array([given[p]]) for p in signature(function).parameters))[0])


def test_the_nine_signs_of_piotroski_by_hand():
    strong = {
        "income": 10.0, "income_before": 5.0, "cash_flow": 12.0, "assets": 100.0,
        "assets_before": 100.0, "debt": 20.0, "debt_before": 30.0, "current": 2.0,
        "current_before": 1.5, "shares": 10.0, "shares_before": 10.0, "gross": 40.0,
        "gross_before": 30.0, "revenue": 90.0, "revenue_before": 80.0,
    }  # fmt: skip
    assert call("piotroski_f", **strong) == 9.0
    assert call("piotroski_f", **{**strong, "shares": 11.0, "cash_flow": 9.0}) == 7.0
    assert np.isnan(call("piotroski_f", **{**strong, "debt_before": np.nan}))


def test_altmans_z_by_hand():
    """1.2·0.2 + 1.4·0.3 + 3.3·0.1 + 0.6·2 + 1.0·1.5 = 3.69."""
    z = call(
        "altman_z", current=40.0, owed_soon=20.0, retained=30.0, income=10.0, value=120.0,
        owed=60.0, revenue=150.0, assets=100.0,
    )  # fmt: skip
    assert z == pytest.approx(3.69)


def test_ratios_of_a_recorded_statement(real_data):
    """Numbers as a vendor gave them, and the ratios worked out beside them."""
    path = real_data / "vendor/massive/rest/vX_reference_financials.json"
    financials = json.loads(path.read_text())["results"][0]["financials"]
    income, balance = financials["income_statement"], financials["balance_sheet"]
    cash = financials["cash_flow_statement"]
    net, assets = income["net_income_loss"]["value"], balance["assets"]["value"]
    flow, equity = (
        cash["net_cash_flow_from_operating_activities"]["value"],
        balance["equity"]["value"],
    )
    assert call("roa", income=net, assets=assets) == pytest.approx(net / assets)
    assert call("roe", income=net, equity=equity) == pytest.approx(net / equity)
    assert call("accruals", income=net, cash_flow=flow, assets=assets) == pytest.approx((net - flow) / assets)  # fmt: skip
    revenue, gross = income["revenues"]["value"], income["gross_profit"]["value"]
    assert call("gross_margin", profit=gross, revenue=revenue) == pytest.approx(gross / revenue)
    assert call("gross_profitability", profit=gross, assets=assets) == pytest.approx(gross / assets)


def test_negative_equity_has_no_return_on_it_and_losses_no_price_earnings():
    assert np.isnan(call("roe", income=5.0, equity=-3.0))
    assert np.isnan(call("pe", close=10.0, eps=-1.0))
    assert call("earnings_yield", eps=-1.0, close=10.0) == -0.1


def test_a_mean_of_what_is_known_needs_enough_of_it():
    a, b, c = np.array([10.0, np.nan]), np.array([30.0, np.nan]), np.array([np.nan, 50.0])
    np.testing.assert_array_equal(mean_of_known(2, a, b, c), [20.0, np.nan])


@pytest.mark.parametrize("missing", [None, *WEIGHTS])
def test_the_parts_of_a_rating_carry_its_whole_weight(missing):
    """With one part unknown, its weight goes to the others: all at 60 still rate 60."""
    scores = {name: np.array([60.0 if name != missing else np.nan]) for name in WEIGHTS}
    added = sum(float(SCORES[part].function(*scores.values())[0]) for part in PARTS)
    assert added == pytest.approx(60.0)


def test_with_two_parts_unknown_a_rating_is_unknown():
    scores = [np.array([60.0]), np.array([60.0]), np.array([np.nan]), np.array([np.nan])]
    assert all(np.isnan(SCORES[part].function(*scores)[0]) for part in PARTS)


@pytest.mark.parametrize("name", MACROS)
def test_ratings_are_sums_whose_terms_show(name):
    from technic.scanner.rank import terms_of

    tree = Resolver().question(name, wanted="number")
    assert len(terms_of(tree)) == {"tech_rating": 6, "fund_rating": 4, "rating": 10}[name]
