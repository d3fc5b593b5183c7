"""Any column is counted: whatever its values are, each is in a bin, outside of all, or unknown."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from technic.scanner.inspect.grid import histogram

LARGEST = np.finfo(np.float64).max
BASES = st.sampled_from([0.0, 1.0, -3.5, 1e16, -1e16, 5e-324, 1e308, LARGEST, -LARGEST])


def accounted(values):
    found = histogram(values)
    assert found["unknown"] == int((~np.isfinite(values)).sum())
    assert sum(found["counts"]) + found["below"] + found["above"] == found["known"]
    assert found["known"] + found["unknown"] == len(values)
    if found["known"]:
        edges = np.array(found["edges"])
        assert len(edges) == len(found["counts"]) + 1
        assert np.isfinite(edges).all()
        assert (edges[1:] > edges[:-1]).all()
        assert np.isfinite(found["median"])
    return found


@given(arrays(np.float64, st.integers(0, 60), elements=st.floats(width=64)))
def test_any_values_are_accounted_for(values):
    accounted(values)


@given(BASES, st.lists(st.integers(-30, 30), min_size=1, max_size=40))
def test_values_a_few_floats_apart_are_spread_over_bins(base, steps):
    with np.errstate(over="ignore"):
        accounted(base + np.array(steps) * max(abs(base) * 2.0**-52, 5e-324))


def test_what_is_infinite_is_unknown_and_the_rest_is_counted():
    found = accounted(np.array([np.inf, -np.inf, np.nan, 1.0, 2.0, 3.0]))
    assert (found["unknown"], found["known"], found["median"]) == (3, 3, 2.0)


@pytest.mark.parametrize("value", [0.0, 7.0])
def test_one_value_stands_in_the_middle(value):
    found = accounted(np.full(5, value))
    assert (found["edges"][0], found["edges"][-1]) == (value - 0.5, value + 0.5)


def test_ordinary_values_fill_bins_of_one_width():
    found = accounted(np.arange(1_001.0))
    assert (found["edges"][0], found["edges"][-1]) == (10.0, 990.0)
    assert set(found["counts"]) <= {24, 25, 26}
