"""A cache in a folder: one file per value, there after a restart, shared by processes.

A value is written beside its place and renamed, so that nobody reads half of one. Nothing is
forced to the disk: what a power cut takes is found wanting by its envelope, and made again.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from threading import get_ident

from technic.runtime.cache.envelope import is_old, unwrap, wrap
from technic.runtime.cache.protocol import Meter
from technic.runtime.files import make_folder, write_private

BOUND = 2 << 30  # bytes
SWEEP_EVERY = 64 << 20  # bytes written between two looks at how large it has become


class FileCache:
    """Values as files: a `Cache` that is there after a restart, and shared by processes.

    Parameters
    ----------
    folder : of the files; made at the first put
    bound : bytes beyond which the oldest values are removed, now and then
    """

    name = "files"

    def __init__(self, folder: Path, bound: int = BOUND) -> None:
        self.meter = Meter()
        self.folder = folder
        self._bound = bound
        self._written = SWEEP_EVERY // 2

    def get_many(self, keys: Iterable[str]) -> dict[str, bytes]:
        """The values that are there and whole, by key."""
        values: dict[str, bytes] = {}
        damaged, now = 0, time.time()
        for key in keys:
            path = self._path(key)
            try:
                content = path.read_bytes()
            except OSError:
                continue
            value = unwrap(key, content, now)
            if value is None:
                self.meter.rejected += 1
                damaged += not is_old(content, now)
                with suppress(OSError):
                    path.unlink()
                continue
            values[key] = value
        if damaged:
            _log(f"{self.folder}: {damaged} kept values were damaged; made anew")
        return values

    def peek(self, key: str) -> bytes | None:
        """The value of a key if it is there and whole; leaves a damaged one to `get_many`."""
        try:
            return unwrap(key, self._path(key).read_bytes(), time.time())
        except OSError:
            return None

    def put_many(self, values: Mapping[str, bytes], ttl: float | None = None) -> None:
        """Keep values, for `ttl` seconds if given; a full disk keeps none."""
        expires = time.time() + ttl if ttl else 0.0
        for key, value in values.items():
            path = self._path(key)
            scratch = path.with_name(f".{path.name}.{os.getpid()}.{get_ident()}")
            try:
                make_folder(path.parent)
                write_private(scratch, wrap(key, value, expires))
                scratch.replace(path)
            except OSError:
                self.meter.failures += 1
                with suppress(OSError):
                    scratch.unlink()
            self._written += len(value)
        if self._written > SWEEP_EVERY:
            self._written = 0
            self._sweep()

    def clear(self, kind: str = "") -> int:
        """Forget all values, or those of one kind."""
        gone = 0
        for path in self._files(kind):
            with suppress(OSError):
                path.unlink()
                gone += 1
        return gone

    def size(self) -> tuple[int, int]:
        """How many values it holds, and their bytes."""
        sizes = [self._stat(path)[1] for path in self._files("")]
        return len(sizes), sum(sizes)

    def _path(self, key: str) -> Path:
        kind, _, digest = key.partition("/")
        return self.folder / kind / digest[:2] / digest

    def _files(self, kind: str) -> list[Path]:
        root = self.folder / kind if kind else self.folder
        return [path for path in root.rglob("*") if path.is_file()]

    def _stat(self, path: Path) -> tuple[float, int]:
        try:
            about = path.stat()
        except OSError:
            return 0.0, 0
        return about.st_mtime, about.st_size

    def _sweep(self) -> None:
        """Remove the oldest values until the folder is within its bound again."""
        stats = sorted((self._stat(path), path) for path in self._files(""))
        total = sum(size for (_, size), _ in stats)
        for (_, size), path in stats:
            if total <= self._bound:
                return
            with suppress(OSError):
                path.unlink()
                total -= size


def _log(text: str) -> None:
    from logging import getLogger  # seldom: not for every process to import

    from technic.runtime.logs import log_mended

    log_mended(getLogger(__name__), text)
