"""Cases of one test of which the everyday run takes a few, and `make test-all` the others."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

import pytest


def mostly_slow(cases: Iterable[Any], *, daily: Collection[Any]) -> list[Any]:
    """The values of a parametrized test, where those that are not in `daily` are marked slow."""
    every = list(cases)
    assert set(daily) <= set(every), "a case of every day is none of the cases"
    slow = pytest.mark.slow
    return [
        case
        if case in daily
        else pytest.param(*(case if isinstance(case, tuple) else (case,)), marks=slow)
        for case in every
    ]
