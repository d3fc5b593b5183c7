"""Write docs/explanation/measurements.md from benchmarks/RESULTS.md.

    python scripts/refresh_measurements.py [--check]

With --check nothing is written; exits with 1 if the page is not what it would be.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

from reference.markdown import TEMPLATES, noted, table

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs/explanation/measurements.md"
NOTE = "<!-- Written by scripts/refresh_measurements.py; edits here are lost. -->"
# The parts of the table of `make bench`, each by the beginning of its first row.
PARTS = {
    "import of all rows": "One scan",
    "universe of three filters, SQLite": "Universes and percentiles",
    "import of filings": "Filings and evaluation",
    "calls of a daily update": "Keeping the market",
    "full history of 60 features, 2 processes": "Many cores, large markets, long spans",
    "page, first painted": "Pages and HTTP",
    "scan, against the one before it": "Against the scan before this one",
}


def rows_of(text: str, begin: str) -> list[list[str]]:
    """The rows of the first table whose head begins with a text; the head is left out."""
    found = text[text.index(begin) :].split("\n\n", maxsplit=1)[0].splitlines()
    cells = [[part.strip() for part in line.strip("| ").split("|")] for line in found]
    width = len(re.findall(r"(?<!\\)\|", found[1])) - 1
    return [row + [""] * (width - len(row)) for row in cells[2:]]


def speed(text: str) -> str:
    """What was measured beside what was asked, in parts.

    Raises
    ------
    ValueError
        If a part's first row is not in the results.
    """
    rows = rows_of(text, "| what | on | measured |")
    parts: dict[str, list[list[str]]] = {}
    title = ""
    for what, on, measured, must, _aim in rows:
        title = next((name for key, name in PARTS.items() if what.startswith(key)), title)
        parts.setdefault(title, []).append([what, on, measured, must])
    if lacking := set(PARTS.values()) - set(parts):
        message = f"no row begins {', '.join(sorted(lacking))}; see PARTS of {Path(__file__).name}"
        raise ValueError(message)
    head = ("what", "on", "measured", "asked")
    return "\n\n".join(f"### {name}\n\n{table(head, found)}" for name, found in parts.items())


def page() -> str:
    """The page."""
    text = (ROOT / "benchmarks/RESULTS.md").read_text(encoding="utf-8")
    machines = re.findall(r"^- (\d{4}-.*)$", text, re.MULTILINE)
    parts = {
        "machine": machines[0],
        "learned_on": re.findall(r"`python benchmarks/learning.py --train`, (.*?);", text)[0],
        "speed": speed(text),
        "baselines": table(
            ("baseline, same bars, same run", "computes", "time", "times ours"),
            rows_of(text, "| baseline, same bars"),
        ),
        "cost": table(
            ("ns per symbol-bar", "252 sessions", "504", "1,260"),
            rows_of(text, "| last-bar features, ns"),
        ),
        "evidence": table(
            ("rank IC, 95 % interval", "1 session", "5 sessions", "21 sessions", "sessions needed"),
            rows_of(text, "| rank IC"),
        ),
        "learning": table(
            ("what", "on", "measured", "asked"),
            [row[:4] for row in rows_of(text.split("## Models and backtests")[1], "| what | on")],
        ),
    }
    made = (TEMPLATES / "measurements.md").read_text(encoding="utf-8")
    for name, content in parts.items():
        made = made.replace("{{" + name + "}}", content)
    return noted(made, NOTE)


def main() -> int:
    """Write or check the page."""
    made = page()
    if "--check" in sys.argv:
        if PAGE.exists() and PAGE.read_text(encoding="utf-8") == made:
            return 0
        print(f"{PAGE} is stale: python scripts/refresh_measurements.py")
        return 1
    PAGE.write_text(made, encoding="utf-8", newline="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
