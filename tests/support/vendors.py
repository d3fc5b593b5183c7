"""A twin, a client of ours in front of it, and a store: what tests of vendors share."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import timedelta
from functools import lru_cache

from technic.data.ingest.planning import Wish
from technic.data.ingest.sync import SyncRequest, sync
from technic.data.providers.alpaca import Alpaca
from technic.data.providers.http import Endpoint, Http, Manners
from technic.data.providers.massive import HOSTS, Massive
from technic.data.simulated.publications import evening
from technic.data.simulated.server import serving
from technic.data.simulated.tape import record
from technic.data.simulated.twin import Twin

FAST = Manners(deadline=1.0, attempts=6, total=20.0, wait=0.005, wait_most=0.05)
SIMULATED = {"vendor": "the twin"}


@lru_cache(maxsize=4)
def tape(seed: int = 3, size: int = 60, sessions: int = 40):
    return record(seed, size, sessions)


@contextmanager
def massive(url, log=lambda _call: None, manners=FAST):
    http = Http(
        Endpoint("massive", url, {"Authorization": "Bearer canary-key"}, hosts=HOSTS),
        log=log,
        manners=manners,
    )
    source = Massive(http)
    try:
        yield source
    finally:
        source.close()


@contextmanager
def alpaca(url, log=lambda _call: None):
    source = Alpaca(Http(Endpoint("alpaca", url, {"APCA-API-KEY-ID": "k"}), log=log, manners=FAST))
    try:
        yield source
    finally:
        source.close()


@contextmanager
def vendor(market=None, **options):
    """A served twin, our client, and the list of calls that the client makes."""
    twin = Twin(market or tape(), **options)
    calls = []
    with serving(twin) as served, massive(served.url, calls.append) as source:
        twin.url = served.url
        twin.served = served
        yield twin, source, calls


def at_evening(twin, night, hours=1):
    """Put the twin's clock to the evening of one of its sessions."""
    twin.clock.set(evening(twin.tape.sessions[night]) + timedelta(hours=hours))
    return twin.clock.now()


def run_sync(store, twin, source, first=8, **wish):
    now = twin.clock.now()
    return sync(
        store,
        SyncRequest(
            {source.about.name: source},
            Wish(twin.tape.sessions[first], now, **wish),
            simulated=SIMULATED,
        ),
        clock=twin.clock.now,
    )


def sync_all(store, made, night=35):
    """Sync a store from what `vendor` yields, on the evening of one of its sessions."""
    twin, source, _ = made
    at_evening(twin, night)
    return run_sync(store, twin, source)
