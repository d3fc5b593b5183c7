"""Where text leaves for a terminal or a pipe: nothing from outside moves a cursor or hides a word.

`Guarded` stands before standard output and standard error while a command runs. A `PlainConsole`
(plain_console.py) writes beneath it, because colours are control sequences too; it writes out what
its own texts hold.
"""

from __future__ import annotations

import re
import shlex
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TextIO

from technic.errors import printable


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
