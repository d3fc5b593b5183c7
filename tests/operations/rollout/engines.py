"""Engines to try: programs with a planted fault, or none."""

from __future__ import annotations

import sys
from pathlib import Path

HERE = Path(__file__).parent


def program(folder: Path, kind: str, more: str = "") -> Path:
    """A program that runs an engine with a fault of a kind; `none` for none."""
    path = folder / f"engine_{kind}"
    path.write_text(
        f"#!{sys.executable}\nimport sys\nsys.path.insert(0, {str(HERE)!r})\n{more}\n"
        f"import faulty\nfaulty.main({kind!r})\n"
    )
    path.chmod(0o755)
    return path


def question(k: int, store: Path) -> dict:
    """One of many questions."""
    file = {"where": f"rsi(14) < {40 + k % 30}", "top": 30, "rank": "ret(5)"}
    return {"id": k, "scan": {"store": str(store), "file": file}}
