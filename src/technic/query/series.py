"""Texts of the language → series and clauses, for whoever has texts and no scan file."""

from __future__ import annotations

from collections.abc import Iterable

from technic.indicators import Series
from technic.query.lower import lower
from technic.query.names import OUTPUTS
from technic.query.resolve import Resolver
from technic.query.tree import Call, Name, Node, clauses


def clauses_of(universe: str) -> tuple[Node, ...]:
    """The clauses of a universe; none where everybody is in it."""
    return clauses(Resolver().question(universe)) if universe.strip() else ()


def expand(text: str, resolver: Resolver | None = None) -> list[Node]:
    """What a column's text stands for: all outputs, where it names an indicator with several.

    Examples
    --------
    >>> [str(tree) for tree in expand("aroon")]
    ['aroon_up(25)', 'aroon_down(25)']
    """
    from technic.indicators import REGISTRY  # numba is slow to import
    from technic.query.parse import parse

    resolver = resolver or Resolver()
    tree = resolver.any(text)[0]
    parsed = parse(text)
    named = parsed.name if isinstance(parsed, Call | Name) else ""
    it = REGISTRY.get(named)
    if it is None or it.operator or len(it.outputs) == 1 or named not in OUTPUTS:
        return [tree]
    brackets = text[text.index("(") :] if "(" in text else ""
    return [resolver.any(f"{output}{brackets}")[0] for output in it.outputs]


def single_series(texts: Iterable[str]) -> list[Series]:
    """One series for each feature's text; of an indicator with several outputs the one it names."""
    return [lower(Resolver().any(text)[0]) for text in texts]


def series_for(texts: Iterable[str]) -> tuple[list[str], list[Series]]:
    """Column names and series for feature texts, as `technic.features` takes them."""
    trees = [tree for text in texts for tree in expand(text)]
    return [str(tree) for tree in trees], [lower(tree) for tree in trees]
