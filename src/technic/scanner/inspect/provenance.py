"""Provenance: what a value of one symbol is made of, down to the filings behind its numbers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np

from technic.errors import ConfigError
from technic.market.items import COLUMNS
from technic.query.dependencies import names_in
from technic.query.lower import is_series, score_input
from technic.query.names import ALPHA, CROSS_SECTIONAL, FACTS
from technic.query.tree import Call, Name, Node
from technic.scanner.columns.attributes import Attributes
from technic.scanner.pipeline import ScanResult
from technic.scores import SCORES
from technic.scores.missing_facts import MissingFact, missing_facts
from technic.scores.rating import PARTS
from technic.scores.statements import fresh

MOST = 12  # features of a forecast that are shown
MOST_LACKS = 3  # numbers that are not known, shown of one column


@dataclass(frozen=True, slots=True)
class ReportedFact:
    """One number of a filing, as it counts in a column.

    Attributes
    ----------
    column : the column it is part of, such as `net_income_ttm`
    item : what was filed, such as "net income"
    sign : 1 where it is added, −1 where it is taken away
    value : USD, USD per share or shares
    period_end : the last day of the period it speaks of
    months : the stretch it covers; 0 for a balance
    form, known_at : what it was filed as, and when it became known
    """

    column: str
    item: str
    sign: float
    value: float
    period_end: date
    months: int
    form: str | None
    known_at: datetime


@dataclass(frozen=True, slots=True)
class Piece:
    """One of the things that a term of a score is made of.

    Attributes
    ----------
    text : what it is
    contribution : its share of the term's; None where a term is no sum
    value, percentile : of the piece; the percentile where the term is one of percentiles
    told : the numbers of filings behind it
    why : why its value is unknown, where that is for want of filings; empty otherwise
    """

    text: str
    contribution: float | None
    value: Any
    percentile: float | None
    told: tuple[ReportedFact, ...] = ()
    why: str = ""


def pieces_of(result: ScanResult, node: Node, at: int, contribution: float) -> tuple[Piece, ...]:
    """Take a term of the score apart, for the symbol at a position.

    Parameters
    ----------
    result : the evaluated question
    node : the term
    at : position of the symbol
    contribution : what the term adds to its score

    Returns
    -------
    tuple of Piece
        Empty where the term is made of nothing that has a value of its own.
    """
    if isinstance(node, Name) and node.name in PARTS:
        return _shares(result, PARTS[node.name], at, contribution)
    if isinstance(node, Name) and node.name in SCORES:
        inputs = [score_input(text) for text in SCORES[node.name].inputs]
        if any(_is_percentile(tree) for tree in inputs):
            return _shares(result, node.name, at, contribution)
        return tuple(_piece(result, tree, at, None) for tree in inputs)
    if isinstance(node, Name) and node.name in ALPHA:
        return _forecast(result, node, at, contribution)
    if _is_percentile(node):
        inner = node.arguments[0]  # type: ignore[attr-defined]
        return (_piece(result, inner, at, contribution, _at(result, node, at)),)
    return tuple(_piece(result, tree, at, None) for tree in _operands(node))


def _shares(result: ScanResult, score: str, at: int, contribution: float) -> tuple[Piece, ...]:
    """A mean of percentiles: each one that is known adds in proportion to itself."""
    trees = [score_input(text) for text in SCORES[score].inputs]
    values = [_at(result, tree, at) for tree in trees]
    total = sum(value for value in values if value is not None)
    pieces = []
    for tree, value in zip(trees, values, strict=True):
        inner = tree.arguments[0]  # type: ignore[attr-defined]
        share = None if value is None or not total else contribution * value / total
        pieces.append(_piece(result, inner, at, share, value))
    return tuple(pieces)


def _forecast(result: ScanResult, node: Name, at: int, contribution: float) -> tuple[Piece, ...]:
    """The features that a forecast is made of; the small ones in one."""
    attributes, alpha = result.evaluation.attributes, _at(result, Name("alpha"), at)
    if not isinstance(attributes, Attributes) or not alpha:
        return ()
    try:
        parts = attributes.forecast_parts(at)
    except ConfigError as error:
        return (Piece(str(error), None, None, None),)
    weight = contribution / alpha if node.name == "alpha" else None

    def weighted(part: float) -> float | None:
        return None if weight is None else weight * part

    shown, rest = parts[:MOST], parts[MOST:]
    pieces = [Piece(p.text, weighted(p.contribution), p.contribution, p.percentile) for p in shown]
    if rest:
        total = sum(part.contribution for part in rest)
        pieces.append(Piece(f"{len(rest)} others", weighted(total), total, None))
    return tuple(pieces)


def _piece(
    result: ScanResult,
    node: Node,
    at: int,
    contribution: float | None,
    percentile: float | None = None,
) -> Piece:
    attributes = result.evaluation.attributes
    facts: list[ReportedFact] = []
    if isinstance(attributes, Attributes):
        for name in sorted(names_in(node) & set(FACTS)):
            facts += reported_facts(attributes, name, at)
    value = _at(result, node, at)
    why = why_unknown(attributes, node, at) if value is None else ""
    return Piece(str(node), contribution, value, percentile, tuple(facts), why)


def why_unknown(attributes: Any, node: Node, at: int) -> str:
    """Say for want of which filing, or which number in one, a value is unknown.

    Parameters
    ----------
    attributes : columns of the session
    node : what is unknown
    at : position of the symbol

    Returns
    -------
    str
        Such as "no 10-Q for the quarter ended 2023-09-30"; with the column before it where
        `node` is made of several. Empty where no number of a filing is missing.
    """
    if not isinstance(attributes, Attributes):
        return ""
    for column in sorted(names_in(node) & set(FACTS)):
        if np.isnan(attributes[column][at]):
            if attributes.events[at] < 0:
                return "nothing was filed by then"
            why = _why_no_fact(attributes, column, at)
            return why if str(node) == column else f"{column} unknown: {why}"
    return ""


def _why_no_fact(attributes: Attributes, column: str, at: int) -> str:
    """Why a column of filings is unknown for the symbol at a position, which has filed something."""
    event = int(attributes.events[at])
    statements = attributes.statements
    end = date(1970, 1, 1) + timedelta(days=int(statements.ends[event]))
    if not fresh(statements.ends[event : event + 1], attributes.as_of)[0]:
        return f"nothing newer was filed than for the period ended {end}"
    lacks, forms = missing_facts(statements, column, event), attributes.forms()
    owner = int(statements.security_ids[event])
    texts = [_lack(fact, forms.get((owner, fact.accession or ""))) for fact in lacks]
    return "; ".join(texts[:MOST_LACKS]) + (
        f"; and {len(texts) - MOST_LACKS} more" if len(texts) > MOST_LACKS else ""
    )


def _lack(fact: MissingFact, form: str | None) -> str:
    """A fact that is not known, in words: the filing that is not there, or the field in it."""
    stretch = {0: "period", 3: "quarter", 12: "year"}.get(fact.months, f"{fact.months} months")
    if fact.accession is None:
        expected = {0: "filing", 12: "10-K"}.get(fact.months, "10-Q")
        return f"no {expected} for the {stretch} ended {fact.end}"
    return f"field {fact.item} missing in the {form or 'filing'} for the {stretch} ended {fact.end}"


def reported_facts(attributes: Attributes, column: str, at: int) -> list[ReportedFact]:
    """List the numbers of filings whose sum a column is, for the symbol at a position.

    Parameters
    ----------
    attributes : columns of the session
    column : one that comes from filings
    at : position of the symbol
    """
    event = int(attributes.events[at])
    if event < 0 or np.isnan(attributes[column][at]):
        return []
    statements, forms = attributes.statements, attributes.forms()
    reported = []
    for sign, row in statements.behind(column, event):
        fact = statements.facts.row(row, named=True)
        reported.append(
            ReportedFact(
                column=column,
                item=COLUMNS[column].name.replace("_", " "),
                sign=sign,
                value=fact["value"],
                period_end=fact["period_end"],
                months=fact["months"],
                form=forms.get((fact["security_id"], fact["accession"])),
                known_at=fact["known_at"],
            )
        )
    return reported


def _operands(node: Node) -> list[Node]:
    """The parts of an expression that have a value of their own to show."""
    if is_series(node) or isinstance(node, Name):
        return list(getattr(node, "inputs", ()))
    return [part for part in node.children() if not _is_literal(part)]


def _is_literal(node: Node) -> bool:
    return type(node).__name__ in {"Number", "Text", "Truth"}


def _is_percentile(node: Node) -> bool:
    return isinstance(node, Call) and node.name in CROSS_SECTIONAL


def _at(result: ScanResult, node: Node, at: int) -> Any:
    """The value of a part for one symbol; None where it is unknown, or was not computed."""
    try:
        value = result.evaluation.value(node)[at]
    except KeyError:  # a series that was only computed inside a larger one
        return None
    if value is None or isinstance(value, str):
        return value
    return float(value) if np.isfinite(value) else None
