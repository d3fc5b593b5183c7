"""docs/reference/commands.md: every command, argument and option, from the command line itself."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer

from reference.markdown import anchor, cell, code, complete, page, table
from technic.interfaces.cli import app
from technic.interfaces.cli.standing import COLUMNS, MARGIN, PAGE, PROGRAM

TOPICS = {
    "Try it, and bring data in": (
        "demo", "import", "import-listings", "import-filings", "import-yahoo", "init",
        "providers", "sync", "sync-filings", "calls", "simulate serve",
    ),
    "Ask": ("scan", "explain", "why-not", "diff", "lint", "features", "regime", "universe"),
    "Look names up": ("indicators", "scores", "presets"),
    "Keep scans, and get alerts": (
        "saved list", "saved show", "saved remove", "list add", "list remove", "list show",
        "alerts add", "alerts remove", "alerts channels", "alerts test", "alerts list",
        "alerts deliver", "watch", "daily", "schedule",
    ),
    "Serve": ("serve", "mcp", "keys create", "keys list", "keys revoke"),
    "Measure, learn and backtest": (
        "evaluate", "train", "models", "model", "trials", "backtest", "record",
    ),
    "Scores of your own": ("plugins list", "plugins trust", "plugins forget"),
    "Check and maintain": (
        "coverage", "verify", "runs", "doctor", "backup", "restore", "vacuum",
        "cache stats", "cache clear", "config show", "completion", "bench",
    ),
    "Roll out another version": (
        "engine", "rollout add", "rollout status", "rollout shadow", "rollout canary",
        "rollout promote", "rollout rollback", "rollout serve",
    ),
}  # fmt: skip
# What the command line says nothing about, because the name says it there.
INTRODUCTION = """\
# Commands

`technic COMMAND --help` prints the same in the terminal. Commands that work on a store take
`--store`; without it they use the store that [the settings](settings.md) name. Commands that print
an answer take `--json`, which prints all of it.

## Options before the command

{options}

## Exit codes

| code | meaning |
|---|---|
| 0 | done |
| 1 | an [error](errors.md), printed in one line; or the command did its work and found something wrong: a check of `doctor` or `bench`, a difference in `verify`, look-ahead in `lint`, a step of `sync` or `daily` that failed |
| 2 | the command was used wrongly: an unknown option, a missing argument |
| 130 | stopped with Ctrl-C; what was stored is safe |"""


def commands() -> str:
    """The page."""
    group: Any = typer.main.get_command(app)
    known = dict(leaves(group))
    topics = [name for names in TOPICS.values() for name in names]
    complete(known, topics, "command", "TOPICS of scripts/reference/commands.py")
    top = [(_names(option), option.help) for option in group.params if option.name != "help"]
    options = table(("option", "meaning"), [(code(name), text) for name, text in top])
    parts = [INTRODUCTION.format(options=options)]
    for topic, names in TOPICS.items():
        rows = [(_link(name), _first(known[name].help)) for name in names]
        parts += [f"## {topic}", table(("command", "what it does"), rows)]
        parts += [_command(name, known[name]) for name in names]
    return page(*parts)


def help_text() -> str:
    """What --help prints of everything, as wide as the command line holds it ready."""
    group: Any = typer.main.get_command(app)
    pages = {"": group} | dict(everything(group))
    texts = {words: _help(group, words.split(), one) for words, one in pages.items()}
    return "".join(f"{PAGE}{words}\n{text}\n" for words, text in texts.items())


def _help(group: Any, words: list[str], command: Any) -> str:
    """What --help prints of one command or group."""
    made = group.make_context(PROGRAM, [], resilient_parsing=True)
    for depth, word in enumerate(words):
        inner = command if depth == len(words) - 1 else made.command.commands[word]
        made = inner.make_context(word, [], parent=made, resilient_parsing=True)
    made.terminal_width = COLUMNS - MARGIN
    return str(made.get_help())


def everything(group: Any, words: str = "") -> Iterator[tuple[str, Any]]:
    """Every command and group below a group, by the words that call it."""
    for name, child in group.commands.items():
        path = f"{words} {name}".strip()
        yield path, child
        yield from everything(child, path) if getattr(child, "commands", None) else ()


def leaves(group: Any) -> Iterator[tuple[str, Any]]:
    """Every command below a group, by the words that call it."""
    for words, child in everything(group):
        if not getattr(child, "commands", None):
            yield words, child


def parameters(command: Any) -> list[Any]:
    """The arguments and options of a command, but for --help."""
    return [one for one in command.params if one.name != "help"]


def _command(name: str, command: Any) -> str:
    prose, examples = _split(command.help)
    given = parameters(command)
    arguments = [_usage(one) for one in given if one.param_type_name == "argument"]
    has_options = any(one.param_type_name == "option" for one in given)
    usage = " ".join(["technic", name, *arguments, *(["[OPTIONS]"] if has_options else [])])
    rows = [(code(_names(one)), _value(one), _default(one), _meaning(name, one)) for one in given]
    about = table(("argument or option", "value", "default", "meaning"), rows)
    shown = f"```sh\n{examples}\n```" if examples else ""
    parts = (f"### technic {name}", prose, f"```text\n{usage}\n```", about, shown)
    return "\n\n".join(part for part in parts if part)


def _split(text: str) -> tuple[str, str]:
    """The prose of a help text, and its examples: lines that begin with the program's name."""
    lines = text.strip().splitlines()
    examples = [line.strip() for line in lines if line.strip().startswith("technic ")]
    prose = [line for line in lines if line.strip() not in examples]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(prose)).strip(), "\n".join(examples)


def _first(text: str) -> str:
    """The first paragraph of a help text, on one line."""
    return cell(_split(text)[0].split("\n\n")[0])


def _link(name: str) -> str:
    return f"[`{name}`](#{anchor(f'technic {name}')})"


def _names(one: Any) -> str:
    if one.param_type_name == "argument":
        return str(one.name)
    return ", ".join([*one.opts, *one.secondary_opts])


def _usage(one: Any) -> str:
    text = (one.metavar or one.name.upper()).strip("[]")
    return text if one.required else f"[{text}]"


def _value(one: Any) -> str:
    """What may be written: the placeholder, or the kind and its bounds."""
    if getattr(one, "is_flag", False):
        return "(switch)"
    if one.metavar:
        return " or ".join(code(part) for part in one.metavar.strip("[]").split("|"))
    kind = one.type_descriptor.annotation
    name = {int: "whole number", float: "number", Path: "path"}.get(kind, "text")
    info = one.type_descriptor.parameter_info
    low, high = (getattr(info, end, None) for end in ("min", "max"))
    if low is not None and high is not None:
        return f"{name}, {low:,} to {high:,}"
    return f"{name}, {low:,} or more" if low is not None else name


def _default(one: Any) -> str:
    if one.required:
        return "(required)"
    if getattr(one, "is_flag", False) or one.default is None or callable(one.default):
        return ""
    return code(one.default)


def _meaning(command: str, one: Any) -> str:
    """What the option is for.

    Raises
    ------
    ValueError
        If the command line does not say.
    """
    text = getattr(one, "help", None)
    if not text:
        message = f"technic {command}: {_names(one)} has no help text"
        raise ValueError(message)
    return re.sub(r"\s+", " ", text)
