"""A server of ours on loopback, as tests ask it."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from time import monotonic, sleep

import httpx2
import uvicorn

from technic.interfaces.http.app import create_app
from technic.interfaces.http.state import Exposure, ServerState
from technic.runtime.settings import Settings


@contextmanager
def served(store, *, keyed=False, feed=None, settings=None):
    """A hub and a client of it; the server is real, in a thread."""
    hub = ServerState(store, settings or Settings.load(), Exposure(frozenset(), keyed), feed)
    config = uvicorn.Config(
        create_app(hub), host="127.0.0.1", port=0, log_level="error", server_header=False
    )
    server = uvicorn.Server(config)
    server.install_signal_handlers = lambda: None
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    until = monotonic() + 20
    while not server.started and monotonic() < until:
        sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    object.__setattr__(hub.exposure, "hosts", frozenset({f"127.0.0.1:{port}", f"localhost:{port}"}))
    base = f"http://127.0.0.1:{port}"
    try:
        with httpx2.Client(base_url=base, timeout=30, trust_env=False) as client:
            client.hub = hub
            yield client
    finally:
        server.should_exit = True
        thread.join(10)
