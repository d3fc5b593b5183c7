"""Cross-sectional functions, against their definitions and against pandas."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from technic.market.cross_section import (
    demean,
    ordinal_rank,
    percentile,
    quantile,
    standardize,
    winsorize,
)

values = arrays(
    float, st.integers(1, 40), elements=st.floats(-1e6, 1e6).map(float) | st.just(np.nan)
)


def slow_percentile(column):
    """The definition, spelled out one pair at a time."""
    known = [v for v in column if v == v]
    return [
        100 * (sum(p < v for p in known) + sum(p == v for p in known) / 2) / len(known)
        if v == v
        else np.nan
        for v in column
    ]


@given(values)
def test_percentile_agrees_with_the_definition(column):
    np.testing.assert_allclose(percentile(column), slow_percentile(column))


@given(values)
def test_percentile_agrees_with_pandas(column):
    ranks = pd.Series(column).rank(method="average")
    wanted = 100.0 * (ranks - 0.5) / max(np.isfinite(column).sum(), 1)
    np.testing.assert_allclose(percentile(column), wanted)


@given(values)
def test_only_order_matters_to_a_percentile(column):
    np.testing.assert_array_equal(percentile(column), percentile(8.0 * column))


@given(values)
def test_ranks_count_who_is_better(column):
    known = [v for v in column if v == v]
    wanted = [1 + sum(p > v for p in known) if v == v else np.nan for v in column]
    np.testing.assert_array_equal(ordinal_rank(column), wanted)


@given(values, st.integers(2, 10))
def test_quantiles_are_bins_from_one(column, bins):
    out = quantile(column, bins)
    known = out[np.isfinite(out)]
    assert ((known >= 1) & (known <= bins)).all()


def test_standardize_is_the_zscore_within_groups():
    rng = np.random.default_rng(0)
    column, group = rng.normal(size=60), rng.integers(0, 3, 60)
    out = standardize(column, group)
    for g in range(3):
        peers = column[group == g]
        np.testing.assert_allclose(out[group == g], (peers - peers.mean()) / peers.std())
    assert np.isnan(standardize(np.ones(5))).all()


def test_an_unknown_group_makes_the_answer_unknown():
    column, group = np.array([1.0, 2.0, 3.0]), np.array([0, -1, 0])
    for function in (percentile, ordinal_rank, demean, standardize):
        assert np.isnan(function(column, group)[1])
        assert np.isfinite(function(column, group)[[0, 2]]).all()


def test_winsorize_draws_in_the_ends_only():
    column = np.array([-100.0, *range(1, 99), 1000.0])
    out = winsorize(column, 0.05)
    assert out.min() > -100.0
    assert out.max() < 1000.0
    np.testing.assert_array_equal(out[10:90], column[10:90])


def test_lengths_that_differ_are_refused():
    with pytest.raises(ValueError, match="2 values but 3 groups"):
        percentile(np.zeros(2), np.zeros(3, np.int64))
