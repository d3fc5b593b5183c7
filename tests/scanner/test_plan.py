"""Plans: rules that no account could follow are refused at every door."""

from __future__ import annotations

import math

import numpy as np
import pytest

from technic.errors import ConfigError
from technic.scanner.plan import MOST, MOST_POSITIONS, PlanRules
from technic.scanner.spec.scan_file import ScanFile

NO_NUMBERS = [0, -1, math.nan, math.inf, -math.inf, 10**400, True, None, [], "much", "1_0", "٥"]


def refused(name, value):
    with pytest.raises(ConfigError, match=rf"plan\.{name}"):
        PlanRules(**{name: value})
    with pytest.raises(ConfigError, match=rf"plan\.{name}"):
        ScanFile.of({"plan": {name: value}}, "mine")


@pytest.mark.parametrize("name", MOST)
@pytest.mark.parametrize("value", NO_NUMBERS)
def test_what_is_no_amount_is_refused_by_the_class_and_in_a_scan_file(name, value):
    refused(name, value)


@pytest.mark.parametrize(("name", "most"), MOST.items())
def test_the_bounds_hold_in_the_class_and_in_a_scan_file(name, most):
    assert getattr(PlanRules(**{name: most}), name) == most
    assert getattr(ScanFile.of({"plan": {name: most}}, "mine").plan, name) == most
    assert getattr(PlanRules(**{name: np.float64(most)}), name) == most
    refused(name, math.nextafter(most, math.inf))


@pytest.mark.parametrize("value", [-1, MOST_POSITIONS + 1, 10**400, 1.5, 8.0, True, "8", None])
def test_positions_are_counted_in_whole_numbers(value):
    refused("max_positions", value)


@pytest.mark.parametrize("name", ["side", "entry", "stop", "target"])
@pytest.mark.parametrize("value", [None, 1, [], "x" * 5_000])
def test_what_should_be_a_text_is_one(name, value):
    refused(name, value)


@pytest.mark.parametrize(
    ("target", "multiple"),
    [
        ("2R", 2.0),
        (" 1.5 r", 1.5),
        ("close * 2", None),
        ("1_0R", None),
        ("٥R", None),
        ("nanR", None),
    ],
)
def test_a_multiple_is_a_plain_number(target, multiple):
    assert PlanRules(target=target).multiple == multiple


@pytest.mark.parametrize("target", ["0R", "-2R", "1e999R"])
def test_a_multiple_that_nobody_could_take_is_refused(target):
    with pytest.raises(ConfigError, match="wrong side"):
        _ = PlanRules(target=target).multiple
