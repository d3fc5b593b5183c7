"""The texts that are held ready are those that typer makes, whatever the program is called."""

from __future__ import annotations

import io
import os
import sys

import pytest

from support.commands import run_command
from technic.interfaces.cli.standing import COLUMNS, HELP, PAGE, page_of, standing_text
from technic.interfaces.cli.table import COMMANDS, GROUPS

IN_GROUPS = [f"{group} {name}" for group, (_, inner) in GROUPS.items() for name in inner]
EVERY = ["", *COMMANDS, *GROUPS, *IN_GROUPS]
SOME = ["", "scan", "cache", "cache stats", "rollout canary"]


@pytest.fixture
def ready(monkeypatch):
    """What stands ready for some words, for a program of some name."""
    monkeypatch.setattr(sys.modules["__main__"], "__package__", None)
    monkeypatch.delenv("COLUMNS", raising=False)

    def text(words, program="technic"):
        monkeypatch.setattr(sys, "argv", [program])
        return standing_text([*words.split(), "--help"])

    return text


def typed(words, folder, columns=COLUMNS):
    """What typer prints: a width that is set is one that nothing stands ready for."""
    done = run_command([*words.split(), "--help"], {**os.environ, "COLUMNS": str(columns)}, folder)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_every_command_and_group_has_a_page_and_nothing_else_has():
    pages = HELP.read_text(encoding="utf-8").split(PAGE)[1:]
    assert sorted(page.partition("\n")[0] for page in pages) == sorted(EVERY)


@pytest.mark.parametrize("words", EVERY)
def test_the_help_that_stands_ready_is_the_one_that_typer_prints(words, ready, tmp_path):
    assert ready(words) == typed(words, tmp_path)


@pytest.mark.parametrize("words", SOME)
def test_a_wider_terminal_shows_the_same(words, ready, tmp_path):
    assert ready(words) == typed(words, tmp_path, 200)


@pytest.mark.parametrize("columns", [30, COLUMNS - 1, COLUMNS, 300])
def test_in_a_terminal_that_is_narrower_nothing_stands_ready(columns, ready, monkeypatch):
    monkeypatch.setattr(os, "get_terminal_size", lambda _of: os.terminal_size((columns, 40)))
    monkeypatch.setattr(sys, "__stdout__", io.FileIO(0, closefd=False))
    assert (ready("scan") is None) == (columns < COLUMNS)


@pytest.mark.parametrize("length", [1, 16, 20, 30, 45, 60, 90])
@pytest.mark.parametrize("words", SOME)
def test_a_program_of_any_name_is_named_as_typer_names_it(words, length, ready, tmp_path):
    program = str(tmp_path / ("t" * length))
    shown = ready(words, program)
    if shown is None:  # its first line has no room: typer folds it
        assert length > 20
        return
    text = page_of(HELP.read_text(encoding="utf-8"), words.split())
    assert shown == text.replace("Usage: technic", f"Usage: {'t' * length}", 1)
    assert len(shown.splitlines()[0]) <= COLUMNS - 2


@pytest.mark.parametrize(
    "words",
    [["--help", "scan"], ["nobody", "--help"], ["scan", "--help", "--help"], ["cache stats", "--help"],
     ["scan\nUsage", "--help"], ["-v", "scan", "--help"], ["", "--help"], ["\f", "--help"], []],
    ids=repr,
)  # fmt: skip
def test_whatever_else_is_typed_is_left_to_typer(words, ready):
    assert ready("scan") is not None
    assert standing_text(words) is None


@pytest.mark.parametrize("words", [["--version"], ["-v", "--version"], ["--version", "scan"]])
def test_the_version_is_told_in_one_way(words, tmp_path):
    done = run_command(words, dict(os.environ), tmp_path)
    assert (done.returncode, done.stdout) == (0, standing_text(["--version"]))
