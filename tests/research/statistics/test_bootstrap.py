"""Intervals of a mean over sessions against the definition spelled out."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm as scipy_norm
from scipy.stats import t as scipy_t

from technic.research.statistics.bootstrap import DRAWS, SEED, interval


def test_the_interval_is_that_of_blocks_drawn_whole():
    """Reference: the same draws, block by block in a loop."""
    series, block = np.random.default_rng(5).normal(0.02, 0.1, 90), 7
    mean, low, high, error = interval(series, block)
    starts = np.random.default_rng(SEED).integers(0, 90, size=(DRAWS, 13))
    drawn = []
    for row in starts:
        picked = [series[(s + k) % 90] for s in row for k in range(block)]
        drawn.append(np.mean(picked))
    assert mean == pytest.approx(series.mean())
    blocks = 90 / 7  # Student: few blocks know their own spread only roughly
    wider = scipy_t.ppf(0.975, blocks - 1) / scipy_norm.ppf(0.975) * np.sqrt(blocks / (blocks - 1))
    plain = np.percentile(drawn, [2.5, 97.5])
    assert (low, high) == pytest.approx(tuple(mean + wider * (plain - mean)), rel=1e-3)
    assert error == pytest.approx(np.std(drawn))


def test_intervals_of_noise_hold_zero_nineteen_times_in_twenty():
    """Autocorrelated noise, as overlapping returns make it: 93 to 97 of a hundred would be perfect."""
    rng = np.random.default_rng(11)
    held = 0
    for _ in range(300):
        noise = np.convolve(rng.normal(size=1_004), np.ones(5) / 5.0, mode="valid")
        _, low, high, _ = interval(noise, 10)
        held += low <= 0.0 <= high
    assert 0.89 <= held / 300 <= 0.985


def test_too_few_blocks_give_no_interval():
    mean, low, high, _ = interval(np.array([0.1, np.nan, 0.3]), 2)
    assert mean == pytest.approx(0.2)
    assert np.isnan([low, high]).all()
