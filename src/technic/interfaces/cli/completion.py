"""Completions as a script that holds every word: while somebody types, no process is started."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from typing import Annotated, Any

import typer

from technic.errors import ConfigError
from technic.runtime.version import __version__

SHELLS = ("bash", "zsh")
BASH = """\
# Completions of technic {version}, written by: technic completion {shell}
{before}_technic() {{
    local words="" path="" k
    for ((k = 1; k < COMP_CWORD; k++)); do
        case "$path ${{COMP_WORDS[k]}}" in
            {paths}) path="${{path:+$path }}${{COMP_WORDS[k]}}" ;;
        esac
    done
    case "$path" in
        {cases}
    esac
    COMPREPLY=($(compgen -W "$words" -- "${{COMP_WORDS[COMP_CWORD]}}"))
}}
complete -o default -F _technic technic
"""
ZSH = "autoload -U +X compinit bashcompinit && compinit && bashcompinit\n"


def completion(
    shell: Annotated[str, typer.Argument(metavar="|".join(SHELLS), help="The shell.")],
) -> None:
    """Print completions of commands, options and presets for a shell.

    The script holds all words, so that nothing is run while you type; write it again after an
    upgrade.

      technic completion bash > ~/.local/share/bash-completion/completions/technic
    """
    if shell not in SHELLS:
        raise ConfigError(f"completion {shell}: there are {', '.join(SHELLS)}")
    from technic.interfaces.cli.table import command_line

    sys.stdout.write(script(words_of(typer.main.get_command(command_line())), shell))


def words_of(group: Any) -> dict[str, list[str]]:
    """What may follow the words of each command: commands below it, its options, presets.

    Parameters
    ----------
    group : of commands, as typer makes it

    Returns
    -------
    dict
        By the words that call a command, with blanks between; "" is the program alone.
    """
    from technic.scanner.spec.scan_file import presets

    found: dict[str, list[str]] = {}
    for path, command in _commands(group, ""):
        options = [name for one in command.params for name in (*one.opts, *one.secondary_opts)]
        takes_preset = any("PRESET" in str(getattr(one, "metavar", "")) for one in command.params)
        below = [*getattr(command, "commands", ()), *(presets() if takes_preset else ())]
        found[path] = [*below, *(name for name in options if name.startswith("--")), "--help"]
    return {path: list(dict.fromkeys(words)) for path, words in found.items()}


def _commands(command: Any, path: str) -> Iterator[tuple[str, Any]]:
    """A command and all below it, by the words that call them."""
    yield path, command
    for name, child in getattr(command, "commands", {}).items():
        yield from _commands(child, f"{path} {name}".strip())


def script(words: Mapping[str, list[str]], shell: str) -> str:
    """The text that a shell reads.

    Parameters
    ----------
    words : by the words that call a command
    shell : one of `SHELLS`
    """
    paths = [path if " " in path else f" {path}" for path in words if path]
    cases = [f'"{path}") words="{" ".join(listed)}" ;;' for path, listed in words.items()]
    return BASH.format(
        version=__version__,
        shell=shell,
        before=ZSH if shell == "zsh" else "",
        paths="|".join(f'"{path}"' for path in paths),
        cases="\n        ".join(cases),
    )
