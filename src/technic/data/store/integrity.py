"""Whether every file of a store is what was written, and what to fetch again if not.

Every version record holds size and digest of the files it added, its own seal, and the digest
of the record before: one flipped bit anywhere is found.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import orjson
import polars as pl

from technic.data.store import Store
from technic.data.store.panel_bars import damaged_panels
from technic.data.store.vacuum import files_needed
from technic.data.store.version import digest_of, dropped_versions, read_version, record_path
from technic.errors import StoreError
from technic.market.panel import FIELDS


@dataclass(frozen=True, slots=True)
class Damage:
    """One file that is not what was written.

    Attributes
    ----------
    path : within the store
    why : in words
    version : the store version that added it; 0 if none did
    """

    path: str
    why: str
    version: int = 0

    def __str__(self) -> str:
        return f"{self.path}: {self.why}"


@dataclass(frozen=True, slots=True)
class Examined:
    """What a look at every file of a store says.

    Attributes
    ----------
    files : that the version records name
    bytes : of those that are there
    damage : what is wrong, file by file
    undigested : version records of an older format, which name no files
    """

    files: int
    bytes: int
    damage: tuple[Damage, ...]
    undigested: int


def examine_files(store: Store, *, contents: bool = True) -> Examined:
    """Hold every file against the version records, the mapped panels against checksums and bars.

    Parameters
    ----------
    contents : read every file of the tables; False looks only at their sizes, in seconds
    """
    folder = store.folder
    panels = [Damage(f"panels/{name}", why) for name, why in damaged_panels(folder / "panels")]
    expected, damage, undigested = _expected_files(folder)
    given_up = _given_up(folder, expected)
    total = 0
    for name, (size, digest, number) in sorted(expected.items()):
        path = folder / name
        if not path.exists() and ((folder / "damaged" / name).exists() or name in given_up):
            continue  # a repair has moved it there, or only versions that were dropped named it
        try:
            size_now = path.stat().st_size
        except OSError:
            if path.name != "_last_checkpoint":  # only a hint where to start reading
                damage.append(Damage(name, "is missing", number))
            continue
        total += size_now
        if size_now != size:
            damage.append(Damage(name, f"has {size_now} bytes, was written with {size}", number))
        elif contents and digest_of(path) != digest:
            damage.append(Damage(name, "does not hold what was written", number))
    if contents and not damage and not panels:  # else it would tell nothing new
        panels = _panel_damage(store)
    damage += _catalog_damage(folder) + _identity_damage(store) + panels
    return Examined(len(expected), total, tuple(damage), undigested)


Expected = dict[str, tuple[int, str, int]]  # size, digest and store version by path


def _expected_files(folder: Path) -> tuple[Expected, list[Damage], int]:
    """What the version records name, the records that are damaged, and how many are of old format."""
    expected: Expected = {}
    damage: list[Damage] = []
    undigested, previous = 0, None
    for path in sorted((folder / "versions").glob("[0-9]*.json")):
        number = int(path.stem)
        try:
            version = read_version(folder, number, dropped=True)
        except StoreError as error:
            damage.append(Damage(f"versions/{path.name}", str(error).split(": ", 1)[-1], number))
            previous = None
            continue
        if previous is not None and version.previous and version.previous != previous:
            before = f"versions/{number - 1:08d}.json"
            damage.append(Damage(before, "is not the record that the next one follows", number - 1))
        undigested += not version.added
        expected |= {name: (*about, number) for name, about in version.added.items()}
        previous = digest_of(record_path(folder, number))
    return expected, damage, undigested


def _given_up(folder: Path, expected: Expected) -> set[str]:
    """Data files that a vacuum may have taken away."""
    try:
        if not dropped_versions(folder):
            return set()
        needed = files_needed(folder, datetime.now(UTC))
    except StoreError:  # said of the files themselves
        return set()
    return {name for name in expected if name.endswith(".parquet") and name not in needed}


def _catalog_damage(folder: Path) -> list[Damage]:
    path = folder / "catalog.sqlite"
    if not path.exists():
        return []
    try:
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
            verdict = connection.execute("PRAGMA integrity_check").fetchone()[0]
    except sqlite3.DatabaseError as error:
        verdict = str(error)
    return [] if verdict == "ok" else [Damage(path.name, f"SQLite says {verdict}")]


def _identity_damage(store: Store) -> list[Damage]:
    path = store.folder / "store.json"
    try:
        version = store.version()
    except StoreError:
        return []  # told of the record
    try:
        named = orjson.loads(path.read_bytes())["identity"]
    except (OSError, ValueError, KeyError, TypeError):
        return [Damage(path.name, "cannot be read")] if version.number else []
    identity = version.identity
    return [] if named == identity else [Damage(path.name, "names another store")]


def _panel_damage(store: Store) -> list[Damage]:
    """The mapped panel against the bars: it is a cache, so damage only costs time."""
    if store.version().last is None:
        return []
    view = store.panel()
    version = view.version
    fresh = store.fresh_bars(version)
    panel = view.panel
    ids = fresh["security_id"].to_numpy()
    starts = np.searchsorted(ids, panel.security_ids, "left")
    ends = np.searchsorted(ids, panel.security_ids, "right")
    names = [name for name in FIELDS if name in panel.fields and name != "session"]
    columns = {name: fresh[name].fill_null(float("nan")).to_numpy() for name in names}
    for i, (a, b) in enumerate(zip(starts.tolist(), ends.tolist(), strict=True)):
        same = b - a == panel.lengths[i] and all(
            np.array_equal(panel.run(i, name), columns[name][a:b], equal_nan=True) for name in names
        )
        if not same:
            path = str(view.path.relative_to(store.folder))
            return [
                Damage(path, "the mapped panel differs from the bars; delete the folder panels")
            ]
    return []


def sessions_of(store: Store, damage: tuple[Damage, ...]) -> tuple[set[tuple[str, str]], list[str]]:
    """What the damaged files held.

    Parameters
    ----------
    damage : files of tables; the others held no bars

    Returns
    -------
    asks : set
        Questions to vendors to repeat: kind, and "first/last/symbol".
    lost : list of str
        What no vendor can be asked for, in words.
    """
    asks: set[tuple[str, str]] = set()
    lost = []
    versions = {d.version for d in damage if d.path.startswith("tables/bars/") and d.version}
    for number in sorted(versions):
        try:
            version = store.tables.record(number)
            before = store.tables.record(number - 1) if number > 1 else None
            if version.merged:
                lost.append(f"version {number} only merged files of older ones: technic restore")
                continue
            rows = (
                store.table("asked", version)
                if before is None
                else store.rows_added("asked", before, version)
            ).collect()
        except (pl.exceptions.PolarsError, OSError, StoreError):
            lost.append(f"version {number}: what it was made from is damaged too")
            continue
        bars = rows.filter(pl.col("kind").is_in(["day", "run", "many"]))
        if bars.is_empty():
            lost.append(f"version {number} came from a file: import it again")
        asks |= {
            (str(kind), f"{first}/{last}/{symbol or ''}")
            for kind, first, last, symbol in bars.select(
                "kind", "first", "last", "symbol"
            ).iter_rows()
        }
    return asks, lost
