"""The section [backtest]: what nobody could trade by is refused at every door."""

from __future__ import annotations

import math

import pytest

from technic.errors import ConfigError
from technic.scanner.spec.backtest_rules import BacktestRules

WRONG = {
    "hold": [0, -1, 501, 1.5, 20.0, True, None, "20", 10**400],
    "buffer": [-1, 5_001, 10**9, 1.5, True, None],
    "commission": [-0.01, 10.5, math.nan, math.inf, 10**400, True, None, "much"],
    "borrow": [-0.01, 10.5, math.nan, math.inf, 10**400, True, None, "1_0"],
    "delisting": [0.1, -1.1, math.nan, 10**400, True, None],
    "rebalance": ["yearly", None, 1, []],
    "cost": ["free", "٥bps", None, 1, []],
}


@pytest.mark.parametrize(("name", "value"), [(k, v) for k, values in WRONG.items() for v in values])
def test_what_nobody_could_trade_by_is_refused_by_the_class_and_in_a_scan_file(name, value):
    with pytest.raises(ConfigError, match=rf"backtest\.{name}"):
        BacktestRules(**{name: value})
    with pytest.raises(ConfigError, match=rf"backtest\.{name}"):
        BacktestRules.of({name: value}, "mine")


@pytest.mark.parametrize("day", ["2024-01-02", 1, []])
def test_ends_are_dates(day):
    with pytest.raises(ConfigError, match="from and to are dates"):
        BacktestRules(first=day)
