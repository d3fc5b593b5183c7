"""Which code an answer was made by: what it used, all of that, and nothing else."""

from __future__ import annotations

import inspect
import re
import shutil
import subprocess
import sys
from pathlib import Path

import orjson
import pytest

import technic
from technic.compute import code_used as module
from technic.compute.code_used import code_used
from technic.indicators import REGISTRY
from technic.indicators.define import every_series

CODE = """
import orjson
from technic.compute.code_used import code_used
from technic.scanner.spec.question import resolve_question
from technic.scanner.spec.scan_file import ScanFile
asked = ScanFile(where="rsi(14) > 50 and close > dema(20)", rank="macd_hist(12, 26, 9)")
print(orjson.dumps(code_used(resolve_question(asked).series).as_dict()).decode())
"""


def test_the_text_of_every_definition_is_found():
    for it in REGISTRY.values():
        function = it.function
        texts = module._texts(Path(function.__code__.co_filename))
        assert texts[function.__name__] == inspect.getsource(function).strip()


def test_only_what_is_used_is_named():
    used = code_used([REGISTRY["rsi"](), REGISTRY["atr_pct"]()])
    assert {"rsi", "atr"} <= set(used.definitions)
    assert not {"adx", "sma", "macd"} & set(used.definitions)
    assert set(used.definitions) < set(code_used(every_series()).definitions)
    assert code_used([REGISTRY["rsi"](15)]).graph != code_used([REGISTRY["rsi"](14)]).graph


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    """A copy of the code, and what it says of a question."""
    folder = tmp_path_factory.mktemp("copy")
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(Path(technic.__file__).parent, folder / "technic", ignore=ignored)

    def said():
        done = subprocess.run(
            [sys.executable, "-c", CODE],
            env={"PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1", "PATH": "/usr/bin", "HOME": str(folder)},
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        return orjson.loads(done.stdout)

    return folder / "technic" / "indicators", said, said()


ANOTHER = '''


@window(lookback=lambda n: n - 1, unit="price", source="made up")
def newest_twice(t: int, x: Any, n: int = 20) -> Any:
    """Twice the newest."""
    return 2.0 * x[t]
'''


@pytest.mark.parametrize(
    ("file", "pattern", "into", "changed"),
    [
        # One definition more, in the family of one that is used; a constant and an import more.
        ("average.py", r"\Z", ANOTHER, set()),
        ("average.py", r"(?m)^(from typing import Any)$", r"\1\n\nTWO = 2.0", set()),
        # One that is not used, changed.
        ("average.py", r"linearly weighted", "linearly  weighted", set()),
        ("trend.py", r"k: Any,", "k:  Any,", set()),
        # One that is used, changed; what runs it; and a formula that leaves only its graph.
        ("momentum.py", r"(?s)(def rsi\(.*?\) -> Any:)", r"\1  # other", {"definitions"}),
        ("momentum.py", r"PERCENT = \(0.0, 100.0\)", "PERCENT = (0.0, 100.5)", {"definitions"}),
        ("reading.py", r"\Z", "# other\n", {"kernel"}),
        ("kernel/run.py", r"\Z", "# other\n", {"kernel"}),
        ("average.py", r"2\.0 \* first", "2.5 * first", {"graph"}),
    ],
)  # fmt: skip
def test_it_changes_with_what_was_used_and_with_nothing_else(copy, file, pattern, into, changed):
    folder, said, before = copy
    path = folder / file
    was = path.read_text()
    now, n = re.subn(pattern, into, was, count=1)
    assert n, "the test changes something"
    assert now != was
    path.write_text(now)
    try:
        after = said()
    finally:
        path.write_text(was)
    assert {key for key in before if before[key] != after[key]} == changed
