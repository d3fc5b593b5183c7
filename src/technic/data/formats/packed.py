"""Streams that are packed: gzip, and zstd with the extra `databento`.

Nothing is unpacked as a whole: what is read of a stream is bounded by whoever reads it.
"""

from __future__ import annotations

import gzip
import io
from collections.abc import Callable
from importlib import import_module
from typing import IO, Any, cast

from technic.errors import SchemaError, not_installed

PIECE = 4_096  # bytes unpacked at once: zstd makes at most some 100 MB of them
MOST_WINDOW = 1 << 27  # bytes that a stream may look back, as zstd's own tools have it
PACKED = ("gzip", "zstd")

Opened = Callable[[], IO[bytes]]


def unpacked(kind: str, opened: Opened, name: str) -> Opened:
    """What opens a packed file, unpacked.

    Parameters
    ----------
    kind : one of `PACKED`
    opened : opens the packed bytes
    name : of the file, for the message

    Raises
    ------
    SchemaError
        If it is zstd, and the extra `databento` is not installed. While it is read, OSError or
        EOFError if it is damaged or cut short.
    """
    if kind == "gzip":
        return lambda: cast("IO[bytes]", _Gzip(opened()))
    extra_library("zstandard", name)
    return lambda: cast("IO[bytes]", io.BufferedReader(_Zstd(opened())))


def extra_library(library: str, name: str) -> Any:
    """A library of the extra `databento`.

    Raises
    ------
    SchemaError
        If it is not installed.
    """
    try:
        return import_module(library)
    except ModuleNotFoundError as error:
        raise SchemaError(str(not_installed(error, "databento", name))) from error


class _Gzip(gzip.GzipFile):
    """Closes what it reads from, too."""

    def __init__(self, packed: IO[bytes]) -> None:
        super().__init__(fileobj=packed)
        self._packed = packed

    def close(self) -> None:
        super().close()
        self._packed.close()


class _Zstd(io.RawIOBase):
    """Unpacks frame after frame; `zstandard`'s own reader takes a file that is cut for whole."""

    def __init__(self, packed: IO[bytes]) -> None:
        self._library: Any = import_module("zstandard")
        self._packed, self._rest = packed, memoryview(b"")
        self._begin()

    def _begin(self) -> None:
        frames = self._library.ZstdDecompressor(max_window_size=MOST_WINDOW)
        self._frame, self._inside = frames.decompressobj(), False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._rest and (piece := self._packed.read(PIECE)):
            self._rest = memoryview(self._taken(piece))
        if not self._rest and self._inside:
            raise EOFError("cut short")
        count = min(len(buffer), len(self._rest))
        buffer[:count] = self._rest[:count]
        self._rest = self._rest[count:]
        return count

    def _taken(self, piece: bytes) -> bytes:
        found = []
        while piece:
            try:
                found.append(self._frame.decompress(piece))
            except self._library.ZstdError as error:
                raise OSError(str(error)) from error
            self._inside, piece = not self._frame.eof, self._frame.unused_data
            if not self._inside:
                self._begin()
        return b"".join(found)

    def close(self) -> None:
        self._packed.close()
        super().close()
