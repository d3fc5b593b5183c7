"""Plans of faults are read from a file, and what they cannot mean is refused."""

from __future__ import annotations

import pytest

from technic.data.simulated.faults import read_plan
from technic.errors import ConfigError


def test_plans_of_faults_are_read_and_checked(tmp_path):
    path = tmp_path / "plan.json"
    path.write_text('{"seed": 3, "rules": [{"faults": ["reset"], "probability": 0.5}]}')
    assert read_plan(path).has_transport
    path.write_text('{"rules": [{"faults": ["nonsense"]}]}')
    with pytest.raises(ConfigError, match="nonsense"):
        read_plan(path)
