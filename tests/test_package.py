"""The package as a whole: its face, what it never does, where it runs."""

from __future__ import annotations

import ast
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import technic

SOURCE = Path(technic.__file__).parent
FORBIDDEN_CALLS = {"eval", "exec", "compile", "__import__"}
FORBIDDEN_MODULES = {"pickle", "marshal", "shelve", "joblib", "cloudpickle", "dill"}


def test_public_names_are_sorted_and_all_there():
    assert technic.__all__ == sorted(technic.__all__)
    for name in technic.__all__:
        assert getattr(technic, name) is not None
    assert callable(technic.scan)
    import_module("technic.scanner.scan")
    assert callable(technic.scan), "a module of the same name must not hide a function"


def test_import_is_light():
    program = (
        "import sys, technic; print([m for m in ('numba', 'polars', 'numpy') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_nothing_is_pickled_evaluated_or_spelled_into_sql():
    for path in SOURCE.rglob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                assert node.func.id not in FORBIDDEN_CALLS, f"{path}:{node.lineno}"
            if isinstance(node, ast.Import):
                assert not {a.name.split(".")[0] for a in node.names} & FORBIDDEN_MODULES, path
            if isinstance(node, ast.ImportFrom):
                assert (node.module or "").split(".")[0] not in FORBIDDEN_MODULES, path
            if isinstance(node, ast.Attribute):
                assert node.attr not in {"read_pickle", "to_pickle", "query"}, (
                    f"{path}:{node.lineno}"
                )
            if isinstance(node, ast.keyword) and node.arg == "allow_pickle":
                raise AssertionError(path)


def test_no_statement_is_made_from_text():
    """SQL is Core with bound parameters, or a constant; never a string put together."""
    runs = {"text", "execute", "executemany", "exec_driver_sql", "SQL"}
    made = (ast.JoinedStr, ast.BinOp)
    seen = 0
    for path in (SOURCE / "data" / "store").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call) or not node.args:
                continue
            name = getattr(node.func, "attr", getattr(node.func, "id", ""))
            if name in runs:
                seen += 1
                first = node.args[0]
                assert not isinstance(first, made), f"{path}:{node.lineno}"
                formatted = (
                    isinstance(first, ast.Call) and getattr(first.func, "attr", "") == "format"
                )
                assert not formatted, f"{path}:{node.lineno}"
    assert seen > 20


def test_nothing_but_one_file_needs_a_posix_system(tmp_path):
    """Hide what only POSIX has: everything still imports, and a store can be written."""
    program = """
import sys
for name in ("fcntl", "resource", "pwd", "grp", "termios"):
    sys.modules[name] = None
import pkgutil, importlib, technic
for found in pkgutil.walk_packages(technic.__path__, "technic."):
    # Ray and cards are not part of the everyday environment; mcp asks for the system before it asks for fcntl
    beside = {"technic.runtime.executors.ray", "technic.scanner.alpha.cuda", "technic.interfaces.mcp.server", "technic.interfaces.mcp.transports"}
    if not found.name.endswith("__main__") and found.name not in beside:
        importlib.import_module(found.name)
from technic.runtime import files
assert files.fcntl is None
"""
    subprocess.run([sys.executable, "-c", program], check=True)


def test_posix_modules_are_named_in_one_file_only():
    named = {
        path.name
        for path in SOURCE.rglob("*.py")
        for word in ('"fcntl"', "import fcntl", "import resource", "import pwd", "import termios")
        if word in path.read_text(encoding="utf-8")
    }
    assert named == {"files.py"}


def test_names_that_say_nothing_are_not_used():
    banned = {
        "utils",
        "helpers",
        "common",
        "core",
        "base",
        "manager",
        "service",
        "handler",
        "processor",
    }
    assert not {path.stem for path in SOURCE.rglob("*.py")} & banned
