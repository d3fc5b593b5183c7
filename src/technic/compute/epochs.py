"""Values before each split, as they were then: histories folded once per adjustment epoch."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import polars as pl

from technic.compute.frames import NEEDED
from technic.compute.panel_series import PanelSeries
from technic.data.store.rows import newest_per, read_newest_bars
from technic.indicators.kernel.run import evaluate
from technic.market.adjust import adjust_for_splits
from technic.market.panel import Panel, pack
from technic.market.sessions import nyse
from technic.market.typing import BoolArray, FloatArray, IntArray


def past_epochs(history: PanelSeries) -> Iterator[tuple[IntArray, FloatArray]]:
    """Yield the rows of a history that lie before a split, and their values as they were then.

    A symbol with splits at s1 < s2 < … is folded once per adjustment epoch: its bars before
    s1 as traded, its bars before s2 adjusted for s1 alone, and so on; of each fold the rows
    since the split before are kept.
    """
    if history.view.version.adjustment == "splits":
        return  # bars that a vendor adjusted cannot be un-adjusted
    panel = history.panel
    splits = _splits_of(history)
    raw = _bars_of(history, splits)
    starts = np.cumsum(panel.lengths) - panel.lengths
    for epoch in range(1, int(splits["place"].max() or 0) + 1):  # type: ignore[arg-type]
        ends = splits.filter(pl.col("place") == epoch).select("security_id", end="session")
        before = raw.join(ends, on="security_id").filter(pl.col("session") < pl.col("end"))
        if before.is_empty():
            continue
        earlier = splits.filter(pl.col("place") < epoch)
        bars = adjust_for_splits(before.drop("end"), earlier)
        values = evaluate(
            list(history.series),
            _packed(bars),
            history.kernels,
            benchmark=history.closes,
            every_bar=True,
        )
        ids = bars["security_id"].to_numpy()
        rows = starts[np.searchsorted(panel.security_ids, ids)]
        rows += np.arange(bars.height) - np.searchsorted(ids, ids)
        inside = _since_last_split(bars, earlier)
        yield rows[inside], values[:, inside]


def _splits_of(history: PanelSeries) -> pl.DataFrame:
    """The newest word on every split of the panel's symbols; `place` counts those of each."""
    view = history.view
    rows = history.store.table("actions", view.version).filter(
        pl.col("kind") == "split",
        pl.col("session") <= view.as_of,
        pl.col("security_id").is_in(history.panel.security_ids.tolist()),
    )
    return (
        newest_per(rows, "security_id", "session")
        .collect()
        .sort("security_id", "session")
        .with_columns(place=pl.col("session").rank("ordinal").over("security_id"))
    )


def _bars_of(history: PanelSeries, splits: pl.DataFrame) -> pl.DataFrame:
    """The newest bars, as traded, of the symbols that ever had a split."""
    view, ids = history.view, splits["security_id"].unique().to_list()
    stored = history.store.table("bars", view.version).filter(
        pl.col("security_id").is_in(ids), pl.col("session") <= view.as_of
    )
    return read_newest_bars(stored)


def _since_last_split(bars: pl.DataFrame, splits: pl.DataFrame) -> BoolArray:
    """Which bars do not lie before the last of the splits of their security."""
    last = splits.group_by("security_id").agg(since=pl.col("session").max())
    joined = bars.join(last, on="security_id", how="left", maintain_order="left")
    inside = joined.select(
        inside=pl.col("since").is_null() | (pl.col("session") >= pl.col("since"))
    )
    return inside["inside"].to_numpy()


def _packed(bars: pl.DataFrame) -> Panel:
    """Bars of the store, sorted by security and session, as a panel."""
    ids, lengths = np.unique(bars["security_id"].to_numpy(), return_counts=True)
    columns = {name: bars[name].to_numpy() for name in NEEDED}
    columns["session"] = nyse().ordinals(bars["session"].to_numpy()).astype(np.float64)
    columns["vwap"] = bars["vwap"].fill_null(float("nan")).to_numpy()
    return pack(ids, lengths.astype(np.int64), columns)
