"""What some securities traded at, as printed: one row per session, one column per security.

What was decided was decided on what was known then; what it came to is told by what is known now,
corrections included.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl

from technic.data.store import Store, StoreVersion
from technic.data.store.rows import newest_per, read_newest_bars
from technic.market.sessions import nyse
from technic.market.typing import BoolArray, FloatArray, IntArray
from technic.research.forward_returns import QUIET

FIELDS = ("open", "high", "low", "close", "volume")


@dataclass(frozen=True, slots=True)
class PriceHistory:
    """Bars of some securities as traded, and what happened to their shares.

    Attributes
    ----------
    ids : int64, shape (n_ids,); ids of the securities, ascending
    ordinals : int64, shape (n_sessions,); every session of a span, as numbers of the trading
        calendar
    open, high, low, close : float64, shape (n_sessions, n_ids); USD per share as traded, NaN
        where nothing traded
    volume : float64, shape (n_sessions, n_ids); shares, NaN where nothing traded
    ratio : float64, shape (n_sessions, n_ids); new shares per old one from the open of a session
        on, 1 where there is no split
    dividend : float64, shape (n_sessions, n_ids); USD per share held over the night before
    ends : int64, shape (n_ids,); the row of the last bar of all
    gone : bool, shape (n_ids,); whether that bar lies well before the end of what is stored
    """

    ids: IntArray
    ordinals: IntArray
    open: FloatArray
    high: FloatArray
    low: FloatArray
    close: FloatArray
    volume: FloatArray
    ratio: FloatArray
    dividend: FloatArray
    ends: IntArray
    gone: BoolArray

    def day(self, row: int) -> date:
        """The date of a session."""
        return nyse().day(int(self.ordinals[row]))


def read_prices(
    store: Store, version: StoreVersion, ids: Sequence[int], first: int, last: int
) -> PriceHistory:
    """What some securities traded at between two sessions, as it is known now.

    Parameters
    ----------
    ids : of securities, in any order
    first, last : sessions, as numbers of the trading calendar
    """
    securities = np.unique(np.array(ids, dtype=np.int64))
    among = pl.col("security_id").is_in(securities.tolist())
    stored = store.table("bars", version).filter(among, pl.col("session") >= nyse().day(first))
    bars = read_newest_bars(stored)
    n, k = last - first + 1, len(securities)
    row = nyse().ordinals(bars["session"].to_numpy()).astype(np.int64) - first
    column = np.searchsorted(securities, bars["security_id"].to_numpy())
    ends = np.zeros(k, dtype=np.int64)
    np.maximum.at(ends, column, row)
    inside = row < n
    fields = {name: np.full((n, k), np.nan) for name in FIELDS}
    for name, values in fields.items():
        values[row[inside], column[inside]] = bars[name].to_numpy()[inside]
    fields["open"][~(fields["open"] > 0.0)] = np.nan
    assert version.last is not None
    gone = ends < nyse().ordinal(version.last) - first - QUIET
    ratio, dividend = _actions(store, version, securities, first, n)
    # Prices that the vendor has adjusted for splits hold them already.
    if version.adjustment == "splits":
        ratio[:] = 1.0
    return PriceHistory(
        securities,
        np.arange(first, last + 1),
        **fields,
        ratio=ratio,
        dividend=dividend,
        ends=ends,
        gone=gone,
    )


def _actions(
    store: Store, version: StoreVersion, ids: IntArray, first: int, n: int
) -> tuple[FloatArray, FloatArray]:
    """Split ratios and dividends by session and security."""
    rows = store.table("actions", version).filter(pl.col("security_id").is_in(ids.tolist()))
    actions = newest_per(rows, "security_id", "session", "kind").collect()
    row = nyse().ordinals(actions["session"].to_numpy()).astype(np.int64) - first
    column = np.searchsorted(ids, actions["security_id"].to_numpy())
    value, kind = actions["value"].to_numpy(), actions["kind"].to_numpy()
    ratio, dividend = np.ones((n, len(ids))), np.zeros((n, len(ids)))
    inside = (row >= 0) & (row < n)
    split, paid = inside & (kind == "split") & (value > 0.0), inside & (kind == "dividend")
    ratio[row[split], column[split]] = value[split]
    dividend[row[paid], column[paid]] = value[paid]
    return ratio, dividend
