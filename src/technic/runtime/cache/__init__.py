"""Caches: in memory, in files and, if set, on a server that several machines share.

Keys are digests of content, so nothing in a cache is ever out of date, and nothing needs to
be invalidated. A cache may forget anything at any time; what it returns is what was put.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import lru_cache
from importlib import import_module
from pathlib import Path

from technic.errors import ConfigError, not_installed
from technic.runtime.cache.files import FileCache
from technic.runtime.cache.memory import MemoryCache
from technic.runtime.cache.protocol import Cache, Meter, key_of
from technic.runtime.cache.tiered import ReadingCache, TieredCache

__all__ = ["Cache", "FileCache", "MemoryCache", "Meter", "TieredCache", "key_of", "open_cache"]

DEFAULT = "memory,files"
READING = "reading:"  # before the tiers: nothing is put into them


@lru_cache(maxsize=8)
def open_cache(urls: str = DEFAULT, folder: Path | None = None, secret: str = "") -> TieredCache:
    """Open the cache that a text names; the same one for the same text.

    Parameters
    ----------
    urls : tiers, quickest first, with commas between: `memory`, `files`, `file:///folder`,
        `redis://host:port/0`; empty or `none` for none. After `READING` nothing is put into them
    folder : where `files` keeps them
    secret : what every machine that shares a server must know

    Raises
    ------
    ConfigError
        If a name is not understood, or what it needs is not installed.
    """
    if urls.startswith(READING):
        return ReadingCache(open_cache(urls.removeprefix(READING), folder, secret).tiers)
    tiers: list[Cache] = []
    for url in (part.strip() for part in urls.split(",")):
        if not url or url == "none":
            continue
        if url == "memory":
            tiers.append(MemoryCache())
        elif url == "files":
            tiers.append(FileCache(folder or Path(".technic-cache")))
        elif url.startswith("file://"):
            tiers.append(FileCache(Path(url.removeprefix("file://"))))
        elif url.startswith(("redis://", "rediss://", "unix://")):
            tiers.append(_redis(url, secret))
        else:
            raise ConfigError(
                f"cache {url}: there are memory, files, file:///folder and redis://host:port/0"
            )
    return TieredCache(tiers)


def _redis(url: str, secret: str) -> Cache:
    try:
        module = import_module("technic.runtime.cache.redis")
    except ModuleNotFoundError as error:
        raise not_installed(error, "redis", f"cache {url}") from error
    if not secret:
        raise ConfigError(
            f"cache {url}: a shared cache needs a shared secret; set TECHNIC_CACHE_SECRET to the "
            "same text on every machine"
        )
    cache: Cache = module.RedisCache(url, secret)
    return cache


def secret_of(environment: Mapping[str, str] | None = None) -> str:
    """The shared secret: TECHNIC_CACHE_SECRET, or the content of TECHNIC_CACHE_SECRET_FILE.

    Raises
    ------
    ConfigError
        If the file cannot be read.
    """
    env = os.environ if environment is None else environment
    if env.get("TECHNIC_CACHE_SECRET"):
        return env["TECHNIC_CACHE_SECRET"]
    path = env.get("TECHNIC_CACHE_SECRET_FILE")
    if not path:
        return ""
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except OSError as error:
        raise ConfigError(f"TECHNIC_CACHE_SECRET_FILE {path}: {error.strerror}") from error
