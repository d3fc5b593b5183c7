"""Texts of the language → series and clauses, for whoever has texts and no scan file."""

from __future__ import annotations

from collections.abc import Iterable

from technic.errors import QuestionError
from technic.indicators import REGISTRY, Series
from technic.query.claims import clauses
from technic.query.lower import lower
from technic.query.names import OUTPUTS
from technic.query.parse import parse
from technic.query.resolve import Resolver
from technic.query.tree import Call, Name, Node


def clauses_of(universe: str) -> tuple[Node, ...]:
    """The clauses of a universe's text; none where everybody is in it."""
    return clauses(Resolver().question(universe)) if universe.strip() else ()


def expand(text: str, resolver: Resolver | None = None) -> list[Node]:
    """What a column's text stands for: all outputs, where it names an indicator with several.

    Parameters
    ----------
    text : an expression of the scan language
    resolver : knows the names given by let, and parameters; one without any if omitted

    Raises
    ------
    QuestionError
        If the text cannot be meant.

    Examples
    --------
    >>> [str(tree) for tree in expand("aroon")]
    ['aroon_up(25)', 'aroon_down(25)']
    """
    resolver = resolver or Resolver()
    tree = resolver.any(text)[0]
    parsed = parse(text)
    name = parsed.name if isinstance(parsed, Call | Name) else ""
    indicator = REGISTRY.get(name)
    if indicator is None or len(indicator.outputs) == 1 or name not in OUTPUTS:
        return [tree]
    brackets = text[text.index("(") :] if "(" in text else ""
    return [resolver.any(f"{output}{brackets}")[0] for output in indicator.outputs]


def single_series(texts: Iterable[str]) -> list[Series]:
    """One series for each feature's text; of an indicator with several outputs the one it names."""
    return [_lowered(Resolver().any(text)[0], text) for text in texts]


def series_for(texts: Iterable[str]) -> tuple[list[str], list[Series]]:
    """Column names and series for the texts of features.

    Returns
    -------
    names, series
        The canonical text of each column, and its series; more columns than texts where a text
        names an indicator with several outputs.

    Raises
    ------
    QuestionError
        If a text cannot be meant, or has no history.
    """
    trees = [(tree, text) for text in texts for tree in expand(text)]
    return [str(tree) for tree, _ in trees], [_lowered(tree, text) for tree, text in trees]


def _lowered(tree: Node, text: str) -> Series:
    """The series of a tree; a refusal knows the text that the tree comes from."""
    try:
        return lower(tree)
    except QuestionError as error:
        raise error.at(text) from None
