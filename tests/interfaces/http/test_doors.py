"""Attacks on the doors, each against a real server: who may come in, for how long, with how much."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import monotonic, sleep

import httpx2
import orjson
import pytest
from sqlalchemy import update

from support.servers import free_port, postgres
from support.serving import listed_symbol, served
from technic.data.ingest import FileStore
from technic.data.simulated import simulate
from technic.data.store.catalog.tables import API_KEYS, naive
from technic.data.store.evidence import load_evidence
from technic.errors import ConfigError, StoreError
from technic.interfaces.http import (
    admission,
    answers,
    events,
    middleware,
    routes_jobs,
    routing,
    server,
)
from technic.interfaces.http.addresses import address_of, proxies_of
from technic.interfaces.http.answers import UnreadBytes
from technic.interfaces.http.api_keys import create_key, revoke_key
from technic.interfaces.http.jobs import MOST_OF_ONE
from technic.runtime.deadline import check
from technic.runtime.settings import Setting, Settings

HUGE = {"features": [f"sma({n})" for n in range(2, 24)], "last": 300}  # 150 symbols: 20 MB of JSON


@pytest.fixture(scope="module")
def store(tmp_path_factory, kernels):
    market = simulate(seed=4, size=150, sessions=300)
    made = FileStore(tmp_path_factory.mktemp("doors") / "store")
    made.import_bars(market.bars, simulated=market.about)
    made.import_listings(market.listings)
    return made


@pytest.fixture(scope="module")
def settings(home):
    return Settings.load({"TECHNIC_HOME": str(home)})


@pytest.fixture(scope="module")
def keyed(store, settings):
    with served(store, keyed=True, settings=settings) as client:
        yield client


@pytest.fixture
def key(store, request):
    """Makes keys of scopes, each with a name of its own; gives their headers."""

    def make(scope, number=0):
        name = f"{abs(hash((request.node.name, scope, number)))}"
        secret = create_key(store.catalog, name, scope, 1, datetime.now(UTC))
        return name, {"Authorization": f"Bearer {secret}"}

    return make


def post(client, path, content, **options):
    return client.post(f"/api/v1/{path}", json=content, **options)


def problem(answer, status):
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    return answer.json()["detail"]


def until(true, seconds=60.0):
    end = monotonic() + seconds
    while not true():
        assert monotonic() < end
        sleep(0.02)


def from_address(client, address):
    """The same server, asked from another address of this machine."""
    transport = httpx2.HTTPTransport(local_address=address)
    return httpx2.Client(base_url=client.base_url, transport=transport, timeout=30)


# -- sessions


@pytest.mark.parametrize(
    "change",
    [
        {"revoked": naive(datetime.now(UTC))},
        {"expires": naive(datetime.now(UTC) - timedelta(seconds=1))},
    ],
    ids=["revoked", "expired"],
)
def test_a_session_of_a_page_ends_with_its_key(keyed, store, key, change):
    name, head = key("scan")
    cookie = signed_in(keyed, head)
    assert keyed.get("/api/v1/about", headers=cookie).is_success
    change_key(store, name, change)
    until(lambda: keyed.get("/api/v1/about", headers=cookie).status_code == 401)
    change_key(store, name, {"revoked": None, "expires": None})
    sleep(2.1)  # what ended does not begin again with the key
    problem(keyed.get("/api/v1/about", headers=cookie), 401)


def test_a_session_may_do_no_more_than_its_key_may_now(keyed, store, key):
    name, head = key("admin")
    cookie = signed_in(keyed, head)
    assert keyed.put("/api/v1/scans/x", json={"rank": "ret(5)"}, headers=cookie).is_success
    change_key(store, name, {"scopes": "read"})
    refused = keyed.put("/api/v1/scans/x", json={"rank": "ret(5)"}, headers=cookie)
    until(lambda: keyed.get("/api/v1/about", headers=cookie).is_success)
    until(lambda: keyed.delete("/api/v1/scans/x", headers=cookie).status_code == 403)
    assert refused.status_code in {200, 403}  # within the two seconds that keys are remembered
    problem(post(keyed, "scan", {"rank": "ret(5)"}, headers=cookie), 403)


def signed_in(client, head):
    answer = client.post("/login", json={"key": head["Authorization"][7:]})
    client.cookies.clear()
    return {"Cookie": answer.headers["set-cookie"].partition(";")[0]}


def change_key(store, name, values):
    statement = update(API_KEYS).where(API_KEYS.c.name == name).values(**values)
    store.catalog.write(lambda connection: connection.execute(statement))


def test_a_stream_and_a_job_end_with_their_key(keyed, store, key):
    name, head = key("scan")
    _, admin = key("admin")
    with keyed.stream("GET", "/api/v1/events", headers=head) as answer:
        lines = answer.iter_lines()
        assert next(lines) == "event: hello"
        job = post(
            keyed, "ranks", {"symbol": listed_symbol(keyed), "sessions": 250}, headers=head
        ).json()
        revoke_key(store.catalog, name, datetime.now(UTC))
        for _ in lines:  # until it ends
            pass
    until(lambda: state_of(keyed, job, admin) == "cancelled")


def state_of(client, job, head):
    return client.get(f"/api/v1/jobs/{job['id']}", headers=head).json()["state"]


# -- wrong keys


def test_wrong_keys_hold_up_who_tries_them_and_nobody_else(keyed, key):
    _, right = key("read")
    wrong = {"Authorization": "Bearer tk_wrong"}
    with from_address(keyed, "127.0.0.2") as attacker, from_address(keyed, "127.0.0.3") as other:
        codes = [attacker.get("/api/v1/about", headers=wrong).status_code for _ in range(40)]
        assert codes[0] == 401
        assert codes[-1] == 429
        # The same key from elsewhere is held up; another key there, and a right one here, are not.
        problem(other.get("/api/v1/about", headers=wrong), 429)
        problem(other.get("/api/v1/about", headers={"Authorization": "Bearer tk_other"}), 401)
        assert attacker.get("/api/v1/about", headers=right).is_success
        assert other.post("/login", json={"key": right["Authorization"][7:]}).is_success
        assert attacker.post("/login", json={"key": right["Authorization"][7:]}).is_success
        attacker.cookies.clear()
        problem(attacker.post("/login", json={"key": "tk_guess"}), 429)


def test_strangers_who_flood_are_rationed_by_their_address(store, settings, monkeypatch):
    monkeypatch.setattr(middleware, "RATE", 1.0)
    monkeypatch.setattr(middleware, "BURST", 20.0)
    with (
        served(store, keyed=True, settings=settings) as client,
        from_address(client, "127.0.0.2") as flood,
    ):
        codes = {flood.get("/").status_code for _ in range(60)}
        assert codes == {200, 429}
        assert client.get("/").is_success
        assert flood.get("/healthz").is_success  # which costs nothing


@pytest.mark.parametrize(
    ("proxies", "forwarded", "counted"),
    [
        ("", "1.2.3.4", "127.0.0.1"),
        ("none", "1.2.3.4", "127.0.0.1"),
        ("10.0.0.0/8", "1.2.3.4", "127.0.0.1"),
        ("127.0.0.1", "1.2.3.4", "1.2.3.4"),
        ("127.0.0.1", "6.6.6.6, 1.2.3.4", "1.2.3.4"),  # what stands before was written by anybody
        ("127.0.0.1,10.0.0.0/8", "6.6.6.6, 1.2.3.4, 10.1.1.1", "1.2.3.4"),
        ("127.0.0.1", "nonsense", "127.0.0.1"),
        ("127.0.0.1", "", "127.0.0.1"),
        ("127.0.0.1", "2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("127.0.0.1", "::ffff:1.2.3.4", "1.2.3.4"),
    ],
)
def test_a_proxy_is_believed_only_if_the_settings_name_it(proxies, forwarded, counted):
    headers = [(b"x-forwarded-for", forwarded.encode())]
    scope = {"client": ("127.0.0.1", 5), "headers": headers}
    assert address_of(scope, proxies_of(proxies)) == counted


def test_a_proxy_that_is_none_is_told_before_the_server_starts():
    with pytest.raises(ConfigError, match="proxies: 'everybody'"):
        proxies_of("everybody")


@pytest.mark.parametrize(("proxies", "last"), [("", 429), ("127.0.0.1", 401)])
def test_tries_are_counted_by_the_address_that_a_known_proxy_names(store, settings, proxies, last):
    given = {**settings.given, "proxies": Setting("proxies", proxies, "test")}
    with served(store, keyed=True, settings=Settings(given)) as client:
        for k in range(12):  # another key and another address each time
            head = {"Authorization": f"Bearer tk_{k}", "X-Forwarded-For": f"1.2.3.{k}"}
            answer = client.get("/api/v1/about", headers=head)
    problem(answer, last)


# -- bodies


def test_a_body_has_at_most_64_kb_and_is_parsed_beside_the_loop(keyed, key, monkeypatch):
    _, head = key("scan")
    threads, parse = set(), routing._parsed

    def seen(body):
        threads.add(threading.current_thread().name)
        return parse(body)

    monkeypatch.setattr(routing, "_parsed", seen)
    text = b'{"rank": "ret(5)"%s}'
    for size, status in ((60_000, 200), (70_000, 413)):
        content = text % (b" " * size)
        answer = keyed.post(
            "/api/v1/scan", content=content, headers={**head, "Content-Type": "application/json"}
        )
        assert answer.status_code == status
    assert all(name.startswith("technic-parse") for name in threads)
    assert threads


def test_a_key_that_may_not_ask_is_refused_before_its_body_arrives(keyed, key):
    _, head = key("read")
    lines = [
        "POST /api/v1/scan HTTP/1.1", f"Host: {keyed.base_url.host}:{keyed.base_url.port}",
        f"Authorization: {head['Authorization']}", "Content-Type: application/json",
        "Content-Length: 60000", "", "",
    ]  # fmt: skip
    with connected(keyed) as line:
        line.sendall("\r\n".join(lines).encode())
        assert b" 403 " in line.recv(65_536).partition(b"\r\n")[0]


def connected(client):
    return socket.create_connection((client.base_url.host, client.base_url.port), 30)


@pytest.mark.parametrize(
    ("sent", "answered"),
    [
        (b"", b""),
        (b"GET /healthz HTTP/1.1\r\nHost: ", b""),
        ((b"POST /login HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\n"
         b"Content-Length: 99\r\n\r\n{"), b" 408 "),
    ],
    ids=["nothing", "half a head", "half a body"],
)  # fmt: skip
def test_who_sends_half_a_request_is_dropped(store, settings, monkeypatch, sent, answered):
    monkeypatch.setattr(server, "READ_WITHIN", 0.5)
    monkeypatch.setattr(middleware, "BODY_WITHIN", 0.5)
    with served(store, settings=settings) as client, connected(client) as line:
        host = f"{client.base_url.host}:{client.base_url.port}".encode()
        line.sendall(sent.replace(b"%s", host))
        try:
            first = line.recv(65_536)
        except ConnectionResetError:
            first = b""
        assert answered in first.partition(b"\r\n")[0]


def test_one_address_has_not_all_connections(store, settings, monkeypatch):
    monkeypatch.setattr(server, "OF_ONE_ADDRESS", 5)
    with served(store, settings=settings) as client, ExitStack() as stack:
        for _ in range(9):
            try:
                stack.enter_context(
                    socket.create_connection(
                        (client.base_url.host, client.base_url.port), 5, ("127.0.0.2", 0)
                    )
                )
            except OSError:
                continue
        assert client.get("/healthz").is_success
        with from_address(client, "127.0.0.2") as crowd, pytest.raises(httpx2.TransportError):
            crowd.get("/healthz")


# -- answers


@pytest.fixture(scope="module")
def symbols(store):
    return [str(symbol) for symbol in store.panel().who["symbol"]]


def test_a_reader_that_does_not_read_is_dropped_and_its_answer_forgotten(
    store, settings, symbols, monkeypatch
):
    monkeypatch.setattr(server, "WRITE_WITHIN", 1.0)
    with served(store, settings=settings) as client:
        body = orjson.dumps({**HUGE, "symbols": symbols})
        head = (
            f"POST /api/v1/features HTTP/1.1\r\nHost: {client.base_url.host}:{client.base_url.port}"
            f"\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        with connected(client) as line:
            line.sendall(head.encode() + body)
            until(lambda: client.hub.unread.total > 1_000_000)
            until(lambda: client.hub.unread.total == 0)
            received = 0
            with pytest.raises(ConnectionResetError):
                while piece := line.recv(1 << 20):
                    received += len(piece)
                raise ConnectionResetError  # closed in order, but not whole
        whole = len(post(client, "features", {**HUGE, "symbols": symbols}).content)
        assert received < whole
        assert whole > 10_000_000


def test_a_key_holds_only_so_many_bytes_that_it_does_not_read(keyed, key, symbols, monkeypatch):
    monkeypatch.setattr(keyed.hub, "unread", UnreadBytes(25 << 20))
    (_, head), (_, other) = key("scan", 1), key("scan", 2)
    body = {**HUGE, "symbols": symbols}
    with keyed.stream("POST", "/api/v1/features", json=body, headers=head) as answer:
        assert answer.is_success
        assert "are not read yet" in problem(post(keyed, "features", body, headers=head), 429)
        assert post(keyed, "features", body, headers=other).is_success
    until(lambda: keyed.hub.unread.total == 0)
    assert post(keyed, "features", body, headers=head).is_success


@pytest.mark.parametrize(
    "accept", ["application/json", "text/csv", "application/vnd.apache.parquet"]
)
def test_an_answer_that_is_too_large_says_so(keyed, key, symbols, monkeypatch, accept):
    monkeypatch.setattr(answers, "LARGEST", 100_000)
    _, head = key("scan")
    body = {**HUGE, "symbols": symbols}
    answer = post(keyed, "features", body, headers={**head, "Accept": accept})
    assert "fewer rows" in problem(answer, 413)


def test_histories_are_bounded_before_they_are_computed(keyed, key, symbols):
    _, head = key("scan")
    body = {**HUGE, "symbols": symbols, "last": 5_000}
    assert "at most 1,000,000" in problem(post(keyed, "features", body, headers=head), 422)


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "scan", {}), ("POST", "grid", {}), ("POST", "diff", {}), ("POST", "market", {}),
        ("POST", "features", {"features": ["ret(5)"], "symbols": ["X"]}),
        ("POST", "distribution", {"column": "ret(5)"}), ("POST", "evaluate", {}),
        ("POST", "explain", {"symbol": "X"}), ("POST", "why-not", {"symbol": "X"}),
        ("POST", "ranks", {"symbol": "X"}), ("POST", "backtest", {}), ("POST", "train", {}),
        ("POST", "sessions", {"first": "2026-01-02", "last": "2026-02-02"}),
        ("GET", "coverage?as_of=2026-11-02", None), ("GET", "symbols/X?as_of=2026-11-02", None),
        ("GET", "symbols/X/fundamentals?as_of=2026-11-02", None),
    ],
)  # fmt: skip
def test_what_is_expensive_needs_more_than_reading(keyed, key, method, path, body):
    _, head = key("read")
    problem(keyed.request(method, f"/api/v1/{path}", json=body, headers=head), 403)


def test_one_key_does_not_fill_the_line(keyed, key, monkeypatch):
    free = threading.Event()
    monkeypatch.setattr(
        "technic.interfaces.http.routes_scans.diff", lambda *_a, **_k: free.wait(90) and None
    )
    (_, greedy), (_, other) = key("scan", 1), key("scan", 2)
    gate = keyed.hub.gate
    monkeypatch.setattr(gate, "patience", 90.0)
    with ThreadPoolExecutor(40) as pool:
        asked = [pool.submit(post, keyed, "diff", {}, headers=greedy) for _ in range(30)]
        until(lambda: gate.waiting >= gate.most_waiting // admission.SHARE)
        until(lambda: any(one.done() for one in asked))
        patient = pool.submit(keyed.get, "/api/v1/about", headers=other)
        until(lambda: gate.waiting > gate.most_waiting // admission.SHARE)
        free.set()
        assert patient.result().is_success
        codes = [one.result().status_code for one in asked]
    assert 429 in codes  # how many depends on how many came before there was room again


# -- streams


def test_streams_are_counted_before_they_are_let_in(keyed, key):
    _, head = key("read")
    with ExitStack() as stack, ThreadPoolExecutor(40) as pool:

        def opened(_):
            client = stack.enter_context(httpx2.Client(base_url=keyed.base_url, timeout=30))
            return stack.enter_context(client.stream("GET", "/api/v1/events", headers=head))

        codes = [answer.status_code for answer in pool.map(opened, range(40))]
        assert codes.count(200) == 16
        assert codes.count(429) == 24
    until(lambda: keyed.hub.bus.listeners == 0)  # every seat was given back
    with keyed.stream("GET", "/api/v1/events", headers=head) as answer:
        assert answer.is_success


def test_who_gets_no_seat_costs_nothing_and_who_gets_no_answer_keeps_none(keyed, key, monkeypatch):
    _, head = key("read")
    asked, about = [], routes_jobs.about_of

    def counted(hub):
        asked.append(hub)
        if len(asked) > events.MOST_OF_ONE:
            raise StoreError("the disk is gone")
        return about(hub)

    monkeypatch.setattr(routes_jobs, "about_of", counted)
    with ExitStack() as stack:
        for _ in range(events.MOST_OF_ONE):
            stack.enter_context(keyed.stream("GET", "/api/v1/events", headers=head))
        problem(keyed.get("/api/v1/events", headers=head), 429)
        assert len(asked) == events.MOST_OF_ONE
    until(lambda: keyed.hub.bus.listeners == 0)
    assert not keyed.get("/api/v1/events", headers=head).is_success
    assert keyed.hub.bus.listeners == 0


def test_the_events_of_jobs_take_seats_too(keyed, key):
    _, head = key("scan")
    job = post(
        keyed, "ranks", {"symbol": listed_symbol(keyed), "sessions": 250}, headers=head
    ).json()
    with keyed.stream("GET", f"/api/v1/jobs/{job['id']}/events", headers=head):
        until(lambda: keyed.hub.bus.listeners == 1)
        keyed.delete(f"/api/v1/jobs/{job['id']}", headers=head)
    until(lambda: keyed.hub.bus.listeners == 0)


# -- jobs


def holding(monkeypatch, free):
    """Every scan of a job waits until it is set free, or called off."""

    def held(*_given, **_options):
        while not free.wait(0.01):
            check()

    monkeypatch.setattr("technic.interfaces.http.routes_jobs.scan_sessions", held)


SPAN = {"first": "2026-11-02", "last": "2026-11-20"}


def test_keys_take_turns_and_each_has_a_bound(keyed, key, monkeypatch):
    free = threading.Event()
    holding(monkeypatch, free)
    (_, greedy), (_, modest) = key("scan", 1), key("scan", 2)
    first = [post(keyed, "sessions", SPAN, headers=greedy) for _ in range(MOST_OF_ONE + 1)]
    assert "of this key" in problem(first.pop(), 429)
    late = post(keyed, "sessions", SPAN, headers=modest).json()
    ended = []
    job_ends(keyed.hub, ended)
    free.set()
    until(lambda: len(ended) == MOST_OF_ONE + 1)
    assert ended.index(late["id"]) <= 1  # after the one that ran already


def job_ends(hub, ended):
    tell = hub.jobs._tell

    def told(job):
        if job.stage.ended is not None:
            ended.append(job.id)
        tell(job)

    hub.jobs._tell = told


def test_an_admin_sees_and_cancels_all_and_nobody_else_does(keyed, key, monkeypatch):
    free = threading.Event()
    holding(monkeypatch, free)
    (name, owner), (_, stranger), (_, admin) = key("scan", 1), key("scan", 2), key("admin")
    job = post(keyed, "sessions", SPAN, headers=owner).json()
    assert job["owner"] == name
    until(lambda: state_of(keyed, job, owner) == "running")
    assert keyed.get("/api/v1/jobs", headers=stranger).json() == []
    for method in ("GET", "DELETE"):
        problem(keyed.request(method, f"/api/v1/jobs/{job['id']}", headers=stranger), 404)
    assert job["id"] in [one["id"] for one in keyed.get("/api/v1/jobs", headers=admin).json()]
    assert keyed.delete(f"/api/v1/jobs/{job['id']}", headers=admin).is_success
    until(lambda: state_of(keyed, job, owner) == "cancelled")
    following = post(keyed, "sessions", SPAN, headers=stranger).json()  # its thread is free
    until(lambda: state_of(keyed, following, stranger) == "running")
    free.set()
    until(lambda: state_of(keyed, following, stranger) in {"done", "failed"})


def test_evidence_that_all_are_shown_is_replaced_by_admins_only(keyed, store, key):
    (_, scan), (_, admin) = key("scan"), key("admin")
    body = {"columns": ["ret(5)"], "universe": ""}
    for head, kept in ((scan, False), (admin, True)):
        job = post(keyed, "evaluate", body, headers=head).json()
        until(lambda: state_of(keyed, job, head) in {"done", "failed"}, 60)  # noqa: B023
        found = keyed.get(f"/api/v1/jobs/{job['id']}/result", headers=head).json()
        assert found["kept"] is kept
        assert bool(load_evidence(store)) is kept


# -- time


def test_a_request_that_takes_too_long_stops_itself_and_frees_its_place(
    store, settings, monkeypatch
):
    ended = threading.Event()

    def endless(*_given, **_options):
        try:
            while True:
                check()
                sleep(0.01)
        finally:
            ended.set()

    monkeypatch.setattr("technic.interfaces.http.routes_scans.diff", endless)
    with served(store, settings=settings) as client:
        client.hub.gate.limit = 0.3
        answer = post(client, "diff", {})
        assert "begin a job" in problem(answer, 503)
        assert answer.headers["retry-after"]
        assert ended.wait(10)
        until(lambda: client.hub.gate.working == 0)


def test_a_thread_that_hangs_answers_all_the_same_and_keeps_its_place(store, settings, monkeypatch):
    free = threading.Event()
    monkeypatch.setattr(
        "technic.interfaces.http.routes_scans.diff", lambda *_a, **_k: free.wait(30) and None
    )
    monkeypatch.setattr(admission, "GRACE", 0.2)
    with served(store, settings=settings) as client:
        client.hub.gate.limit = 0.2
        problem(post(client, "diff", {}), 503)
        assert client.hub.gate.working == 1
        free.set()
        until(lambda: client.hub.gate.working == 0)


def serving(folder, home, port, *more, **environment):
    """`technic serve`, as a person runs it, once it answers."""
    command = [
        sys.executable,
        "-m",
        "technic",
        "serve",
        "--port",
        str(port),
        "--store",
        str(folder),
    ]
    env = {
        **os.environ,
        "TECHNIC_HOME": home,
        "PYTHONPATH": os.pathsep.join(sys.path),
        **environment,
    }
    running = subprocess.Popen(
        [*command, *more], env=env, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    until(lambda: answers_at(port) or running.poll() is not None, 60)
    return running


def answers_at(port):
    try:
        return httpx2.get(f"http://127.0.0.1:{port}/healthz", timeout=2).is_success
    except httpx2.HTTPError:
        return False


@pytest.mark.slow
@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_ends_the_server_whatever_runs(store, settings, symbols, sign):
    """A job of an hour, a stream, and readers that do not read: none of them holds it up."""
    port = free_port()
    running = serving(store.folder, settings.given["home"].value, port)
    try:
        base = f"http://127.0.0.1:{port}/api/v1"
        job = httpx2.post(
            f"{base}/train", json={"model": "ridge", "universe": "", "canaries": True}, timeout=30
        ).json()
        body = orjson.dumps({**HUGE, "symbols": symbols})
        head = (
            f"POST /api/v1/features HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        with (
            socket.create_connection(("127.0.0.1", port)) as line,
            httpx2.stream("GET", f"{base}/events", timeout=30) as events,
        ):
            line.sendall(head.encode() + body)
            next(events.iter_lines())
            until(lambda: httpx2.get(f"{base}/jobs/{job['id']}").json()["state"] == "running")
            running.send_signal(sign)
            _, said = running.communicate(timeout=30)
        assert running.returncode in {0, -signal.SIGTERM, 128 + signal.SIGTERM}
        assert said == b""
    finally:
        running.kill()
        running.communicate()


# -- a database that hangs


@pytest.mark.slow
def test_a_database_that_hangs_holds_up_neither_the_loop_nor_the_end(tmp_path, settings):
    market = simulate(seed=6, size=20, sessions=40)
    with postgres() as url:
        folder, home = tmp_path / "store", settings.given["home"].value
        store = FileStore(folder, database=url)
        store.import_bars(market.bars, simulated=market.about)
        secret = create_key(store.catalog, "one", "read", 1, datetime.now(UTC))
        data = store.catalog.read(lambda c: c.exec_driver_sql("SHOW data_directory").scalar())
        store.catalog.close()
        port = free_port()
        running = serving(folder, home, port, "--require-key", TECHNIC_DATABASE=url)
        stopped = family(int((Path(data) / "postmaster.pid").read_text().split()[0]))
        try:
            head = {"Authorization": f"Bearer {secret}"}
            about = f"http://127.0.0.1:{port}/api/v1/about"
            assert httpx2.get(about, headers=head, timeout=30).is_success
            for pid in stopped:
                os.kill(pid, signal.SIGSTOP)
            for _ in range(8):
                with pytest.raises(httpx2.ReadTimeout):
                    httpx2.get(f"http://127.0.0.1:{port}/api/v1/runs", headers=head, timeout=0.5)
                assert answers_at(port)
            strange = httpx2.get(about, headers={"Authorization": "Bearer tk_x"}, timeout=30)
            assert strange.status_code in {401, 429, 503}
            running.send_signal(signal.SIGINT)
            running.communicate(timeout=30)
        finally:
            for pid in stopped:
                os.kill(pid, signal.SIGCONT)
            running.kill()
            running.communicate()


def family(pid):
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *(int(child) for child in children)]
