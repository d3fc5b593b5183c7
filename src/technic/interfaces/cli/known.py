"""The quick path: `technic scan` of what a server or a cache answers, without typer or tables.

1. `read_words` reads the options that most scans have, spelled as most are.
2. `socket_client` asks the server that runs on the same store, if one does; else
3. `technic.scanner.known` finds the report that these words led to before.
4. `shown.write` shows it, as it shows one that was made anew.

Whatever is unusual (another spelling, another option, a mistake, a damaged file, a new version of
the store) is left to the command itself, which says the same of a known question, only later.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter
from typing import Any

from technic.errors import TechnicError
from technic.interfaces.cli import desk as desks
from technic.interfaces.cli.shown import AnswerForm, Around, Shown, shown_report, write
from technic.interfaces.render.terminal import Sheet, beneath, quoted

FORMATS = ("table", "csv", "json", "parquet", "html", "tickers")
# Options that take a value, and what they are called among the words that were read.
VALUES = {
    "-e": "where",
    "--where": "where",
    "--universe": "universe",
    "--rank": "rank",
    "--top": "top",
    "--columns": "columns",
    "--symbols": "symbols",
    "--as-of": "as_of",
    "--known-at": "known_at",
    "--format": "form",
    "--out": "out",
    "--store": "store",
}
MOST_ROWS = 1_000_000  # of --top
# Of these, options that say which question it is, in the order in which a hint repeats them.
REPEATED = {
    "-e": "where",
    "--universe": "universe",
    "--rank": "rank",
    "--symbols": "symbols",
    "--as-of": "as_of",
    "--known-at": "known_at",
}
TEXTS = ("where", "universe", "rank")  # of the scan language, where lines mean nothing
ABOUT_SHAPE = ("form", "out", "store")  # decide where and how an answer is shown, not which it is


@dataclass(frozen=True, slots=True)
class Words:
    """What a command line says: values by name, and whether it wants JSON."""

    values: dict[str, str] = field(default_factory=dict)
    as_json: bool = False

    @property
    def shape(self) -> AnswerForm:
        """The form that is wanted."""
        form, out = self.values.get("form", "table"), self.values.get("out")
        return AnswerForm("json" if self.as_json else form, None if out is None else Path(out))

    @property
    def said(self) -> dict[str, Any]:
        """What says which question it is, by name."""
        file = self.values.get("file")
        return {**self.values, "file": None if file is None else Path(file)}

    @property
    def typed(self) -> dict[str, Any]:
        """What decides which answer it is, as `technic.scanner.known.Typed` takes it."""
        typed: dict[str, Any] = {k: v for k, v in self.values.items() if k not in ABOUT_SHAPE}
        if "top" in typed:
            typed["top"] = int(typed["top"])
        if "file" in typed:
            typed["file"] = str(Path(typed["file"]))
        return {**typed, "symbols": desks.symbols(typed.get("symbols"))}


def read_words(words: Sequence[str]) -> Words | None:
    """Read the words after `technic scan`; None if they are not of the plainest kind.

    What is read here is read the same by typer: each option once, with its value as a word of its
    own that does not begin with a dash, and at most one word without an option, the question's file.

    Examples
    --------
    >>> read_words(["leaders", "--top", "5", "--json"])
    Words(values={'file': 'leaders', 'top': '5'}, as_json=True)
    >>> read_words(["--top=5"]), read_words(["--top", "none"]), read_words(["--keep"])
    (None, None, None)
    """
    read, rest = Words(), list(words)
    while rest:
        word = rest.pop(0)
        if word == "--json" and not read.as_json:
            read = Words(read.values, as_json=True)
            continue
        name = VALUES.get(word, "file")
        value = rest.pop(0) if word in VALUES and rest else word
        if name in read.values or not value or value.startswith("-"):
            return None
        read.values[name] = value
    form, top = read.values.get("form", "table"), read.values.get("top", "1")
    is_number = top.isascii() and top.isdigit() and len(top) <= len(str(MOST_ROWS))
    return read if form in FORMATS and is_number and 1 <= int(top) <= MOST_ROWS else None


def show_known(words: Sequence[str]) -> bool:
    """Show an answer that a server has, or that was given before; False if nothing was shown.

    Parameters
    ----------
    words : of the command line, after `technic scan`

    Raises
    ------
    QuestionError
        If a server could not understand the question.
    """
    read = read_words(words)
    if read is None or os.name == "nt":  # where typer looks for patterns of files in words
        return False
    from technic.interfaces.cli.socket_client import ask

    since = perf_counter()
    try:
        desk, sheet = desks.Desk.of(read.values.get("store")), Sheet.of(beneath(sys.stdout))
    except (TechnicError, OSError):
        return False
    shown = ask(words, read, desk, sheet) or _kept(read, desk, sheet, since)
    if shown is None:
        return False
    write(shown, read.shape)
    return True


def _kept(read: Words, desk: desks.Desk, sheet: Sheet, since: float) -> Shown | None:
    """The answer to a question that was answered before; None if it was not."""
    from technic.scanner.known import Typed, find, signpost_key

    try:
        key, cache = signpost_key(Typed(**read.typed), desk.place), desk.settings.cache
    except TechnicError:
        return None
    known = find(key, cache, datetime.now(UTC), since) if key else None
    if known is None:
        return None
    around = Around(desks.age_text(known.last, known.behind), same_question(read.said))
    return shown_report(known.report, desk, read.shape, around, sheet)


def same_question(said: Mapping[str, object]) -> str:
    r"""The words of a command line that ask the same question, with a blank before them.

    Parameters
    ----------
    said : what was said, by the names of `VALUES`; None where nothing was

    Examples
    --------
    >>> same_question({"file": "leaders", "where": "close >\n 5", "as_of": None})
    ' leaders -e "close > 5"'
    """
    words = "" if said.get("file") is None else f" {quoted(str(said['file']))}"
    for option, name in REPEATED.items():
        if (value := said.get(name)) is not None:
            text = " ".join(str(value).split()) if name in TEXTS else str(value)
            words += f" {option} {quoted(text)}"
    return words
