"""How an answer leaves a scan: made as text where it was found, written where it was asked for.

`shown_report` makes all that is printed of a report; `write` prints it, or puts it into a file. They
lie between every way to an answer and the terminal: the whole one, a report that was kept, and a
server's.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from technic.errors import counted
from technic.interfaces.render.terminal import Guarded, Sheet, beneath, coloured, put

if TYPE_CHECKING:
    from technic.interfaces.cli.desk import Desk
    from technic.scanner.report import Report


@dataclass(frozen=True, slots=True)
class AnswerForm:
    """In which form an answer is shown, and where: on standard output, or in a file."""

    form: str = "table"
    out: Path | None = None


@dataclass(frozen=True, slots=True)
class Around:
    """What is printed around an answer.

    Attributes
    ----------
    age : a line above it about a store that is behind; empty for none
    asked : the words of a command line that ask the same question, for the hints below it
    """

    age: str
    asked: str


@dataclass(frozen=True, slots=True)
class Shown:
    """An answer as it is written.

    Attributes
    ----------
    content : its bytes; those of a table are text for the terminal that asked
    what : it holds, in two words
    """

    content: bytes
    what: str


def shown_report(
    report: Report, desk: Desk, shape: AnswerForm, around: Around, sheet: Sheet
) -> Shown:
    """All that is printed of a report.

    Parameters
    ----------
    report : from wherever it comes
    desk : the store that was asked
    shape : the form of it, and where it goes
    around : what is said of the store, and what hints ask
    sheet : an empty one, for the terminal that asked
    """
    if shape.form != "table":
        from technic.interfaces.render.export import content_of

        return Shown(content_of(report, shape.form), f"{len(report.shown)} rows")
    from technic.interfaces.render.text import render_scan

    page = sheet if shape.out is None else Sheet(None, sheet.variables)
    if shape.out is None:
        above = Guarded(page)
        if not desk.hint:  # the user did not say which store
            above.write(f"Store {desk.folder} ({desk.origin})\n")
        if around.age:
            above.write(f"{around.age}\n")
    render_scan(report, desk.command, page, asked=around.asked)
    return Shown(page.getvalue().encode(), counted(len(report.shown), "row"))


def write(shown: Shown, shape: AnswerForm) -> None:
    """Print an answer, or put it into a file.

    Raises
    ------
    ConfigError
        If a binary format was to go to a terminal, or the file cannot be written.
    """
    if shape.form == "table" and shape.out is None:
        beneath(sys.stdout).write(coloured(shown.content.decode()))
    else:
        put(shown.content, shape.form, shape.out, shown.what)
