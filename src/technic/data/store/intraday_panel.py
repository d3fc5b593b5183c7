"""A panel with one bar more, of the day so far: in memory, never in the store.

1. `_private` maps the data file a second time: what is written there, nobody else sees, and only
   the pages that are written to are copied.
2. `_rewrite` gives symbols that split today their whole run once more, in today's terms.
3. `merge` leaves out symbols whose close of the day before is not the one that is stored, and bars
   so far from it that no market makes them.
4. `_append` writes the bar of the day so far behind the last bar of each symbol that has traded.

States of indicators that were carried to yesterday's bar fit, and are carried on by one bar.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from hashlib import blake2b

import numpy as np
import polars as pl

from technic.data.store.mapped_panel import MappedPanel
from technic.data.store.panel_bars import HeldBars
from technic.data.store.rows import adjusted_bars, columns_of_rows, lengths_of
from technic.data.store.store import Store
from technic.market.panel import LANES, Panel, fill
from technic.market.quality import ABSURD
from technic.market.sessions import nyse
from technic.market.typing import FloatArray, IntArray

JUMP = 0.2  # relative, by which a vendor's close of the day before may differ from ours
ROWS_MORE = 16  # room, where a file has none left


@dataclass(frozen=True, slots=True)
class Merged:
    """A provisional view, and the symbols that could not be part of it.

    Attributes
    ----------
    view : stands in the session of the bars; None if nobody has traded
    bars : how many symbols have a bar of the day so far
    strangers : symbols that the store does not know
    doubtful : symbols whose close of the day before is not the one that the store holds
    absurd : symbols whose bar is more than `ABSURD` times above or below it
    rows : the bars that became part of the view
    """

    view: MappedPanel | None
    bars: int
    strangers: tuple[str, ...]
    doubtful: tuple[str, ...]
    absurd: tuple[str, ...]
    rows: pl.DataFrame


def merge(store: Store, view: MappedPanel, bars: pl.DataFrame, session: date) -> Merged:
    """A view with the bars of a session that is not over.

    Parameters
    ----------
    store : that the view shows
    view : of the newest session that is stored
    bars : `symbol`, open, high, low, close, volume, vwap, and `before`, the close of the session
        before in the terms of `session`; good rows of that session, one per symbol
    session : that is not over
    """
    who = view.who.select("symbol", "security_id").with_row_index("at")
    matched = bars.join(who, on="symbol", how="inner").sort("at")
    strangers = bars.join(who, on="symbol", how="anti")["symbol"].sort().to_list()
    split = _split_today(store, view, session)
    panel = _private(view)
    if len(split):
        _rewrite(store, view, panel, split, session)
    at = matched["at"].to_numpy().astype(np.int64)
    last = panel.last("close")[at]
    before = matched["before"].fill_null(float("nan")).to_numpy()
    with np.errstate(all="ignore"):
        doubted = np.abs(before / last - 1.0) > JUMP  # perhaps a split that nobody told us of
        far = (matched["high"].to_numpy() > ABSURD * last) | (
            matched["low"].to_numpy() * ABSURD < last
        )
    doubtful = matched.filter(pl.Series(doubted))["symbol"].to_list()
    absurd = matched.filter(pl.Series(far & ~doubted))["symbol"].to_list()
    matched = matched.filter(pl.Series(~doubted & ~far))
    out = (tuple(strangers), tuple(doubtful), tuple(absurd))
    if matched.is_empty():
        return Merged(None, 0, *out, matched)
    panel = _append(panel, matched, session)
    name = _name_of(matched, session)
    path = view.path.with_name(f"{view.path.name}-{name}")
    merged = replace(
        view,
        bars=HeldBars(panel, view.bars.data),
        as_of=session,
        path=path,
        provisional=name,
        anew=tuple(split.tolist()),
    )
    return Merged(merged, matched.height, *out, matched)


def _private(view: MappedPanel) -> Panel:
    """The same panel over bars of our own, with room for one more each."""
    panel = view.panel
    shape = panel.bars.shape
    path = view.path.parent / view.bars.data
    bars: FloatArray = np.asarray(np.memmap(path, np.float64, "c", shape=shape))
    if panel.lengths.max(initial=0) >= shape[2]:
        grown = np.full((*shape[:2], shape[2] + ROWS_MORE, LANES), np.nan)
        grown[:, :, : shape[2]] = bars
        bars = grown
    return replace(panel, bars=bars)


def _split_today(store: Store, view: MappedPanel, session: date) -> IntArray:
    """Securities that split between the newest stored session and this one."""
    splits = (
        store.table("actions", view.version)
        .filter(
            pl.col("kind") == "split", pl.col("session") > view.as_of, pl.col("session") <= session
        )
        .select("security_id")
        .unique()
        .collect()["security_id"]
    )
    ids: IntArray = np.sort(splits.to_numpy().astype(np.int64))
    return ids[np.isin(ids, view.panel.security_ids)]


def _rewrite(store: Store, view: MappedPanel, panel: Panel, split: IntArray, session: date) -> None:
    """Put the runs of some securities into today's terms, in place."""
    at = np.searchsorted(panel.security_ids, split)
    if view.version.adjustment == "splits":
        return
    rows = adjusted_bars(store.tables, view.version, session, split)
    lengths = lengths_of(rows, split)
    assert np.array_equal(lengths, panel.lengths[at])  # no bar is newer than the view
    fill(panel.bars, panel.places[at], lengths, columns_of_rows(rows, panel.fields))


def _append(panel: Panel, bars: pl.DataFrame, session: date) -> Panel:
    """One bar more for each symbol found."""
    at = bars["at"].to_numpy().astype(np.int64)
    rows = bars.with_columns(session=pl.lit(session))
    blocks, lanes = np.divmod(panel.places[at], LANES)
    for j, column in enumerate(columns_of_rows(rows, panel.fields)):
        panel.bars[blocks, j, panel.lengths[at], lanes] = column
    lengths = panel.lengths.copy()
    lengths[at] += 1
    return replace(panel, lengths=lengths)


def _name_of(bars: pl.DataFrame, session: date) -> str:
    """A digest of the bars: the same bars make the same view."""
    digest = blake2b(f"{nyse().ordinal(session)}".encode(), digest_size=8)
    for name in ("security_id", "open", "high", "low", "close", "volume", "vwap"):
        digest.update(bars[name].fill_null(0).to_numpy().tobytes())
    return digest.hexdigest()
