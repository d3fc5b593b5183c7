"""Write the generated pages of docs/reference/, and the help that the command line prints.

    python scripts/generate_reference.py [--check]

With --check nothing is written; exits with 1 if a page is not what it would be.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

from reference.agents import agents
from reference.commands import commands, help_text
from reference.definitions import indicators, scores
from reference.errors import errors
from reference.formats import file_formats
from reference.http import http
from reference.language import language
from reference.python import python
from reference.settings import settings

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "docs/reference"
HELP = "../../src/technic/interfaces/cli/help.txt"
PAGES: dict[str, Callable[[], str]] = {
    "commands.md": commands,
    "settings.md": settings,
    "indicators.md": indicators,
    "scores.md": scores,
    "language.md": language,
    "file-formats.md": file_formats,
    "errors.md": errors,
    "http.md": http,
    "python.md": python,
    "agents.md": agents,
    HELP: help_text,
}


def main() -> int:
    """Write or check the pages."""
    stale = 0
    for name, write in PAGES.items():
        text = write()
        path = FOLDER / name
        if "--check" in sys.argv:
            if not path.exists() or path.read_text(encoding="utf-8") != text:
                print(f"{path} is stale: make reference")
                stale = 1
        else:
            path.write_text(text, encoding="utf-8", newline="\n")
    return stale


if __name__ == "__main__":
    sys.exit(main())
