"""docs/reference/http.md: every route of the HTTP API, from its own description."""

from __future__ import annotations

from inspect import getclosurevars
from typing import Any

from reference.markdown import anchor, cell, code, codes, complete, fill, table
from reference.schemas import Schemas, bounds, default, name_of, options
from technic.interfaces.http import (
    routes_jobs,
    routes_library,
    routes_research,
    routes_scans,
    routes_symbols,
)
from technic.interfaces.http.api_keys import SCOPES
from technic.interfaces.http.app import described
from technic.interfaces.http.middleware import OPEN
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
    for part in (routes_scans, routes_symbols, routes_library, routes_jobs, routes_research):
        for route in part.router.routes:
            asked = [
                getclosurevars(one.dependency).nonlocals.get("scope", "")
                for one in route.dependencies
            ]
            widest = max((scope for scope in asked if scope in SCOPES), key=SCOPES.index)
            found.update({(method, route.path): widest for method in route.methods})
    return found


class Api:
    """The routes of the API, and the schemas that they share.

    The fields of a question stand in many bodies, and are described once.
    """

    def __init__(self, content: dict[str, Any]) -> None:
        self.paths = content["paths"]
        named = content["components"]["schemas"]
        scan, span, keeping = (
            named[name_of(self.body(*route))]
            for route in (
                ("post", "/api/v1/scan"), ("post", "/api/v1/sessions"), ("put", "/api/v1/scans/{name}"),
            )
        )  # fmt: skip
        plan, alert = (
            name_of(options(schema["properties"][name])[0])
            for schema, name in ((scan, "plan"), (keeping, "alert"))
        )
        links = {plan: "[plan](#a-plan)", alert: "[alert](#an-alert)"}
        self.schemas = Schemas(named, links)
        self.asked = set(span["properties"]) - {"first", "last"}
        self.question = self.schemas.fields(scan, only=self.asked)
        self.plan, self.alert = (self.schemas.fields(named[name]) for name in (plan, alert))
        refused = self.paths["/api/v1/scan"]["post"]["responses"]["401"]["content"]
        problem = refused["application/problem+json"]["schema"]
        self.problem = self.schemas.fields(named[name_of(problem)])

    def body(self, method: str, path: str) -> dict[str, Any]:
        """The schema of a route's body; empty if it takes none."""
        content = self.paths[path][method].get("requestBody", {}).get("content", {})
        found: dict[str, Any] = content.get("application/json", {}).get("schema", {})
        return found

    def routes(self) -> list[tuple[str, str, str]]:
        """Tag, method and path of every route."""
        return [
            (about["tags"][0], method, path)
            for path, methods in self.paths.items()
            for method, about in methods.items()
        ]

    def route(self, method: str, path: str, key: str) -> str:
        """The section of one route."""
        about = self.paths[path][method]
        rows = [
            (code(one["name"]), one["in"], self.schemas.kind(one["schema"]), default(one["schema"]),
             one.get("description", bounds(one["schema"])))
            for one in about.get("parameters", [])
        ]  # fmt: skip
        head = ("parameter", "in", "type", "default", "meaning or bound")
        parts = [f"### {method.upper()} {path}", about["description"], key, table(head, rows)]
        if body := self.body(method, path):
            parts.append(self._body(self.schemas.named[name_of(body)]))
        parts.append(self._answer(about["responses"]))
        return "\n\n".join(part for part in parts if part)

    def _body(self, schema: dict[str, Any]) -> str:
        if not self.asked <= set(schema["properties"]):
            return f"Body:\n\n{self.schemas.fields(schema)}"
        others = set(schema["properties"]) - self.asked
        if not others:
            return "Body: [a question](#a-question)."
        return f"Body: [a question](#a-question), and\n\n{self.schemas.fields(schema, others)}"

    def _answer(self, responses: dict[str, Any]) -> str:
        """What comes back if all is well: status, form, and fields."""
        status, good = next((s, r) for s, r in responses.items() if int(s) < 400)
        forms = good.get("content", {})
        if not forms:
            return f"Answer: {status}, without a body."
        schema = forms.get("application/json", {}).get("schema", {})
        text = f"Answer: {status}, as {codes(forms)}."
        name = name_of(schema) or name_of(schema.get("items", {}))
        if not name:
            return text
        each = "A list; each holds" if "items" in schema else "It holds"
        return f"{text} {each} {codes(self.schemas.named[name]['properties'])}."


def http() -> str:
    """The page."""
    api = Api(described())
    complete(SCOPES, KEYS, "scope", HERE)
    complete({tag for tag, *_ in api.routes()}, GROUPS, "group of routes", HERE)
    parts, needed = [], scope_of()
    for tag, (title, prose) in GROUPS.items():
        mine = [(method, path) for of, method, path in api.routes() if of == tag]
        rows = []
        for method, path in mine:
            name = f"{method.upper()} {path}"
            first = cell(api.paths[path][method]["description"].split("\n\n")[0])
            rows.append((f"[`{name}`](#{anchor(name)})", first))
        parts += [f"## {title}", prose, table(("route", "what it does"), rows)]
        for method, path in mine:
            scope = needed.get((method.upper(), path), "read")
            key = "Needs no key." if path in OPEN else f"Scope: `{scope}`."
            parts.append(api.route(method, path, key))
    statuses = [(n, TITLES[int(n)], about["description"]) for n, about in PROBLEMS.items()]
    return fill(
        "http.md",
        scopes=table(("scope", "may"), [(code(k), v) for k, v in KEYS.items()]),
        problems=table(("status", "title", "when"), statuses),
        problem=api.problem,
        question=api.question,
        plan=api.plan,
        alerting=api.alert,
        routes="\n\n".join(part for part in parts if part),
    )
