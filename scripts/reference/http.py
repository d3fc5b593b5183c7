"""docs/reference/http.md: every route of the HTTP API, from its own description."""

from __future__ import annotations

from inspect import getclosurevars
from typing import Any

from reference.markdown import anchor, cell, code, codes, complete, fill, table
from reference.schemas import bounds, default, fields, kind, name_of
from technic.api_keys import SCOPES
from technic.interfaces.http import kept, learned, scans, symbols, working
from technic.interfaces.http.app import described
from technic.interfaces.http.guards import OPEN
from technic.interfaces.http.problems import TITLES
from technic.interfaces.http.routing import PROBLEMS

HERE = "scripts/reference/http.py"
GROUPS = {
    "scan": ("Scans", ""),
    "market": ("The market and its symbols", ""),
    "kept": ("Saved scans, lists, alerts, watches, runs", ""),
    "work": (
        "Long work",
        (
            "What takes long is a job. The answer is 202 with a `Location`; ask there how far it is, "
            "follow `…/events`, fetch `…/result`, or `DELETE` it. The status of the system is here too."
        ),
    ),
    "models and backtests": ("Models and backtests", ""),
    "signs": ("Health, metrics, signing in", ""),
}
KEYS = {
    "read": "look at what is there",
    "scan": "ask too",
    "admin": "keep and change too",
}


def scope_of() -> dict[tuple[str, str], str]:
    """The scope that each route needs, by its method and path: the widest it asks for."""
    found = {}
    for part in (scans, symbols, kept, working, learned):
        for route in part.router.routes:
            asked = [
                getclosurevars(one.dependency).nonlocals.get("scope", "")
                for one in route.dependencies
            ]
            widest = max((scope for scope in asked if scope in SCOPES), key=SCOPES.index)
            found.update({(method, route.path): widest for method in route.methods})
    return found


def http() -> str:
    """The page."""
    content = described()
    schemas = content["components"]["schemas"]
    complete(SCOPES, KEYS, "scope", HERE)
    routes = [
        (about["tags"][0], method.upper(), path, about)
        for path, methods in content["paths"].items()
        for method, about in methods.items()
    ]
    complete({tag for tag, *_ in routes}, GROUPS, "group of routes", HERE)
    groups, needed = [], scope_of()
    for tag, (title, prose) in GROUPS.items():
        mine = [route for route in routes if route[0] == tag]
        rows = [
            (f"[`{method} {path}`](#{anchor(f'{method} {path}')})",
             cell(about["description"].split("\n\n")[0]))
            for _, method, path, about in mine
        ]  # fmt: skip
        groups += [f"## {title}", prose, table(("route", "what it does"), rows)]
        for _, method, path, about in mine:
            key = "" if path in OPEN else f"Scope: `{needed.get((method, path), 'read')}`."
            groups.append(_route(method, path, about, schemas, key))
    asked = _question_fields(schemas)
    return fill(
        "http.md",
        scopes=table(("scope", "may"), [(code(k), v) for k, v in KEYS.items()]),
        problems=table(
            ("status", "title", "when"),
            [(status, TITLES[int(status)], about["description"]) for status, about in PROBLEMS.items()],
        ),
        problem=fields(schemas["ProblemShape"], schemas),
        question=fields(schemas["Asked"], schemas, only=asked),
        plan=fields(schemas["Plan"], schemas),
        alerting=fields(schemas["Alerting"], schemas),
        routes="\n\n".join(part for part in groups if part),
    )  # fmt: skip


def _question_fields(schemas: dict[str, Any]) -> set[str]:
    """The fields that every body holding a question has."""
    return set(schemas["Span"]["properties"]) - {"first", "last"}


def _route(method: str, path: str, about: dict[str, Any], schemas: dict[str, Any], key: str) -> str:
    parts = [f"### {method} {path}", about["description"], key or "Needs no key."]
    rows = [
        (code(one["name"]), one["in"], kind(one["schema"]), default(one["schema"]),
         one.get("description", bounds(one["schema"])))
        for one in about.get("parameters", [])
    ]  # fmt: skip
    parts.append(table(("parameter", "in", "type", "default", "meaning or bound"), rows))
    body = about.get("requestBody", {}).get("content", {}).get("application/json", {})
    if body:
        parts.append(_body(schemas[name_of(body["schema"])], schemas))
    parts.append(_answer(about["responses"], schemas))
    return "\n\n".join(part for part in parts if part)


def _body(schema: dict[str, Any], schemas: dict[str, Any]) -> str:
    """The fields of a body; those of a question are described once for all routes."""
    asked = _question_fields(schemas)
    if not asked <= set(schema["properties"]):
        return f"Body:\n\n{fields(schema, schemas)}"
    others = set(schema["properties"]) - asked
    if not others:
        return "Body: [a question](#a-question)."
    return f"Body: [a question](#a-question), and\n\n{fields(schema, schemas, only=others)}"


def _answer(responses: dict[str, Any], schemas: dict[str, Any]) -> str:
    """What comes back if all is well: status, form, and fields."""
    status, good = next((s, r) for s, r in responses.items() if int(s) < 400)  # noqa: PLR2004
    forms = good.get("content", {})
    if not forms:
        return f"Answer: {status}, without a body."
    schema = forms.get("application/json", {}).get("schema", {})
    text = f"Answer: {status}, as {codes(forms)}."
    name = name_of(schema) or name_of(schema.get("items", {}))
    if not name:
        return text
    each = "A list; each holds" if "items" in schema else "It holds"
    return f"{text} {each} {codes(schemas[name]['properties'])}."
