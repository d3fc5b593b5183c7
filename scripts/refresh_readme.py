"""Put real terminal output and the measured table into README.md.

    python scripts/refresh_readme.py

Takes the table from benchmarks/RESULTS.md and the picture from `technic demo`.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]


def picture() -> str:
    """What `technic demo` prints once the market is made; the first twelve rows of it."""
    technic = Path(sys.executable).parent / "technic"
    text = subprocess.run([technic, "demo"], capture_output=True, text=True, check=True).stdout
    lines = text.rstrip().splitlines()
    return "\n".join(line.rstrip() for line in [*lines[:13], *lines[23:]])


def table() -> str:
    """What was measured, beside what was asked."""
    text = (ROOT / "benchmarks/RESULTS.md").read_text(encoding="utf-8")
    rows = [
        line.split("|")[1:-1]
        for line in text.split("| baseline")[0].splitlines()
        if line.startswith("|")
    ]
    kept = [f"|{row[0]}|{row[2]}|{row[3]}|" for row in rows]
    kept[1] = "|---|---|---|"
    baselines = [
        line for line in text.splitlines() if re.match(r"\| (TA-Lib|pandas|polars) ", line)
    ]
    told = [line.split("|") for line in baselines]
    kept += [
        f"| the same kind of features by {row[1].strip()} ({row[2].strip()}) | {row[3].strip()} | {row[4].strip()} ours |"
        for row in told
    ]
    return "\n".join(kept)


def evidence() -> str:
    """What the ratings were worth."""
    text = (ROOT / "benchmarks/RESULTS.md").read_text(encoding="utf-8")
    start = text.index("| rank IC")
    return text[start:].strip().split("\n\n")[0]


def main() -> None:
    """Replace the blocks in place."""
    path = ROOT / "README.md"
    text = path.read_text(encoding="utf-8")
    text = re.sub(
        r"```text\n.*?\n```", lambda _: f"```text\n{picture()}\n```", text, count=1, flags=re.DOTALL
    )
    head, tail = text.split("[benchmarks/RESULTS.md](benchmarks/RESULTS.md).\n", 1)
    after = tail.split("What falls short", 1)[1]
    middle = f"[benchmarks/RESULTS.md](benchmarks/RESULTS.md).\n\n{table()}\n\nWhat falls short"
    head = re.sub(
        r"<!-- evidence -->.*?<!-- /evidence -->",
        lambda _: f"<!-- evidence -->\n{evidence()}\n<!-- /evidence -->",
        head, count=1, flags=re.DOTALL,
    )  # fmt: skip
    guide = ROOT / "docs/guides/evaluate.md"
    above = guide.read_text(encoding="utf-8").split("<!-- evidence")[0]
    mark = "<!-- evidence: written by scripts/refresh_readme.py -->"
    guide.write_text(f"{above}{mark}\n\n{evidence()}\n", encoding="utf-8", newline="\n")
    path.write_text(head + middle + after, encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
