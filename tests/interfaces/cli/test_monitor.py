"""The commands that look again: the daily loop, differences, looks at a market that trades."""

from __future__ import annotations

import json
import os
from datetime import timedelta

import pytest

from support.commands import run_command
from support.vendors import at_evening, tape
from technic.data.simulated.server import serving
from technic.data.simulated.twin import Twin
from technic.market.sessions import nyse
from technic.operations.saved_scans import folder_of
from technic.runtime.settings import Setting, Settings

NIGHT = 40
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def twin():
    made = Twin(tape(3, 40, 60), plan="none", keys=("canary-key",))
    with serving(made) as served:
        made.url = served.url
        yield made


@pytest.fixture(scope="module")
def run(home, twin):
    """Run a command on a store that was synced to a night, where a scan `up` is saved."""
    known = {k: v for k, v in os.environ.items() if not k.startswith(("TECHNIC", "MASSIVE"))}
    own = {**known, "TECHNIC_HOME": str(home), "TECHNIC_MASSIVE__BASE_URL": twin.url,
           "MASSIVE_API_KEY": "canary-key", "NO_COLOR": "1"}  # fmt: skip

    def go(*arguments, code=0):
        done = run_command([*arguments, "--store", home / "market"], own, home)
        assert done.returncode == code, done.stdout + done.stderr
        assert "Traceback" not in done.stderr
        return done.stdout if not code else done.stdout + done.stderr

    at_evening(twin, NIGHT)
    go("sync", "--history", "30")
    go("scan", "-e", "close > sma(10)", "--rank", "ret(5)", "--top", "10", "--save", "up")
    return go


def day(twin, night):
    return str(twin.tape.sessions[night])


@pytest.fixture(scope="module")
def told(run, twin, home):
    """The lines of the night after, whose files lie in `nights`."""
    at_evening(twin, NIGHT + 1)
    return run("daily", "--out", home / "nights").splitlines()


def test_a_night_is_told_in_lines_and_kept_as_a_page_and_as_json(told, twin, home):
    lines = told
    assert lines[0].startswith(f"Done: {day(twin, NIGHT + 1)} · ")
    heads = [line.split()[0] for line in lines[1:]]
    assert heads == ["sync", "scan", "check", "alerts", "took"]
    assert "answers, " in lines[1]
    place = home / "nights" / day(twin, NIGHT + 1)
    kept = json.loads((place / "up.json").read_text())
    change = kept["difference"]
    assert f"{len(change['entered'])} entered, {len(change['left'])} left" in lines[2]
    assert "SIMULATED MARKET" in (place / "up.html").read_text()


@pytest.mark.usefixtures("told")
def test_a_scan_that_cannot_be_read_makes_the_night_one_to_look_at(run, twin, home):
    """The others run again, and write the same files."""
    path = home / "nights" / day(twin, NIGHT + 1) / "up.json"
    kept = json.loads(path.read_text())
    folder = folder_of(Settings({"home": Setting("home", str(home), "test")}))
    (folder / "bad.toml").write_text('where = "clse > 1"')
    try:
        said = run("daily", "--no-sync", "--json", "--out", home / "nights", code=1)
    finally:
        (folder / "bad.toml").unlink()
    night = json.loads(said)
    assert night["ok"] is False
    assert night["as_of"] == day(twin, NIGHT + 1)
    bad, good = sorted(night["scans"], key=lambda one: one["name"])
    assert "clse" in bad["trouble"]
    assert good["seal"] == kept["manifest"]["seal"]
    assert good["shown"] == len(kept["rows"])
    assert json.loads(path.read_text()) == kept


def test_a_difference_says_who_came_and_went(run, twin):
    found = json.loads(run("diff", "up", "--json"))
    lines = run("diff", "up").splitlines()
    assert lines[0] == "SIMULATED MARKET"
    assert lines[1].endswith(f"{found['before']} → {found['after']}")
    counts = {what: len(found[what]) for what in ("entered", "left", "stayed")}
    assert lines[-1] == "{entered} entered, {left} left, {stayed} stayed".format(**counts)
    signs = [line[0] for line in lines[2:-1]]
    assert signs.count("+") == counts["entered"]
    assert signs.count("−") == counts["left"]
    first = found["after"]
    same = run("diff", "up", "--from", first, "--to", first)
    assert f"Nothing changed: the same {counts['stayed'] + counts['entered']} symbols." in same


def test_a_difference_of_days_that_are_none_is_refused(run):
    assert "--from: 'soon' is no date" in run("diff", "up", "--from", "soon", code=1)


def test_looks_at_a_market_that_trades_are_lines(run, twin):
    night = NIGHT + 2
    opens = nyse().opens(nyse().ordinal(twin.tape.sessions[night]))
    twin.clock.set(opens + timedelta(minutes=100))
    said = run("watch", "up", "--looks", "2", "--every", "1s").splitlines()
    looks = [line for line in said if " bars so far · " in line]
    assert len(looks) == 2
    assert looks[0].startswith(day(twin, night))
    assert " ranked · " in looks[0]
    look = json.loads(run("watch", "up", "--looks", "1", "--json"))
    assert look["state"] == "trading"
    assert look["bars"] > 10


def test_looks_at_a_market_that_is_closed_say_so(run, twin):
    opens = nyse().opens(nyse().ordinal(twin.tape.sessions[NIGHT + 2]))
    twin.clock.set(opens - timedelta(hours=3))
    said = run("watch", "up", "--looks", "1")
    assert said.endswith("  the market is closed\n")


def test_a_schedule_is_printed_for_any_system(home):
    env = {**os.environ, "TECHNIC_HOME": str(home)}
    done = run_command(["schedule", "cron", "--at", "21:05"], env, home)
    assert "5 21 * * 1-5" in done.stdout
    assert "daily" in run_command(["schedule"], env, home).stdout
