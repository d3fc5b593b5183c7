"""docs/reference/errors.md: the tree of technic.errors, and what to do about each."""

from __future__ import annotations

from collections.abc import Iterator
from inspect import getdoc

from reference.docstrings import render
from reference.markdown import anchor, complete, fill, table
from technic import errors as module
from technic.errors import TechnicError
from technic.interfaces.http.problems import of_error

HERE = "scripts/reference/errors.py"
TO_DO = {
    "TechnicError": "Catch it where your program meets a person; catch the kinds below where you "
    "can do something about them.",
    "ConfigError": "Mend the setting, the scan file or the option that the message names. If a "
    "library is missing, the message says which extra installs it.",
    "SchemaError": "Compare the table with [the file formats](file-formats.md). Nothing was "
    "imported.",
    "ForeignError": "Give the file to the command that the message names, or take it out of the "
    "folder. A folder leaves it out by itself.",
    "UnknownSymbolError": "Look at the symbols that the message names, or import its bars first.",
    "SessionError": "Name a day on which the NYSE was open.",
    "StoreError": "Look at which store is meant: `technic config show --origin`. An empty one needs "
    "an import, a sync or `technic demo`.",
    "SpanError": "Ask for a session that the store holds: `technic coverage` says which.",
    "UnlistedError": "Ask as of `last`, or look the symbol up: `technic universe`.",
    "ProviderError": "Read the message; `technic calls` shows what was asked. Whatever was stored "
    "is safe, and the same sync goes on.",
    "AccessError": "Check the key and what your plan allows: `technic providers --probe`.",
    "RateError": "Wait `wait` seconds, or set the [plan](settings.md#plan) that you have. A sync "
    "waits by itself.",
    "PageError": "Ask again. A sync does so by itself, and takes nothing from such an answer.",
    "IndicatorError": "Give parameters that the [indicator](indicators.md) can take.",
    "ModelError": "Train again, or choose another: `technic models`. The message says which rule "
    "forbids the use.",
    "QuestionError": "Look at the place that the caret marks, and at the hint. "
    "[The scan language](language.md).",
    "DeliveryError": "Nothing: it is sent again, further and further apart. `technic alerts list` "
    "shows what waits.",
    "RefusedError": "Use a public address over https, or name the host in "
    "[webhook_hosts](settings.md#webhook_hosts).",
    "StoppedError": "Ask for less, or begin a job, which may take longer.",
    "VerifyError": "Compare the digests that the message names: data, code, question, answer.",
}


def errors() -> str:
    """The page."""
    found = [kind for kind, _ in tree(TechnicError)]
    complete([kind.__name__ for kind in found], TO_DO, "error", HERE)
    every = {
        name for name, kind in vars(module).items()
        if isinstance(kind, type) and issubclass(kind, Exception)
    }  # fmt: skip
    complete(every, [kind.__name__ for kind in found], "error", "the tree below TechnicError")
    return fill(
        "errors.md",
        tree="\n".join(_line(kind, stem) for kind, stem in tree(TechnicError)),
        statuses=table(
            ("error", "HTTP status"),
            [(_link(kind), of_error(kind("")).status) for kind in found[1:]],
        ),
        details="\n\n".join(_section(kind) for kind in found),
    )


def tree(kind: type[TechnicError], stem: str = "") -> Iterator[tuple[type[TechnicError], str]]:
    """An error and everything below it, each with the lines that draw the tree."""
    yield kind, stem
    children = [one for one in kind.__subclasses__() if one.__module__ == module.__name__]
    base = stem.replace("├── ", "│   ").replace("└── ", "    ")
    for position, child in enumerate(children, start=1):
        yield from tree(child, base + ("└── " if position == len(children) else "├── "))


def _line(kind: type[TechnicError], stem: str) -> str:
    return f"{stem}{kind.__name__}"


def _link(kind: type[TechnicError]) -> str:
    return f"[`{kind.__name__}`](#{anchor(kind.__name__)})"


def _section(kind: type[TechnicError]) -> str:
    parent = "" if kind is TechnicError else f"A kind of {_link(kind.__mro__[1])}.\n\n"
    doc = render(getdoc(kind) or "")
    return f"### {kind.__name__}\n\n{parent}{doc}\n\n**What to do.** {TO_DO[kind.__name__]}"
