"""What a command line prints that is always the same: help and the version, held ready as text.

Typer takes longer to make a help than the interpreter takes to start. So `HELP` has a page for
every command and group: a form feed, the words that call it, and what typer prints for them.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from technic.runtime.version import __version__

HELP = Path(__file__).with_name("help.txt")  # scripts/generate_reference.py writes it
PAGE = "\f"  # before the words of each page
PROGRAM = "technic"  # in HELP
COLUMNS = 80  # of HELP; in a wider terminal it is the same
MARGIN = 2  # columns that typer leaves free


def standing_text(words: Sequence[str]) -> str | None:
    """What a command line prints that is always the same; None if it prints anything else.

    Parameters
    ----------
    words : without the program's name
    """
    if list(words) == ["--version"]:
        return f"technic {__version__}\n"
    *called, last = words or [""]
    plain = all(word.isascii() and word.replace("-", "a").isalpha() for word in called)
    program = _program()
    if last != "--help" or not plain or program is None or not _is_wide():
        return None
    page = page_of(HELP.read_text(encoding="utf-8"), called)
    usage, blank, rest = page.partition("\n\n")
    usage = usage.replace(f"Usage: {PROGRAM}", f"Usage: {program}", 1)
    if not page or "\n" in usage or len(usage) > COLUMNS - MARGIN:  # typer folds it anew
        return None
    return f"{usage}{blank}{rest}"


def page_of(text: str, called: Sequence[str]) -> str:
    r"""The page of some words in the text of `HELP`; empty if they have none.

    Examples
    --------
    >>> page_of("\fcache\nof all\n\fcache clear\nof one\n", ["cache", "clear"])
    'of one\n'
    """
    return text.partition(f"{PAGE}{' '.join(called)}\n")[2].partition(PAGE)[0]


def _program() -> str | None:
    """How this program was called; None if that is to be found out by who knows more."""
    package = getattr(sys.modules.get("__main__"), "__package__", None)
    name = "python -m technic" if package == "technic" else Path(sys.argv[0]).name
    known = package in {None, "", "technic"} and os.name != "nt"
    return name if known else None


def _is_wide() -> bool:
    """Whether lines of `COLUMNS` fit; nothing to show them on counts as wide."""
    if os.environ.get("COLUMNS"):
        return False
    try:
        columns = os.get_terminal_size(sys.__stdout__.fileno()).columns  # type: ignore[union-attr]
    except (AttributeError, ValueError, OSError):
        return True
    return columns == 0 or columns >= COLUMNS
