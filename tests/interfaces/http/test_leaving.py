"""Who hangs up wants no answer: what works for it stops, and its place is free."""

from __future__ import annotations

import socket
from time import monotonic, sleep

import pytest

from support.serving import served
from technic.data.ingest import FileStore
from technic.data.simulated import simulate
from technic.errors import StoppedError
from technic.runtime import deadline


@pytest.fixture(scope="module")
def store(tmp_path_factory, kernels):
    market = simulate(seed=4, size=20, sessions=40)
    made = FileStore(tmp_path_factory.mktemp("leaving") / "store")
    made.import_bars(market.bars, simulated=market.about)
    return made


@pytest.fixture
def endless(store, monkeypatch):
    """A server whose scans and lists go on until they are stopped, and how each ended."""
    ended = []

    def work(*_arguments, **_options):
        try:
            while True:
                deadline.check()
                sleep(0.01)
        except StoppedError as error:
            ended.append(str(error))
            raise

    with served(store) as client:
        monkeypatch.setattr(client.hub, "scan", work)
        monkeypatch.setattr(type(client.hub.store.catalog), "watchlists", work)
        yield client, ended


def until(condition, seconds=10.0):
    end = monotonic() + seconds
    while not condition() and monotonic() < end:
        sleep(0.01)
    assert condition()


def asked(client, head, body=b""):
    line = socket.create_connection(("127.0.0.1", client.base_url.port))
    lines = [head, f"Host: 127.0.0.1:{client.base_url.port}", "Content-Type: application/json",
             f"Content-Length: {len(body)}"]  # fmt: skip
    line.sendall("\r\n".join(lines).encode() + b"\r\n\r\n" + body)
    return line


@pytest.mark.parametrize(
    ("head", "body"),
    [
        ("POST /api/v1/scan HTTP/1.1", b'{"rank": "close"}'),
        ("GET /api/v1/lists HTTP/1.1", b""),
    ],
)
def test_what_works_for_a_client_that_has_gone_stops(endless, head, body):
    client, ended = endless
    line = asked(client, head, body)
    until(lambda: client.hub.gate.working == 1)
    assert not ended
    line.close()
    until(lambda: client.hub.gate.working == 0)
    assert len(ended) == 1
    assert "nobody wants it" in ended[0]
    assert client.get("/healthz").status_code == 200


def test_a_stream_outlives_the_time_in_which_a_body_must_arrive(store, monkeypatch):
    monkeypatch.setattr("technic.interfaces.http.middleware.BODY_WITHIN", 0.3)
    with served(store) as client:
        line = asked(client, "GET /api/v1/events HTTP/1.1")
        line.settimeout(10)
        assert b"200 OK" in line.recv(65536)
        sleep(1.5)
        client.hub.bus.publish("told", {"late": True})
        got = b""
        while b"late" not in got:
            piece = line.recv(65536)
            assert piece, "the stream was cut"
            got += piece
        assert client.hub.bus.listeners == 1
        line.close()
        until(lambda: client.hub.bus.listeners == 0)


def test_a_line_that_is_used_again_is_answered_each_time(store):
    """The end of one answer is not taken for the end of the next."""
    with served(store) as client:
        line = asked(client, "GET /api/v1/lists HTTP/1.1")
        for _ in range(50):
            line.sendall(
                f"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1:{client.base_url.port}\r\n\r\n".encode()
            )
        got = b""
        line.settimeout(10)
        while got.count(b"HTTP/1.1 200") < 51:
            piece = line.recv(65536)
            assert piece
            got += piece
        line.close()
