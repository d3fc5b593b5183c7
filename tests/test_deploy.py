"""What is deployed names commands, settings and metrics that exist."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from support.needs import lacking

ROOT = Path(__file__).parents[1]
DEPLOY = ROOT / "deploy"


def metrics():
    """The names of everything that /metrics shows."""
    from tempfile import mkdtemp

    from support.serving import served
    from technic.data.ingest import FileStore

    with served(FileStore(Path(mkdtemp()) / "none")) as client:
        text = client.get("/metrics").text
    return set(re.findall(r"^# TYPE (\S+)", text, re.MULTILINE))


def named(text):
    found = set(re.findall(r"technic_[a-z_]+", text))
    return {re.sub(r"_(bucket|count|sum)$", "", name) for name in found}


def test_rules_and_the_dashboard_read_metrics_that_exist():
    from prometheus_client import parser  # noqa: F401 -- it is there

    known = metrics() | {"technic_store_sessions_behind"}  # of a store with bars
    asked = named((DEPLOY / "prometheus-rules.yaml").read_text())
    board = json.loads((DEPLOY / "grafana/technic.json").read_text())
    for panel in board["panels"]:
        asked |= named(" ".join(target["expr"] for target in panel["targets"]))
    assert asked <= known, asked - known


def test_every_command_that_is_run_exists():
    from typer.main import get_command

    from technic.interfaces.cli import app

    known = get_command(app).commands
    units = " ".join(path.read_text() for path in DEPLOY.glob("*.service"))
    for command in re.findall(r"bin/technic (\S+)", units):
        assert command in known
    compose = (DEPLOY / "compose.yaml").read_text()
    for command in re.findall(r"command: \[(\w+)", compose):
        assert command in known
    options = {name for parameter in known["serve"].params for name in parameter.opts}
    for line in re.findall(r"command: \[serve, (.*)\]", compose):
        assert set(re.findall(r"--[a-z-]+", line)) <= options


def test_every_setting_that_is_given_exists():
    from technic.runtime.secrets import VARIABLES
    from technic.runtime.setting_table import SETTINGS

    known = {info.variable for info in SETTINGS.values()} | {
        v for vs in VARIABLES.values() for v in vs
    }
    text = (DEPLOY / "compose.yaml").read_text()
    for name in set(re.findall(r"^\s+(TECHNIC_\w+|MASSIVE_\w+):", text, re.MULTILINE)):
        assert name.removesuffix("_FILE") in known | {"TECHNIC_MASSIVE__BASE_URL"}, name


def test_the_image_installs_extras_that_exist():
    import tomllib

    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"][
        "optional-dependencies"
    ]
    text = (DEPLOY / "Dockerfile").read_text()
    asked = re.search(r"locked\.py (.*) > image\.txt", text)[1].split()
    assert set(asked) <= set(extras)
    assert "USER technic" in text
    assert all(
        "--require-hashes" in line or "--no-deps" in line
        for line in text.splitlines()
        if "pip install" in line
    )


def test_yaml_is_yaml():
    compose = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
    assert {"redis", "postgres", "serve", "daily", "pages"} <= set(compose["services"])
    profiles = {p for service in compose["services"].values() for p in service["profiles"]}
    assert profiles == {"staging", "production"}
    assert "1gb" in compose["services"]["redis"]["command"]
    for service in ("redis", "postgres"):
        assert compose["services"][service]["volumes"]
    assert yaml.safe_load((DEPLOY / "prometheus-rules.yaml").read_text())["groups"]


@pytest.mark.slow
def test_units_are_read_by_systemd_itself():
    program = shutil.which("systemd-analyze")
    if program is None:
        lacking("no systemd-analyze: apt-get install systemd")
    units = [str(path) for path in DEPLOY.glob("technic-*")]
    done = subprocess.run([program, "verify", *units], capture_output=True, text=True, check=False)
    trouble = [
        line
        for line in done.stderr.splitlines()
        if "technic" in line and "not executable" not in line
    ]
    assert not trouble, done.stderr
