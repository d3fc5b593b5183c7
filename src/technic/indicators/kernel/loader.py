"""Loading the kernel: machine code that another process has compiled, or plain Python.

The machine code is an object file; LLVM's loader links it into this process in a few
milliseconds, and Numba is not imported at all. A file names the kernel's digest and the
processor it was compiled for, and carries a checksum: a damaged one is compiled anew.

With NUMBA_DISABLE_JIT=1 the very same definitions run as plain Python.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable
from functools import cache
from hashlib import blake2b
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

from technic.errors import IndicatorError
from technic.indicators.kernel.arguments import C_ARGUMENTS, pack
from technic.indicators.kernel.codegen import digest, write

Kernel = Callable[..., None]  # takes the arguments of arguments.ARGUMENTS, by name
# Internals of Numba, replaced here: the functions of its C runtime (numba/core/runtime) that the
# object file names although it needs none. The kernel allocates nothing and raises nothing, so
# that the first two have nothing to do, and the rest is never reached. A version of Numba that
# names others fails when the object is linked, not later.
RUNTIME = """
define void @NRT_Free(ptr %p) { ret void }
define void @NRT_MemInfo_call_dtor(ptr %p) { ret void }
define void @numba_gil_ensure(ptr %p) { ret void }
define void @numba_gil_release(ptr %p) { ret void }
define i32 @numba_do_raise(ptr %p) { unreachable }
define ptr @numba_runtime_build_excinfo_struct(ptr %p, ptr %q) { unreachable }
define ptr @numba_unpickle(ptr %p, i32 %n, ptr %q) { unreachable }
"""
CHECKSUM = 32


def is_plain() -> bool:
    """Whether definitions run as plain Python in this process."""
    return os.environ.get("NUMBA_DISABLE_JIT", "0") not in {"", "0"}


@cache
def processor() -> tuple[str, str]:
    """Name and features of the processor that code is compiled for and loaded on, in LLVM's words."""
    import llvmlite.binding as llvm  # plain Python needs none

    name = os.environ.get("NUMBA_CPU_NAME") or llvm.get_host_cpu_name()
    features = os.environ.get("NUMBA_CPU_FEATURES")
    if name == "generic":
        return name, features or ""
    return name, llvm.get_host_cpu_features().flatten() if features is None else features


def object_path(folder: Path) -> Path:
    """Where the machine code of this kernel for this processor lies in `folder`."""
    machine = blake2b("\0".join(processor()).encode(), digest_size=4).hexdigest()
    return folder / f"kernel_{digest()}_{machine}.o"


def read_object(folder: Path) -> bytes | None:
    """The machine code; None if there is none, or it is damaged."""
    try:
        content = object_path(folder).read_bytes()
    except OSError:
        return None
    checksum, code = content[:CHECKSUM], content[CHECKSUM:]
    return code if blake2b(code, digest_size=CHECKSUM).digest() == checksum else None


def compiled(folder: Path) -> bool:
    """Whether the kernel can be loaded from `folder` as it is."""
    return is_plain() or read_object(folder) is not None


def load(folder: Path) -> Kernel:
    """The kernel, ready to be called with the arguments of `arguments.ARGUMENTS` by name.

    Parameters
    ----------
    folder : where `compute.kernel.ensure_compiled` has put the machine code

    Raises
    ------
    IndicatorError
        If it has not been compiled yet.
    """
    return _plain() if is_plain() else _native(folder)


@cache
def _plain() -> Kernel:
    """The generated module, run by Python itself."""
    from tempfile import TemporaryDirectory  # tests alone come here

    with TemporaryDirectory() as scratch:
        path = Path(scratch, "kernel.py")
        path.write_text(write(), encoding="utf-8")
        spec = spec_from_file_location("technic_kernel", path)
        if spec is None or spec.loader is None:
            raise IndicatorError(f"{path}: cannot be loaded")
        module: Any = module_from_spec(spec)
        spec.loader.exec_module(module)
    run: Kernel = module.run
    return run


@cache
def _native(folder: Path) -> Kernel:
    import llvmlite.binding as llvm  # plain Python needs none

    code = read_object(folder)
    if code is None:
        raise IndicatorError(
            f"{folder}: the indicators are not compiled yet; call technic.compute.kernel.ensure_compiled"
        )
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    machine = llvm.Target.from_default_triple().create_target_machine(jit=True)
    engine = llvm.create_mcjit_compiler(llvm.parse_assembly(RUNTIME), machine)
    engine.add_object_file(llvm.object_file.ObjectFileRef.from_data(code))
    engine.finalize_object()
    address = engine.get_function_address("technic_entry")
    entry = ctypes.CFUNCTYPE(None, *c_types())(address)

    def run(**arguments: Any) -> None:
        entry(*pack(arguments))

    run.engine = engine  # type: ignore[attr-defined]  # the code lives as long as this
    return run


def c_types() -> list[Any]:
    """The types of `entry`'s arguments, as ctypes calls them."""
    return [ctypes.c_void_p if kind.endswith("*") else ctypes.c_int64 for _, kind in C_ARGUMENTS]
