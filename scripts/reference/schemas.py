"""JSON schemas in words: what a field is, its default, its bounds."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from reference.markdown import code, table

LINKS = {"Plan": "[plan](#a-plan)", "Alerting": "[alert](#an-alert)"}


def fields(
    schema: Mapping[str, Any],
    schemas: Mapping[str, Any] | None = None,
    only: Collection[str] | None = None,
) -> str:
    """The fields of an object as a table; `only` some of them, if that is given."""
    required = set(schema.get("required", ()))
    rows = [
        (
            code(name), kind(one, schemas or {}),
            "(required)" if name in required else default(one),
            one.get("description", "") or bounds(one),
        )
        for name, one in schema["properties"].items()
        if only is None or name in only
    ]  # fmt: skip
    return table(("field", "type", "default", "meaning or bound"), rows)


def name_of(schema: Mapping[str, Any]) -> str:
    """The name of the schema that is referred to; empty if none is."""
    return str(schema.get("$ref", "")).rsplit("/", 1)[-1]


def kind(schema: Mapping[str, Any], schemas: Mapping[str, Any] | None = None) -> str:
    """A type in words."""
    options = [one for one in schema.get("anyOf", [schema]) if one.get("type") != "null"]
    return " or ".join(_plain(one, schemas or {}) for one in options)


def default(schema: Mapping[str, Any]) -> str:
    """A default as code; empty where there is none to show."""
    value = schema.get("default")
    return "" if value in (None, "", [], {}) else code(value)


def bounds(schema: Mapping[str, Any]) -> str:
    """Bounds in words."""
    one = next((o for o in schema.get("anyOf", [schema]) if o.get("type") != "null"), {})
    low = one.get("minimum", one.get("exclusiveMinimum"))
    high = one.get("maximum")
    if low is not None and high is not None:
        return f"{'above ' if 'exclusiveMinimum' in one else ''}{low:,g} to {high:,g}"
    if "maxItems" in one:
        return f"at most {one['maxItems']:,}"
    return f"at most {one['maxLength']:,} characters" if "maxLength" in one else ""


def _plain(one: Mapping[str, Any], schemas: Mapping[str, Any]) -> str:
    if name := name_of(one):
        about = schemas.get(name, {}).get("properties", ())
        return LINKS.get(name, f"object: {', '.join(about)}")
    if "enum" in one:
        return ", ".join(code(value) for value in one["enum"])
    if one.get("type") == "array":
        return f"list of {_plain(one.get('items', {}), schemas)}"
    named = {"date": "date", "date-time": "instant"}
    kinds = {"integer": "whole number", "string": "text", "boolean": "true or false"}
    said = str(one.get("type", "anything"))
    return named.get(one.get("format", ""), kinds.get(said, said))
