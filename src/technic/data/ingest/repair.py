"""Take damaged files out of the tables, so that a sync fetches what they held again."""

from __future__ import annotations

import shutil
from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl

from technic.data.store import Store
from technic.data.store.integrity import Damage, examine_files, sessions_of
from technic.data.store.table_writer import drop_missing
from technic.market.schema import ASKED
from technic.runtime.files import alone, make_folder, writing


def set_aside_damage(store: Store) -> list[str]:
    """Move damaged files aside and mark what they held as never asked.

    Old versions that named those files can no longer be read; the newest can, and a sync fills
    it. Bars that came from files of the user's must be imported again.

    Returns
    -------
    list of str
        What was done, one line each.

    Raises
    ------
    StoreError
        If a sync runs.
    """
    with alone(store.folder, "sync"):
        damage = examine_files(store).damage
        tables = [d for d in damage if d.path.startswith("tables/") and d.path.endswith(".parquet")]
        lines = [f"damaged: {d}" for d in damage]
        if not tables:
            _drop_caches(store, damage)
            return lines or ["no damage was found"]
        asks, lost = sessions_of(store, tuple(tables))
        names = sorted({Path(d.path).parts[1] for d in tables})
        for table_file in tables:
            _move_aside(store.folder, table_file)
        _commit_without(store, names, asks)
        _drop_caches(store, damage)
        return [*lines, *lost, f"{len(asks)} asks will be repeated"]


def _move_aside(folder: Path, damage: Damage) -> None:
    path, place = folder / damage.path, folder / "damaged" / damage.path
    if path.exists():
        make_folder(place.parent)
        shutil.move(path, place)


def _commit_without(store: Store, names: list[str], asks: set[tuple[str, str]]) -> None:
    """A store version whose tables no longer name the files."""
    with writing(store.folder):
        version = store.version()
        for name in names:
            version = version.successor(
                number=version.number,
                added=version.added,
                tables={
                    **version.tables,
                    name: drop_missing(store.folder, name, version.tables[name]),
                },
            )
    at = datetime.now(UTC)
    newest = store.table("asked").select(pl.col("known_at").max()).collect().item()
    rows = []
    for kind, about in sorted(asks):
        first, last, symbol = about.split("/", 2)
        days = date.fromisoformat(first), date.fromisoformat(last)
        stamp = max(at, newest) if newest else at
        rows.append((kind, *days, symbol or None, "repair", False, 0, 0, 0.0, stamp))
    store.commit(
        {"asked": pl.DataFrame(rows, schema=ASKED, orient="row")}, tables_before=version.tables
    )


def _drop_caches(store: Store, damage: tuple[Damage, ...]) -> None:
    if any(d.path.startswith("panels/") or d.path.startswith("tables/") for d in damage):
        shutil.rmtree(store.folder / "panels", ignore_errors=True)
