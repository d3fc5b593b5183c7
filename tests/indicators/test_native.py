"""The compiled kernel on disk: damaged or foreign code is never run."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest

from technic.errors import IndicatorError
from technic.indicators.kernel import loader
from technic.indicators.kernel.codegen import write

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


@needs_code
def test_an_array_of_the_wrong_kind_is_refused(kernels):
    run = loader.load(kernels)
    arrays = [np.zeros((2, 2))] * 16
    with pytest.raises(IndicatorError, match="contiguous"):
        run(*[np.zeros((4, 4))[:, ::2]] * 16, 0, 0)
    with pytest.raises(IndicatorError, match="float32"):
        run(*[array.astype(np.float32) for array in arrays], 0, 0)


def test_the_text_of_the_kernel_is_the_same_every_time():
    assert write() == write()
    assert write().count("def do_") >= 50
