"""A file of Parquet is read by another process first: damage in it can end the process that reads.

Polars 2.1 takes a damaged length for what it has to make room for, and native code without room
ends its process, where no `except` helps. So a process that has nothing to lose reads every file
once; it stays for the next one, and is started anew when it is gone.
"""

from __future__ import annotations

import atexit
import json
import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from selectors import EVENT_READ, DefaultSelector
from threading import Lock

READER = """
import io, json, sys
import polars
for line in sys.stdin.buffer:
    order = json.loads(line)
    try:
        polars.read_parquet(order["path"] or io.BytesIO(sys.stdin.buffer.read(order["bytes"])))
        told = ""
    except BaseException as error:
        told = (str(error).splitlines() or [type(error).__name__])[0]
    print(json.dumps(told), flush=True)
"""
PATIENCE = 60.0  # seconds, and one more for each `SLOWEST` bytes
SLOWEST = 1 << 20
LOCK = Lock()


class FirstReader:
    """A process that reads files of Parquet, and may end over one."""

    def __init__(self, reader: str = READER) -> None:
        self._process = subprocess.Popen(  # noqa: S603 -- our own text, by our own interpreter
            [sys.executable, "-c", reader],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,  # native code writes pages about what it met
        )
        self.owner = os.getpid()

    @property
    def is_ours(self) -> bool:
        """Whether it lives, and this process has started it: a fork has not."""
        return self.owner == os.getpid() and self._process.poll() is None

    def trouble(self, source: Path | bytes) -> str | None:
        """What is wrong with a file; empty if nothing is, None if it ended the reader."""
        size = source.stat().st_size if isinstance(source, Path) else len(source)
        path = str(source.absolute()) if isinstance(source, Path) else ""
        order = {"path": path, "bytes": size}
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            self._process.stdin.write(json.dumps(order).encode() + b"\n")
            if isinstance(source, bytes):
                self._process.stdin.write(source)
            self._process.stdin.flush()
        except BrokenPipeError:
            self.end()
            return None
        answered = self._answers_within(PATIENCE + size / SLOWEST)
        line = self._process.stdout.readline() if answered else b""
        if not line:
            self.end()
            return None
        return str(json.loads(line))

    def end(self) -> None:
        """End the process, if it is ours to end; whoever needs one starts another."""
        if self.owner == os.getpid():
            self._process.kill()
            self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with suppress(BrokenPipeError):
                    pipe.close()

    def _answers_within(self, seconds: float) -> bool:
        assert self._process.stdout is not None
        with DefaultSelector() as waiting:
            waiting.register(self._process.stdout, EVENT_READ)
            return bool(waiting.select(seconds))


_kept: list[FirstReader] = []


def trouble_in_parquet(source: Path | bytes) -> str:
    """What is wrong with a file of Parquet, in one line; empty if it can be read."""
    with LOCK:
        if not (_kept and _kept[-1].is_ours):
            _end()
            _kept[:] = [FirstReader()]
        told = _kept[-1].trouble(source)
    return "whoever reads it is ended by it" if told is None else told


@atexit.register
def _end() -> None:
    while _kept:
        _kept.pop().end()
