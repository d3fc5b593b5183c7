"""The panel as it stood on a past session: the newest one, with what has changed since put back.

Most runs of the past are the runs of today, cut short. What differs is written over in a private
copy of the mapped file, of which the system copies only the pages that are written to:

1. Symbols with a split that became known later, or is later, get their whole run again.
2. A bar that was revised later gets the values it had.
3. A bar that became known later is hidden, where it is the last; else the whole run is read again.

Nothing is kept on disk, and a thousand past sessions cost no more room than one.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import lru_cache
from pathlib import Path

import numpy as np
import polars as pl

from technic.data.store.rows import COLUMNS, columns_of_rows, newest_bars, newest_per
from technic.data.store.tables import TableReader
from technic.data.store.tickers import directory
from technic.market.adjust import adjust_for_splits
from technic.market.panel import LANES, Panel
from technic.market.sessions import nyse
from technic.market.typing import IntArray

EARLIEST = 13  # hour, UTC, before which no session opens


@dataclass(frozen=True, slots=True)
class PastTables:
    """What of a store version the past depends on, read once per process.

    Attributes
    ----------
    names : tickers, listings and classifications
    splits : every split that was ever told
    late : rows of bars that became known after the open that follows their session:
        `security_id`, `session`, `known_at`
    versions : every row of the bars that have a late one
    split : every row of the bars of securities that ever had a split
    """

    names: tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]
    splits: pl.DataFrame
    late: pl.DataFrame
    versions: pl.DataFrame
    split: pl.DataFrame


@lru_cache(maxsize=2)
def read_past_tables(folder: Path, _name: str, number: int) -> PastTables:
    """The tables of a store version that the past depends on; read once for each version.

    Parameters
    ----------
    folder : of the store
    _name : of the version: another store in the same folder is not answered from memory
    number : of the version
    """
    tables = TableReader(folder)
    version = tables.version(number)

    def table(name: str) -> pl.LazyFrame:
        return tables.table(name, version)

    splits = table("actions").filter(pl.col("kind") == "split").collect()
    bars = table("bars").select(*COLUMNS, "known_at")
    rows = _perhaps_late(bars.select("security_id", "session", "known_at")).collect()
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
    pairs = late.select("security_id", "session").unique()
    ids = splits["security_id"].unique()
    return PastTables(
        (
            table("tickers").collect(),
            table("listings").collect(),
            table("classifications").collect(),
        ),
        splits,
        late,
        bars.join(pairs.lazy(), on=["security_id", "session"], how="semi").collect(),
        bars.filter(pl.col("security_id").is_in(ids.implode())).collect(),
    )


def _perhaps_late(rows: pl.LazyFrame) -> pl.LazyFrame:
    """Rows that may have become known after the open that follows: never before 9:30 the next day."""
    day = pl.col("session").cast(pl.Datetime("us", "UTC"))
    return rows.filter(pl.col("known_at") >= day.dt.offset_by(f"{24 + EARLIEST}h"))


@dataclass(frozen=True, slots=True)
class PastDifferences:
    """What a past session showed that today does not.

    Attributes
    ----------
    who : one row per security, see `directory`
    ids : securities whose whole runs differ from today's, ascending
    bars : their runs, adjusted, by security and session
    revised : bars of other securities, with the values they had
    unknown : bars of other securities that were not known: `security_id`, `session`
    """

    who: pl.DataFrame
    ids: IntArray
    bars: pl.DataFrame
    revised: pl.DataFrame
    unknown: pl.DataFrame


def past_differences(
    tables: PastTables,
    every_bar: pl.LazyFrame,
    as_of: date,
    cutoff: datetime | None,
    adjustment: str,
) -> PastDifferences:
    """What was different as of a session, as known before `cutoff`.

    Parameters
    ----------
    every_bar : all rows of bars, read where not even the newest session was known by `cutoff`
    cutoff : only what was known before this instant; None for everything
    adjustment : of the store version: "splits" if the vendor adjusted the bars
    """
    who = directory(*tables.names, as_of, cutoff)
    unknown = pl.lit(value=False) if cutoff is None else pl.col("known_at") >= cutoff
    visible = (pl.col("session") <= as_of) & ~unknown
    later = tables.splits.filter((pl.col("session") > as_of) | unknown)["security_id"]
    if cutoff is not None and cutoff < nyse().opens(nyse().ordinal(as_of) + 1):
        late = every_bar.filter((pl.col("session") <= as_of) & unknown).collect()["security_id"]
        ids = pl.concat([later, late]).unique()
        rows = every_bar.filter(pl.col("security_id").is_in(ids.implode()), visible).collect()
        none = tables.versions.clear().select(COLUMNS)
        return PastDifferences(who, *_runs(tables, ids, rows, visible, adjustment), none, none)
    late_rows = tables.late.filter((pl.col("session") <= as_of) & unknown)
    of_split = pl.col("security_id").is_in(tables.splits["security_id"].unique().implode())
    ids = pl.concat([later, late_rows.filter(of_split)["security_id"]]).unique()
    rows = tables.split.filter(pl.col("security_id").is_in(ids.implode()), visible)
    pairs = late_rows.filter(~of_split).select("security_id", "session").unique()
    keys = ["security_id", "session"]
    revised = newest_bars(tables.versions.join(pairs, on=keys, how="semi").filter(visible))
    hidden = pairs.join(revised, on=keys, how="anti").sort(keys)
    return PastDifferences(who, *_runs(tables, ids, rows, visible, adjustment), revised, hidden)


def _runs(
    tables: PastTables, ids: pl.Series, rows: pl.DataFrame, visible: pl.Expr, adjustment: str
) -> tuple[IntArray, pl.DataFrame]:
    """Whole runs of some securities, adjusted for the splits that were known."""
    bars = newest_bars(rows)
    if adjustment != "splits":
        rows_of_splits = tables.splits.filter(pl.col("security_id").is_in(ids.implode()), visible)
        splits = newest_per(rows_of_splits.lazy(), "security_id", "session").collect()
        bars = adjust_for_splits(bars, splits)
    ascending: IntArray = np.sort(ids.to_numpy())
    return ascending, bars


def without_last(panel: Panel, hidden: pl.DataFrame) -> tuple[Panel, IntArray]:
    """A panel without some bars that were not known, where they are the last of their runs.

    Parameters
    ----------
    hidden : `security_id` and `session` of the bars, in that order

    Returns
    -------
    Panel
        With shorter lengths.
    shifted : ndarray
        int64, securities of which a bar in the middle was not known.
    """
    if hidden.is_empty():
        return panel, np.empty(0, np.int64)
    lengths, shifted = panel.lengths.copy(), []
    ids, counts = np.unique(hidden["security_id"].to_numpy(), return_counts=True)
    days = nyse().ordinals(hidden["session"].to_numpy()).astype(np.float64)
    ends = np.cumsum(counts)
    at = np.searchsorted(panel.security_ids, ids)
    for security, i, count, end in zip(ids, at, counts, ends, strict=True):
        if i == len(panel) or panel.security_ids[i] != security:
            continue  # it had no ticker then
        run = panel.run(int(i), "session")
        if count <= len(run) and np.array_equal(run[len(run) - count :], days[end - count : end]):
            lengths[i] -= count
        else:
            shifted.append(security)
    return replace(panel, lengths=lengths), np.array(shifted, dtype=np.int64)


def overwrite(panel: Panel, revised: pl.DataFrame) -> None:
    """Give bars the values they had, in place: the panel's bars are our own copy.

    Parameters
    ----------
    revised : rows of bars, adjusted as the panel is; securities that it lacks are left out
    """
    if revised.is_empty():
        return
    at = np.searchsorted(panel.security_ids, revised["security_id"].to_numpy())
    columns = columns_of_rows(revised, panel.fields)
    days = columns[panel.fields.index("session")]
    for k, i in enumerate(at):
        if i == len(panel) or panel.security_ids[i] != revised["security_id"][k]:
            continue
        row = int(np.searchsorted(panel.run(int(i), "session"), days[k]))
        block, lane = divmod(int(panel.places[i]), LANES)
        panel.bars[block, :, row, lane] = [column[k] for column in columns]
