"""JSON schemas in words: what a field is, its default, its bounds."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from reference.markdown import code, table


@dataclass(frozen=True)
class Schemas:
    """Schemas that refer to one another by name.

    Attributes
    ----------
    named : Mapping[str, Any]
        Every schema, by its name.
    links : Mapping[str, str]
        By name, the link to where a schema is described; others are described where they stand.
    """

    named: Mapping[str, Any] = field(default_factory=dict)
    links: Mapping[str, str] = field(default_factory=dict)

    def fields(self, schema: Mapping[str, Any], only: Collection[str] | None = None) -> str:
        """The fields of an object as a table; `only` some of them, if that is given."""
        required = set(schema.get("required", ()))
        rows = [
            (
                code(name), self.kind(one),
                "(required)" if name in required else default(one),
                one.get("description", "") or bounds(one),
            )
            for name, one in schema["properties"].items()
            if only is None or name in only
        ]  # fmt: skip
        return table(("field", "type", "default", "meaning or bound"), rows)

    def kind(self, schema: Mapping[str, Any]) -> str:
        """A type in words."""
        return " or ".join(self._plain(one) for one in options(schema))

    def _plain(self, one: Mapping[str, Any]) -> str:
        if name := name_of(one):
            about = self.named.get(name, {}).get("properties", ())
            return self.links.get(name, f"object: {', '.join(about)}")
        if "enum" in one:
            return ", ".join(code(value) for value in one["enum"])
        if one.get("type") == "array":
            return f"list of {self._plain(one.get('items', {}))}"
        named = {"date": "date", "date-time": "instant"}
        kinds = {"integer": "whole number", "string": "text", "boolean": "true or false"}
        said = str(one.get("type", "anything"))
        return named.get(one.get("format", ""), kinds.get(said, said))


def options(schema: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """What a value may be, null left out."""
    return [one for one in schema.get("anyOf", [schema]) if one.get("type") != "null"]


def name_of(schema: Mapping[str, Any]) -> str:
    """The name of the schema that is referred to; empty if none is."""
    return str(schema.get("$ref", "")).rsplit("/", 1)[-1]


def default(schema: Mapping[str, Any]) -> str:
    """A default as code; empty where there is none to show."""
    value = schema.get("default")
    return "" if value in (None, "", [], {}) else code(value)


def bounds(schema: Mapping[str, Any]) -> str:
    """Bounds in words."""
    one = next(iter(options(schema)), {})
    low = one.get("minimum", one.get("exclusiveMinimum"))
    high = one.get("maximum")
    if low is not None and high is not None:
        return f"{'above ' if 'exclusiveMinimum' in one else ''}{low:,g} to {high:,g}"
    if "maxItems" in one:
        return f"at most {one['maxItems']:,}"
    return f"at most {one['maxLength']:,} characters" if "maxLength" in one else ""
