"""Files: locks between processes, writes that are whole or not at all, and syncing to the disk.

A store and its home belong to one user: folders are 0700 and files 0600, whatever the umask. What is
made here has these modes from its first moment; what a library writes for us gets them when it is
made known, in `sync_to_disk`, before anything names it. The only file that knows how an operating
system locks files.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from errno import ENOTDIR
from importlib import import_module
from pathlib import Path
from shutil import disk_usage
from stat import S_ISDIR
from typing import Any

from technic.errors import StoreError

fcntl: Any
try:
    fcntl = import_module("fcntl")
except ImportError:  # Windows
    fcntl = None


FILE_MODE, FOLDER_MODE = 0o600, 0o700


def make_folder(folder: Path) -> None:
    """Make a folder, and those above it that are missing, for their owner alone."""
    for path in (*reversed(folder.parents), folder):
        if not path.exists():
            path.mkdir(mode=FOLDER_MODE, exist_ok=True)
    if not folder.is_dir():
        raise NotADirectoryError(ENOTDIR, os.strerror(ENOTDIR), str(folder))


def open_private(path: str | Path, flags: int) -> int:
    """Open a file that only its owner may read; for the argument `opener` of `open`."""
    return os.open(path, flags, FILE_MODE)


def make_file(path: Path) -> Path:
    """Make an empty file for its owner alone, where none is; a library is to write it.

    A file that is there is not opened: closing it again would drop every lock that this process
    holds on it, those of the library included.
    """
    with suppress(FileExistsError):
        os.close(open_private(path, os.O_RDWR | os.O_CREAT | os.O_EXCL))
    return path


def write_private(path: Path, content: bytes) -> None:
    """Write a file that only its owner may read."""
    with open(path, "wb", opener=open_private) as handle:
        handle.write(content)


@contextmanager
def writing(folder: Path) -> Iterator[None]:
    """Hold the right to write below `folder`; the system takes it back if we die.

    Raises
    ------
    StoreError
        If the folder cannot be written.
    """
    try:
        make_folder(folder)
        handle = os.open(folder / ".lock", os.O_RDWR | os.O_CREAT, FILE_MODE)
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


def require_room(folder: Path, size: int) -> None:
    """Refuse to begin what the disk has no room for.

    Parameters
    ----------
    folder : on the disk, and there already
    size : bytes that are to be written, at most

    Raises
    ------
    StoreError
        If fewer are free.
    """
    free = disk_usage(folder).free
    if free < size:
        raise StoreError(
            f"{folder}: {size / 1e6:,.0f} MB are needed and {free / 1e6:,.0f} MB are free; nothing "
            "was changed. Make room on the disk, and run the command again"
        )


@contextmanager
def alone(folder: Path, what: str) -> Iterator[None]:
    """Be the only process that does one thing to a store; the system notices if we die.

    Parameters
    ----------
    folder : of the store
    what : the thing, in one word, such as sync

    Raises
    ------
    StoreError
        At once, if another process does it already.
    """
    make_folder(folder)
    handle = os.open(folder / f".{what}.lock", os.O_RDWR | os.O_CREAT, FILE_MODE)
    try:
        if not try_lock(handle):
            who = os.pread(handle, 32, 0).decode(errors="replace").strip() or "unknown"
            raise StoreError(
                f"{folder}: another {what} is running (process {who}); nothing was changed. "
                "Wait for it, or stop it"
            )
        os.ftruncate(handle, 0)
        os.pwrite(handle, str(os.getpid()).encode(), 0)
        yield
    finally:
        os.close(handle)


def try_lock(handle: int) -> bool:
    """Whether an open file is now ours alone; the system frees it when it is closed."""
    try:
        if fcntl is not None:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        else:
            msvcrt: Any = import_module("msvcrt")
            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
    except OSError:
        return False
    return True


def sync_to_disk(*paths: Path, root: Path | None = None) -> None:
    """Make files survive a power cut, and the folders in which they stand; give them their modes.

    Parameters
    ----------
    root : the folder up to which, itself included, folders are synced, and those below it are
        made their owner's alone; None for those of the files alone, whose modes stay
    """
    folders = {path.parent for path in paths}
    if root is not None:
        folders |= {f for path in paths for f in path.parents if f == root or root in f.parents}
    for path in (*paths, *sorted(folders, key=lambda f: -len(f.parts))):
        if os.name == "nt" and path.is_dir():
            continue
        handle = os.open(path, os.O_RDONLY)
        try:
            if path in paths or (root is not None and path != root):
                _make_private(handle)
            os.fsync(handle)
        finally:
            os.close(handle)


def _make_private(handle: int) -> None:
    if os.name == "nt":
        return
    mode = FOLDER_MODE if S_ISDIR(os.fstat(handle).st_mode) else FILE_MODE
    with suppress(PermissionError):  # somebody else's: they have the say
        os.fchmod(handle, mode)


def close_to_others(folder: Path) -> None:
    """Give the modes of the owner alone to all that a library wrote below a folder of ours."""
    for path in (folder, *folder.rglob("*")):
        path.chmod(FOLDER_MODE if path.is_dir() else FILE_MODE)


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file so that it holds either what it held before or all of the content, never less.

    The file and its folder are on the disk when this returns.
    """
    folder_is_new = not path.parent.exists()
    make_folder(path.parent)
    scratch = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        write_private(scratch, content)
        sync_to_disk(scratch)
        scratch.replace(path)
    except OSError:
        scratch.unlink(missing_ok=True)
        raise
    sync_to_disk(path, root=path.parent.parent if folder_is_new else None)
