"""Several caches, one behind the other: what a slower one has, the quicker ones learn."""

from __future__ import annotations

import random
import struct
from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING

from technic.runtime.cache.files import FileCache
from technic.runtime.cache.protocol import Cache

if TYPE_CHECKING:
    from concurrent.futures import Future, ThreadPoolExecutor

COST = struct.Struct("<f")  # stands before every value: milliseconds it took to make
COUNTED = ("hits", "misses", "bytes", "saved_ms")
JITTER = 0.1  # share of a lifetime by which values made together expire apart


class TieredCache:
    """Several caches, asked one after another: what a slower one has, the quicker ones learn.

    Without any tier nothing is ever there, and everything is made anew.

    Parameters
    ----------
    tiers : quickest first
    """

    def __init__(self, tiers: Iterable[Cache]) -> None:
        self.tiers = tuple(tiers)
        self._later: list[Future[None]] = []

    @cached_property
    def _writer(self) -> ThreadPoolExecutor:
        from concurrent.futures import ThreadPoolExecutor  # who only reads needs none

        return ThreadPoolExecutor(1, "technic-cache")

    def get(self, key: str) -> bytes | None:
        """The value of a key; None if no tier has it."""
        return self.get_many([key]).get(key)

    def get_many(self, keys: Iterable[str]) -> dict[str, bytes]:
        """The values that some tier has, by key; keys that none has are left out."""
        wanted = list(dict.fromkeys(keys))
        values: dict[str, bytes] = {}
        for depth, tier in enumerate(self.tiers):
            missing = [key for key in wanted if key not in values]
            if not missing:
                break
            fresh = tier.get_many(missing)
            meter = tier.meter
            meter.hits += len(fresh)
            meter.misses += len(missing) - len(fresh)
            meter.bytes += sum(map(len, fresh.values()))
            meter.saved_ms += sum(COST.unpack_from(value)[0] for value in fresh.values())
            values |= fresh
            for quicker in self.tiers[:depth]:
                if fresh:
                    quicker.put_many(fresh)
        return {key: value[COST.size :] for key, value in values.items()}

    def peek(self, key: str) -> bytes | None:
        """The value of a key in the files of this machine; None if they have none that is whole.

        Nothing is mended, and no server is asked: for whoever can do without it.
        """
        for tier in self.tiers:
            value = tier.peek(key) if isinstance(tier, FileCache) else None
            if value is not None:
                tier.meter.hits += 1
                tier.meter.bytes += len(value)
                tier.meter.saved_ms += COST.unpack_from(value)[0]
                return value[COST.size :]
        return None

    def put(self, key: str, value: bytes, ttl: float | None = None, cost: float = 0.0) -> None:
        """Keep one value in every tier; see `put_many`."""
        self.put_many({key: value}, ttl, cost)

    def put_many(
        self, values: Mapping[str, bytes], ttl: float | None = None, cost: float = 0.0
    ) -> None:
        """Keep values in every tier; lifetimes are spread a little.

        Parameters
        ----------
        values : by key
        ttl : seconds after which they are forgotten; None for no bound
        cost : milliseconds that making one of them took: what a hit will save
        """
        if not values or not self.tiers:
            return
        spread = None if ttl is None else ttl * (1.0 - JITTER * random.random())  # noqa: S311
        priced = {key: COST.pack(cost) + value for key, value in values.items()}
        for depth, tier in enumerate(self.tiers):
            tier.meter.puts += len(values)
            if depth == 0 and len(self.tiers) > 1:
                tier.put_many(priced, spread)
            else:  # nobody waits for a disk or a server; the interpreter does, at its end
                self._later.append(self._writer.submit(tier.put_many, priced, spread))
        self._later = [future for future in self._later if not future.done()]

    def flush(self) -> None:
        """Wait until every tier has what was put."""
        for future in self._later:
            future.result()
        self._later = []

    def clear(self, kind: str = "") -> dict[str, int | None]:
        """Forget all values, or those of one kind; returns how many, by tier."""
        self.flush()
        return {tier.name: tier.clear(kind) for tier in self.tiers}

    def counts(self) -> dict[str, tuple[float, ...]]:
        """What `COUNTED` names, so far, by tier."""
        return {t.name: tuple(getattr(t.meter, what) for what in COUNTED) for t in self.tiers}

    def since(self, before: dict[str, tuple[float, ...]]) -> dict[str, float]:
        """What happened since `counts` was taken, by "tier what", for a scan's timings."""
        return {
            f"{name} {what}": round(now[j] - before.get(name, (0,) * len(COUNTED))[j], 1)
            for name, now in self.counts().items()
            for j, what in enumerate(COUNTED)
        }


class ReadingCache(TieredCache):
    """A cache that is read and never written: for answers that are not final."""

    def put_many(
        self, values: Mapping[str, bytes], ttl: float | None = None, cost: float = 0.0
    ) -> None:
        """Keep nothing."""
