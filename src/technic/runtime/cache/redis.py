"""A Redis or Valkey server as a cache that machines share.

A scan never waits for it: 50 ms per call, no retry, and a breaker that leaves it alone once it
fails. Values are sealed with the shared secret; what does not fit the seal is a miss.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Mapping
from threading import Lock
from typing import Any, TypeVar

import redis
from redis.backoff import NoBackoff
from redis.exceptions import TimeoutError as RedisTimeoutError
from redis.retry import Retry

from technic.runtime.cache.envelope import LARGEST, unwrap, wrap
from technic.runtime.cache.protocol import Breaker, Meter

T = TypeVar("T")
LOG = logging.getLogger("technic.runtime.cache")
PATIENCE = 0.05  # seconds per call
LIFETIME = 30 * 86_400  # so that a server that is shared does not fill for ever
BATCH = 4 << 20  # bytes per write: a larger one could not be sent in time
LARGEST_SHARED = 16 << 20  # bytes of a value; larger ones stay on their machine


class RedisCache:
    """Values on a server, sealed with a secret: a `Cache` that machines share.

    Parameters
    ----------
    url : redis://host:port/0, rediss://… or unix://…
    secret : that every machine knows; a value sealed with another one is a miss
    """

    name = "redis"

    def __init__(self, url: str, secret: str) -> None:
        self.meter = Meter()
        self.url = url
        self._secret = secret.encode()
        self._breaker = Breaker()
        self._lock = Lock()
        self._generation: dict[str, int] = {}
        self._read_at = 0.0
        self._client: Any = redis.Redis.from_url(
            url,
            socket_timeout=PATIENCE,
            socket_connect_timeout=PATIENCE,
            retry=Retry(NoBackoff(), 0),
            health_check_interval=0,
            protocol=2,
        )

    def get_many(self, keys: Iterable[str]) -> dict[str, bytes]:
        """The values that are there and sealed, by key."""
        wanted = list(keys)
        places = [self._place(key) for key in wanted]
        contents = self._try(lambda: self._client.mget(places)) if wanted else []
        now = time.time()
        values: dict[str, bytes] = {}
        for key, content in zip(wanted, contents or [], strict=False):
            if not isinstance(content, bytes) or len(content) > LARGEST:
                continue
            value = unwrap(key, content, now, self._secret)
            if value is None:
                self.meter.rejected += 1
            else:
                values[key] = value
        return values

    def put_many(self, values: Mapping[str, bytes], ttl: float | None = None) -> None:
        """Keep values, for `ttl` seconds if given."""
        expires = time.time() + ttl if ttl else 0.0
        batch: dict[str, bytes] = {}
        for key, value in values.items():
            if len(value) > LARGEST_SHARED:
                continue
            batch[self._place(key)] = wrap(key, value, expires, self._secret)
            if sum(map(len, batch.values())) >= BATCH:
                self._write(batch, ttl)
                batch = {}
        self._write(batch, ttl)

    def clear(self, kind: str = "") -> None:
        """Make all values, or those of one kind, unreachable; the server drops them in time."""
        names = [kind.rstrip("/")] if kind else ["all"]
        for name in names:
            self._try(lambda name=name: self._client.incr(f"technic:generation:{name}"))  # type: ignore[misc]
        self._read_at = 0.0

    def size(self) -> None:
        """It cannot say: counting values would mean listing keys."""
        return

    def check(self) -> str:
        """What `doctor` says: whether the server answers, and knows the same secret."""
        place, probe = "technic:probe", wrap("probe", b"technic", 0.0, self._secret)
        seen = self._try(lambda: self._client.get(place))
        if self._breaker.failures:
            return f"{self.url.split('@')[-1]}: does not answer; scans do without it"
        if isinstance(seen, bytes) and unwrap("probe", seen, time.time(), self._secret) is None:
            return "another machine uses another TECHNIC_CACHE_SECRET: nothing is shared with it"
        self._try(lambda: self._client.set(place, probe, ex=LIFETIME))
        return "answers, and knows the same secret"

    def _place(self, key: str) -> str:
        """Where a value lies: the generation of its kind is part of the name."""
        kind = key.partition("/")[0]
        now = time.monotonic()
        if now - self._read_at > 1.0:
            self._read_at = now
            names = sorted({"all", kind, *self._generation})
            answer = self._try(
                lambda: self._client.mget([f"technic:generation:{name}" for name in names])
            )
            if answer is not None:
                self._generation = {
                    name: int(value or 0)
                    if str(value or b"0", "ascii", "replace").isdecimal()
                    else 0
                    for name, value in zip(names, answer, strict=True)
                }
        generations = self._generation.get("all", 0), self._generation.get(kind, 0)
        return f"technic:{generations[0]}.{generations[1]}:{key}"

    def _write(self, batch: Mapping[str, bytes], ttl: float | None) -> None:
        if not batch:
            return
        lifetime = int(ttl or LIFETIME) or 1

        def send() -> None:
            pipe = self._client.pipeline(transaction=False)
            for place, content in batch.items():
                pipe.set(place, content, ex=lifetime)
            pipe.execute()

        self._try(send)

    def _try(self, call: Callable[[], T]) -> T | None:
        """What the server answers; None if it does not, or is being left alone."""
        with self._lock:
            if not self._breaker.allows(time.monotonic()):
                return None
        try:
            answer = call()
        # A cache ends no scan: beside its own errors the client raises what Python happens to,
        # such as a TypeError on a connection that another thread has closed (8.1.0).
        except Exception as error:  # noqa: BLE001 -- as above
            self.meter.failures += 1
            # A server that hangs costs the whole patience each time: once is enough.
            weight = self._breaker.failures_allowed if isinstance(error, RedisTimeoutError) else 1
            with self._lock:
                if self._breaker.note_failure(time.monotonic(), weight):
                    LOG.warning(
                        "cache server left alone (%s); scans go on without it", type(error).__name__
                    )
            # Those that other threads are using fail, or not, by themselves.
            self._client.connection_pool.disconnect(inuse_connections=False)
            return None
        with self._lock:
            if self._breaker.note_success():
                LOG.warning("cache server answers again")
        return answer
