"""What others have measured the same way: alphalens, skfolio, empyrical; and worlds in numbers."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest

from technic.research.backtest.metrics import drawdown, performance
from technic.research.learning import world_canaries
from technic.research.learning.folds import Spans, walk_forward
from technic.research.learning.measures import measure_forecasts
from technic.research.learning.synthetic_worlds import planted_score, random_walk, samples_of
from technic.research.statistics.significance import YEAR, sharpe

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


def test_rank_correlations_and_deciles_are_those_of_alphalens():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from alphalens.performance import factor_information_coefficient, mean_return_by_quantile

    world = samples_of(random_walk(1, symbols=100, sessions=120))
    score = planted_score(world, 0.2, 2)
    first, last = 70, 110
    found = measure_forecasts(world, {"it": score}, first, last)["it"]
    days = pd.bdate_range("2024-01-01", periods=len(world))
    frames = []
    for session in range(first, last):
        rows = world.rows(session)
        frames.append(
            pd.DataFrame(
                {"date": days[session], "asset": world.symbols[rows], "factor": score[rows],
                 "5D": world.forward[1, rows].astype(float)}
            )
        )  # fmt: skip
    table = pd.concat(frames).dropna().set_index(["date", "asset"])
    place = table.groupby(level=0)["factor"].rank()
    size = table.groupby(level=0)["factor"].transform("size")
    table["factor_quantile"] = np.minimum(np.floor((place - 0.5) / size * 10), 9).astype(int) + 1
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = factor_information_coefficient(table)["5D"].to_numpy()
        deciles = mean_return_by_quantile(table, by_date=True, demeaned=False)[0]["5D"]
    np.testing.assert_allclose(found.ic, theirs, atol=1e-9)
    mine = found.evidence.means[:, 1]
    np.testing.assert_allclose(
        np.nanmean(mine, axis=0), deciles.groupby(level=0).mean().to_numpy(), atol=1e-6
    )


def test_folds_are_those_of_skfolio():
    from skfolio.model_selection import WalkForward

    spans, horizon = Spans(train=120, step=30, vault=0, embargo=10), 5
    gap = horizon + 1 + spans.embargo
    theirs = WalkForward(
        test_size=spans.step, train_size=spans.train, purged_size=gap, expand_train=True,
        reduce_test=False,
    ) if "expand_train" in WalkForward.__init__.__code__.co_varnames else WalkForward(
        test_size=spans.step, train_size=spans.train, purged_size=gap, expend_train=True,
        reduce_test=False,
    )  # fmt: skip
    x = np.zeros((400, 1))
    mine = walk_forward(400, spans, horizon)
    found = list(theirs.split(x))
    assert len(found) == len(mine)
    for fold, (train, test) in zip(mine, found, strict=True):
        assert (test[0], test[-1] + 1) == (fold.test, fold.test_end)
        assert train[-1] + 1 == fold.train_end


def test_performance_is_that_of_empyrical():
    import empyrical

    returns = np.random.default_rng(0).normal(0.0004, 0.01, 600)
    equity = 1e4 * np.cumprod(np.append(1.0, 1.0 + returns))
    found = performance(equity)
    assert found["drawdown"] == pytest.approx(empyrical.max_drawdown(returns))
    assert found["yearly"] == pytest.approx(empyrical.annual_return(returns))
    # They divide by n − 1.
    scale = np.sqrt((len(returns) - 1) / len(returns))
    assert found["sharpe"] * scale == pytest.approx(empyrical.sharpe_ratio(returns))
    assert found["volatility"] / scale == pytest.approx(empyrical.annual_volatility(returns))
    assert sharpe(returns) * np.sqrt(YEAR) == pytest.approx(found["sharpe"])
    assert drawdown(equity)[0] == found["drawdown"]


def test_random_walks_do_not_pass_with_trees_either():
    from technic.research.learning.boosted_learner import BoostedLearner

    learner = BoostedLearner(trees=60, depth=4, least=50)
    assert not any(world_canaries.gate_of_world(seed, learner).passed for seed in range(5))


def test_few_random_walks_pass_and_intervals_cover():
    assert world_canaries.random_walks(24, lambda *_: None).passed
    share = world_canaries.planted_worlds(1_000)
    assert 0.93 <= share.found <= 0.97
