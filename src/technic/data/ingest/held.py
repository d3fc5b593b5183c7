"""Rows of a file, held against what the store has: an import and its check do the same."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime

import polars as pl

from technic.data.ingest.file_actions import FileActions, take_actions
from technic.data.ingest.filers import identify_symbols
from technic.data.ingest.intervals import interval_doubt
from technic.data.ingest.joining import AsJoined, joined_line
from technic.data.ingest.merge import as_bars
from technic.data.ingest.scales import one_scale
from technic.data.ingest.told_actions import ABOUT, told_by_rows
from technic.data.ingest.untold import untold_in_file
from technic.data.store import Store, StoreVersion
from technic.market.quality import Sorted


@dataclass(frozen=True, slots=True)
class HeldRows:
    """What of a file can be stored beside what the store has.

    Attributes
    ----------
    judged : the rows, sorted; good ones with `security_id`
    bars : the good ones as rows of the bars table
    tickers : new rows of the tickers table
    actions : what becomes of splits and dividends
    doubts : a line for each symbol, split or dividend that is not taken as the file tells it, and
        for each night that looks like a split which nobody told
    told : what was learnt of who is who
    joined : stored securities that are others now, and which
    """

    judged: Sorted
    bars: pl.DataFrame
    tickers: pl.DataFrame
    actions: FileActions
    doubts: list[str] = field(default_factory=list)
    told: list[str] = field(default_factory=list)
    joined: dict[int, int] = field(default_factory=dict)


def hold_against_store(
    store: Store,
    version: StoreVersion,
    judged: Sorted,
    seen: datetime,
    *,
    as_traded: bool,
    label: str,
) -> HeldRows:
    """Find each row's security, and set aside what contradicts the store, or prices.

    Parameters
    ----------
    judged : rows as `market.quality.examine` sorts them
    seen : the instant from which what corrects the store counts
    as_traded : whether prices are; adjusted for splits otherwise
    label : the file, for messages

    Raises
    ------
    SchemaError
        If the file as a whole contradicts the store, or its own splits.
    """
    found = identify_symbols(store, judged.good, version)
    good, tickers, joined = found.rows, found.tickers, found.joined
    if joined:  # from here on two that are one are read as one
        store = AsJoined(store, joined)
    told = told_by_rows(store, version, good, judged.bad)
    scaled = one_scale(store, version, good, told, as_traded=as_traded, label=label)
    judged = replace(judged, good=good)
    if not scaled.bad.is_empty():
        bad = pl.concat([judged.bad, scaled.bad], how="diagonal")
        judged = replace(judged, good=scaled.good, bad=bad)
        tickers = tickers.join(scaled.bad, on="security_id", how="anti")
        refused = set(scaled.bad["security_id"])
        joined = {older: newer for older, newer in joined.items() if newer not in refused}
    bars = as_bars(judged.good)
    actions = take_actions(
        store, version, scaled.told, bars, seen, as_traded=as_traded, label=label
    )
    names = dict(judged.good.select("security_id", "symbol").unique("security_id").iter_rows())
    # A split that was set aside is one that nobody has told: its night is asked about.
    standing = scaled.told.join(actions.bad, on=ABOUT, how="anti")
    untold = untold_in_file(
        store, version, bars, standing, actions.rows, names, as_traded=as_traded
    )
    doubts = [*interval_doubt(bars), *scaled.notes, *actions.notes, *untold]
    one = [joined_line({names[newer] for newer in joined.values()})] if joined else []
    return HeldRows(judged, bars, tickers, actions, doubts, [*one, *found.notes], joined)
