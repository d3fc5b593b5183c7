"""One contract for every cache, a real server among them; and what must never be believed."""

from __future__ import annotations

import logging
import os
import pickle
import signal
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.servers import free_port, valkey
from technic.errors import ConfigError
from technic.runtime.cache import FileCache, MemoryCache, TieredCache, key_of, open_cache, secret_of
from technic.runtime.cache.envelope import unwrap, wrap
from technic.runtime.cache.protocol import Breaker
from technic.runtime.cache.redis import RedisCache


@pytest.fixture(scope="module")
def server():
    with valkey() as running:
        yield running


@pytest.fixture(params=["memory", "files", "redis"])
def tier(request, tmp_path):
    if request.param == "memory":
        return MemoryCache()
    if request.param == "files":
        return FileCache(tmp_path)
    from technic.runtime.cache.redis import RedisCache

    port = request.getfixturevalue("server")[1]
    made = RedisCache(f"redis://127.0.0.1:{port}/0", "secret")
    made.clear()
    time.sleep(0.01)
    return made


def test_what_was_put_is_found_and_nothing_else(tier):
    a, b = key_of("report", "a"), key_of("column", "b")
    tier.put_many({a: b"one", b: b"\x00" * 5000})
    assert tier.get_many([a, b, key_of("report", "c")]) == {a: b"one", b: b"\x00" * 5000}


def test_one_kind_can_be_forgotten_by_itself(tier):
    a, b = key_of("report", "a"), key_of("column", "b")
    tier.put_many({a: b"one", b: b"two"})
    tier.clear("report")
    assert tier.get_many([a, b]) == {b: b"two"}
    tier.clear()
    assert tier.get_many([a, b]) == {}


def test_lifetimes_end(tier):
    key = key_of("vendor", "x")
    tier.put_many({key: b"soon gone"}, 1.0)
    assert tier.get_many([key])
    time.sleep(1.1)
    assert not tier.get_many([key])


def test_values_survive_another_instance(tmp_path, server):
    from technic.runtime.cache.redis import RedisCache

    key = key_of("report", "kept")
    for make in (
        lambda: FileCache(tmp_path),
        lambda: RedisCache(f"redis://127.0.0.1:{server[1]}/1", "s"),
    ):
        make().put_many({key: b"value"})
        assert make().get_many([key]) == {key: b"value"}


def test_machines_with_other_secrets_share_nothing_and_are_told(server):
    from technic.runtime.cache.redis import RedisCache

    url, key = f"redis://127.0.0.1:{server[1]}/2", key_of("report", "k")
    ours, theirs = RedisCache(url, "ours"), RedisCache(url, "theirs")
    assert "same secret" in ours.check()
    ours.put_many({key: b"value"})
    assert theirs.get_many([key]) == {}
    assert theirs.meter.rejected == 1
    assert "another TECHNIC_CACHE_SECRET" in theirs.check()


@given(st.binary(max_size=200), st.binary(max_size=8), st.data())
def test_a_touched_envelope_is_never_opened(value, secret, data):
    good = wrap("column/k", value, 0.0, secret)
    assert unwrap("column/k", good, 0.0, secret) == value
    at = data.draw(st.integers(0, len(good) - 1))
    bit = data.draw(st.integers(0, 7))
    bad = bytearray(good)
    bad[at] ^= 1 << bit
    assert unwrap("column/k", bytes(bad), 0.0, secret) is None
    assert unwrap("column/other", good, 0.0, secret) is None
    assert unwrap("column/k", good[:-1], 0.0, secret) is None
    assert unwrap("column/k", pickle.dumps(value), 0.0, secret) is None
    assert unwrap("column/k", good, 0.0, secret + b"x") is None


def test_a_damaged_file_is_a_miss_and_is_removed(tmp_path):
    cache, key = FileCache(tmp_path), key_of("state", "x")
    cache.put_many({key: b"value"})
    path = next(p for p in tmp_path.rglob("*") if p.is_file())
    path.write_bytes(path.read_bytes()[:-2] + b"!!")
    assert cache.get_many([key]) == {}
    assert cache.meter.rejected == 1
    assert not path.exists()


def test_files_stay_within_their_bound(tmp_path):
    cache = FileCache(tmp_path, bound=1 << 20)
    for k in range(100):
        cache.put_many({key_of("column", str(k)): os.urandom(1 << 20)})
    cache._sweep()
    assert cache.size()[1] <= 1 << 20
    memory = MemoryCache(bound=1 << 16)
    for k in range(100):
        memory.put_many({key_of("column", str(k)): bytes(4096)})
    assert memory.size()[1] <= 1 << 16


def test_a_full_disk_keeps_nothing_and_hurts_nobody(tmp_path):
    (tmp_path / "file").write_text("")
    cache = FileCache(tmp_path / "file")
    cache.put_many({key_of("report", "x"): b"value"})
    assert cache.get_many([key_of("report", "x")]) == {}
    assert cache.meter.failures == 1


def test_quicker_tiers_learn_from_slower_ones(tmp_path):
    quick, slow = MemoryCache(), FileCache(tmp_path)
    key = key_of("report", "x")
    first = TieredCache([slow])
    first.put(key, b"value", cost=12.0)
    first.flush()
    both = TieredCache([quick, slow])
    before = both.counts()
    assert both.get(key) == b"value"
    assert both.get(key) == b"value"
    done = both.since(before)
    assert (done["memory hits"], done["memory misses"], done["files hits"]) == (1, 1, 1)
    assert done["memory saved_ms"] == done["files saved_ms"] == 12.0


def test_a_breaker_opens_rests_probes_and_closes():
    breaker = Breaker(failures_allowed=3, rest=5.0)
    assert [breaker.note_failure(float(k)) for k in range(3)] == [False, False, True]
    assert not breaker.allows(3.0)
    assert breaker.allows(7.5)
    assert not breaker.allows(7.6), "one probe at a time"
    assert breaker.note_success()
    assert breaker.allows(7.7)


def test_a_server_that_dies_and_returns_costs_one_line_each(caplog):
    from technic.runtime.cache.redis import RedisCache

    port = free_port()
    cache = RedisCache(f"redis://127.0.0.1:{port}/0", "s")
    cache._breaker.rest = 0.05
    key = key_of("report", "x")
    logger = logging.getLogger("technic")
    logger.propagate = True
    with caplog.at_level(logging.WARNING, "technic.runtime.cache"):
        for _ in range(20):
            assert cache.get_many([key]) == {}
        with valkey(port):
            time.sleep(0.1)
            cache.put_many({key: b"v"})
            time.sleep(0.1)
            cache.put_many({key: b"v"})
            assert cache.get_many([key]) == {key: b"v"}
    assert [("left alone" in r.message, "answers again" in r.message) for r in caplog.records] == [
        (True, False),
        (False, True),
    ]


def test_a_server_that_hangs_costs_little():
    from technic.runtime.cache.redis import RedisCache

    with valkey() as (running, port):
        cache = RedisCache(f"redis://127.0.0.1:{port}/0", "s")
        cache.put_many({key_of("report", "x"): b"v"})
        os.kill(running.pid, signal.SIGSTOP)
        since = time.perf_counter()
        for k in range(50):
            cache.get_many([key_of("report", str(k))])
            cache.put_many({key_of("report", str(k)): b"v"})
        taken = time.perf_counter() - since
        os.kill(running.pid, signal.SIGCONT)
    assert taken < 0.5, "a hundred calls, one patience"


@pytest.mark.parametrize("error", [TypeError, AttributeError, RuntimeError, UnicodeDecodeError])
def test_whatever_the_client_raises_is_a_miss(server, monkeypatch, error):
    """A connection that another thread has closed raises a TypeError in redis 8.1.0."""
    tier = RedisCache(f"redis://127.0.0.1:{server[1]}/0", "secret")

    def broken(*_args, **_options):
        raise error("utf-8", b"", 0, 1, "no") if error is UnicodeDecodeError else error("no")

    monkeypatch.setattr(tier._client, "execute_command", broken)
    assert tier.get_many(["kind:1"]) == {}
    assert tier.meter.failures > 0


def test_connections_closed_under_threads_that_use_them_cost_no_scan(server):
    tier = RedisCache(f"redis://127.0.0.1:{server[1]}/0", "secret")
    tier.put_many({"kind:1": b"one"})
    until = time.monotonic() + 1.0

    def ask(_k):
        seen = set()
        while time.monotonic() < until:
            seen |= set(tier.get_many(["kind:1"]).values())
        return seen

    with ThreadPoolExecutor(4) as pool:
        asked = [pool.submit(ask, k) for k in range(4)]
        while time.monotonic() < until:
            tier._client.connection_pool.disconnect()
        assert set().union(*(one.result() for one in asked)) <= {b"one"}


def test_urls_are_understood_or_said_to_be_wrong(tmp_path):
    assert [t.name for t in open_cache("memory,files", tmp_path).tiers] == ["memory", "files"]
    assert open_cache("none").tiers == ()
    with pytest.raises(ConfigError, match="there are memory"):
        open_cache("floppy")
    with pytest.raises(ConfigError, match="TECHNIC_CACHE_SECRET"):
        open_cache("redis://127.0.0.1:1/0")
    path = tmp_path / "secret"
    path.write_text("abc\n")
    assert secret_of({"TECHNIC_CACHE_SECRET_FILE": str(path)}) == "abc"
    with pytest.raises(ConfigError):
        secret_of({"TECHNIC_CACHE_SECRET_FILE": str(tmp_path / "no")})


def test_keys_are_the_same_in_every_process():
    assert key_of("report", "a", b"b") == "report/" + key_of("report", "a", b"b").split("/")[1]
    assert key_of("report", "ab", "") != key_of("report", "a", "b")
