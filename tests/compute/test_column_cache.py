"""Columns come back from a cache bit for bit, or not at all."""

from __future__ import annotations

import numpy as np

from technic.compute.column_cache import ColumnCache
from technic.runtime.cache import TieredCache, open_cache
from technic.runtime.cache.memory import MemoryCache

KEYS = {"a": "column:a", "b": "column:b", "c": "column:c"}


def test_what_is_kept_is_recalled_and_the_rest_is_left_out():
    cache = ColumnCache(TieredCache([MemoryCache()]), 3)
    column = np.array([1.0, np.nan, -0.0])
    cache.keep(KEYS, {"a": column}, cost=1.0)
    recalled = cache.recall(KEYS)
    assert list(recalled) == ["a"]
    assert recalled["a"].tobytes() == column.tobytes()


def test_content_of_another_size_or_kind_is_no_column():
    tiers = TieredCache([MemoryCache()])
    ColumnCache(tiers, 3).keep(KEYS, {"a": np.ones(3)}, cost=1.0)
    tiers.put("column:b", b"no column at all")
    assert ColumnCache(tiers, 4).recall(KEYS) == {}
    assert list(ColumnCache(tiers, 3).recall(KEYS)) == ["a"]


def test_without_a_cache_nothing_is_kept():
    cache = ColumnCache(open_cache("none"), 3)
    cache.keep(KEYS, {"a": np.ones(3)}, cost=1.0)
    assert cache.recall(KEYS) == {}
