"""Forward returns: what came after each session, from the next open on, of names that vanish too."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl

from technic.data.store import Store
from technic.data.store.mapped_panel import MappedPanel
from technic.data.store.rows import newest_per
from technic.market.adjust import dividends_in_new_shares
from technic.market.panel import Panel
from technic.market.sessions import nyse
from technic.market.typing import BoolArray, FloatArray, IntArray
from technic.research.statistics.significance import YEAR

CUT = 1.0  # a forward return counts at most +100 %
LEAVING = 0.01  # of the names, a year: fewer than of any real market
QUIET = 5  # sessions without a bar at the end, after which a name has vanished
IMPUTED = (-0.55, 0.0)  # other returns of names that vanish, to see what hangs on it


def forward_returns(
    view: MappedPanel,
    ordinals: IntArray,
    horizons: Sequence[int],
    *,
    dividends: pl.DataFrame | None = None,
    delisting: float = 0.0,
) -> FloatArray:
    """Compute returns from the open after each session to the open so many sessions later.

    A name that does not trade on the day of the exit leaves at its last close before; one that
    does not trade at the next open cannot be bought. A gain counts at most `CUT`.

    Parameters
    ----------
    ordinals : int64; sessions, ascending, as numbers of the trading calendar
    horizons : sessions between the opens
    dividends : as `dividends_of` gives them; who holds a share over the ex-date is paid. None
        for prices alone
    delisting : the return from its last close that is imputed to a name that has vanished

    Returns
    -------
    ndarray
        float64, shape (n_horizons, n_ordinals, n_symbols); shares of the price at the first open,
        NaN where it cannot be known.
    """
    panel, first = view.panel, int(ordinals[0])
    span = int(ordinals[-1]) - first + 1
    opens, exits = _opens_and_closes(panel, first, span)
    ends = panel.last("session") - first
    gone = vanished(view)
    # The last close known by the evening before each session.
    for t in range(1, span):
        missing = np.isnan(exits[t])
        exits[t, missing] = exits[t - 1, missing]
        left = gone & (ends == t - 1)
        exits[t, left] *= 1.0 + delisting
    paid = _paid(panel, dividends, first, span)
    out = np.full((len(horizons), len(ordinals), len(panel)), np.nan)
    for j, h in enumerate(horizons):
        for k, ordinal in enumerate(ordinals - first):
            leave = ordinal + 1 + h
            if leave < span:
                price = np.where(np.isnan(opens[leave]), exits[leave - 1], opens[leave])
                # Who vanished this very morning has no open; its imputed return begins today.
                off = gone & (ends == leave - 1)
                price[off] = exits[leave, off]
                received = 0.0 if paid is None else paid[leave] - paid[ordinal + 1]
                with np.errstate(all="ignore"):
                    gain = (price + received) / opens[ordinal + 1] - 1.0
                    out[j, k] = np.minimum(gain, CUT)
    return out


def _opens_and_closes(panel: Panel, first: int, span: int) -> tuple[FloatArray, FloatArray]:
    """Opens and closes by session and symbol; NaN where nothing traded."""
    opens = np.full((span, len(panel)), np.nan)
    closes = np.full((span, len(panel)), np.nan)
    for i in range(len(panel)):
        at = panel.run(i, "session").astype(np.int64) - first
        inside = (at >= 0) & (at < span)
        opens[at[inside], i] = panel.run(i, "open")[inside]
        closes[at[inside], i] = panel.run(i, "close")[inside]
    opens[~(opens > 0.0)] = np.nan
    return opens, closes


def vanished(view: MappedPanel) -> BoolArray:
    """Which names have no bar in the last `QUIET` sessions of a view; bool, shape (n_symbols,)."""
    last = view.panel.last("session")
    gone: BoolArray = last < nyse().ordinal(view.as_of) - QUIET
    return gone


def survivors_only(gone: BoolArray, sessions: int) -> list[str]:
    """A note for the reader, where so few names have vanished that those that did must be missing.

    Of a real market some percent leave each year.

    Parameters
    ----------
    gone : bool, shape (n_symbols,); as `vanished` gives it
    sessions : over how many sessions they could have vanished
    """
    if gone.sum() >= LEAVING * len(gone) * sessions / YEAR:
        return []
    note = (
        "this store holds almost only names that still trade: what vanished is missing, and every "
        "figure is flattered by it"
    )
    return [note]


def dividends_of(store: Store, view: MappedPanel) -> pl.DataFrame:
    """The dividends of a view, as they are known now.

    Returns
    -------
    DataFrame
        `at`, the position of the symbol in the panel; `ordinal` of the ex-date; `value`, USD per
        share as the panel's shares are: divided by every later split.
    """
    rows = store.table("actions", view.version).filter(
        pl.col("session") <= view.as_of, pl.col("kind").is_in(["split", "dividend"])
    )
    actions = newest_per(rows, "security_id", "session", "kind").collect()
    ids = pl.Series("security_id", view.panel.security_ids)
    places = pl.DataFrame({"security_id": ids, "at": np.arange(len(ids))})
    dividends = actions.filter(pl.col("kind") == "dividend", pl.col("value") > 0.0)
    dividends = dividends.join(places, on="security_id")
    if view.version.adjustment != "splits":
        splits = actions.filter(pl.col("kind") == "split")
        dividends = dividends_in_new_shares(dividends, splits)
    return dividends.select(
        "at",
        "value",
        ordinal=pl.Series(nyse().ordinals(dividends["session"].to_numpy()), dtype=pl.Int64),
    ).filter(pl.col("ordinal") >= 0)


def _paid(panel: Panel, dividends: pl.DataFrame | None, first: int, span: int) -> FloatArray | None:
    """What a share has paid from the first session through each, USD; None if nothing was paid."""
    if dividends is None or dividends.is_empty():
        return None
    at = dividends["ordinal"].to_numpy() - first
    inside = (at >= 0) & (at < span)
    paid = np.zeros((span, len(panel)))
    np.add.at(
        paid,
        (at[inside], dividends["at"].to_numpy()[inside]),
        dividends["value"].to_numpy()[inside],
    )
    total: FloatArray = np.cumsum(paid, axis=0)
    return total
