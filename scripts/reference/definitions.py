"""docs/reference/indicators.md and scores.md: what the registries hold, family by family."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby
from typing import Any

from reference.markdown import anchor, cell, codes, complete, page, table
from technic.errors import counted
from technic.indicators import REGISTRY
from technic.interfaces.render.indicator_reference import entries, score_entries
from technic.query.tree import write_number

FAMILIES = {
    "average": "Moving averages",
    "trend": "Trend",
    "momentum": "Momentum and oscillators",
    "volatility": "Volatility and range",
    "volume": "Volume",
    "levels": "Levels, highs and lows",
    "relative": "Against the benchmark",
}
PARTS = {
    "technical": "Technical",
    "value": "Value",
    "quality": "Quality",
    "growth": "Growth",
    "safety": "Safety",
    "size": "Size",
    "momentum": "Momentum",
    "rating": "Ratings",
}
INDICATORS = """\
# Indicators

An indicator turns the bars of a symbol into a series. With its parameters chosen it is a *feature*,
and its text is its name everywhere: in questions, as a column, in `tc.features`. Parameters may be
left out or given by name: `rsi`, `rsi(14)` and `rsi(n=14)` are the same feature. An indicator with
several outputs can be asked for any of them by name.

`technic indicators NAME` prints one of these entries in the terminal.

| term | meaning |
|---|---|
| look-back | bars needed before the first value; until then the value is unknown (null) |
| settles | how fast the weight of the first bars fades. *At once*: the value depends on the look-back alone. *By x a bar*: the seed's weight is multiplied by x with every further bar. *Never*: it is a sum over the whole history |
| unit | of the value: price (USD), percent, ratio, count, volume (shares), money (USD) |
| scale free | the value does not change when all prices are multiplied by a constant, so symbols can be compared; only such features can be learned from |
| range | the closed range that every value lies in |
| checked against | the independent code that the tests compare with: TA-Lib, or a slow reference written from the definition; on moving, flat, straight, gapped and young series, and on ones that did not trade |
| differs | what that code, or a usual form, says otherwise, and on which bars; elsewhere it is the same within 1e-9 |"""
SCORES = """\
# Scores, ratios and ratings

A *ratio* combines facts of filings, and has a unit. A *score* is a number with a direction. A
*rating* is a weighted sum of scores. All can be used in questions like any other column. A value is
unknown where anything it reads is unknown, unless its text says otherwise; nothing is filled in.

`technic scores NAME` prints one of these entries. `technic evaluate NAME` measures what it has been
worth on your own store; for what ours measured, see
[evidence and its limits](../explanation/evidence-and-its-limits.md)."""


def indicators() -> str:
    """The page of indicators."""
    found = {entry["name"]: entry for entry in entries()}
    family = {name: REGISTRY[name].function.__module__.rsplit(".", 1)[1] for name in found}
    complete(set(family.values()), FAMILIES, "family", "FAMILIES of reference/definitions.py")
    parts = [INDICATORS]
    for module, title in FAMILIES.items():
        members = [found[name] for name in sorted(found) if family[name] == module]
        parts += [f"## {title}", _overview(members, "text"), *map(_indicator, members)]
    return page(*parts)


def scores() -> str:
    """The page of scores."""
    found = score_entries()
    complete({entry["part"] for entry in found}, PARTS, "part", "PARTS of reference/definitions.py")
    by_part = {part: list(some) for part, some in groupby(found, key=lambda entry: entry["part"])}
    parts = [SCORES]
    for part, title in PARTS.items():
        members = by_part[part]
        parts += [f"## {title}", _overview(members, "name"), *map(_score, members)]
        parts.append(_sources(members))
    return page(*parts)


def _overview(members: Iterable[dict[str, Any]], name: str) -> str:
    rows = [
        (f"[`{one[name]}`](#{anchor(one[name])})", cell(one["summary"]))
        for one in members
    ]  # fmt: skip
    return table(("name", "what it is"), rows)


def _indicator(entry: dict[str, Any]) -> str:
    parameters = codes(
        (f"{name} = {write_number(value)}" for name, value in entry["parameters"].items())
    )
    bounds = entry["bounds"]
    rows = [
        ("outputs", codes(entry["outputs"])),
        ("parameters", parameters),
        ("look-back", counted(entry["lookback"], "bar")),
        ("settles", entry["settles"]),
        ("unit", entry["unit"] + (", scale free" if entry["scale_free"] else "")),
        *([("range", f"{bounds[0]:g} to {bounds[1]:g}")] if bounds else []),
        ("source", entry["source"]),
        ("checked against", entry["oracle"]),
        *([("differs", entry["differs"])] if entry["differs"] else []),
    ]
    return f"### `{entry['text']}`\n\n{entry['description']}\n\n{table(('', ''), rows)}"


def _score(entry: dict[str, Any]) -> str:
    low, high = entry["bounds"]
    rows = [
        ("reads", codes(entry["inputs"])),
        ("unit", f"{entry['unit']}; {entry['better']} is better"),
        *([("range", f"{low:g} to {high:g}")] if None not in {low, high} else []),
        *([("needs", "filings")] if entry["needs_filings"] else []),
    ]
    return f"### `{entry['name']}`\n\n{entry['description']}\n\n{table(('', ''), rows)}"


def _sources(members: list[dict[str, Any]]) -> str:
    """Where a part's formulas come from, each source once."""
    named: dict[str, list[str]] = {}
    for one in members:
        if one["source"] != "technic":
            named.setdefault(one["source"], []).append(one["name"])
    if len(named) == 1 and len(next(iter(named.values()))) == len(members):
        return f"Sources: {next(iter(named)).removesuffix('.')}."
    return "\n\n".join(
        f"Sources of {codes(names)}: {text.removesuffix('.')}." for text, names in named.items()
    )
