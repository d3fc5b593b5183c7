"""A server beside the command line: what both ends of the socket between them agree on.

`technic serve` listens on a socket in the state folder; `technic scan` asks there before it works
itself. A question is one line of JSON, as is an answer: data, bounded in bytes, and nothing else.
Both ends must run the same code on the same store, by the same settings and for the same user: who
differs is told so, and does the work itself. What is imported here is counted by a test.
"""

from __future__ import annotations

import os
import socket
import struct
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from stat import S_ISDIR, S_ISSOCK
from typing import Any
from zlib import crc32

from technic.runtime.settings import Settings

FOLDER = "beside"  # in the state folder: a socket for each store
ROOT = str(Path(__file__).parents[1])  # of the package
MOST_ASKED, MOST_ANSWERED = 2 << 20, 64 << 20  # bytes of a line
ROOM = 100  # bytes of an address; systems take a few more
MATTERING = ("cache", "database", "plugins")  # settings that an answer or its timings may show
PEER = "3i"  # of what Linux says of whoever is at the other end: process, user, group


def is_possible() -> bool:
    """Whether this system has such sockets, and says who is at the other end."""
    return hasattr(socket, "SO_PEERCRED") and hasattr(os, "geteuid")


def folder_of(settings: Settings) -> str:
    """The folder of the sockets."""
    return str(settings.state / FOLDER)


def name_of(place: str) -> str:
    """The name of a store's socket on this machine, whose home may be another one's too.

    Raises
    ------
    OSError
        If there is no such folder.
    """
    about = Path(place).stat()
    return f"{about.st_dev:x}-{about.st_ino:x}-{crc32(os.uname().nodename.encode()):08x}"


@contextmanager
def address_of(folder: str, name: str) -> Iterator[str]:
    """The address of a socket; a folder with a long name is opened, and goes by its number.

    Raises
    ------
    OSError
        If the folder cannot be opened.
    """
    path = f"{folder}/{name}"
    if len(os.fsencode(path)) <= ROOM:
        yield path
        return
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{handle}/{name}"
    finally:
        os.close(handle)


def is_ours_alone(path: str, *, socket: bool = False) -> bool:
    """Whether a folder, or a socket, belongs to this user and lets nobody else in."""
    try:
        about = os.lstat(path)
    except OSError:
        return False
    kind = S_ISSOCK(about.st_mode) if socket else S_ISDIR(about.st_mode)
    return kind and about.st_uid == os.geteuid() and not about.st_mode & 0o077


def is_our_user(line: socket.socket) -> bool:
    """Whether the process at the other end belongs to this user."""
    about = line.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize(PEER))
    return bool(struct.unpack(PEER, about)[1] == os.geteuid())


def code_here() -> str:
    """What tells code apart, without reading it: each file's number, size and times.

    The system itself writes when a file was last changed in any way, and lets nobody else write it.
    So a process whose files look the same now as they did to another one when that began has the
    same code; where a disk makes files look different, no more is lost than the other's help. The
    interpreter counts too, and when packages were last put beside us.
    """
    packages = [entry for entry in sys.path if entry.endswith("-packages")]
    looks = [_look(path) for path in (*sorted(_files(ROOT)), *packages)]
    return "\n".join([ROOT, sys.version, sys.prefix, *looks])


def _files(folder: str) -> Iterator[str]:
    """The files of the code, but for those of pages, which nobody asks for here."""
    with os.scandir(folder) as entries:
        for entry in entries:
            if not entry.is_dir():
                yield entry.path
            elif entry.name not in {"__pycache__", "web"}:
                yield from _files(entry.path)


def _look(path: str) -> str:
    """What tells a file's content from any other that it had or will have."""
    try:
        about = os.stat(path)  # noqa: PTH116
    except OSError:
        return path
    return f"{path} {about.st_ino} {about.st_size} {about.st_mtime_ns} {about.st_ctime_ns}"


def settings_digest(settings: Settings) -> str:
    """A digest of the settings that an answer or its timings may show; empty for none of them."""
    given = [(name, settings.value(name)) for name in MATTERING if name in settings.given]
    if not given:
        return ""
    from hashlib import blake2b  # some hold a password

    return blake2b(repr(given).encode(), digest_size=16).hexdigest()


def store_there(place: str) -> list[int]:
    """What tells a store's folder apart from every other one of this machine.

    Raises
    ------
    OSError
        If there is no such folder.
    """
    about = Path(place).stat()
    return [about.st_dev, about.st_ino]


def ourselves(place: str, settings: Settings, code: str) -> dict[str, Any]:
    """What must be the same at both ends.

    Raises
    ------
    OSError
        If there is no such store.
    """
    return {"code": code, "store": store_there(place), "settings": settings_digest(settings)}
