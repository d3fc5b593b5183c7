"""The reference of indicators, drawn from their definitions."""

from __future__ import annotations

import sys
from inspect import getdoc
from math import isfinite
from typing import Any

from technic.errors import QuestionError, counted
from technic.indicators import REGISTRY, Indicator
from technic.query.dependencies import reads_filings
from technic.query.lower import lookback, lower
from technic.query.names import OUTPUTS, did_you_mean
from technic.query.resolve import Resolver
from technic.query.series import expand
from technic.query.tree import Name, write_number
from technic.scores import MACROS, SCORES

# What compares prices of different sessions sees a fall on every ex-date.
PRICES_ALONE = frozenset(
    {"ret", "roc", "gap", "max_drawdown", "atr", "atr_pct", "true_range", "realized_vol",
     "from_high", "rel_strength"}
)  # fmt: skip
NO_DIVIDENDS = (
    "Prices leave dividends out: on an ex-date they fall by what is paid. `total_ret(21)` is the "
    "return that counts them."
)


def text_of(it: Indicator) -> str:
    """The indicator as it is written, with its default parameters."""
    numbers = ", ".join(write_number(value) for value in it.defaults.values())
    if it.name in {"highest", "lowest"}:
        return f"{it.name}({'high' if it.name == 'highest' else 'low'}, {numbers})"
    return f"{it.name}({numbers})" if numbers else it.name


def entries() -> list[dict[str, Any]]:
    """Every indicator, by name."""
    return [_entry(it) for _, it in sorted(REGISTRY.items()) if not it.operator]


def describe(name: str) -> dict[str, Any]:
    """One indicator, with a page to read.

    Raises
    ------
    QuestionError
        If there is none of that name.
    """
    if name not in OUTPUTS:
        raise QuestionError(f"{name} is no indicator", hint=did_you_mean(name, list(OUTPUTS)))
    entry = _entry(REGISTRY[OUTPUTS[name].indicator])
    lines = [
        entry["text"],
        "",
        entry["description"],
        "",
        f"outputs      {', '.join(entry['outputs'])}",
        f"parameters   {', '.join(f'{k}={write_number(v)}' for k, v in entry['parameters'].items()) or 'none'}",
        f"look-back    {counted(entry['lookback'], 'bar')} before the first value",
        f"settles      {entry['settles']}",
        f"unit         {entry['unit']}",
        f"scale free   {'yes' if entry['scale_free'] else 'no'}",
        f"bounds       {entry['bounds'] or 'none'}",
        f"source       {entry['source']}",
        f"checked      against {entry['oracle']}",
    ]
    if entry["differs"]:
        lines.append(f"differs      {entry['differs']}")
    return {**entry, "page": "\n".join(lines)}


def score_entries() -> list[dict[str, Any]]:
    """Every score and rating, by part and name."""
    entries = [_score_entry(name) for name in SCORES]
    entries += [
        {
            "name": name,
            "part": "rating",
            "unit": "percent",
            "better": "higher",
            "inputs": [text],
            "summary": f"{text}",
            "description": f"The sum {text}.",
            "bounds": [0.0, 100.0],
            "source": "technic",
            "needs_filings": reads_filings(Resolver().question(text, "number")),
        }
        for name, text in MACROS.items()
    ]
    return sorted(entries, key=lambda entry: (entry["part"], entry["name"]))


def describe_score(name: str) -> dict[str, Any]:
    """One score, with a page to read.

    Raises
    ------
    QuestionError
        If there is none of that name.
    """
    scores = {entry["name"]: entry for entry in score_entries()}
    if name not in scores:
        raise QuestionError(f"{name} is no score", hint=did_you_mean(name, list(scores)))
    entry = scores[name]
    lines = [
        name,
        "",
        entry["description"],
        "",
        f"part         {entry['part']}",
        f"reads        {chr(10).join(f'             {text}' for text in entry['inputs']).strip()}",
        f"unit         {entry['unit']}; {entry['better']} is better",
        "unknown      where anything it reads is, unless its text says otherwise",
        f"source       {entry['source']}",
    ]
    return {**entry, "page": "\n".join(lines)}


def _score_entry(name: str) -> dict[str, Any]:
    it = SCORES[name]
    doc = getdoc(it.function) or ""
    module = sys.modules[it.function.__module__].__doc__ or ""
    source = module.split("References\n----------\n")[1] if "References" in module else "technic"
    return {
        "name": name,
        "part": it.part,
        "unit": it.unit,
        "better": it.better,
        "inputs": list(it.inputs),
        "summary": " ".join(doc.split("\n\n")[0].split()),
        "description": doc,
        "bounds": [b if isfinite(b) else None for b in it.bounds],
        "source": " ".join(source.split()),
        "needs_filings": reads_filings(Name(name)),
    }


def _entry(it: Indicator) -> dict[str, Any]:
    doc = getdoc(it.function) or ""
    summary = " ".join(doc.split("\n\n")[0].split())
    if it.name in PRICES_ALONE:
        doc = f"{doc}\n\n{NO_DIVIDENDS}"
    first = expand(text_of(it))[0]
    decay = it.decay(*it.defaults.values())
    kinds = {0.0: "at once", 1.0: "never: it carries its whole past"}
    return {
        "name": it.name,
        "text": text_of(it),
        "summary": summary,
        "description": doc,
        "outputs": [str(tree) for tree in expand(text_of(it))],
        "parameters": dict(it.defaults),
        "lookback": lookback(lower(first)),
        "settles": kinds.get(decay, f"its seed fades by {decay:.4f} a bar"),
        "unit": it.unit,
        "scale_free": it.scale_free,
        "bounds": list(it.bounds) if it.bounds else None,
        "source": it.source,
        "oracle": "TA-Lib" if it.oracle is not None else "a slow reference",
        "differs": it.differs,
    }
