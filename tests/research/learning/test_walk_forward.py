"""Learning and judging: against scipy, against definitions spelled out, against what must not be."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm, rankdata, spearmanr

from support.cases import mostly_slow
from technic.errors import ConfigError, ModelError
from technic.research.learning import canaries, world_canaries
from technic.research.learning.folds import PROTOCOL, Spans, walk_forward
from technic.research.learning.gate import GateCase, judge
from technic.research.learning.measures import measure_forecasts
from technic.research.learning.synthetic_worlds import (
    lag_score,
    planted_score,
    random_walk,
    samples_of,
    shuffle_within_sessions,
)
from technic.research.learning.walk_forward import forecasts
from technic.research.statistics.significance import (
    chance_of_no_gain,
    deflated_sharpe,
    expected_best,
    newey_west,
    overfitting,
    probabilistic_sharpe,
)
from technic.scanner.alpha.ridge import Ridge, RidgeLearner
from technic.scanner.alpha.samples import label_of, rank_features

SPANS = Spans(train=200, step=60, vault=0, embargo=10)


@pytest.fixture(scope="module")
def world():
    return samples_of(random_walk(3, symbols=80, sessions=500))


@pytest.fixture(scope="module")
def folds(world):
    return walk_forward(len(world), SPANS, world.horizon)


def test_a_label_is_the_normal_score_of_a_rank():
    """Oracle: scipy's ranks and quantiles."""
    values = np.round(np.random.default_rng(0).normal(size=300), 1)  # ties
    values[::7] = np.nan
    known = ~np.isnan(values)
    wanted = norm.ppf((rankdata(values[known]) - 0.5) / known.sum())
    np.testing.assert_allclose(label_of(values)[known], wanted, atol=1e-6)
    assert np.isnan(label_of(values)[~known]).all()


def test_the_market_drops_out_of_a_label_and_the_sector_does_not():
    values, sectors = np.random.default_rng(1).normal(size=60), np.arange(60) % 3
    assert np.array_equal(label_of(values + 0.05), label_of(values))
    moved = values + 0.1 * sectors
    np.testing.assert_array_equal(label_of(moved, sectors), label_of(values, sectors))
    assert not np.array_equal(label_of(moved), label_of(values))


@given(
    st.integers(60, 400), st.integers(20, 100), st.integers(5, 40), st.integers(0, 40),
    st.integers(0, 20), st.sampled_from([1, 5, 21]),
)  # fmt: skip
@settings(max_examples=60)
def test_no_training_knows_anything_of_its_test(sessions, train, step, vault, embargo, horizon):
    spans = Spans(train, step, vault, embargo)
    try:
        folds = walk_forward(sessions, spans, horizon)
    except ConfigError:
        return
    for fold in folds:
        # The label of the last session trained on ends at the open `horizon` + 1 later.
        assert fold.train_end - 1 + horizon + 1 + embargo < fold.test
        if vault:  # nor any label of a test of the vault
            assert fold.test_end - 1 + horizon + 1 < sessions - vault
        assert fold.test_end <= sessions
    assert [f.test for f in folds[1:]] == [f.test_end for f in folds[:-1]]


def test_a_short_history_is_divided_in_the_same_proportions():
    fitted = PROTOCOL.fitted(800)
    assert fitted.train < PROTOCOL.train
    assert fitted.vault / fitted.train == pytest.approx(PROTOCOL.vault / PROTOCOL.train, rel=0.02)
    assert PROTOCOL.fitted(10_000) == PROTOCOL
    walk_forward(800, fitted, 21)


def test_a_ridge_is_the_solution_of_its_equations(world):
    """Reference: least squares of the rows and the penalty stacked."""
    x, y = np.nan_to_num(world.x[:5000].astype(float)), world.label[:5000].astype(float)
    known = ~np.isnan(y)
    penalty = 0.1 * np.trace(x[known].T @ x[known]) / x.shape[1]
    stacked = np.vstack([x[known], np.sqrt(penalty) * np.eye(x.shape[1])])
    wanted = np.linalg.lstsq(stacked, np.append(y[known], np.zeros(x.shape[1])), rcond=None)[0]
    model = RidgeLearner(0.1).fit(world.features, world.x[:5000], world.label[:5000], 0)
    np.testing.assert_allclose(model.coefficients, wanted, rtol=1e-9, atol=1e-12)
    again = Ridge.of(model.content())
    rows = world.x[:700]
    assert np.array_equal(again.predict(rows), model.predict(rows))
    assert np.array_equal(model.predict(rows)[13:14], model.predict(rows[13:14]))
    np.testing.assert_allclose(
        model.contributions(rows).sum(axis=1), model.predict(rows), atol=1e-6
    )


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b'{"features": ["a"], "coefficients": []}',
                                     b'{"features": ["a"], "coefficients": ["x"]}', b"\x80\x04."])  # fmt: skip
def test_what_is_no_ridge_is_refused(content):
    with pytest.raises(ModelError):
        Ridge.of(content)


def test_measures_are_those_of_scipy(world, folds):
    """Oracle: Spearman of scipy on each session; deciles and a book spelled out."""
    score = planted_score(world, 0.2, 4)
    found = measure_forecasts(world, {"it": score}, 100, 130)["it"]
    at = world.horizons.index(5)
    for k in range(30):
        rows = world.rows(100 + k)
        a, b = score[rows], world.forward[at, rows]
        known = ~np.isnan(a) & ~np.isnan(b)
        assert found.ic[k] == pytest.approx(spearmanr(a[known], b[known]).statistic, abs=1e-9)
    assert found.years() == {str(found.evidence.years[0]): pytest.approx(np.nanmean(found.ic))}
    book, h = found.spread_book, world.horizon
    weights = np.zeros((30, world.next_return.shape[1]))
    for k in range(30):
        rows = world.rows(100 + k)
        known = np.flatnonzero(~np.isnan(score[rows]))
        order = known[np.argsort(score[rows][known], kind="stable")]
        n = len(known) // 10
        weights[k, world.symbols[rows][order[-n:]]] += 1.0 / n
        weights[k, world.symbols[rows][order[:n]]] -= 1.0 / n
    held = np.zeros(weights.shape[1])
    for k in range(30):
        new = weights[max(k - h + 1, 0) : k + 1].sum(axis=0) / h
        assert book.traded[k] == pytest.approx(np.abs(new - held).sum(), abs=1e-5)
        wanted = float(new @ np.nan_to_num(world.next_return[100 + k]))
        assert book.returns[k] == pytest.approx(wanted, abs=1e-6)
        held = new


def test_newey_west_is_its_definition():
    series, lag = np.random.default_rng(2).normal(0.1, 1.0, 200), 4
    off = series - series.mean()
    variance = np.mean(off * off)
    for k in range(1, lag + 1):
        variance += 2 * (1 - k / (lag + 1)) * np.sum(off[k:] * off[:-k]) / 200
    assert newey_west(series, lag) == pytest.approx(series.mean() / np.sqrt(variance / 200))
    assert np.isnan(newey_west(np.ones(3), 4))


def test_the_deflated_sharpe_ratio_is_that_of_its_paper():
    """Bailey and López de Prado (2014), the example of section 3: 100 trials, variance 1/2 a year."""
    assert expected_best(100, 1250, 0.5 / 250) == pytest.approx(0.1132, abs=5e-4)
    rng = np.random.default_rng(0)
    returns = rng.normal(0.0006, 0.01, 1250)
    assert probabilistic_sharpe(returns) == pytest.approx(
        norm.cdf(returns.mean() / returns.std() * np.sqrt(1249)
                 / np.sqrt(1 - _skew(returns) * _sr(returns) + (_kurtosis(returns) - 1) / 4 * _sr(returns) ** 2))
    )  # fmt: skip
    chances = [deflated_sharpe(returns, n) for n in (1, 10, 100, 1000)]
    assert chances == sorted(chances, reverse=True)
    assert chances[0] == probabilistic_sharpe(returns)


def _sr(r):
    return r.mean() / r.std()


def _skew(r):
    return np.mean(((r - r.mean()) / r.std()) ** 3)


def _kurtosis(r):
    return np.mean(((r - r.mean()) / r.std()) ** 4)


def test_a_choice_among_noise_is_overfitted_and_a_real_edge_is_not():
    rng = np.random.default_rng(3)
    noise = [overfitting(rng.normal(size=(500, 8))) for _ in range(12)]
    assert 0.3 < np.mean(noise) < 0.7
    good = rng.normal(size=(500, 8))
    good[:, 2] += 0.5
    assert overfitting(good) < 0.02
    assert np.isnan(overfitting(good[:, :1]))


def test_paired_differences_tell_the_better():
    rng = np.random.default_rng(4)
    base = rng.normal(size=300)
    assert chance_of_no_gain(base + 0.3 + 0.1 * rng.normal(size=300), base, 10) < 0.01
    assert chance_of_no_gain(base, base + rng.normal(size=300), 10) > 0.01


def test_the_gate_of_a_short_history_says_span_and_a_ridge_need_not_beat_itself(world, folds):
    score = forecasts(world, RidgeLearner(), folds, 0)
    found = measure_forecasts(world, {"model": score}, folds[0].test, folds[-1].test_end)["model"]
    gate = judge(GateCase(found, [], None, SPANS, 1, None))
    assert (gate.passed, gate.reason) == (False, "span")
    assert "ridge" not in {clause.name for clause in gate.clauses}
    assert "canaries" in {clause.name for clause in gate.clauses if not clause.passed}
    beside_a_ridge = judge(GateCase(found, [found], found, SPANS, 1, None))
    assert "ridge" in {clause.name for clause in beside_a_ridge.clauses}


def test_a_real_edge_passes_and_a_leak_does_not(world, folds):
    """A planted forecast of 0.05 passes a gate whose spans are fitted to it; one of 0.3 is a leak."""
    protocol = replace(SPANS, step=1)

    def gate(ic):
        scores = {
            "model": planted_score(world, ic, 1), "ridge": planted_score(world, 0.0, 2),
            "noise": planted_score(world, 0.0, 3),
        }  # fmt: skip
        found = measure_forecasts(world, scores, folds[0].test, folds[-1].test_end)
        rivals = [found["ridge"], found["noise"]]
        case = GateCase(found["model"], rivals, found["ridge"], SPANS, 1, True)
        return judge(case, protocol, tested=1)

    assert gate(0.05).passed, gate(0.05).detail
    assert gate(0.0).reason == "edge"
    leak = gate(0.3)
    assert leak.reason == "leak"
    assert all(c.passed for c in leak.clauses if c.name in {"edge", "interval", "ridge"})


@pytest.mark.parametrize("seed", mostly_slow(range(4), daily=[0]))
def test_a_random_walk_does_not_pass(seed):
    assert not world_canaries.gate_of_world(seed).passed


@pytest.mark.slow
def test_intervals_cover_what_was_planted():
    assert world_canaries.planted_worlds(120).passed


def test_green_canaries(world, folds):
    score = forecasts(world, RidgeLearner(), folds, 0)
    for canary in (
        canaries.shuffled_labels(world, folds, 6),
        canaries.knows_label(world, folds),
        canaries.late_forecasts(world, score, folds),
        canaries.longer_embargo(world, SPANS),
        canaries.noise_columns(world, RidgeLearner(), folds),
        canaries.names_and_dates(world, RidgeLearner(), folds),
        canaries.differing_forecasts(world, score, folds),
        canaries.membership(world, np.random.default_rng(0).permutation(80)),
    ):
        assert canary.passed, canary


@pytest.mark.slow
def test_each_canary_can_sing(world, folds, monkeypatch):
    """What they are there for: a leak of one bar, a constant, names that tell the future."""
    days = samples_of(random_walk(3, symbols=80, sessions=500), horizon=1)
    same_bar = planted_score(days, 0.5, 9)  # worth everything today, nothing tomorrow
    assert not canaries.late_forecasts(days, same_bar, folds).passed
    assert not canaries.differing_forecasts(world, np.zeros(world.n_rows, np.float32), folds).passed
    many = replace(world, vanish=np.arange(80) < 30)
    assert not canaries.membership(many, np.arange(80)).passed
    leaking = replace(
        world, features=(*world.features, "leak"),
        x=np.column_stack([world.x, planted_score(world, 0.3, 1) / 6.0]),
    )  # fmt: skip
    monkeypatch.setattr(canaries, "shuffle_within_sessions", lambda values, _samples, _rng: values)
    assert not canaries.shuffled_labels(leaking, folds, 3).passed


def test_lagging_moves_each_symbol_by_itself(world):
    score = np.arange(world.n_rows, dtype=np.float32)
    late = lag_score(score, world, 2)
    rows, before = world.rows(50), world.rows(48)
    place = dict(zip(world.symbols[before].tolist(), score[before].tolist(), strict=True))
    for symbol, value in zip(world.symbols[rows].tolist(), late[rows].tolist(), strict=True):
        assert value == place.get(symbol, value) or np.isnan(value)
    assert np.isnan(late[world.rows(1)]).all()


def test_dealing_anew_keeps_each_session(world):
    dealt = shuffle_within_sessions(world.label, world, np.random.default_rng(0))
    rows = world.rows(70)
    np.testing.assert_array_equal(np.sort(dealt[rows]), np.sort(world.label[rows]))
    assert np.array_equal(np.isnan(dealt), np.isnan(world.label))


def test_places_do_not_depend_on_the_scale():
    values = np.random.default_rng(5).lognormal(size=50)
    assert np.array_equal(rank_features(values), rank_features(np.log(values)))
