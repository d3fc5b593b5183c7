"""The commands. Each parses, calls one function, renders; nothing is computed here.

`main` runs a command. A process imports what its command needs and nothing else: `table` names
the module of each command, and every module imports what is heavy where it is used. Help, and the
version, are told without any of them: `standing_text`.
"""

from __future__ import annotations

import errno
import sys
from typing import TYPE_CHECKING, Any

from technic.errors import QuestionError, TechnicError, printable
from technic.interfaces.cli.standing import standing_text

if TYPE_CHECKING:
    import typer

    app: typer.Typer

STOPPED = 130
FULL = {errno.ENOSPC, errno.EFBIG, getattr(errno, "EDQUOT", errno.ENOSPC)}
NAMES = {errno.ENAMETOOLONG, errno.ELOOP, errno.EINVAL}  # of files that no system has


def __getattr__(name: str) -> Any:
    """All commands, as `app`: for whoever looks at them."""
    if name == "app":
        from technic.interfaces.cli.table import command_line

        return command_line()
    message = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(message)


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
