"""Write the generated pages of docs/: indicators.md, scores.md, commands.md and api.md.

    python scripts/generate_reference.py [--check]

With --check nothing is written; exits with 1 if a page is not what it would be.
"""

from __future__ import annotations

import sys
from pathlib import Path

import typer

from technic.interfaces.cli import app
from technic.interfaces.http.app import described
from technic.interfaces.reference import entries, score_entries
from technic.query.tree import write_number

DOCS = Path(__file__).parents[1] / "docs"
HEADER = "<!-- Written by scripts/generate_reference.py; edits will be lost. -->\n"


def indicators() -> str:
    """One section per indicator."""
    parts = [
        HEADER,
        "# Indicators\n",
        (
            "The text of a feature is its name everywhere: in questions, in columns, in "
            "`technic.features`. Parameters may be left out or given by name: `rsi`, `rsi(7)`, "
            "`rsi(n=7)`. What cannot be known is unknown, never a number.\n"
        ),
    ]
    for entry in entries():
        bounds = (
            ""
            if entry["bounds"] is None
            else f" · bounds {entry['bounds'][0]:g} … {entry['bounds'][1]:g}"
        )
        free = " · scale free" if entry["scale_free"] else ""
        numbers = ", ".join(f"`{k}` = {write_number(v)}" for k, v in entry["parameters"].items())
        parts.append(
            f"## `{entry['text']}`\n\n{entry['description']}\n\n"
            f"Outputs: {', '.join(f'`{name}`' for name in entry['outputs'])}  \n"
            f"Parameters: {numbers or 'none'}  \n"
            f"Look-back {entry['lookback']} bars · unit {entry['unit']}{free}{bounds} · "
            f"settles: {entry['settles']}  \n"
            f"Source: {entry['source']}. Checked against {entry['oracle']}.\n"
        )
    return "\n".join(parts)


def scores() -> str:
    """One section per score, by what it speaks of."""
    parts = [
        HEADER,
        "# Scores, ratios and ratings\n",
        (
            "Each is a function whose arguments are columns; the texts below are what it reads. Unknown where "
            "anything it reads is, unless it says otherwise. `technic scores NAME` prints one; "
            "`technic evaluate NAME` measures what it has been worth on your store.\n"
        ),
    ]
    part = ""
    for entry in score_entries():
        if entry["part"] != part:
            part = entry["part"]
            parts.append(f"# {part.capitalize()}\n")
        reads = ", ".join(f"`{text}`" for text in entry["inputs"])
        filings = " · needs filings" if entry["needs_filings"] else ""
        parts.append(
            f"## `{entry['name']}`\n\n{entry['description']}\n\n"
            f"Reads: {reads}  \n"
            f"Unit {entry['unit']} · {entry['better']} is better{filings}  \n"
            f"Source: {entry['source']}\n"
        )
    return "\n".join(parts)


def commands() -> str:
    """One section per command, from its own help."""
    group = typer.main.get_command(app)
    parts = [
        HEADER,
        "# Commands\n",
        "All take `--store DIR` where they touch a store; those that read take `--json`.\n",
    ]

    def describe(command: object, words: str) -> None:
        children = getattr(command, "commands", None)
        if children:
            for name, child in children.items():
                describe(child, f"{words} {name}")
            return
        parts.append(f"## `{words}`\n\n{command.help}\n")  # type: ignore[attr-defined]
        for option in command.params:  # type: ignore[attr-defined]
            text = getattr(option, "help", None) or ""
            names = ", ".join(option.opts)
            if names != "--help":
                parts.append(f"- `{names}` {text}".rstrip())
        parts.append("")

    describe(group, "technic")
    return "\n".join(parts)


def api() -> str:
    """Every route of the HTTP API, from its own description."""
    parts = [
        HEADER,
        "# HTTP API\n",
        (
            "Bodies and answers are JSON unless said otherwise; `GET /api/v1/openapi.json` of a running server has every "
            "field. Errors are problem details. [How to begin](guides/serve.md).\n"
        ),
    ]
    content = described()
    tag = ""
    for path, methods in content["paths"].items():
        for method, about in methods.items():
            if about["tags"][0] != tag:
                tag = about["tags"][0]
                parts.append(f"# {tag.capitalize()}\n")
            parts.append(f"## `{method.upper()} {path}`\n\n{about['description']}\n")
            given = about.get("parameters", [])
            parts += [f"- `{one['name']}` in the {one['in']}" for one in given]
            body = about.get("requestBody", {}).get("content", {}).get("application/json", {})
            if body:
                name = body["schema"]["$ref"].rsplit("/", 1)[1]
                fields = content["components"]["schemas"][name]["properties"]
                parts.append(f"- body: {', '.join(f'`{field}`' for field in fields)}")
            parts.append("")
    return "\n".join(parts)


def main() -> int:
    """Write or check the pages."""
    stale = 0
    pages = {
        "indicators.md": indicators,
        "scores.md": scores,
        "commands.md": commands,
        "api.md": api,
    }
    for name, write in pages.items():
        text = write()
        path = DOCS / name
        if "--check" in sys.argv:
            if not path.exists() or path.read_text(encoding="utf-8") != text:
                print(f"{path} is stale: make reference")
                stale = 1
        else:
            path.write_text(text, encoding="utf-8", newline="\n")
    return stale


if __name__ == "__main__":
    sys.exit(main())
