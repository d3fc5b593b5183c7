"""docs/reference/http.md: every route of the HTTP API, from its own description."""

from __future__ import annotations

from inspect import getclosurevars
from typing import Any

from reference.markdown import anchor, cell, code, codes, complete, fill, table
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
        "What takes long is a job. The answer is 202 with a `Location`; ask there how far it is, "
        "follow `…/events`, fetch `…/result`, or `DELETE` it. The status of the system is here too.",
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
        problem=_fields(schemas["ProblemShape"], schemas),
        question=_fields(schemas["Asked"], schemas, only=asked),
        plan=_fields(schemas["Plan"], schemas),
        alerting=_fields(schemas["Alerting"], schemas),
        routes="\n\n".join(part for part in groups if part),
    )  # fmt: skip


def _question_fields(schemas: dict[str, Any]) -> set[str]:
    """The fields that every body holding a question has."""
    return set(schemas["Span"]["properties"]) - {"first", "last"}


def _route(
    method: str, path: str, about: dict[str, Any], schemas: dict[str, Any], key: str
) -> str:
    parts = [f"### {method} {path}", about["description"], key or "Needs no key."]
    rows = [
        (code(one["name"]), one["in"], _kind(one["schema"]), _default(one["schema"]),
         one.get("description", _bounds(one["schema"])))
        for one in about.get("parameters", [])
    ]  # fmt: skip
    parts.append(table(("parameter", "in", "type", "default", "meaning or bound"), rows))
    body = about.get("requestBody", {}).get("content", {}).get("application/json", {})
    if body:
        parts.append(_body(schemas[_name(body["schema"])], schemas))
    parts.append(_answer(about["responses"], schemas))
    return "\n\n".join(part for part in parts if part)


def _body(schema: dict[str, Any], schemas: dict[str, Any]) -> str:
    """The fields of a body; those of a question are described once for all routes."""
    asked = _question_fields(schemas)
    if not asked <= set(schema["properties"]):
        return f"Body:\n\n{_fields(schema, schemas)}"
    others = set(schema["properties"]) - asked
    if not others:
        return "Body: [a question](#a-question)."
    return f"Body: [a question](#a-question), and\n\n{_fields(schema, schemas, only=others)}"


def _fields(
    schema: dict[str, Any], schemas: dict[str, Any], only: set[str] | None = None
) -> str:
    required = set(schema.get("required", ()))
    rows = [
        (
            code(name), _kind(one, schemas),
            "(required)" if name in required else _default(one),
            one.get("description", "") or _bounds(one),
        )
        for name, one in schema["properties"].items()
        if only is None or name in only
    ]  # fmt: skip
    return table(("field", "type", "default", "meaning or bound"), rows)


def _answer(responses: dict[str, Any], schemas: dict[str, Any]) -> str:
    """What comes back if all is well: status, form, and fields."""
    status, good = next((s, r) for s, r in responses.items() if int(s) < 400)  # noqa: PLR2004
    forms = good.get("content", {})
    if not forms:
        return f"Answer: {status}, without a body."
    schema = forms.get("application/json", {}).get("schema", {})
    text = f"Answer: {status}, as {codes(forms)}."
    name = _name(schema) or _name(schema.get("items", {}))
    if not name:
        return text
    each = "A list; each holds" if "items" in schema else "It holds"
    return f"{text} {each} {codes(schemas[name]['properties'])}."


def _name(schema: dict[str, Any]) -> str:
    return str(schema.get("$ref", "")).rsplit("/", 1)[-1]


def _kind(schema: dict[str, Any], schemas: dict[str, Any] | None = None) -> str:
    """A type in words."""
    options = [one for one in schema.get("anyOf", [schema]) if one.get("type") != "null"]
    return " or ".join(_plain(one, schemas or {}) for one in options)


def _plain(one: dict[str, Any], schemas: dict[str, Any]) -> str:
    if name := _name(one):
        known = {"Plan": "[plan](#a-plan)", "Alerting": "[alert](#an-alert)"}
        return known.get(name, f"object: {', '.join(schemas.get(name, {}).get('properties', ()))}")
    if "enum" in one:
        return ", ".join(code(value) for value in one["enum"])
    if one.get("type") == "array":
        return f"list of {_plain(one.get('items', {}), schemas)}"
    named = {"date": "date", "date-time": "instant"}
    kinds = {"integer": "whole number", "string": "text", "boolean": "true or false"}
    kind = str(one.get("type", "anything"))
    return named.get(one.get("format", ""), kinds.get(kind, kind))


def _default(schema: dict[str, Any]) -> str:
    value = schema.get("default")
    return "" if value in (None, "", [], {}) else code(value)


def _bounds(schema: dict[str, Any]) -> str:
    """Bounds in words."""
    one = next((o for o in schema.get("anyOf", [schema]) if o.get("type") != "null"), {})
    low = one.get("minimum", one.get("exclusiveMinimum"))
    high = one.get("maximum")
    if low is not None and high is not None:
        return f"{'above ' if 'exclusiveMinimum' in one else ''}{low:,g} to {high:,g}"
    if "maxItems" in one:
        return f"at most {one['maxItems']:,}"
    return f"at most {one['maxLength']:,} characters" if "maxLength" in one else ""
