"""The panel as it stood on a past session: the newest one, with what has changed since put back.

Most runs of the past are the runs of today, cut short. What differs are the symbols whose bars
or splits became known later; few enough to be written over in a private copy of the mapped file,
of which the system copies only the pages that are written to. Nothing is kept on disk, and a
thousand past sessions cost no more room than one.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from pathlib import Path

import numpy as np
import polars as pl

from technic.market.adjust import adjust_for_splits
from technic.market.sessions import nyse
from technic.store.directory import directory
from technic.store.rows import COLUMNS, newest_of
from technic.store.tables import files, scan_files
from technic.typing import IntArray

EARLIEST = 13  # hour, UTC, before which no session opens


@dataclass(frozen=True, slots=True)
class Tables:
    """What of a store version the past depends on, read once per process.

    Attributes
    ----------
    names : tickers, listings and classifications
    splits : every split that was ever told
    late : rows of bars that became known after the open that follows their session
    moved : every row of the securities that have a split or a late row
    """

    names: tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]
    splits: pl.DataFrame
    late: pl.DataFrame
    moved: pl.DataFrame


Pins = tuple[tuple[str, int], ...]  # Delta version by table


@lru_cache(maxsize=2)
def tables_of(folder: Path, _identity: str, pins: Pins) -> Tables:
    """The tables of a store version that the past depends on."""
    pinned = dict(pins)

    def table(name: str) -> pl.LazyFrame:
        uris = [] if name not in pinned else files(folder, name, pinned[name])
        return scan_files(name, uris)

    splits = table("actions").filter(pl.col("kind") == "split").collect()
    bars = table("bars").select(*COLUMNS, "known_at")
    rows = _told_late(bars.select("security_id", "session", "known_at")).collect()
    days = rows["session"].unique().sort()
    opens = pl.DataFrame(
        {"session": days, "opens": [nyse().opens(nyse().ordinal(day) + 1) for day in days]},
        schema={"session": pl.Date, "opens": rows.schema["known_at"]},
    )
    late = (
        rows.join(opens, on="session", how="left")
        .filter(pl.col("known_at") >= pl.col("opens"))
        .drop("opens")
    )
    ids = pl.concat([splits["security_id"], late["security_id"]]).unique()
    return Tables(
        (table("tickers").collect(), table("listings").collect(), table("classifications").collect()),
        splits,
        late,
        bars.filter(pl.col("security_id").is_in(ids.implode())).collect(),
    )  # fmt: skip


def _told_late(rows: pl.LazyFrame) -> pl.LazyFrame:
    """Rows that may have become known after the open that follows: never before 9:30 the next day."""
    day = pl.col("session").cast(pl.Datetime("us", "UTC"))
    return rows.filter(pl.col("known_at") >= day.dt.offset_by(f"{24 + EARLIEST}h"))


@dataclass(frozen=True, slots=True)
class Rewritten:
    """What a past session showed that today does not.

    Attributes
    ----------
    who : one row per security, see `directory`
    ids : securities whose runs differ from today's, ascending
    bars : their runs, adjusted, by security and session
    """

    who: pl.DataFrame
    ids: IntArray
    bars: pl.DataFrame


def rewritten(
    tables: Tables, every: pl.LazyFrame, as_of: date, cutoff: datetime | None, adjustment: str
) -> Rewritten:
    """What was different as of a session, as known before `cutoff`.

    Parameters
    ----------
    every : all bars, for instants at which not even the newest session was known
    """
    who = directory(*tables.names, as_of, cutoff)
    unknown = pl.lit(value=False) if cutoff is None else pl.col("known_at") >= cutoff
    later = tables.splits.filter((pl.col("session") > as_of) | unknown)
    ordinary = cutoff is None or cutoff >= nyse().opens(nyse().ordinal(as_of) + 1)
    late = tables.late if ordinary else every.filter(unknown).collect()
    late = late.filter((pl.col("session") <= as_of) & unknown)
    ids = pl.concat([later["security_id"], late["security_id"]]).unique()
    mine = pl.col("security_id").is_in(ids.implode()) & (pl.col("session") <= as_of) & ~unknown
    rows = tables.moved.filter(mine) if ordinary else every.filter(mine).collect()
    bars = newest_of(rows)
    if adjustment != "splits":
        known = tables.splits.filter(mine).sort("known_at")
        bars = adjust_for_splits(
            bars, known.unique(["security_id", "session"], keep="last", maintain_order=True)
        )
    found: IntArray = np.sort(ids.to_numpy())
    return Rewritten(who, found, bars)
