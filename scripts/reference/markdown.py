"""Small pieces of Markdown that every page is made of."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from unicodedata import normalize

TEMPLATES = Path(__file__).parent / "templates"
NOTE = (
    "<!-- Written by `make reference`. Edits here are lost: change the code, its docstring, or "
    "scripts/reference/. -->"
)


def code(text: object) -> str:
    """A piece of code inside a sentence."""
    return f"`{text}`"


def codes(texts: Iterable[object], none: str = "none") -> str:
    """Pieces of code with commas between; `none` if there are none."""
    return ", ".join(code(text) for text in texts) or none


def cell(text: object) -> str:
    """A text that cannot break out of its cell."""
    return " ".join(str(text).replace("|", "\\|").split())


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A table; empty if it has no rows."""
    lines = [f"| {' | '.join(map(cell, row))} |" for row in rows]
    if not lines:
        return ""
    return "\n".join([f"| {' | '.join(head)} |", "|" + "---|" * len(head), *lines])


def anchor(heading: str) -> str:
    """The anchor that the docs site gives a heading: ASCII letters, digits, `_` and dashes."""
    plain = normalize("NFKD", heading).encode("ascii", "ignore").decode("ascii")
    return re.sub(r"[-\s]+", "-", re.sub(r"[^\w\s-]", "", plain).strip().lower())


def page(*parts: str) -> str:
    """A page out of parts with one blank line between; the note stands below its title."""
    text = "\n\n".join(part.strip("\n") for part in parts if part) + "\n"
    return noted(text, NOTE)


def noted(text: str, note: str) -> str:
    """A page with a note below its title, where it does not hide the title from the site."""
    title, _, rest = text.partition("\n")
    return f"{title}\n\n{note}\n{rest}"


def fill(template: str, **tables: str) -> str:
    """A template with each `{{name}}` replaced.

    Raises
    ------
    ValueError
        If the template names something else, or leaves something out.
    """
    text = (TEMPLATES / template).read_text(encoding="utf-8")
    for name, content in tables.items():
        mark = "{{" + name + "}}"
        if mark not in text:
            message = f"{template} has no {mark}"
            raise ValueError(message)
        text = text.replace(mark, content)
    if "{{" in text:
        message = f"{template}: nothing fills {text[text.index('{{') :][:40]!r}"
        raise ValueError(message)
    return page(text)


def complete(known: Iterable[str], described: Iterable[str], what: str, where: str) -> None:
    """Refuse a description that lacks a name, or has one too many.

    Raises
    ------
    ValueError
        Which names, and where to write about them.
    """
    there, told = set(known), set(described)
    if lacking := sorted(there - told):
        message = f"{what} without a description: {', '.join(lacking)}; write it in {where}"
        raise ValueError(message)
    if surplus := sorted(told - there):
        message = f"{where} describes what is no {what}: {', '.join(surplus)}"
        raise ValueError(message)
