"""Canaries of worlds that are made up: with nothing in them to find, or with what was planted.

C6   random walks: the gate stays shut
C7   a planted forecast: the interval covers it
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from math import asin, pi, sqrt

import numpy as np

from technic.market.typing import FloatArray
from technic.research.learning.books import block_of
from technic.research.learning.canary import Canary
from technic.research.learning.folds import Spans, walk_forward
from technic.research.learning.gate import GateCase, ShipGate, judge
from technic.research.learning.measures import measure_forecasts
from technic.research.learning.synthetic_worlds import random_walk, samples_of
from technic.research.learning.walk_forward import Learner, forecasts
from technic.research.statistics.bootstrap import interval
from technic.scanner.alpha.ridge import RidgeLearner

SHORT = Spans(train=400, step=100, vault=0, embargo=10)  # of a world of 1,000 sessions
PLANTED = 0.03


def gate_of_world(seed: int, learner: Learner | None = None) -> ShipGate:
    """The gate's verdict on a market of random walks, when its spans are not what stops it.

    Parameters
    ----------
    seed : of the market
    learner : what is judged; the ridge by default
    """
    samples = samples_of(random_walk(seed))
    folds = walk_forward(len(samples), SHORT, samples.horizon)
    scores = {
        "model": forecasts(samples, learner or RidgeLearner(), folds, seed),
        "-ret(5)": -samples.x[:, samples.features.index("ret(5)")],
        "ret(63)": samples.x[:, samples.features.index("ret(63)")],
    }
    if learner is not None:
        scores["ridge"] = forecasts(samples, RidgeLearner(), folds, seed)
    measures = measure_forecasts(samples, scores, folds[0].test, folds[-1].test_end)
    rivals = [measure for name, measure in measures.items() if name != "model"]
    case = GateCase(
        measures["model"], rivals, measures.get("ridge"), SHORT, trials=1, canaries=True
    )
    return judge(case, protocol=replace(SHORT, step=1), tested=1)


def random_walks(count: int, progress: Callable[[int, int, str], None]) -> Canary:
    """C6: of so many markets with nothing in them at most one in forty may pass the gate."""
    passed = 0
    for seed in range(count):
        progress(seed, count, f"C6: random walk {seed + 1} of {count}")
        passed += gate_of_world(seed).passed
    allowed = max(count // 40, 1)
    words = f"{passed} of {count} random walks passed the gate, at most {allowed} may"
    return Canary("C6", passed <= allowed, float(passed), words)


def interval_covers(world: int, horizon: int = 1, sessions: int = 500, symbols: int = 100) -> bool:
    """C7: whether the interval of a planted score covers what was planted, in one world.

    Parameters
    ----------
    world : the number of the world: the same number, the same world
    horizon : sessions that a return looks ahead
    """
    rng = np.random.default_rng([7, world])
    r = _correlated(PLANTED, symbols)
    label = rng.normal(size=(sessions, symbols))
    score = r * label + np.sqrt(1.0 - r * r) * rng.normal(size=label.shape)
    ic = np.array([_spearman(a, b) for a, b in zip(label, score, strict=True)])
    _, low, high, _ = interval(ic, block_of(sessions, horizon))
    return bool(low <= PLANTED <= high)


def _correlated(rank_correlation: float, n: int) -> float:
    """Which correlation of two normal variables has a mean rank correlation over n pairs.

    References
    ----------
    Moran (1948): 6 / (π (n + 1)) · (asin r + (n − 2) asin(r / 2)).
    """
    low, high = -1.0, 1.0
    for _ in range(60):
        r = (low + high) / 2.0
        mean = 6.0 / (pi * (n + 1)) * (asin(r) + (n - 2) * asin(r / 2.0))
        low, high = (r, high) if mean < rank_correlation else (low, r)
    return r


def _spearman(first: FloatArray, second: FloatArray) -> float:
    a, b = first.argsort().argsort(), second.argsort().argsort()
    return float(np.corrcoef(a, b)[0, 1])


def planted_worlds(count: int) -> Canary:
    """C7: how many intervals cover the planted correlation."""
    share = sum(interval_covers(k) for k in range(count)) / count
    width = 3.0 * sqrt(0.95 * 0.05 / count)
    passed = abs(share - 0.95) <= max(0.02, width)
    return Canary(
        "C7", passed, share, f"{share:.1%} of {count} intervals cover a planted {PLANTED}"
    )
