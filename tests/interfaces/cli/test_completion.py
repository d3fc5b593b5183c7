"""Completions as a shell gives them: of every command, its options, and presets."""

from __future__ import annotations

import os
import shutil
import subprocess

import pytest

from support.commands import run_command
from support.needs import lacking
from technic.interfaces.cli.completion import SHELLS
from technic.interfaces.cli.standing import HELP, page_of
from technic.interfaces.cli.table import COMMANDS, GROUPS
from technic.scanner.spec.scan_file import presets

COMPLETED = """
source "$1"; shift
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1))
_technic
printf '%s\\n' "${COMPREPLY[@]}"
"""
GIVEN = [
    ("", [*COMMANDS, *GROUPS, "--help", "--version", "--log-json", "--verbose"]),
    ("sca", ["scan"]),
    ("-v sca", ["scan"]),
    ("cache ", ["stats", "clear", "--help"]),
    ("rollout sh", ["shadow"]),
    ("scan --un", ["--universe"]),
    ("scan momentum-leaders --to", ["--top", "--to"]),
    ("scan --universe liquid --top 5 --form", ["--format"]),
    ("scan mom", [name for name in presets() if name.startswith("mom")]),
    ("cache stats --js", ["--json"]),
    ("scan nothing-of-the-kind", []),
]


@pytest.fixture(scope="module")
def bash(tmp_path_factory):
    """Completions of a line in bash, from the script that a user would keep."""
    path = tmp_path_factory.mktemp("completion") / "technic"
    done = run_command(["completion", "bash"], dict(os.environ), path.parent)
    assert done.returncode == 0, done.stderr
    path.write_text(done.stdout)

    def complete(line):
        words = ["technic", *line.split(" ")]
        shell = ["bash", "--norc", "-c", COMPLETED, "bash", str(path), *words]
        said = subprocess.run(shell, capture_output=True, text=True, check=True, env={})
        assert said.stderr == ""
        return said.stdout.split()

    return complete


@pytest.mark.skipif(shutil.which("bash") is None, reason="no bash")
@pytest.mark.parametrize(("line", "given"), GIVEN)
def test_what_may_come_next_is_given_without_starting_a_process(bash, line, given):
    """The shell has an empty environment: there is no technic that it could run."""
    assert sorted(bash(line)) == sorted(given)


@pytest.mark.skipif(shutil.which("bash") is None, reason="no bash")
def test_every_command_of_the_help_is_completed(bash):
    listed = page_of(HELP.read_text(encoding="utf-8"), []).split("Commands:")[1]
    assert set(bash("")) >= {line.split()[0] for line in listed.splitlines() if line}


def test_a_shell_that_is_not_known_is_refused(tmp_path):
    done = run_command(["completion", "dos"], dict(os.environ), tmp_path)
    assert (done.returncode, done.stderr) == (
        1, f"technic: completion dos: there are {', '.join(SHELLS)}\n",
    )  # fmt: skip


@pytest.mark.slow  # make test-all installs zsh
def test_zsh_reads_its_script(tmp_path):
    if shutil.which("zsh") is None:
        lacking("no zsh: apt-get install zsh")
    done = run_command(["completion", "zsh"], dict(os.environ), tmp_path)
    subprocess.run(["zsh", "-f", "-c", done.stdout], check=True, cwd=tmp_path)
