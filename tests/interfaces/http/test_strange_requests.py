"""What a request says is read, or refused in one clear line: nothing is passed over or guessed."""

from __future__ import annotations

import socket

import pytest

from support.serving import listed_symbol, served
from technic.data.ingest import FileStore
from technic.data.simulated import simulate
from technic.runtime.settings import Settings


@pytest.fixture(scope="module")
def client(tmp_path_factory, home):
    market = simulate(seed=4, size=20, sessions=60)
    store = FileStore(tmp_path_factory.mktemp("strange") / "store")
    store.import_bars(market.bars, simulated=market.about)
    store.import_listings(market.listings)
    with served(store, settings=Settings.load({"TECHNIC_HOME": str(home)})) as made:
        yield made


def told(answer, status):
    """What a problem says, in one line and in the one form there is."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    detail = answer.json()["detail"]
    assert detail
    assert "\n" not in detail
    assert "Traceback" not in answer.text
    return detail


def sent(client, head, body=b""):
    """The first line and the body of the answer to a request that no client would write."""
    url = client.base_url
    whole = f"{head}\r\nHost: {url.host}:{url.port}\r\nConnection: close\r\n\r\n".encode("latin-1")
    with socket.create_connection((url.host, url.port), timeout=30) as line:
        line.sendall(whole + body)
        answer = b""
        while part := line.recv(65_536):
            answer += part
    top, _, content = answer.decode().partition("\r\n\r\n")
    return int(top.split()[1]), content


@pytest.mark.parametrize(
    ("address", "says"),
    [
        ("symbols?q=A&limit=2&limit=3", "limit stands 2 times"),
        ("symbols?q=A&limits=3", "limits means nothing in this address; there are q, limit"),
        ("symbols?q=A&limit=", "a whole number is written in digits"),
        ("symbols?q=A&limit=2.0", "a whole number is written in digits"),
        ("symbols?q=A&limit=1e1", "a whole number is written in digits"),
        ("symbols?q=A&limit=%2B2", "a whole number is written in digits"),
        ("symbols?q=A&limit=%202", "a whole number is written in digits"),
        ("symbols?q=A&limit=1_0", "a whole number is written in digits"),
        ("symbols?q=A&limit=%D9%A2", "a whole number is written in digits"),
        ("symbols?q=A&limit=-1", "greater than or equal to 1"),
        ("symbols?q=A&limit=" + "9" * 5_000, "a whole number is written in digits"),
        ("symbols?q=%00", "NUL"),
        ("symbols/A?as_of=2026-01-02&as_of=2026-01-05", "as_of stands 2 times"),
        ("symbols/" + "A" * 25, "at most 24 characters"),
        ("coverage?as_off=2026-01-02", "as_off means nothing"),
        ("about?x=1", "it takes none"),
        ("events?since=5", "it takes none"),
        ("runs/1.0", "a whole number is written in digits"),
        ("alerts?since=" + "9" * 20, "a whole number is written in digits"),
    ],
)  # fmt: skip
def test_what_an_address_says_is_read_or_refused(client, address, says):
    assert says in told(client.get(f"/api/v1/{address}"), 422)


def test_what_may_stand_more_than_once_may(client):
    symbol = listed_symbol(client)
    found = client.get(f"/api/v1/symbols/{symbol}?bars=1&indicator=rsi(14)&indicator=sma(5)")
    assert found.is_success
    assert {"rsi(14)", "sma(5)"} <= set(found.json()["indicators"])


@pytest.mark.parametrize(
    "address", ["symbols?q=%ff", "symbols?q=%ED%A0%80", "symbols/%ff", "scans/%c3", "nosuch/%fe"]
)
def test_bytes_that_are_no_text_are_not_taken_for_another_text(client, address):
    status, content = sent(client, f"GET /api/v1/{address} HTTP/1.1")
    assert status == 400
    assert "no UTF-8" in content


@pytest.mark.parametrize(
    "address", ["/api/v1/about/", "//api/v1/about", "/api/v1/../v1/about", "/API/v1/about",
                "/assets/x", "/assets/%2e%2e/%2e%2e/pyproject.toml", "/assets/" + "a" * 5_000],
)  # fmt: skip
def test_an_address_that_is_not_ours_is_nobody_elses(client, address):
    status, content = sent(client, f"GET {address} HTTP/1.1")
    assert status == 404
    assert '"detail":"there is no' in content


@pytest.mark.parametrize("method", ["HEAD", "OPTIONS", "TRACE", "PATCH", "PROPFIND"])
def test_another_method_is_told_which_there_are(client, method):
    answer = client.request(method, "/api/v1/about")
    assert answer.status_code == 405
    assert answer.headers["allow"] == "GET"
    assert method == "HEAD" or told(answer, 405) == "that address takes GET"


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "coverage"), ("GET", "symbols"), ("DELETE", "jobs/nosuch"), ("DELETE", "lists/x"),
     ("POST", "record/nosuch"), ("POST", "models/abcdef/use")],
)  # fmt: skip
def test_a_body_that_nobody_reads_is_refused(client, method, path):
    answer = client.request(method, f"/api/v1/{path}", json={"as_of": "2026-01-02"})
    assert told(answer, 422) == f"{method} takes no body here"
    nothing = client.request(method, f"/api/v1/{path}")
    assert "takes no body" not in nothing.text


@pytest.mark.parametrize(
    ("headers", "status", "says"),
    [
        ({"Content-Type": "application/json; charset=utf-16"}, 415, "in UTF-8"),
        ({"Content-Type": "application/json", "Content-Encoding": "gzip"}, 415, "compressed"),
        ([("Content-Type", "application/json"), ("Content-Type", "text/plain")], 400, "twice"),
        ([("Authorization", "Bearer a"), ("Authorization", "Bearer b")], 400, "twice"),
        ([("Sec-Fetch-Site", "same-origin"), ("Sec-Fetch-Site", "cross-site")], 400, "twice"),
        ([("Origin", "null"), ("Origin", "https://elsewhere.example")], 400, "twice"),
    ],
)  # fmt: skip
def test_headers_that_decide_stand_once_and_mean_what_they_say(client, headers, status, says):
    answer = client.post("/api/v1/compile", content=b'{"where": "close > 1"}', headers=headers)
    assert says in told(answer, status)


@pytest.mark.parametrize(
    "kind", ["application/json; charset=UTF-8", 'Application/JSON;charset="utf-8"']
)
def test_json_that_says_it_is_utf_8_is_read(client, kind):
    given = {"Content-Type": kind, "Content-Encoding": "identity"}
    assert client.post("/api/v1/compile", content=b'{"where": "close > 1"}', headers=given).json()[
        "ok"
    ]


def test_a_body_with_two_lengths_has_none(client):
    head = (
        "POST /api/v1/compile HTTP/1.1\r\nContent-Type: application/json\r\nContent-Length: 5\r\n"
        "Transfer-Encoding: chunked"
    )
    status, content = sent(client, head, b"2\r\n{}\r\n0\r\n\r\n")
    assert status == 400
    assert "two lengths" in content


def test_kinds_that_are_accepted_may_stand_on_several_lines(client):
    accept = [("Accept", "text/html"), ("Accept", "application/json")]
    asked = {"where": "close > 0", "top": 1}
    assert client.post("/api/v1/scan", json=asked, headers=accept).is_success


def test_a_body_that_is_not_there_is_asked_for(client):
    assert "a body is needed" in told(client.post("/api/v1/compile"), 422)


def test_there_is_nothing_to_ask_over_a_socket(client):
    head = (
        "GET /api/v1/about HTTP/1.1\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="
    )
    assert sent(client, head)[0] == 200  # an answer like any other, guarded like any other
