"""docs/reference/python.md: the names of `tc.`, and what they return, from their docstrings."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from inspect import Parameter, Signature, getdoc, isfunction, signature
from typing import Any

import technic as tc
from reference.docstrings import entries, parse, render
from reference.markdown import anchor, cell, code, complete, fill, table
from technic.runtime.executors import open_executor

GROUPS = {
    "Open and ask": ("open_store", "scan", "scan_sessions", "features", "market_regime"),
    "Understand an answer": ("explain", "why_not", "diff", "lint", "chart"),
    "Measure and learn": ("evaluate", "train", "backtest", "record"),
    "Values": ("Report", "ScanFile", "TechnicError"),
}
CONSTANTS = {"__version__": "The version of technic, a text."}
# Methods that other parts of technic call, and a user has no need of.
HIDDEN = {
    "FileStore": {"added", "catalog", "commit", "fresh_bars", "identity_of", "panel"},
    "tc.Report": {"record"},
    "tc.ScanFile": {"of"},
}
WIDTH = 88  # of a signature on one line


def python() -> str:
    """The page."""
    grouped = [name for names in GROUPS.values() for name in names]
    complete(tc.__all__, [*grouped, *CONSTANTS], "name of tc", "GROUPS of reference/python.py")
    parts = []
    for title, names in GROUPS.items():
        rows = [(f"[`tc.{name}`](#{_anchor(name)})", _first(getattr(tc, name))) for name in names]
        parts += [f"## {title}", table(("name", "what it is"), rows)]
        parts += [_public(name) for name in names]
    found = dict(returned())
    found.update(parts_of({**found, "Report": tc.Report}))
    rows = [(f"[`{name}`](#{anchor(name)})", _first(kind)) for name, kind in sorted(found.items())]
    parts += ["## What comes back", table(("class", "what it is"), rows)]
    parts += [_class(kind, name) for name, kind in sorted(found.items())]
    constants = [(code(f"tc.{name}"), text) for name, text in CONSTANTS.items()]
    return fill(
        "python.md",
        executor=f"{open_executor.__module__}.{open_executor.__name__}",
        constants=table(("name", "what it is"), constants),
        names="\n\n".join(part for part in parts if part),
    )


def returned() -> Iterator[tuple[str, type]]:
    """The classes of technic that public functions return, and are not public names themselves."""
    for name in tc.__all__:
        function = getattr(tc, name)
        if isfunction(function):
            said = str(function.__annotations__.get("return", ""))
            for word in re.findall(r"\w+", said):
                kind = getattr(sys.modules[function.__module__], word, None)
                ours = isinstance(kind, type) and kind.__module__.startswith("technic.")
                if ours and word not in tc.__all__:
                    yield word, kind


def parts_of(kinds: dict[str, type]) -> Iterator[tuple[str, type]]:
    """The classes that the fields of values hold several of: rows, clauses, changes."""
    for kind in kinds.values():
        for one in fields(kind) if is_dataclass(kind) else ():
            if held := re.match(r"tuple\[(\w+), \.\.\.\]", str(one.type)):
                found = getattr(sys.modules[kind.__module__], held[1], None)
                if isinstance(found, type) and found.__module__.startswith("technic."):
                    yield held[1], found


def _public(name: str) -> str:
    value = getattr(tc, name)
    if isinstance(value, type):
        return _class(value, f"tc.{name}")
    return f"### tc.{name}\n\n{_signature(value, f'tc.{name}')}\n\n{render(getdoc(value) or '')}"


def _class(kind: type, title: str) -> str:
    """A class: its docstring, every field, and its public methods and properties."""
    doc = getdoc(kind) or ""
    parts = [f"### {title}", render(doc, shown=_field_names(kind)), _fields(kind, doc)]
    hidden = HIDDEN.get(title, set())
    methods = [(name, one) for name, one in _methods(kind) if name not in hidden]
    rows = [(f"`{_call(name, one)}`", _first(one)) for name, one in methods]
    parts.append(table(("method or property", "what it gives"), rows))
    for name, one in methods:
        made = parse(_doc(one))
        if made.sections:
            shown = _signature(one, f".{name}") if isfunction(one) else ""
            parts += [f"#### {title}.{name}", shown, render(_doc(one))]
    return "\n\n".join(part for part in parts if part)


def _field_names(kind: type) -> tuple[str, ...]:
    return tuple(one.name for one in fields(kind)) if is_dataclass(kind) else ()


def _fields(kind: type, doc: str) -> str:
    """Every field of a value, with its type and what the docstring says of it."""
    if not is_dataclass(kind):
        return ""
    meaning: dict[str, str] = {}
    for one in entries(parse(doc).sections.get("Attributes", "")):
        meaning.update(dict.fromkeys(one.names, one.text))
    rows = [
        (code(one.name), code(one.type).replace("|", "or"), meaning.get(one.name, ""))
        for one in fields(kind)
    ]
    return table(("field", "type", "meaning"), rows)


def _methods(kind: type) -> Iterator[tuple[str, Any]]:
    """Public methods and properties, those of technic's own bases among them."""
    seen: set[str] = set()
    for base in kind.__mro__:
        if not base.__module__.startswith("technic."):
            continue
        for name, value in vars(base).items():
            if name.startswith("_") or name in seen:
                continue
            one = getattr(value, "__func__", value)
            if isfunction(one) or hasattr(one, "fget") or hasattr(one, "attrname"):
                seen.add(name)
                yield name, one


def _call(name: str, one: Any) -> str:
    if not isfunction(one):
        return name
    given = [p.name for p in signature(one).parameters.values() if p.name not in {"self", "cls"}]
    return f"{name}({', '.join(given)})"


def _doc(one: Any) -> str:
    return getdoc(getattr(one, "func", one)) or ""


def _first(one: Any) -> str:
    return cell(parse(_doc(one)).prose.split("\n\n")[0])


def _anchor(name: str) -> str:
    return anchor(f"tc.{name}")


def _signature(function: Any, name: str) -> str:
    """How it is called: on one line, or a line for each parameter."""
    found = signature(function)
    kept = [p for p in found.parameters.values() if p.name not in {"self", "cls"}]
    parts = [_parameter(p) for p in kept]
    first = next((i for i, p in enumerate(kept) if p.kind is Parameter.KEYWORD_ONLY), None)
    if first is not None:
        parts.insert(first, "*")
    back = found.return_annotation
    arrow = "" if back is Signature.empty else f" -> {_plain(back)}"
    line = f"{name}({', '.join(parts)}){arrow}"
    if len(line) > WIDTH:
        line = f"{name}(\n" + "".join(f"    {part},\n" for part in parts) + f"){arrow}"
    return f"```python\n{line}\n```"


def _parameter(one: Parameter) -> str:
    text = one.name
    if one.annotation is not Parameter.empty:
        text += f": {_plain(one.annotation)}"
    if one.default is not Parameter.empty:
        default = one.default.__name__ if isfunction(one.default) else repr(one.default)
        text += f" = {default}"
    return text


def _plain(annotation: Any) -> str:
    if isinstance(annotation, str):
        return annotation
    return str(getattr(annotation, "__name__", annotation))
