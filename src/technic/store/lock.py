"""One writer at a time: the only file that knows how an operating system locks files."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

from technic.errors import StoreError

fcntl: Any
try:
    fcntl = import_module("fcntl")
except ImportError:  # Windows
    fcntl = None


@contextmanager
def writing(folder: Path) -> Iterator[None]:
    """Hold the right to write below `folder`; the system takes it back if we die.

    Raises
    ------
    StoreError
        If the folder cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle = os.open(folder / ".lock", os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise StoreError(
            f"{folder}: cannot be written ({error.strerror}); nothing was changed. "
            "Choose another place with --store or TECHNIC_STORE"
        ) from error
    try:
        _lock(handle)
        yield
    finally:
        os.close(handle)


def _lock(handle: int) -> None:
    if fcntl is not None:
        fcntl.flock(handle, fcntl.LOCK_EX)
        return
    msvcrt: Any = import_module("msvcrt")
    msvcrt.locking(handle, msvcrt.LK_LOCK, 1)


def sync_to_disk(*paths: Path) -> None:
    """Make files and the folders they stand in survive a power cut."""
    folders = {path.parent for path in paths}
    for path in (*paths, *folders):
        if os.name == "nt" and path.is_dir():
            continue
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def write_atomically(path: Path, content: bytes) -> None:
    """`path` holds either what it held before or all of `content`, never less."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    scratch = path.with_name(f".{path.name}.{os.getpid()}")
    scratch.write_bytes(content)
    sync_to_disk(scratch)
    scratch.replace(path)
    sync_to_disk(path)
