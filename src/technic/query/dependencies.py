"""What the value of a tree comes from: names, features, cross-sections, and who reads filings."""

from __future__ import annotations

from functools import cache

from technic.query import names
from technic.query.claims import Logic
from technic.query.lower import is_series, score_input
from technic.query.tree import Call, Feature, Name, Node
from technic.scores import SCORES


def leaves(node: Node) -> list[Node]:
    """The parts whose values come from outside the question, in reading order."""
    if is_series(node) or isinstance(node, Name):
        return [node]
    return [leaf for child in operands(node) for leaf in leaves(child)]


@cache
def names_in(node: Node) -> frozenset[str]:
    """Every plain name that a value comes from, however far, those that scores read included."""
    plain: set[str] = set()
    for part in node.walk():
        if isinstance(part, Name):
            plain.add(part.name)
            for text in SCORES[part.name].inputs if part.name in SCORES else ():
                plain |= names_in(score_input(text))
    return frozenset(plain)


def reads_filings(node: Node) -> bool:
    """Whether a value comes from what companies filed."""
    return not names_in(node).isdisjoint({*names.FACTS, "days_since_filing"})


@cache
def cross_sections(node: Node) -> tuple[Call, ...]:
    """Every cross-sectional call that a value needs, those of scores included, inner ones first."""
    calls: dict[Call, None] = {}
    for child in node.children():
        calls |= dict.fromkeys(cross_sections(child))
    if isinstance(node, Name) and node.name in SCORES:
        for text in SCORES[node.name].inputs:
            calls |= dict.fromkeys(cross_sections(score_input(text)))
    if isinstance(node, Call) and node.name in names.CROSS_SECTIONAL:
        calls[node] = None
    return tuple(calls)


def operands(node: Node) -> list[Node]:
    """What a node's value comes from; a peer group with a fallback is never missing."""
    if isinstance(node, Call) and isinstance(node.by, Logic):
        return list(node.arguments)
    return list(node.children())


@cache
def features_in(node: Node) -> tuple[Feature, ...]:
    """Every feature a value comes from, those that scores read included; in reading order, once."""
    features: dict[Feature, None] = {}
    for part in node.walk():
        if isinstance(part, Feature):
            features[part] = None
        elif isinstance(part, Name) and part.name in SCORES:
            for text in SCORES[part.name].inputs:
                features |= dict.fromkeys(features_in(score_input(text)))
    return tuple(features)
