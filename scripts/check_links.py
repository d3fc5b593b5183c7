"""Find what leads nowhere inside the repository: missing files, missing headings, paths in code.

    python scripts/check_links.py

Prints one line per dead link; exits with 1 if there is one. Links to other hosts are not followed.
Paths of this repository in code font must exist too, but on pages about what was.
"""

from __future__ import annotations

import re
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from reference.markdown import anchor

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PLACES = ("*.md", "docs/**/*.md", "benchmarks/*.md", "deploy/*.md")
FENCE = re.compile(r"^(```|~~~).*?^\1\s*$", re.MULTILINE | re.DOTALL)
CODE = re.compile(r"`[^`\n]+`")
LINK = re.compile(r"\]\(\s*<?([^)\s>]+)>?(?:\s+\"[^\"]*\")?\s*\)")
HEADING = re.compile(r"^#{1,6}\s+(.+?)\s*#*$", re.MULTILINE)
OURS = re.compile(r"`((?:benchmarks|deploy|docs|findings|scripts|src|tests)/[\w./-]*)`")
OF_THE_PAST = {"migration.md", "B0.md"}
OTHER = re.compile(r"^[a-z][a-z0-9+.-]*:", re.IGNORECASE)  # https:, mailto:


def pages() -> list[Path]:
    """Every page of the repository."""
    return sorted({path for place in PLACES for path in ROOT.glob(place)})


def dead(page: Path) -> Iterator[tuple[int, str, str]]:
    """Dead links of a page: the line, the target, and why it is dead."""
    text = _prose(page)
    for found in LINK.finditer(text):
        target = found[1]
        if OTHER.match(target):
            continue
        path, _, name = target.partition("#")
        there = (page.parent / path).resolve() if path else page
        line = text.count("\n", 0, found.start()) + 1
        if not there.exists():
            yield line, target, "there is no such file"
        elif name and there.suffix == ".md" and name not in anchors(there):
            yield line, target, "there is no such heading"


def missing(page: Path) -> Iterator[tuple[int, str, str]]:
    """Paths in code font that are not there: the line, the path, and why it is dead."""
    if page.name in OF_THE_PAST:
        return
    for line, text in enumerate(page.read_text(encoding="utf-8").splitlines(), 1):
        for path in OURS.findall(text):
            if not (ROOT / path).exists():
                yield line, path, "there is no such file"


def anchors(page: Path) -> set[str]:
    """The anchors of a page, as the docs site makes them, or GitHub for what lies beside docs/."""
    text = FENCE.sub("", page.read_text(encoding="utf-8"))
    slug = anchor if DOCS in page.parents else _slug
    counts: Counter[str] = Counter()
    made = set()
    for heading in HEADING.findall(text):
        plain = re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", heading).replace("`", "")
        name = slug(plain)
        again = counts[name]
        counts[name] += 1
        joint = "_" if slug is anchor else "-"
        made.add(f"{name}{joint}{again}" if again else name)
    return made


def _slug(heading: str) -> str:
    kept = "".join(c for c in heading.lower() if c.isalnum() or c in "-_ ")
    return kept.replace(" ", "-")


def _prose(page: Path) -> str:
    """The text of a page with its code blanked, line for line."""
    text = page.read_text(encoding="utf-8")
    text = FENCE.sub(lambda found: "\n" * found[0].count("\n"), text)
    return CODE.sub(lambda found: " " * len(found[0]), text)


def main() -> int:
    """Check every page."""
    found = 0
    for page in pages():
        for line, target, why in (*dead(page), *missing(page)):
            print(f"{page.relative_to(ROOT)}:{line}: {target}: {why}")
            found += 1
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
