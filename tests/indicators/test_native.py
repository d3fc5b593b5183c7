"""The compiled kernel on disk: damaged or foreign code is never run."""

from __future__ import annotations

import ast
import ctypes
import os
import subprocess
import sys

import numpy as np
import pytest

from technic.errors import IndicatorError
from technic.indicators.kernel import compile as compiler
from technic.indicators.kernel import loader
from technic.indicators.kernel.arguments import ARGUMENTS, C_ARGUMENTS, TABLE, pack
from technic.indicators.kernel.codegen import write
from technic.indicators.kernel.instructions import WIDTH

needs_code = pytest.mark.skipif(loader.is_plain(), reason="nothing is compiled in this run")


@needs_code
def test_a_damaged_file_is_as_good_as_none(kernels, tmp_path):
    whole = loader.object_path(kernels).read_bytes()
    target = loader.object_path(tmp_path)
    for content in (
        b"",
        whole[:1000],
        whole[:-1],
        whole[:99] + bytes([whole[99] ^ 1]) + whole[100:],
    ):
        target.write_bytes(content)
        assert loader.read_object(tmp_path) is None
        assert not loader.compiled(tmp_path)
        with pytest.raises(IndicatorError, match="not compiled"):
            loader.load(tmp_path)
    target.write_bytes(whole)
    assert loader.compiled(tmp_path)


@needs_code
def test_code_for_another_processor_has_another_name(kernels):
    program = "from technic.indicators.kernel.loader import object_path; from pathlib import Path; print(object_path(Path('.')))"
    env = {**os.environ, "NUMBA_CPU_NAME": "generic"}
    done = subprocess.run(
        [sys.executable, "-c", program], env=env, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() != loader.object_path(kernels).name


def test_code_is_filed_under_the_sources_as_they_were_before_it_was_compiled(tmp_path, monkeypatch):
    """An update in the middle of half a minute must not file old code under the new name."""
    steps = []
    monkeypatch.setattr(compiler.lanes, "COMPILING", True)
    monkeypatch.setattr(sys, "argv", ["compile", str(tmp_path)])
    monkeypatch.setattr(compiler, "object_path", lambda to: steps.append("named") or to / "k.o")
    monkeypatch.setattr(compiler, "machine_code", lambda: steps.append("compiled") or b"code")
    compiler.main()
    assert steps == ["named", "compiled"]
    assert (tmp_path / "k.o").read_bytes().endswith(b"code")


@needs_code
def test_an_array_of_the_wrong_kind_is_refused(kernels):
    run = loader.load(kernels)
    names = [argument.name for argument in ARGUMENTS]
    with pytest.raises(IndicatorError, match="contiguous"):
        run(**dict.fromkeys(names, np.zeros((4, 4))[:, ::2]))
    with pytest.raises(IndicatorError, match="float32"):
        run(**dict.fromkeys(names, np.zeros((2, 2), dtype=np.float32)))
    with pytest.raises(IndicatorError, match=r"shape \(2, 2\)"):
        run(**dict.fromkeys(names, np.zeros((2, 2), dtype=np.int64)))


def test_the_text_of_the_kernel_is_the_same_every_time():
    assert write() == write()
    assert write().count("def do_") >= 50


def test_table_text_and_c_signature_of_the_kernel_agree():
    """What `run` takes, what `entry` takes, and the types it is called with: one table."""
    tree = ast.parse(write())
    functions = {node.name: node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
    names = {name: [a.arg for a in node.args.args] for name, node in functions.items()}
    assert names["run"] == [name for name, _ in TABLE]
    assert names["entry"] == [name for name, _ in C_ARGUMENTS]
    types = functions["entry"].decorator_list[0].args[0].args
    pointers = [ast.unparse(kind).startswith("types.CPointer") for kind in types]
    assert pointers == [kind is ctypes.c_void_p for kind in loader.c_types()]
    arrays = [argument for argument in ARGUMENTS if argument.sizes]
    assert sum(pointers) == len(arrays)
    assert len(types) == len(names["entry"]) == len(set(names["entry"]))


def test_every_array_crosses_as_its_address_and_its_sizes():
    values, sizes = {}, {}
    for position, argument in enumerate(ARGUMENTS):
        shape = [
            {"LANES": 8, "N_FRAMES": 3, "N_FIELDS": 7, "WIDTH": WIDTH}.get(size)
            or (int(size) if size.isdigit() else sizes.setdefault(size, 2 + len(sizes)))
            for size in argument.sizes
        ]
        values[argument.name] = np.zeros(shape, argument.dtype) if shape else position
    packed = dict(zip([name for name, _ in C_ARGUMENTS], pack(values), strict=True))
    assert {name: packed[name] for name in sizes} == sizes
    for argument in ARGUMENTS:
        value = values[argument.name]
        assert packed[argument.name] == (value.ctypes.data if argument.sizes else value)
