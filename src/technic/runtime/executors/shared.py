"""Arrays that several processes see: files that each of them maps.

An array that is a mapped file already (a panel) is named by its file and never copied; another is
written once, to memory that looks like a file where the system has enough of it.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import weakref
from collections.abc import Mapping
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from technic.market.typing import FloatArray

MEMORY = Path("/dev/shm")  # noqa: S108 -- folders made in it have names of their own
ALIGNED = 64


class Scratch:
    """A folder of arrays that other processes can map; it is removed by `close`."""

    def __init__(self) -> None:
        self._folder: Path | None = None
        self._spilled: list[Path] = []
        self._count = 0

    @property
    def folder(self) -> Path:
        """Where small files lie; made at first use."""
        if self._folder is None:
            self._folder = Path(tempfile.mkdtemp(prefix="technic-", dir=_memory(64 << 20)))
        return self._folder

    def room(self, shape: tuple[int, ...]) -> FloatArray:
        """Memory of float64 that every process can write to; zeros at first."""
        path = self._path(8 * prod(shape))
        with path.open("wb") as handle:
            handle.truncate(max(8 * prod(shape), 8))
        room: FloatArray = np.memmap(path, np.float64, "r+", shape=shape)
        weakref.finalize(room, path.unlink, missing_ok=True)
        return room

    def describe(self, arrays: Mapping[str, np.ndarray]) -> tuple[dict[str, Any], list[Path]]:
        """Where other processes find arrays, as JSON holds it, and the files written for that."""
        written: list[Path] = []
        return {name: self._place(array, written) for name, array in arrays.items()}, written

    def close(self) -> None:
        """Remove everything; arrays that are still held stay readable."""
        for folder in (*self._spilled, *([self._folder] if self._folder else [])):
            shutil.rmtree(folder, ignore_errors=True)
        self._folder, self._spilled = None, []

    def _place(self, array: np.ndarray, written: list[Path]) -> dict[str, Any]:
        place = place_of(array)
        if place is None:
            path = self._path(array.nbytes)
            np.ascontiguousarray(array).tofile(path)
            written.append(path)
            place = {"path": str(path), "offset": 0}
        return {**place, "dtype": array.dtype.str, "shape": list(array.shape)}

    def _path(self, size: int) -> Path:
        self._count += 1
        folder = self.folder
        if shutil.disk_usage(folder).free < size + (64 << 20):  # a small /dev/shm
            self._spilled.append(Path(tempfile.mkdtemp(prefix="technic-")))
            return self._spilled[-1] / "array"
        return folder / f"{self._count}"


def _memory(size: int) -> str | None:
    """Memory that looks like files, if there is enough."""
    try:
        if os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free > size:
            return str(MEMORY)
    except OSError:
        pass
    return None


def place_of(array: np.ndarray) -> dict[str, Any] | None:
    """The file that an array is mapped from; None if it lies in ordinary memory."""
    root: Any = array
    while isinstance(root, np.ndarray) and not (
        isinstance(root, np.memmap) and not isinstance(root.base, np.memmap)
    ):
        root = root.base
    if not isinstance(root, np.memmap) or not array.flags.c_contiguous:
        return None
    offset = array.ctypes.data - root.ctypes.data + root.offset
    return {"path": str(root.filename), "offset": int(offset)}


def open_arrays(places: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """Map the arrays that `Scratch.describe` describes, to be read; writing to them changes no file."""
    return {name: open_array(place, "c") for name, place in places.items()}


def open_array(place: Mapping[str, Any], mode: Any) -> np.ndarray:
    """Map one array.

    Parameters
    ----------
    place : path, offset, dtype and shape
    mode : of `numpy.memmap`: "c" to read, "r+" to write
    """
    shape, dtype = tuple(place["shape"]), np.dtype(place["dtype"])
    if not prod(shape):
        return np.empty(shape, dtype)
    mapped = np.memmap(place["path"], dtype, mode, offset=int(place["offset"]), shape=shape)
    return np.asarray(mapped)


def pack(answer: Mapping[str, Any], path: Path) -> dict[str, Any]:
    """Describe an answer as JSON holds it; its arrays and bytes, if any, go into a file.

    Parameters
    ----------
    path : of that file; nothing is written if there are none
    """
    packed: dict[str, Any] = {}
    blobs: dict[str, Any] = {}
    offset = 0
    parts = []
    for name, value in answer.items():
        if not isinstance(value, np.ndarray | bytes):
            packed[name] = value
            continue
        content = value if isinstance(value, bytes) else np.ascontiguousarray(value).tobytes()
        about: dict[str, Any] = {"offset": offset, "size": len(content)}
        if isinstance(value, np.ndarray):
            about |= {"dtype": value.dtype.str, "shape": list(value.shape)}
        blobs[name] = about
        padding = -len(content) % ALIGNED
        parts += [content, b"\0" * padding]
        offset += len(content) + padding
    if blobs:
        path.write_bytes(b"".join(parts))
    return {"values": packed, "blobs": blobs, "path": str(path) if blobs else ""}


def unpack(packed: Mapping[str, Any]) -> dict[str, Any]:
    """The answer that `pack` described; its file is gone afterwards."""
    answer = dict(packed["values"])
    if not packed["path"]:
        return answer
    path = Path(packed["path"])
    size = path.stat().st_size
    content = np.memmap(path, np.uint8, "r") if size else np.empty(0, np.uint8)
    path.unlink(missing_ok=True)  # what is mapped stays
    for name, about in packed["blobs"].items():
        piece = np.asarray(content[about["offset"] : about["offset"] + about["size"]])
        answer[name] = (
            piece.view(np.dtype(about["dtype"])).reshape(about["shape"])
            if "dtype" in about
            else piece.tobytes()
        )
    return answer


def line(message: Mapping[str, Any]) -> bytes:
    """A message to another process: one line of JSON."""
    return orjson.dumps(message, option=orjson.OPT_SERIALIZE_NUMPY) + b"\n"
