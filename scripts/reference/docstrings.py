"""Numpy-style docstrings as Markdown: prose, then one table or block per section.

Understands the forms that the code uses:

    name : type            a name, its type, and an indented description
        What it is.
    name, other : what     several names; without a description the text is the description
    name                   a name alone, with an indented description
        What it is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from inspect import cleandoc

from reference.markdown import cell, codes, table

RULE = re.compile(r"^-{3,}$")
LISTS = ("Parameters", "Attributes", "Returns", "Yields", "Raises", "Warns")
TITLES = {
    "Parameters": "parameter",
    "Attributes": "attribute",
    "Raises": "error",
    "Warns": "warning",
}
PROSE = {
    "a", "are", "by", "for", "from", "how", "if", "in", "is", "it", "no", "not", "such", "that",
    "the", "to", "what", "where", "which", "who", "with",
}  # fmt: skip
MOST_WORDS = 8  # of a type


@dataclass
class Docstring:
    """The parts of a docstring, in order."""

    prose: str
    sections: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Entry:
    """One line of a section: what it names, of which type, and what is said of it."""

    head: str
    kind: str
    text: str

    @property
    def names(self) -> tuple[str, ...]:
        """What it names, one or several."""
        return tuple(part.strip() for part in self.head.split(","))


def parse(text: str) -> Docstring:
    r"""The prose and the sections of a docstring.

    Examples
    --------
    >>> parse("Add.\\n\\nReturns\\n-------\\nint\\n    The sum.").sections
    {'Returns': 'int\\n    The sum.'}
    """
    lines = cleandoc(text).splitlines()
    starts = [i for i in range(len(lines) - 1) if lines[i].strip() and RULE.match(lines[i + 1])]
    made = Docstring("\n".join(lines[: starts[0]] if starts else lines).strip())
    for start, end in zip(starts, [*starts[1:], len(lines)], strict=False):
        made.sections[lines[start].strip()] = "\n".join(lines[start + 2 : end]).strip("\n")
    return made


def entries(section: str) -> Iterator[Entry]:
    """The entries of a section that lists things."""
    head, body = "", []
    for line in [*section.splitlines(), "."]:
        if line.startswith((" ", "\t")) or not line.strip():
            body.append(line.strip())
            continue
        if head:
            yield _entry(head, " ".join(part for part in body if part))
        head, body = line.strip(), []


def _entry(head: str, text: str) -> Entry:
    """`name : type` with a description below; without one, what is behind the colon is it."""
    before, colon, after = head.partition(" : ")
    if not colon:
        return Entry(before, "", text)
    if not text or not is_type(after):
        return Entry(before, "", f"{after.strip()} {text}".strip())
    return Entry(before, after.strip(), text)


def is_type(text: str) -> bool:
    """Whether what stands behind a colon is a type, rather than the beginning of a sentence.

    Examples
    --------
    >>> is_type("float64 array of shape (n_symbols,)"), is_type("frame with `date` and `close`")
    (True, False)
    """
    words = re.findall(r"[a-z]+", text)
    return len(words) <= MOST_WORDS and not PROSE & set(words)


def render(text: str, *, shown: tuple[str, ...] = ()) -> str:
    """A docstring as Markdown.

    Parameters
    ----------
    text : str
        The docstring, as it stands in the source.
    shown : tuple[str, ...]
        Names whose attributes are left out, because they are shown elsewhere.
    """
    made = parse(text)
    parts = [made.prose]
    for title, section in made.sections.items():
        if title == "Examples":
            parts.append(f"**Examples**\n\n{example(section)}")
        elif title in {"Returns", "Yields"}:
            parts.append(f"**{title}**\n\n{_returns(section)}")
        elif title in LISTS:
            listed = _listed(title, section, shown)
            parts += [f"**{title}**\n\n{listed}"] if listed else []
        else:
            parts.append(f"**{title}**\n\n{section}")
    return "\n\n".join(parts)


def example(section: str) -> str:
    """Examples as code; the marks that doctest needs are left out."""
    plain = re.sub(r"[ \t]*# doctest:.*", "", section)
    return f"```pycon\n{plain.strip()}\n```"


def _listed(title: str, section: str, shown: tuple[str, ...]) -> str:
    rows = [
        (codes(one.names), _kind(one.kind), cell(one.text))
        for one in entries(section)
        if not set(one.names) <= set(shown)
    ]
    if any(kind for _, kind, _ in rows):
        return table((TITLES.get(title, "name"), "type", "meaning"), rows)
    return table((TITLES.get(title, "name"), "meaning"), [(name, text) for name, _, text in rows])


def _returns(section: str) -> str:
    """What comes back: its type and what it is, or a sentence."""
    found = list(entries(section))
    lines = []
    for one in found:
        kind = one.kind or one.head
        name = f"`{one.head}`: " if one.kind else ""
        lines.append(f"{name}`{kind}`. {one.text}" if one.text else kind)
    return "\n\n".join(lines)


def _kind(text: str) -> str:
    return f"`{text.replace(' | ', ' or ')}`" if text else ""
