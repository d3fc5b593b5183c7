"""Files of tables held against the version records before they are believed.

Each record holds size and digest of the files that its version added, and the digest of the
record before it. What a reader opens is looked up there, read through once per process, and
refused if it is not what was written.

1. `recorded_files` gathers what the records say, from a version back to the first.
2. `believe` checks files: those that this process has not seen whole yet.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Lock

from technic.data.store.version import (
    StoreVersion,
    damage_message,
    digest_of,
    read_version,
    record_path,
)
from technic.errors import StoreError

Recorded = dict[str, tuple[int, str, int]]  # size, digest and store version by path in the store
HELP = (
    "technic doctor --deep names all that is damaged; technic sync --repair fetches bars again; "
    "what came from files is imported again, or brought back from a backup by technic restore"
)
VERSIONS_KNOWN = 8  # of which a process remembers what the records say
_GUARD = Lock()
_KNOWN: dict[tuple[Path, int, str], Recorded] = {}
_BELIEVED: set[tuple[str, str, int, int, int]] = set()


def recorded_files(folder: Path, version: StoreVersion) -> Recorded:
    """What the records until a version say of the files they added.

    Parameters
    ----------
    folder : of the store

    Raises
    ------
    StoreError
        If a record is damaged, or is not the one that the next names.
    """
    chain, number, link = list[StoreVersion](), version.number, ""
    files: Recorded = {}
    links = []
    while number > 0:
        path = record_path(folder, number)
        digest = digest_of(path)
        if link and digest and digest != link:
            raise StoreError(damage_message(path))
        with _GUARD:
            known = _KNOWN.get((folder, number, digest))
        if known is not None or not digest:  # "" where older records were dropped
            files = dict(known or {})
            break
        chain.append(read_version(folder, number, dropped=True))
        links.append((folder, number, digest))
        number, link = number - 1, chain[-1].previous
    if not chain:
        return files
    for record in reversed(chain):
        files |= {name: (*about, record.number) for name, about in record.added.items()}
    with _GUARD:
        _KNOWN[links[0]] = files
        while len(_KNOWN) > VERSIONS_KNOWN:
            del _KNOWN[next(iter(_KNOWN))]
    return files


def believe(folder: Path, recorded: Recorded, paths: Iterable[Path]) -> None:
    """Hold files against what was recorded of them; those not recorded pass.

    Parameters
    ----------
    folder : of the store
    recorded : see `recorded_files`
    paths : of files in the store

    Raises
    ------
    StoreError
        If one is missing or is not what was written; names it, and what helps.
    """
    named = [(path, path.relative_to(folder).as_posix()) for path in paths]
    jobs = [(path, name, recorded[name]) for path, name in named if name in recorded]
    if len(jobs) > 1:
        with ThreadPoolExecutor(min(os.cpu_count() or 1, 8)) as pool:
            wrong = list(pool.map(_wrong, jobs))
    else:
        wrong = [_wrong(job) for job in jobs]
    for (path, name, (_, _, number)), why in zip(jobs, wrong, strict=True):
        if why:
            raise StoreError(f"{path}: {why}; {_loss(name, number)}. {HELP}")


def _wrong(job: tuple[Path, str, tuple[int, str, int]]) -> str:
    """What is wrong with a file; empty if nothing is."""
    path, _, (size, digest, _) = job
    try:
        about = path.stat()
    except OSError:
        return "is missing; the store is damaged, or a copy of it is incomplete"
    if about.st_size != size:
        return f"is damaged: it has {about.st_size} bytes, was written with {size}"
    key = (str(path), digest, about.st_ino, about.st_mtime_ns, size)
    if key in _BELIEVED:
        return ""
    if digest_of(path) != digest:
        return "is damaged: it does not hold what was written"
    _BELIEVED.add(key)
    return ""


def _loss(name: str, number: int) -> str:
    table = name.split("/")[1] if name.startswith("tables/") else name
    return f"rows of {table} that version {number} brought cannot be read"
