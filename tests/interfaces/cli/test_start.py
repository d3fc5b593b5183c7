"""What a process imports before it answers, counted: nothing heavy comes in by accident."""

from __future__ import annotations

import os

import pytest

from support.commands import run_command
from support.imported import HEAVY, heads, ours, run_listed
from technic.data.ingest import FileStore
from technic.data.simulated import simulate
from technic.interfaces.cli import app
from technic.interfaces.cli.table import COMMANDS, GROUPS, SWITCHES, command_line

HELPS = [["--help"], ["--version"], ["scan", "--help"], ["cache", "stats", "--help"]]


@pytest.mark.parametrize("words", HELPS, ids=" ".join)
def test_help_and_version_import_next_to_nothing(words, tmp_path):
    out, modules = run_listed(words, {**os.environ, "COLUMNS": ""}, tmp_path)
    assert out
    assert not heads(modules) & (HEAVY | {"typer", "rich", "orjson"})
    assert len(ours(modules)) <= 10, sorted(ours(modules))


@pytest.mark.parametrize("words", [["scan", "--help"], ["cache", "stats", "--help"]])
def test_a_help_that_is_folded_anew_imports_that_command_alone(words, tmp_path):
    _, modules = run_listed(words, {**os.environ, "COLUMNS": "60"}, tmp_path)
    assert not heads(modules) & (HEAVY - {"pydantic"})  # which typer itself imports
    commands = {place.partition(".")[0] for place in COMMANDS.values()}
    loaded = {name for name in commands if f"technic.interfaces.cli.{name}" in modules}
    assert loaded == {"scan" if words[0] == "scan" else "maintenance", *loaded & {"status"}}


def test_a_known_scan_imports_no_table_no_grammar_and_no_kernel(home, tmp_path):
    market = simulate(seed=5, size=20, sessions=40)
    FileStore(tmp_path / "store").import_bars(market.bars)  # a real one, which has an age
    env = {**os.environ, "TECHNIC_HOME": str(home), "TECHNIC_STORE": "store"}
    first = run_command(["scan", "--top", "3"], env, tmp_path)
    assert first.returncode == 0
    for words in (["scan", "--top", "3"], ["scan", "--top", "3", "--json"]):
        out, modules = run_listed(words, env, tmp_path)
        assert "found" in out
        assert not heads(modules) & (HEAVY | {"typer"})
        assert len(ours(modules)) <= 42, sorted(ours(modules))


def names_of(line):
    import typer

    return list(typer.main.get_command(line).commands)


def test_one_command_is_made_when_one_is_called_and_all_when_none_is():
    everything = [*COMMANDS, *GROUPS]
    assert names_of(app) == everything == names_of(command_line(["nonsense"]))
    for words in (["scan", "nonsense"], [*sorted(SWITCHES), "scan"], ["rollout", "add"]):
        assert names_of(command_line(words)) == [next(w for w in words if w in everything)]


@pytest.mark.parametrize("words", [["scna"], ["cache", "stat"], ["--bogus", "scan"], []])
def test_a_word_that_is_no_command_is_told_of_all_of_them(words, tmp_path):
    done = run_command(words, dict(os.environ), tmp_path)
    if not words:
        assert "scan" in done.stdout + done.stderr
        return
    assert done.returncode == 2
    assert "Usage" in done.stderr
