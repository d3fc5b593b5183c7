"""Compilation of the indicators: once per machine and version, in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from logging import getLogger
from pathlib import Path

from technic.errors import StoreError
from technic.indicators.kernel.loader import compiled, object_path
from technic.runtime.files import make_folder
from technic.runtime.logs import log_mended

LOG = getLogger(__name__)
COMPILING = {
    "TECHNIC_COMPILING": "1",
    "NUMBA_DISABLE_JIT": "0",
    # Definitions are vectors already: LLVM's own search for vectors finds nothing and takes time.
    "NUMBA_LOOP_VECTORIZE": "0",
    "NUMBA_SLP_VECTORIZE": "0",
    "NUMBA_OPT": "2",
}


def ensure_compiled(folder: Path) -> None:
    """Compile the indicators into `folder` unless they are there; takes half a minute.

    Raises
    ------
    StoreError
        If the folder cannot be written, or the compiler fails.
    """
    if compiled(folder):
        return
    if object_path(folder).exists():
        log_mended(LOG, f"{object_path(folder)}: was damaged; it is compiled anew")
    try:
        make_folder(folder)
    except OSError as error:
        raise StoreError(
            f"{folder}: cannot keep the compiled indicators here ({error.strerror}); set "
            "TECHNIC_HOME to a folder you may write to"
        ) from error
    done = subprocess.run(  # noqa: S603 -- our own module, by our own interpreter
        [sys.executable, "-m", "technic.indicators.kernel.compile", str(folder)],
        env={**os.environ, **COMPILING},
        stdin=subprocess.DEVNULL,
        umask=0o077,  # what it makes is its owner's alone
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode or not compiled(folder):
        lines = done.stderr.strip().splitlines() or ["no reason given"]
        raise StoreError(f"{folder}: the indicators could not be compiled: {lines[-1]}")
