"""What `make` installs with: the installer itself from the lock, everything from where pip would."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).parents[1] / "scripts"
sys.path.insert(0, str(SCRIPTS))

from like_pip import environment, variables  # noqa: E402


def locked(*words):
    command = [sys.executable, str(SCRIPTS / "locked.py"), *words]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return [line.split("==")[0] for line in done.stdout.splitlines() if "==" in line], done.stdout


def test_the_installer_is_locked_by_its_hashes_and_comes_alone():
    names, text = locked("--only", "uv")
    assert names == ["uv"]
    assert text.count("--hash=sha256:") > 5
    assert "polars" in locked()[0]


def pip_says(tmp_path, content, **env):
    file = tmp_path / "pip.conf"
    file.write_text(content)
    clean = {k: v for k, v in os.environ.items() if not k.startswith("PIP_")}
    command = [sys.executable, "-m", "pip", "config", "list"]
    given = {**clean, "PIP_CONFIG_FILE": str(file), **env}
    done = subprocess.run(command, env=given, capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


def test_what_pip_is_told_uv_is_told(tmp_path):
    content = (
        "[global]\nindex-url = file:///one\nextra-index-url = file:///two\n  file:///three\n"
        "find-links = /a /b\ncert = /certs.pem\ntimeout = 9\n[install]\nindex-url = file:///four\n"
    )
    assert variables(pip_says(tmp_path, content)) == {
        "UV_DEFAULT_INDEX": "file:///four",
        "UV_INDEX": "file:///two file:///three",
        "UV_FIND_LINKS": "/a,/b",
        "SSL_CERT_FILE": "/certs.pem",
        "UV_HTTP_TIMEOUT": "9",
    }
    said = pip_says(tmp_path, content, PIP_INDEX_URL="file:///five")
    assert variables(said)["UV_DEFAULT_INDEX"] == "file:///five", "the environment counts more"


@pytest.mark.parametrize(
    "said", [[], ["global.no-color='true'"], ["nonsense"], ["freeze.user='1'"]]
)
def test_what_uv_has_no_word_for_is_left_out(said):
    assert variables(said) == {}


def test_what_uv_itself_is_told_counts_more():
    env = environment({"UV_INDEX": "mine", "HOME": "/h"}, ["global.extra-index-url='other'"])
    assert (env["UV_INDEX"], env["HOME"]) == ("mine", "/h")
    assert env["UV_INDEX_STRATEGY"] == "unsafe-best-match"


@pytest.mark.parametrize(("command", "code"), [("exit 0", 0), ("exit 3", 3)])
def test_a_step_says_how_it_ended_and_leaves_nothing_behind(command, code, tmp_path):
    done = subprocess.run(
        [str(SCRIPTS / "step"), "trying", "sh", "-c", command],
        cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert done.returncode == code
    assert "Terminated" not in done.stderr
    assert ("failed" in done.stderr) == bool(code)
