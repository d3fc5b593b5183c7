"""Differences of a simulated vendor: each changes an answer, and a plan names them or is refused."""

from __future__ import annotations

import orjson
import pytest

from support.vendors import record
from technic.data.simulated.differences import DIFFERENCES
from technic.data.simulated.faults import FaultPlan, read_plan
from technic.data.simulated.twin import Twin
from technic.errors import ConfigError

KEY = {"authorization": "Bearer k"}


@pytest.fixture(scope="module")
def twin():
    return Twin(record(3, 300, 120))


def answers(twin, *names):
    """What the twin says to some questions, good and bad ones."""
    twin.faults = FaultPlan(differences=names)
    day, first = twin.tape.sessions[-1], twin.tape.sessions[0]
    split, ex, _ = twin.tape.splits[0]
    symbol = twin.tape.listings[split].symbol(ex)
    paths = [
        (f"/v2/aggs/grouped/locale/us/market/stocks/{day}", {"adjusted": "false"}),
        (f"/v2/aggs/ticker/{symbol}/range/1/day/{first}/{day}", {"adjusted": "false"}),
        (f"/v2/aggs/ticker/NOBODY/range/1/day/{first}/{day}", {}),
        ("/v3/reference/tickers", {"limit": "4"}),
        ("/v3/reference/tickers", {"limit": "4", "sort": "last_updated_utc", "order": "desc"}),
        ("/stocks/v1/splits", {}),
        ("/stocks/v1/dividends", {}),
        ("/v3/reference/tickers/NOBODY", {}),
    ]
    found = [twin.ask(path, params, KEY) for path, params in paths]
    twin.faults = FaultPlan()
    return [(answer.status, answer.kind, answer.body) for answer in found]


@pytest.mark.parametrize("name", DIFFERENCES)
def test_each_changes_an_answer_and_is_gone_without_it(twin, name):
    plain = answers(twin)
    changed = answers(twin, name)
    assert changed != plain
    assert answers(twin) == plain
    assert DIFFERENCES[name].about


def test_the_order_in_which_they_are_named_does_not_matter(twin):
    names = tuple(DIFFERENCES)
    assert answers(twin, *names) == answers(twin, *reversed(names))


def test_a_plan_names_differences_and_unknown_ones_are_refused(tmp_path):
    path = tmp_path / "plan.json"
    path.write_bytes(orjson.dumps({"differences": ["seconds", "no_vwap"]}))
    assert read_plan(path).differences == ("seconds", "no_vwap")
    assert read_plan(path).rules == ()
    path.write_bytes(orjson.dumps({"differences": ["hours"]}))
    with pytest.raises(ConfigError, match="unknown differences hours; there are adjusted_always"):
        read_plan(path)
