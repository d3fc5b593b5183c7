"""The commands that keep the market, as a user runs them, against a served twin."""

from __future__ import annotations

import json
import os
import shlex
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import polars as pl
import pytest

from support.commands import run_command
from support.vendors import tape
from technic.data.simulated.faults import FaultPlan
from technic.data.simulated.server import serving
from technic.data.simulated.twin import Twin

# A test that runs in the background of a shell inherits that SIGINT is ignored.
HEEDING = (
    "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler);"
    "from technic.interfaces.cli import main; main()"
)
INTERRUPTIBLE = [sys.executable, "-c", HEEDING]
TECHNIC = [str(Path(sys.executable).parent / "technic")]


@pytest.fixture(scope="module")
def twin():
    made = Twin(tape(3, 120, 60), plan="none", keys=("canary-key",))
    with serving(made) as served:
        made.url = served.url
        yield made


@pytest.fixture
def run(home, twin):
    def go(*arguments, check=True, **env):
        known = {k: v for k, v in os.environ.items() if not k.startswith("TECHNIC")}
        own = {
            **known,
            "TECHNIC_HOME": str(home),
            "TECHNIC_MASSIVE__BASE_URL": twin.url,
            "MASSIVE_API_KEY": "canary-key",
            "NO_COLOR": "1",
            **env,
        }
        done = run_command(arguments, own, home)
        if check:
            assert done.returncode == 0, done.stdout + done.stderr
        assert "Traceback" not in done.stderr
        assert "canary-key" not in done.stdout + done.stderr
        return done

    return go


def test_from_nothing_to_a_scan(run, home, twin, tmp_path):
    store = ("--store", str(tmp_path / "store"))
    plan = run("sync", "--plan", "--history", "40", *store).stdout
    assert "40 whole-market days" in plan
    assert "is empty" in plan
    asked = len(twin.requests)
    said = run("sync", "--history", "40", *store).stdout
    assert "new bars" in said
    assert "SIMULATED" in said
    assert len(twin.requests) - asked < 60
    assert "Nothing was missing" in run("sync", "--history", "40", *store).stdout
    assert "Nothing is missing" in run("sync", "--plan", "--history", "40", *store).stdout
    scan = run("scan", "-e", "close > 1", "--rank", "close", *store).stdout
    assert "SIMULATED MARKET" in scan
    assert "features known" in scan
    assert "the report was kept" in run("scan", "-e", "close > 1", "--rank", "close", *store).stdout
    listed = json.loads(run("calls", "--json", *store).stdout)
    assert {row["outcome"] for row in listed} == {"ok"}
    assert "as it was written" in run("doctor", "--deep", *store).stdout
    proof = run("verify", "--incremental", "--nights", "3", *store).stdout
    assert "0 of" in proof
    run("backup", str(tmp_path / "copy"), *store)
    assert "as it was written" in run("doctor", "--deep", "--store", str(tmp_path / "copy")).stdout
    logs = "".join(p.read_text() for p in (home / "state" / "logs").iterdir())
    assert "grouped" in logs
    assert "canary-key" not in logs


def test_damage_is_named_and_mended(run, tmp_path):
    store = ("--store", str(tmp_path / "store"))
    run("sync", "--history", "12", *store)
    path = max((tmp_path / "store/tables/bars").rglob("*.parquet"), key=lambda p: p.stat().st_size)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    said = run("doctor", "--deep", *store, check=False)
    assert said.returncode == 1
    assert path.name in said.stdout
    assert "technic sync --repair" in said.stdout
    assert "damaged" in run("sync", "--repair", "--history", "12", *store).stdout
    assert run("doctor", "--deep", *store).returncode == 0


@pytest.mark.slow
def test_ctrl_c_stops_cleanly_and_the_next_sync_goes_on(home, twin, tmp_path):
    env = {
        **os.environ,
        "TECHNIC_HOME": str(home),
        "TECHNIC_MASSIVE__BASE_URL": twin.url,
        "MASSIVE_API_KEY": "canary-key",
        "TECHNIC_PLAN": "10/2",
    }
    command = [*INTERRUPTIBLE, "sync", "--history", "45", "--store", str(tmp_path / "store")]
    start = len(twin.requests)
    running = subprocess.Popen(
        command,
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    for _ in range(3_000):  # nine calls are free; the other forty take nine seconds
        if len(twin.requests) >= start + 8:
            break
        time.sleep(0.02)
    time.sleep(0.5)
    running.send_signal(signal.SIGINT)
    _, said = running.communicate(timeout=60)
    assert running.returncode == 130
    assert "what was stored is safe" in said
    assert "Traceback" not in said
    before = {r["target"] for r in twin.requests[start:]} - {"/v1/marketstatus/now"}
    half = len(twin.requests)
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=True, timeout=120)
    assert "holds sessions" in done.stdout
    after = {r["target"] for r in twin.requests[half:]}
    assert len(before) > 5
    assert len(before & after) <= 1, "but for the one that was under way"


def test_a_plan_a_sync_and_its_calls_speak_json_and_agree(run, tmp_path):
    store = ("--store", str(tmp_path / "store"))
    plan = json.loads(run("sync", "--plan", "--history", "6", "--json", *store).stdout)
    assert plan["missing"] == 6
    assert plan["calls"] == sum(step["calls"] for step in plan["steps"]) > 6
    assert plan["options"][0]["calls"] <= plan["calls"]
    done = json.loads(run("sync", "--history", "6", "--json", *store).stdout)
    assert done["failed"] == []
    assert done["bars"] > 6 * 50
    lines = run("calls", "--last", "3", *store).stdout.splitlines()
    assert len(lines) == 4
    assert lines[-1].endswith(" calls in all, 0 of them failed")
    vendors = json.loads(run("providers", "--json").stdout)
    assert {"massive", "alpaca", "edgar"} <= {row["name"] for row in vendors}


def test_init_refuses_who_needs_none_and_names_the_key_that_is_missing(run, tmp_path):
    home = {"TECHNIC_HOME": str(tmp_path / "home")}
    said = run("init", "--provider", "files", check=False, **home)
    assert said.returncode == 1
    assert "files need no set-up" in said.stderr
    said = run("init", "--provider", "alpaca", "--universe", "AAA,BBB", "--history", "30",
               APCA_API_KEY_ID="", APCA_API_SECRET_KEY="", **home).stdout.splitlines()  # fmt: skip
    assert said[0].startswith("alpaca: no key yet; set APCA_API_KEY_ID")
    assert "30 sessions of 2 symbols:" in said
    assert said[-1] == "Next: technic sync --plan"


def test_a_wrong_key_is_one_line(run, tmp_path):
    done = run("sync", "--store", str(tmp_path / "s"), check=False, MASSIVE_API_KEY="wrong-key")
    assert done.returncode == 1
    assert "technic init" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    done = run("sync", "--store", str(tmp_path / "s"), check=False, MASSIVE_API_KEY="")
    assert "technic simulate serve" in done.stderr


def test_a_key_may_lie_in_a_file(run, tmp_path):
    path = tmp_path / "key"
    path.write_text("canary-key\n")
    run(
        "sync",
        "--plan",
        "--history",
        "5",
        "--store",
        str(tmp_path / "s"),
        MASSIVE_API_KEY="",
        MASSIVE_API_KEY_FILE=str(path),
    )


def test_vendors_are_listed_with_what_they_need(run):
    said = run("providers").stdout
    for name in ("massive", "alpaca", "files", "yahoo", "flatfiles"):
        assert name in said
    assert "history of" in run("providers", "--probe").stdout


def test_init_shows_what_it_would_cost(run, tmp_path, kernels):
    home = tmp_path / "home"
    said = run(
        "init",
        "--provider",
        "massive",
        "--plan",
        "basic",
        "--history",
        "250",
        TECHNIC_HOME=str(home),
    ).stdout
    assert "250 calls" in said
    assert "min" in said
    assert "technic sync --plan" in said
    assert 'plan = "basic"' in (home / "technic.toml").read_text()
    shown = run("config", "show", "--origin", TECHNIC_HOME=str(home)).stdout
    assert "basic" in shown


def test_secrets_are_kept_for_their_owner_only(tmp_path):
    from technic.errors import ConfigError
    from technic.runtime import secrets
    from technic.runtime.settings import Setting, Settings

    settings = Settings({"home": Setting("home", str(tmp_path), "test")})
    path = secrets.keep("massive", "abc-123", settings)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert secrets.find("massive", settings, {}).value == "abc-123"
    assert "abc" not in repr(secrets.find("massive", settings, {}))
    assert secrets.find("massive", settings, {"MASSIVE_API_KEY": "env"}).value == "env"
    path.chmod(0o644)
    with pytest.raises(ConfigError, match="chmod 600"):
        secrets.find("massive", settings, {})


def test_caches_are_shown_and_cleared(run):
    assert "values" in run("cache", "stats").stdout
    assert "cleared" in run("cache", "clear", "--prefix", "report").stdout
    assert "files" in run("cache", "clear").stdout


def test_the_twin_is_served_by_a_command(home):
    env = {**os.environ, "TECHNIC_HOME": str(home), "PYTHONUNBUFFERED": "1"}
    command = [
        *INTERRUPTIBLE,
        "simulate",
        "serve",
        "--size",
        "30",
        "--sessions",
        "40",
        "--port",
        "0",
        "--clock",
        "2026-11-19T21:00",
    ]
    running = subprocess.Popen(
        command,
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        lines = [running.stdout.readline() for _ in range(3)]
        assert "SIMULATED VENDOR at http://127.0.0.1:" in lines[0]
        assert "2026-11-20 02:00 UTC" in lines[1]
    finally:
        running.send_signal(signal.SIGINT)
        _, said = running.communicate(timeout=20)
    assert running.returncode == 130
    assert "Traceback" not in said


def test_a_back_fill_by_threads_brings_the_same_bars_with_the_same_calls(run, twin, tmp_path):
    held = []
    for name, more in (("one", ()), ("many", ("--executor", "threads:3"))):
        store = tmp_path / name
        asked = len(twin.requests)
        run("sync", "--history", "30", "--store", str(store), *more)
        table = pl.concat(
            pl.read_parquet(p) for p in sorted((store / "tables/bars").rglob("*.parquet"))
        )
        columns = ["security_id", "session", "open", "high", "low", "close", "volume"]
        calls = json.loads(run("calls", "--json", "--store", str(store)).stdout)
        held.append((table.select(columns).sort(columns), len(twin.requests) - asked, len(calls)))
    assert held[0][0].equals(held[1][0])
    assert held[0][1:] == held[1][1:]


def test_keys_never_leave_the_process_that_asks(run, tmp_path):
    done = run("sync", "--executor", "processes:2", "--store", str(tmp_path / "s"), check=False)
    assert done.returncode == 1
    assert "keys stay in this process" in done.stderr


def test_a_plan_prints_the_command_that_costs_what_it_says(run, twin, tmp_path):
    store = ("--store", str(tmp_path / "store"))
    run("sync", "--history", "70", *store)  # the vendor has 60
    for asked in (("--history", "75"), ("--history", "75", "--older")):
        plan = run("sync", "--plan", *asked, *store).stdout
        priced = json.loads(run("sync", "--plan", "--json", *asked, *store).stdout)
        assert f"its history begins on {twin.tape.sessions[0]}; 15 older sessions" in plan
        assert priced["history_begins"] == {"massive": str(twin.tape.sessions[0])}
        assert priced["spared"] == 15
        before = len(json.loads(run("calls", "--json", *store).stdout))
        if priced["calls"]:
            line = next(line for line in plan.splitlines() if "Run it: technic " in line)
            run(*shlex.split(line.split("Run it: technic ")[1]))
        else:
            assert "Nothing is missing" in plan
        made = json.loads(run("calls", "--json", *store).stdout)[before:]
        asked_for = [c for c in made if "marketstatus" not in c["endpoint"]]
        assert len(asked_for) == priced["calls"] == (5 if "--older" in asked else 0)


def test_the_doctor_examines_a_vendor_and_keeps_the_answers(run, twin, home, tmp_path):
    store = ("--store", str(tmp_path / "store"))
    said = run("doctor", "--conformance", *store).stdout
    assert said.startswith("massive: 19 calls at most, ")
    assert " 0 differences, " in said
    twin.faults = FaultPlan(differences=("seconds", "no_vwap"))
    try:
        done = run("doctor", "--conformance", *store, check=False)
        as_json = run("doctor", "--conformance", "--json", *store, check=False)
    finally:
        twin.faults = FaultPlan()
    assert done.returncode == as_json.returncode == 1
    assert "massive: 41 assumptions hold, 2 differences, " in done.stdout
    assert "assumed: stamps of bars are milliseconds" in done.stdout
    (vendor,) = json.loads(as_json.stdout)["vendors"]
    assert len(vendor["differences"]) == 2
    assert Path(vendor["kept"]).parent == home / "state" / "conformance"
    assert "canary-key" not in Path(vendor["kept"]).read_text()
