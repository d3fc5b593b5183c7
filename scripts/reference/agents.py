"""docs/reference/agents.md: the tools that `technic mcp` offers, from the server itself."""

from __future__ import annotations

import asyncio
from pathlib import Path

from reference.markdown import code, fill, table
from reference.schemas import Schemas
from technic.data.store import Store
from technic.interfaces.mcp.server import make_server
from technic.runtime.settings import Settings


def agents() -> str:
    """The page."""
    server = make_server(Store(Path("no-such-store")), Settings())  # nothing is read to list tools
    tools = asyncio.run(server.list_tools())
    rows = [(f"[`{tool.name}`](#{tool.name})", tool.description) for tool in tools]
    sections = [
        f"### {tool.name}\n\n{tool.description}\n\n"
        + (Schemas().fields(tool.input_schema) or "Takes nothing.")
        for tool in tools
    ]
    changing = [code(tool.name) for tool in tools if not tool.annotations.read_only_hint]
    return fill(
        "agents.md",
        number=str(len(tools)),
        tools=table(("tool", "what it does"), rows),
        changing=", ".join(changing),
        sections="\n\n".join(sections),
    )
