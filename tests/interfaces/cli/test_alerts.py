"""The commands about what is kept and told: saved scans, channels, alerts, keys."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime, timedelta
from shutil import copytree

import pytest

from support.commands import run_command
from support.hooks import hook
from technic.data.ingest import FileStore
from technic.data.simulated import simulate
from technic.errors import counted
from technic.operations.alerts import AlertBook
from technic.scanner.inspect.diff import session_before
from technic.scanner.scan import scan
from technic.scanner.spec.alert_rules import AlertRules
from technic.scanner.spec.scan_file import ScanFile

NOW = datetime(2026, 11, 20, 21, tzinfo=UTC)
SECRET = "https://hooks.example.com/very-secret"


@pytest.fixture(scope="module")
def market(tmp_path_factory, kernels):
    simulated = simulate(seed=5, size=60, sessions=60)
    made = FileStore(tmp_path_factory.mktemp("told") / "store")
    made.import_bars(simulated.bars, simulated=simulated.about)
    return made.folder


@pytest.fixture
def store(market, tmp_path):
    """A store of its own: what one test leaves to be told is not another's."""
    return FileStore(copytree(market, tmp_path / "store"))


@pytest.fixture
def run(tmp_path, store, kernels):
    (tmp_path / "home/cache").mkdir(parents=True)
    (tmp_path / "home/cache/kernels").symlink_to(kernels)
    known = {k: v for k, v in os.environ.items() if not k.startswith("TECHNIC")}

    def go(*arguments, code=0, said="", **env):
        own = {**known, "TECHNIC_HOME": str(tmp_path / "home"), "NO_COLOR": "1",
               "TECHNIC_STORE": str(store.folder), **env}  # fmt: skip
        done = run_command(arguments, own, tmp_path, said)
        assert done.returncode == code, done.stdout + done.stderr
        assert "very-secret" not in done.stdout + done.stderr
        return done.stdout if not code else done.stderr

    return go


def told(store, name, to):
    """What the newest session changed in a scan, written down to be told."""
    file = ScanFile(name=name, rank="ret(5)", top=10, alert=AlertRules(to=to))
    book = AlertBook(store.catalog)
    book.forget(name)
    before = scan(store, as_of=session_before(store, store.panel().as_of), file=file)
    book.observe(name, file, before, NOW)
    return book.observe(name, file, scan(store, file=file), NOW + timedelta(minutes=1))


def test_scans_are_kept_shown_and_deleted(run):
    assert run("saved", "list").startswith("None yet: technic scan -e ")
    run("alerts", "add", "desk", said=f"{SECRET}\n")
    run("scan", "-e", "rsi(14) < 45", "--top", "5", "--save", "dips", "--alert", "desk")
    listed = run("saved", "list")
    assert listed.startswith("dips ")
    assert listed.rstrip().endswith("tells desk")
    (kept,) = json.loads(run("saved", "list", "--json"))
    assert kept["name"] == "dips"
    assert kept["trouble"] == ""
    shown = run("saved", "show", "dips")
    assert 'where = "rsi(14) < 45"' in shown
    assert 'to = ["desk"]' in " ".join(shown.split()).replace("[ ", "[").replace(", ]", "]")
    assert run("saved", "remove", "dips") == "dips: deleted\n"
    assert run("saved", "remove", "dips") == "dips: there was none\n"
    assert "no scan is saved" in run("saved", "show", "dips", code=1)


def test_a_channel_is_named_listed_without_its_address_and_forgotten(run):
    assert run("alerts", "channels") == "None yet: technic alerts add desk https://…\n"
    said = run("alerts", "add", "desk", said=f"{SECRET}\n")
    assert said.splitlines()[0].startswith("desk: webhook at ")
    assert said.splitlines()[1] == "Try it: technic alerts test desk"
    assert run("alerts", "channels").startswith("desk ")
    (channel,) = json.loads(run("alerts", "channels", "--json"))
    assert channel["name"] == "desk"
    assert run("alerts", "remove", "desk") == "desk: forgotten\n"
    assert run("alerts", "remove", "desk") == "desk: there is none\n"
    assert "technic alerts add desk ADDRESS" in run("alerts", "test", "desk", code=1)


def test_what_waits_is_listed_sent_and_listed_as_sent(run, store, tmp_path):
    alerts = told(store, "movers", ("desk",))
    assert alerts
    with hook() as (address, authority, got):
        authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
        env = {"SSL_CERT_FILE": str(tmp_path / "ca.pem"), "TECHNIC_WEBHOOK_HOSTS": "localhost"}
        run("alerts", "add", "desk", address, **env)
        assert run("alerts", "test", "desk", **env) == "desk: taken\n"
        assert run("alerts", "list", "--last", "100").count("[desk waiting") == len(alerts)
        said = run("alerts", "deliver", **env)
    assert said == f"{counted(len(alerts), 'alert')} in 1 message; 0 waiting\n"
    assert len(got) == 2, "a word to try it, and one message"
    rows = json.loads(run("alerts", "list", "--last", "100", "--json"))
    sent = [row for row in rows if row["scan"] == "movers"]
    assert {d["channel"] for row in sent for d in row["deliveries"]} == {"desk"}
    assert run("alerts", "list", "--last", "100").count("waiting") == 0


def test_a_channel_that_fails_keeps_its_alerts_and_fails_the_command(run, store, tmp_path):
    assert told(store, "others", ("down",))
    with hook(statuses=[500]) as (address, authority, _):
        authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
        env = {"SSL_CERT_FILE": str(tmp_path / "ca.pem"), "TECHNIC_WEBHOOK_HOSTS": "localhost"}
        run("alerts", "add", "down", address, **env)
        run("alerts", "deliver", code=1, **env)
    assert "down waiting" in run("alerts", "list", "--last", "100")


def test_no_alert_is_said_to_be_none(run, tmp_path):
    said = run("alerts", "list", "--store", tmp_path / "empty")
    assert said == "None yet.\n"


def test_keys_are_made_listed_and_revoked(run, tmp_path):
    place = ("--store", tmp_path / "keyed")
    assert run("keys", "list", *place) == "None yet: technic keys create NAME\n"
    secret = run("keys", "create", "phone", "--scope", "read", "--days", "30", *place).strip()
    listed = run("keys", "list", *place)
    assert listed.split()[:4] == ["phone", "read", "good", "until"]
    assert secret not in listed + run("keys", "list", "--json", *place)
    assert run("keys", "revoke", "phone", *place) == "phone: revoked\n"
    assert run("keys", "list", *place).split()[2] == "revoked"
    run("keys", "revoke", "phone", *place, code=1)
