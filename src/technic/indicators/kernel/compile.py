"""Compile the kernel: `python -m technic.indicators.kernel.compile FOLDER` with TECHNIC_COMPILING=1.

Runs in a process of its own, the only one that imports Numba. The module's final LLVM text is
emitted as an object file for the processor that loader.py names, and put into the folder at
once, behind a checksum.
"""

from __future__ import annotations

import os
import sys
from hashlib import blake2b
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import llvmlite.binding as llvm

from technic.indicators import lanes
from technic.indicators.kernel.codegen import write
from technic.indicators.kernel.loader import CHECKSUM, object_path, processor


def machine_code() -> bytes:
    """The kernel as an object file with one C function, `technic_entry`."""
    name, features = processor()
    target = llvm.Target.from_default_triple()
    machine = target.create_target_machine(
        cpu=name, features=features, opt=3, reloc="default", codemodel="jitdefault", jit=True
    )
    code: bytes = machine.emit_object(llvm.parse_assembly(_llvm_text()))
    return code


def _llvm_text() -> str:
    """The generated module's `entry`, with all it calls, as Numba leaves it to LLVM."""
    from numba.core.cpu import CPUContext  # not before it is wanted

    from technic.indicators.kernel import vector_types  # noqa: F401 -- teaches Numba its types

    # An internal of Numba, replaced: `CPUContext.get_executable` turns every compiled function
    # into machine code of its own and wraps it for Python. Nobody calls the 200 functions here:
    # only the LLVM text of `entry` is wanted, which holds them all. What comes back has to be a
    # builtin, and another one each time, because Numba keeps a table from it to the function.
    CPUContext.get_executable = lambda *_: [].append
    with TemporaryDirectory() as scratch:
        path = Path(scratch, "kernel.py")
        path.write_text(write(), encoding="utf-8")
        spec = spec_from_file_location("technic_kernel", path)
        assert spec is not None
        assert spec.loader is not None
        module: Any = module_from_spec(spec)
        sys.modules["technic_kernel"] = module
        spec.loader.exec_module(module)
        # Numba's mangled name of the C function holds its signature: LLVM gets a plain one.
        text = module.entry.inspect_llvm().replace(module.entry.native_name, "technic_entry")
        return str(text)


def main() -> None:
    """Compile into the folder named on the command line."""
    folder = Path(sys.argv[1])
    if not lanes.COMPILING:
        sys.exit("run it with TECHNIC_COMPILING=1")
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    # Named first: sources that change meanwhile, as an update changes them, are another kernel's.
    path = object_path(folder)
    code = machine_code()
    scratch = path.with_suffix(f".{os.getpid()}")  # two processes may compile at once
    scratch.write_bytes(blake2b(code, digest_size=CHECKSUM).digest() + code)
    scratch.replace(path)


if __name__ == "__main__":
    main()
