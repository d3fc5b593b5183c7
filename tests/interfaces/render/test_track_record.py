"""A record of what came of kept reports, in words."""

from __future__ import annotations

import io

from technic.interfaces.render.track_record import render_record
from technic.research.track_record import Record


def test_a_record_says_what_is_known_and_what_is_left_out():
    known = {"mean": 0.0123, "low": 0.001, "high": 0.02, "nights": 40, "above": 0.6}
    horizons = {
        "1": known, "5": {**known, "low": -0.01}, "10": {**known, "low": None},
        "21": {**known, "mean": None},
    }  # fmt: skip
    night = {"session": "2024-02-01", "picks": ["AAA", "BBB"], "universe": 900, "picks_1": 0.02,
             "universe_1": 0.005, "picks_5": None, "universe_5": None}  # fmt: skip
    stream = io.StringIO()
    render_record(Record("mine", (night,), horizons, 2, True, "v1", {}), stream)
    lines = [" ".join(line.split()) for line in stream.getvalue().splitlines()]
    assert lines[:2] == ["SIMULATED MARKET", "mine: 1 night kept"]
    joined = " ".join(lines)
    assert (
        "1 session: picks less their universe +1.23 %, 95 % interval +0.10 % to +2.00 %; 40 nights, "
        "above in 60% 5 sessions" in joined
    ), "told from zero"
    assert joined.count(": not told from zero") == 2
    assert "too few nights for an interval" in joined
    assert "21 sessions: not known yet" in lines
    assert "2 reports are left out: they are not reproduced byte for byte" in joined
    assert "2024-02-01 2 +2.00 % +1.50 % – – AAA BBB" in lines
