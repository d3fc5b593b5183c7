"""What a process of its own imports before it answers."""

from __future__ import annotations

import subprocess
import sys

HEAVY = {
    "deltalake", "lark", "llvmlite", "numba", "numpy", "polars", "pyarrow", "pydantic", "sqlalchemy",
}  # fmt: skip
LISTED = """
import sys
before = set(sys.modules)
from technic.__main__ import main
sys.argv[0] = "technic"
try:
    main()
finally:
    print(" ".join(sorted(set(sys.modules) - before)), file=sys.stderr)
"""


def run_listed(words, env, cwd):
    """A process of its own: what it said, and the modules that it imported."""
    done = subprocess.run(
        [sys.executable, "-c", LISTED, *words],
        env=env, cwd=cwd, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout, set(done.stderr.splitlines()[-1].split())


def heads(modules):
    return {name.partition(".")[0] for name in modules}


def ours(modules):
    return {name for name in modules if name.startswith("technic")}
