"""The record of kept reports: against a loop over plain prices."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest

import technic as tc
from technic.data.simulated import simulate
from technic.errors import StoreError
from technic.market.sessions import nyse
from technic.research.track_record import mean_return, record
from technic.scanner.spec.scan_file import ScanFile

FILE = ScanFile(name="up", rank="ret(5)", universe="close > 2", top=5)


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    market = simulate(seed=8, size=80, sessions=70)
    made = tc.open_store(tmp_path_factory.mktemp("record") / "store")
    made.import_bars(market.bars, simulated=market.about)
    made.import_listings(market.listings)
    last = nyse().ordinal(made.require().last)
    for back in range(30, 0, -1):
        report = tc.scan(made, file=FILE, as_of=nyse().day(last - back))
        made.catalog.record_run("daily", "up", report.as_of, report.manifest, datetime.now(UTC))
    return made


def test_picks_are_held_against_their_universe(store):
    """Reference: prices of the panel, one pick after the other; no split, no dividend in between."""
    found = record(store, "up")
    assert len(found.nights) == 30
    assert found.unproven == 0
    view = store.panel()
    place = {s: i for i, s in enumerate(view.who["symbol"].to_list())}
    night = found.nights[3]
    day = nyse().ordinal(datetime.fromisoformat(night["session"]).date())
    returns = []
    for symbol in night["picks"]:
        i = place[symbol]
        days, opens = view.panel.run(i, "session"), view.panel.run(i, "open")
        at = {int(d): float(o) for d, o in zip(days, opens, strict=True)}
        if day + 1 in at and day + 6 in at:
            returns.append(min(at[day + 6] / at[day + 1] - 1.0, 1.0))
    assert night["picks_5"] == pytest.approx(np.mean(returns), abs=0.02)  # dividends are counted
    part = found.by_horizon["5"]
    excess = [n["picks_5"] - n["universe_5"] for n in found.nights if n["picks_5"] is not None]
    assert part["mean"] == pytest.approx(np.mean(excess))
    assert part["nights"] == len(excess) == 25
    assert found.by_horizon["21"]["nights"] == 9
    assert found.by_horizon["21"]["low"] is None  # too few for an interval


def test_a_report_that_cannot_be_reproduced_is_left_out(store):
    run = store.catalog.runs()[0]
    manifest = store.catalog.run(run["id"]) | {"answer_digest": "0" * 32}
    store.catalog.record_run("daily", "forged", run["as_of"], manifest, datetime.now(UTC))
    found = record(store, "forged")
    assert (found.unproven, len(found.nights)) == (1, 0)


def test_without_a_report_it_says_what_to_do(store):
    with pytest.raises(StoreError, match="technic daily"):
        record(store, "nosuch")


def test_a_security_that_has_left_has_no_return_and_not_its_neighbours():
    ids, returns = np.array([10, 20, 30]), np.array([0.1, 0.2, 0.3])
    assert mean_return(returns, ids, np.array([10, 20])) == pytest.approx(0.15)
    assert mean_return(returns, ids, np.array([10, 15])) == pytest.approx(0.1)
    assert np.isnan(mean_return(returns, ids, np.array([5, 15, 99])))
