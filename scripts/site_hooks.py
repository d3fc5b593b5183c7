"""A hook of the docs site: links to files beside docs/ become their names.

The site holds docs/ alone. A page that is read in the repository may link to benchmarks/RESULTS.md;
on the site such a link would be dead.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

DOCS = Path(__file__).parents[1] / "docs"
LINK = re.compile(r"(?<!!)\[([^\]]+)\]\((\.\./[^)#\s]+)(#[^)\s]*)?\)")


def on_page_markdown(markdown: str, *, page: Any, **_: Any) -> str:
    """A page without links that leave docs/; each says where in the repository the file is."""
    folder = (DOCS / page.file.src_uri).parent

    def outside(found: re.Match[str]) -> str:
        target = (folder / found[2]).resolve()
        if DOCS in target.parents:
            return found[0]
        name = target.relative_to(DOCS.parent)
        return found[1] if str(name) in found[1] else f"{found[1]} (`{name}` in the repository)"

    return LINK.sub(outside, markdown)
