"""A server of ours on loopback, as tests ask it."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from time import monotonic, sleep

import httpx2

from technic.interfaces.http.addresses import proxies_of
from technic.interfaces.http.app import create_app
from technic.interfaces.http.server import BoundedServer
from technic.interfaces.http.state import Exposure, ServerState
from technic.runtime.settings import Settings
from technic.scanner.columns.listings import listed_on


@contextmanager
def served(store, *, keyed=False, feed=None, settings=None, door=None):
    """A hub and a client of it; the server is real, in a thread.

    `door` makes another way in for a hub.
    """
    settings = settings or Settings.load()
    proxies = proxies_of(settings.value("proxies"))
    hub = ServerState(store, settings, Exposure(frozenset(), keyed, proxies=proxies), feed)
    hub.door = door(hub) if door is not None else None
    server = BoundedServer(create_app(hub), hub.give_up, proxies, host="127.0.0.1", port=0)
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


def listed_symbol(client):
    """Some symbol that is listed on the newest session of a server's store."""
    view = client.hub.store.panel()
    return view.who["symbol"].filter(listed_on(view))[0]
