"""Rows from the future, dated anew: a clock that was ahead gave them instants yet to come.

Such rows count in a scan of today, and no later correction is hidden by them; but a scan of a past
session does not see them before their instant has come. `date_rows` lets them be known from now
on, in the order in which they came. It never dates a row back: who looks at the past sees no more
than could be known then.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import unquote

import polars as pl

from technic.data.store.clock import CLOCK_SLACK
from technic.data.store.delta_log import live_files, write_instead
from technic.data.store.rows import rows_known_after
from technic.data.store.store import Store
from technic.data.store.table_writer import Appended, exchanged_files, settled_at
from technic.data.store.tables import scan_files
from technic.data.store.version import StoreVersion
from technic.errors import StoreError
from technic.market.schema import INSTANT

DATED = "dated-"  # begins the name of a file in which rows were dated anew
TICK = timedelta(microseconds=1)


def date_rows(store: Store, now: datetime | None = None) -> dict[str, int]:
    """Let rows from the future be known from now on, in one version; older ones stay as they were.

    Parameters
    ----------
    store : written to only if it holds such rows
    now : what the clock says, which is believed; the system's by default

    Returns
    -------
    dict
        How many rows were dated anew, by table; empty if there were none.

    Raises
    ------
    StoreError
        If the store is simulated, damaged or cannot be written.
    """
    clock, version = now or datetime.now(UTC), store.version()
    if version.is_simulated or store.place:
        why = "is simulated: its clock is its own" if version.is_simulated else "is read here"
        raise StoreError(f"{store.folder}: {why}; no row was dated anew")
    late = rows_known_after(store.tables, version, clock + CLOCK_SLACK)
    if not late:
        return {}
    instants = _instants(late.values(), _floor(store, version, clock))
    store.exchange(
        lambda before: {name: _dated(store.folder, name, before, instants) for name in late}
    )
    return {name: rows.height for name, rows in late.items()}


def _floor(store: Store, version: StoreVersion, clock: datetime) -> datetime:
    """The latest instant of the rows that are not from the future: those of the others follow it."""
    settled = pl.col("known_at") <= clock + CLOCK_SLACK
    parts = [
        store.table(name, version).filter(settled).select("known_at") for name in version.tables
    ]
    newest: datetime | None = pl.concat(parts).max().collect().item()
    return clock if newest is None else max(clock, newest)


def _instants(late: Collection[pl.DataFrame], floor: datetime) -> pl.DataFrame:
    """The instants of the rows, `known_at`, and those that they get, `dated`, in the same order."""
    old = pl.concat([rows.select("known_at") for rows in late])["known_at"].unique().sort()
    new = [floor + k * TICK for k in range(1, len(old) + 1)]
    return pl.DataFrame({"known_at": old, "dated": pl.Series(new, dtype=INSTANT)})


def _dated(folder: Path, name: str, before: StoreVersion, instants: pl.DataFrame) -> Appended:
    """Write the files of a table that hold such rows once more, each row in its place."""
    path, pinned = folder / "tables" / name, before.tables[name]
    number = settled_at(path, pinned)
    actions, written = [], list[Path]()
    for add in live_files(path, number).values():
        rows = scan_files(name, [str(path / unquote(add["path"]))]).collect()
        found = rows.join(instants, on="known_at", how="left", maintain_order="left")
        if found["dated"].null_count() == found.height:
            continue
        dated = found.with_columns(known_at=pl.coalesce("dated", "known_at")).select(rows.columns)
        place, exchanged = write_instead(path, [add], dated, DATED)
        written.append(place)
        actions += exchanged
    return exchanged_files(folder, name, pinned, actions, written)
