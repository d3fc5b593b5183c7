"""Where text leaves for a terminal, a pipe or a file: nothing from outside moves a cursor or hides a word.

`Guarded` stands before standard output and standard error while a command runs. A `PlainConsole`
(plain_console.py) writes beneath it, because colours are control sequences too; it writes out what
its own texts hold.
"""

from __future__ import annotations

import os
import re
import shlex
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from io import StringIO
from pathlib import Path
from typing import Any, TextIO

from technic.errors import ConfigError, printable

# What decides, beside its width, how a terminal or a pipe is written to.
VARIABLES = (
    *("COLORTERM", "COLUMNS", "FORCE_COLOR", "LINES", "NO_COLOR", "TERM"),
    *("TTY_COMPATIBLE", "TTY_INTERACTIVE"),
)
COLOUR = re.compile("(\x1b\\[[0-9;]*m)")  # the only control sequence of ours


class Guarded:
    """A stream that writes out control characters of what is printed; lines stay lines.

    Parameters
    ----------
    beneath : the stream that takes the text
    """

    def __init__(self, beneath: TextIO) -> None:
        self.beneath = beneath

    def __getattr__(self, name: str) -> Any:
        """Everything else is done by the stream beneath."""
        return getattr(self.beneath, name)

    def write(self, text: str) -> int:
        """Text, as it may be shown."""
        return self.beneath.write(printable(text, keep="\n"))

    def writelines(self, lines: Iterable[str]) -> None:
        """Several texts, as they may be shown."""
        for line in lines:
            self.write(line)


def beneath(stream: Any) -> TextIO:
    """The stream beneath a guard; itself, where there is none."""
    found: TextIO = stream.beneath if isinstance(stream, Guarded) else stream
    return found


@contextmanager
def guarded() -> Iterator[None]:
    """Guard standard output and standard error."""
    before = sys.stdout, sys.stderr
    guards: Any = Guarded(beneath(sys.stdout)), Guarded(beneath(sys.stderr))
    sys.stdout, sys.stderr = guards
    try:
        yield
    finally:
        sys.stdout, sys.stderr = before


class Sheet(StringIO):
    """A text that will be shown in a terminal, or go into a pipe, perhaps another process's.

    Parameters
    ----------
    columns : of the terminal; None for a pipe or a file
    variables : of the environment, those of `VARIABLES` that are set
    """

    def __init__(self, columns: int | None, variables: Mapping[str, str]) -> None:
        super().__init__()
        self.columns, self.variables = columns, variables

    def isatty(self) -> bool:
        """Whether it is a terminal that will show it."""
        return self.columns is not None

    @classmethod
    def of(cls, stream: TextIO) -> Sheet:
        """A text that a stream of this process will show."""
        columns = os.get_terminal_size().columns if stream.isatty() else None
        return cls(columns, {name: os.environ[name] for name in VARIABLES if name in os.environ})


def coloured(text: str) -> str:
    r"""Text of ours as it may be shown: what moves or hides is written out, colours are colours.

    Examples
    --------
    >>> coloured("\x1b[1mACME\x1b[0m \x1b[2J")
    '\x1b[1mACME\x1b[0m \\u001b[2J'
    """
    parts = COLOUR.split(text)
    return "".join(p if k % 2 else printable(p, keep="\n") for k, p in enumerate(parts))


def put(content: bytes, form: str, out: Path | None, what: str) -> None:
    """Bytes to a file, or to standard output.

    Raises
    ------
    ConfigError
        If a binary format was to go to a terminal, or the file cannot be written.
    """
    if out is None:
        if form == "parquet" and sys.stdout.isatty():
            raise ConfigError("--format parquet writes bytes: name a file with --out")
        sys.stdout.buffer.write(content)
        return
    try:
        out.write_bytes(content)
    except OSError as error:
        raise ConfigError(f"--out {out}: cannot be written ({error.strerror})") from error
    print(f"{out}: {what}, {form}", file=sys.stderr)


def quoted(text: str) -> str:
    """A word as a shell takes it.

    Examples
    --------
    >>> quoted("BRK.B"), quoted("rsi(14) < 30")
    ('BRK.B', '"rsi(14) < 30"')
    """
    if re.fullmatch(r"[\w@%+=:,./][\w@%+=:,./-]*", text, re.ASCII):
        return text
    return shlex.quote(text) if set(text) & set('"$`\\!') else f'"{text}"'


def named(names: Sequence[str], most: int = 6) -> str:
    """Some names in a line, and how many there are more.

    Examples
    --------
    >>> named(["a.csv", "b.csv", "c.csv"], most=2)
    'a.csv, b.csv and 1 more'
    """
    shown = ", ".join(printable(name) for name in names[:most])
    return shown + (f" and {len(names) - most:,} more" if len(names) > most else "")
