"""What a store no longer needs, taken away: old panels, versions that nothing names, their files.

1. `_old_panels`: of the mapped panels, a cache, those of the two newest versions stay.
2. `_old_versions`: versions older than the retention, unless something kept names them.
3. `_old_files`: data files that no version names which can be read. They go a day after the
   version did, so that nothing is taken from under a scan that runs.

Records and logs stay: they are small, form the chain, and say of every file what it must be.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import orjson

from technic.data.store.delta_log import replay
from technic.data.store.store import Store
from technic.data.store.version import (
    drop_versions,
    dropped_versions,
    read_version,
    record_path,
)
from technic.runtime.files import writing
from technic.runtime.settings import Settings

PANELS = 2  # versions whose panels stay: of the newest, and of one that somebody may be reading
PATIENCE = timedelta(days=1)  # between the drop of a version and of its files
NAMED = re.compile(rb'\\?"store_version\\?":\s*\\?"(\d+-[0-9a-f]{16})')


@dataclass(frozen=True, slots=True)
class Vacuumed:
    """What a vacuum took away, or would.

    Attributes
    ----------
    panels, files : paths of old panels, and of data files that no version names any more
    versions : numbers of the versions that were dropped
    bytes : that were freed
    """

    panels: tuple[Path, ...]
    files: tuple[Path, ...]
    versions: tuple[int, ...]
    bytes: int

    @property
    def summary(self) -> str:
        """In words, for one line."""
        return (
            f"{self.bytes / 1e6:,.1f} MB: {len(self.panels):,} files of old panels, "
            f"{len(self.files):,} data files, {len(self.versions):,} versions"
        )


def vacuum(
    store: Store, settings: Settings, *, now: datetime | None = None, dry_run: bool = False
) -> Vacuumed:
    """Take away what a store no longer needs.

    Parameters
    ----------
    settings : say for how long versions are kept, and where reports are
    now : what the clock says; the system's by default
    dry_run : whether only to say what would be taken away

    Raises
    ------
    StoreError
        If the store cannot be written, or is damaged.
    """
    at = now or datetime.now(UTC)
    if dry_run:
        return _found(store, settings, at)
    with writing(store.folder), writing(store.folder / "panels"):
        found = _found(store, settings, at)
        if found.versions:
            drop_versions(store.folder, found.versions, at)
        _remove((*found.panels, *found.files))
    return found


def tidy(store: Store) -> None:
    """What is done at the end of every import: small files are merged, old panels go."""
    if store.merge_small_files() is not None:
        store.panel()
    folder = store.folder / "panels"
    if folder.is_dir() and not store.place:
        with writing(folder):
            _remove(_old_panels(store))


def _found(store: Store, settings: Settings, at: datetime) -> Vacuumed:
    panels = _old_panels(store)
    versions = _old_versions(store, settings, at)
    files = _old_files(store, at)
    size = sum(path.stat().st_size for path in (*panels, *files))
    return Vacuumed(panels, files, versions, size)


def _remove(paths: Collection[Path]) -> None:
    for path in paths:
        try:
            path.unlink(missing_ok=True)
        except PermissionError:  # Windows: somebody reads it; the next vacuum takes it
            continue


def _old_panels(store: Store) -> tuple[Path, ...]:
    """Files of the panels folder that belong to none of the newest versions."""
    paths = [path for path in (store.folder / "panels").glob("[0-9]*") if path.is_file()]
    indices = [path for path in paths if path.suffix == ".json"]
    numbers = sorted({path.name.split("-")[0] for path in indices})[-PANELS:]
    kept = {path.stem for path in indices if path.name.split("-")[0] in numbers}
    for path in indices:
        if path.stem in kept:
            try:
                kept.add(Path(str(orjson.loads(path.read_bytes())["data"])).stem)
            except (orjson.JSONDecodeError, KeyError, TypeError):  # damaged: it is made anew
                continue
    return tuple(sorted(path for path in paths if path.name.split(".")[0] not in kept))


def _old_versions(store: Store, settings: Settings, at: datetime) -> tuple[int, ...]:
    """Versions older than the retention that nothing names; never the newest."""
    newest, gone = store.version().number, dropped_versions(store.folder)
    limit = (at - timedelta(days=settings.retention)).timestamp()
    old = [
        number
        for number in range(1, newest)
        if number not in gone
        and record_path(store.folder, number).exists()
        and record_path(store.folder, number).stat().st_mtime < limit
    ]
    if not old:
        return ()
    named = set(_names(store, settings))
    return tuple(n for n in old if read_version(store.folder, n).name not in named)


def _names(store: Store, settings: Settings) -> Iterator[str]:
    """Versions that a run, a trial, a model, a kept report, evidence or a rollout names."""
    for rows in store.catalog.kept_rows().values():
        yield from (str(row["store_version"]) for row in rows if "store_version" in row)
    folders = (store.folder / "models", settings.reports, settings.state / "rollout")
    paths = [path for folder in folders for path in folder.rglob("*.json*")]
    for path in (*paths, store.folder / "evidence.json"):
        if path.is_file():
            yield from (name.decode() for name in NAMED.findall(path.read_bytes()))


def _old_files(store: Store, at: datetime) -> tuple[Path, ...]:
    """Data files that no version names but those dropped a while ago."""
    needed = files_needed(store.folder, at - PATIENCE)
    paths = (store.folder / "tables").rglob("*.parquet")
    inside = (path for path in paths if path.parent.name != "_delta_log")  # not its checkpoints
    return tuple(sorted(p for p in inside if str(p.relative_to(store.folder)) not in needed))


def files_needed(folder: Path, before: datetime) -> set[str]:
    """Paths in the store of the data files of every version that was not dropped by an instant.

    Parameters
    ----------
    folder : of the store
    before : versions that were dropped later count still
    """
    gone = {number for number, at in dropped_versions(folder).items() if at < before}
    pins: dict[str, set[int]] = {}
    for path in (folder / "versions").glob("[0-9]*.json"):
        number = int(path.stem)
        if number not in gone:
            for name, pinned in read_version(folder, number, dropped=True).tables.items():
                pins.setdefault(name, set()).add(pinned)
    return {
        f"tables/{name}/{path}"
        for name, pinned in pins.items()
        for files in replay(folder / "tables" / name, pinned)
        for path in files
    }
