"""Which code an answer's indicators were made by: the definitions it used, and what runs them.

1. `definitions` gives a digest for every definition that a graph holds: of its text, and of the
   constants and functions of its own module that the text names.
2. `machinery` covers everything else that decides bits: what compiles and runs definitions, what
   they read bars with, and Numba.
3. A formula leaves nothing of itself in a graph but the graph: its text is covered too.

So one definition more, or another one changed, changes the name of no answer that did not use it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from hashlib import blake2b
from importlib.metadata import version
from pathlib import Path
from types import FunctionType, MappingProxyType

from technic import indicators
from technic.indicators.define import REGISTRY
from technic.indicators.series import Series

SHORT = 8  # bytes of a digest
# Top-level code stands two blank lines apart, as the formatter of this project leaves it.
BLOCKS = re.compile(r"\n\n\n(?=\S)")
DEFINED = re.compile(r"^def (\w+)\(", re.MULTILINE)
WORD = re.compile(r"[A-Za-z_]\w*")
PLAIN = (str, int, float, tuple)


@dataclass(frozen=True, slots=True)
class CodeUsed:
    """The code that an answer's indicators were made by.

    Attributes
    ----------
    kernel : digest of what runs definitions
    definitions : digest of each definition used, by its name
    graph : digest of the series that were computed
    """

    kernel: str
    definitions: Mapping[str, str]
    graph: str

    def as_dict(self) -> dict[str, object]:
        """As a manifest holds it."""
        return {
            "kernel": self.kernel,
            "definitions": dict(sorted(self.definitions.items())),
            "graph": self.graph,
        }


def code_used(series: Iterable[Series]) -> CodeUsed:
    """The code by which some series are computed.

    Parameters
    ----------
    series : that an answer rests on
    """
    roots = list(series)
    names = sorted({node.name for root in roots for node in _nodes(root)} & set(REGISTRY))
    texts = sorted({repr(root) for root in roots})
    return CodeUsed(
        machinery(),
        MappingProxyType({name: definition(name) for name in names}),
        _digest(text.encode() for text in texts),
    )


@cache
def machinery() -> str:
    """Digest of what decides bits besides definitions: 16 hexadecimal digits."""
    folder = Path(indicators.__file__ or "").parent
    apart = {*_families(), folder / "__init__.py"}  # which lists the families
    paths = [path for path in sorted(folder.rglob("*.py")) if path not in apart]
    versions = [version("numba").encode(), version("llvmlite").encode()]
    return _digest([*versions, *(path.read_bytes() for path in paths)])


@cache
def definition(name: str) -> str:
    """Digest of a definition: 16 hexadecimal digits.

    Parameters
    ----------
    name : in the registry
    """
    function = REGISTRY[name].function
    read, waiting = {}, [function]
    while waiting:
        one = waiting.pop()
        read[one.__name__] = text = _texts(Path(one.__code__.co_filename))[one.__name__]
        for word in set(WORD.findall(text)) - read.keys():
            value = one.__globals__.get(word)
            if isinstance(value, PLAIN):
                read[word] = repr(value)
            elif (
                isinstance(value, FunctionType) and Path(value.__code__.co_filename) in _families()
            ):
                waiting.append(value)
    return _digest(f"{key}\0{text}".encode() for key, text in sorted(read.items()))


@cache
def _texts(path: Path) -> dict[str, str]:
    """The functions of a module, each as it is written, decorators included."""
    blocks = BLOCKS.split(path.read_text(encoding="utf-8"))
    named = ((DEFINED.search(block), block.strip()) for block in blocks)
    return {found.group(1): text for found, text in named if found}


@cache
def _families() -> frozenset[Path]:
    """The files that hold definitions."""
    return frozenset(Path(it.function.__code__.co_filename) for it in REGISTRY.values())


def _nodes(series: Series) -> Iterator[Series]:
    yield series
    for one in series.inputs:
        yield from _nodes(one)


def _digest(parts: Iterable[bytes]) -> str:
    return blake2b(b"\0".join(parts), digest_size=SHORT).hexdigest()
