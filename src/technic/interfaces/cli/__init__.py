"""The commands. Each parses, calls one function, renders; nothing is computed here.

`main` runs a command. A process imports what its command needs and nothing else: `table` names
the module of each command, and every module imports what is heavy where it is used. The help of the
whole command line, and its version, are told without any of them: `standing_text`.
"""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from technic.errors import QuestionError, TechnicError, printable
from technic.runtime.version import __version__

if TYPE_CHECKING:
    import typer

    app: typer.Typer

STOPPED = 130
FULL = {errno.ENOSPC, errno.EFBIG, getattr(errno, "EDQUOT", errno.ENOSPC)}
NAMES = {errno.ENAMETOOLONG, errno.ELOOP, errno.EINVAL}  # of files that no system has
HELP = Path(__file__).with_name("help.txt")  # scripts/generate_reference.py writes it
PROGRAM = "technic"  # in HELP
COLUMNS = 80  # of HELP; in a wider terminal it is the same
LONGEST = 20  # characters of a program's name that its first line has room for


def __getattr__(name: str) -> Any:
    """All commands, as `app`: for whoever looks at them."""
    if name == "app":
        from technic.interfaces.cli.table import command_line

        return command_line()
    message = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(message)


def standing_text(words: Sequence[str]) -> str | None:
    """What a command line prints that is always the same; None if it prints anything else.

    Parameters
    ----------
    words : without the program's name
    """
    if list(words) == ["--version"]:
        return f"technic {__version__}\n"
    program = _program()
    if list(words) != ["--help"] or program is None or not _is_wide():
        return None
    text = HELP.read_text(encoding="utf-8")
    return text.replace(f"Usage: {PROGRAM} ", f"Usage: {program} ", 1)


def _program() -> str | None:
    """How this program was called; None if that is to be found out by who knows more."""
    package = getattr(sys.modules.get("__main__"), "__package__", None)
    name = "python -m technic" if package == "technic" else Path(sys.argv[0]).name
    known = package in {None, "", "technic"} and os.name != "nt"
    return name if known and len(name) <= LONGEST else None


def _is_wide() -> bool:
    """Whether lines of `COLUMNS` fit; nothing to show them on counts as wide."""
    if os.environ.get("COLUMNS"):
        return False
    try:
        columns = os.get_terminal_size(sys.__stdout__.fileno()).columns  # type: ignore[union-attr]
    except (AttributeError, ValueError, OSError):
        return True
    return columns == 0 or columns >= COLUMNS


def _end_if_refused(error: Exception) -> None:
    """End with one line if the disk has no room, or the system takes no such name."""
    if isinstance(error, OSError) and error.errno in NAMES:
        shown = printable(str(error.filename or ""))[:80]
        print(f"technic: {shown}: {error.strerror}; nothing was changed", file=sys.stderr)
        sys.exit(1)
    if isinstance(error, OSError) and error.errno in FULL:
        print(
            f"technic: {error.filename or 'the disk'}: cannot be written ({error.strerror}); what "
            "was stored is safe. Make room on the disk, and run the command again",
            file=sys.stderr,
        )
        sys.exit(1)


def main() -> None:
    """The command line. Exit codes: 0 fine, 1 a clear error, 2 wrong usage, 130 stopped."""
    from technic.interfaces.render.terminal import guarded

    with guarded():
        _run()


def _command() -> Any:
    """Run what was typed; returns the exit code, or anything else for a command that is done."""
    if (text := standing_text(sys.argv[1:])) is not None:
        sys.stdout.write(text)
        return None
    if sys.argv[1:2] == ["scan"]:
        from technic.interfaces.cli.known import show_known

        if show_known(sys.argv[2:]):
            return None
    import typer

    from technic.interfaces.cli.table import command_line

    try:
        return command_line(sys.argv[1:])(standalone_mode=False)
    except typer.Abort:
        return STOPPED


def _run() -> None:
    try:
        code = _command()
    except TechnicError as error:
        # A question's error shows the line in question; every other is one line.
        said = str(error) if isinstance(error, QuestionError) else printable(str(error))
        print(f"technic: {said}", file=sys.stderr)
        sys.exit(1)
    except BrokenPipeError:
        sys.exit(0)
    except KeyboardInterrupt:
        code = STOPPED
    except Exception as error:  # a full disk, a usage error of typer's own, or a defect of ours
        _end_if_refused(error)
        show = getattr(error, "show", None)
        if show is None:
            raise
        show()
        sys.exit(getattr(error, "exit_code", 2))
    else:
        if not isinstance(code, int):
            return
    if code == STOPPED:  # typer hands it back instead of raising
        print("\ntechnic: stopped; what was stored is safe", file=sys.stderr)
    sys.exit(code)
