"""A plan is a name, or so many calls in so many seconds."""

from __future__ import annotations

import pytest

from technic.data.simulated.plans import PLANS, VendorPlan, plan_of
from technic.errors import ConfigError


def test_a_plan_has_a_name_or_is_so_many_calls_in_so_many_seconds():
    assert all(plan_of(name) == plan for name, plan in PLANS.items())
    assert plan_of("20/60") == VendorPlan(20, 60.0)
    with pytest.raises(ConfigError, match="20/60"):
        plan_of("enormous")
