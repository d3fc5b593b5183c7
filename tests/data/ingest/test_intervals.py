"""Bars that stand apart: whether each is of more than a day."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from technic.data.ingest.intervals import interval_doubt
from technic.market.sessions import nyse


def bars(*runs):
    """Bars of securities, by the places of their sessions."""
    parts = [
        pl.DataFrame({"security_id": k, "session": nyse().dates[5000 + np.array(places)]})
        for k, places in enumerate(runs)
    ]
    return pl.concat(parts).sample(fraction=1.0, shuffle=True, seed=1)


@pytest.mark.parametrize(
    ("runs", "says"),
    [
        ([range(0, 100, 5)], "a week"),
        ([range(0, 30, 5), range(1, 31, 5)], "a week"),
        ([[0, 4, 9, 14, 18]], "a week"),  # weeks with holidays
        ([range(0, 400, 21)], "a month"),
        ([range(0, 630, 63)], "a quarter"),
        ([range(30)], ""),
        ([range(0, 60, 2)], ""),
        ([[0, 5, 10]], ""),  # two pairs say nothing
        ([range(0, 25, 5), range(20)], ""),
        ([[0], [5], [10], [15]], ""),  # one bar each
    ],
)
def test_bars_of_weeks_and_months_are_asked_about(runs, says):
    lines = interval_doubt(bars(*map(list, runs)))
    assert bool(lines) == bool(says)
    assert all(says in line for line in lines)
