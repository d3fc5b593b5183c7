"""Rank correlations against those of pandas."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from technic.research.statistics.rank_ic import BINS, Outcome, Statistics, measure_column


def spearman(frame):
    """Pearson of pandas' mid-ranks."""
    return frame["v"].rank().corr(frame["f"].rank())


def run(values, forward, groups=None, n_groups=0, least=5):
    n, h = len(values), len(forward)
    ic, spread = np.full(h, np.nan), np.full(h, np.nan)
    by_group, means = np.full(max(n_groups, 1), np.nan), np.full((h, BINS), np.nan)
    top = np.zeros(n, dtype=bool)
    order = np.argsort(values)[: int((~np.isnan(values)).sum())]
    groups = np.full(n, -1) if groups is None else groups
    outcome = Outcome(forward, np.argsort(forward, axis=1), groups, n_groups, BINS, least)
    measure_column(values, order, outcome, Statistics(ic, spread, by_group, means, top))
    return ic, spread, by_group, means, top


@pytest.mark.parametrize("seed", range(8))
def test_rank_correlation_is_that_of_pandas(seed):
    """Oracle: Spearman of pandas, with ties and with unknowns on both sides."""
    rng = np.random.default_rng(seed)
    n = 200
    values = np.round(rng.normal(size=n), 1 if seed % 2 else 6)
    forward = np.round(0.1 * values + rng.normal(size=(3, n)), 2)
    values[rng.random(n) < 0.1] = np.nan
    forward[rng.random((3, n)) < 0.1] = np.nan
    groups = rng.integers(-1, 3, n)
    ic, spread, by_group, means, top = run(values, forward, groups, 3)
    for h in range(3):
        frame = pd.DataFrame({"v": values, "f": forward[h], "g": groups}).dropna()
        assert ic[h] == pytest.approx(spearman(frame))
        place = (frame["v"].rank() - 0.5) / len(frame) * BINS
        bins = np.minimum(np.floor(place), BINS - 1)
        want = frame["f"].groupby(bins).mean()
        np.testing.assert_allclose(means[h][want.index.astype(int)], want)
        assert spread[h] == pytest.approx(want.get(BINS - 1, np.nan) - want.get(0, np.nan), nan_ok=True)  # fmt: skip
        if h == 1:
            for g in range(3):
                mine = frame[frame["g"] == g]
                assert by_group[g] == pytest.approx(spearman(mine))
    known = pd.Series(values).dropna()
    place = (known.rank() - 0.5) / len(known) * BINS
    assert set(np.flatnonzero(top)) == set(known.index[place >= BINS - 1])


def test_few_symbols_and_ties_alone_say_nothing():
    assert np.isnan(run(np.arange(4.0), np.ones((3, 4)))[0]).all()
    assert np.isnan(run(np.ones(50), np.random.default_rng(0).normal(size=(3, 50)))[0]).all()
