"""The benchmark: the series that `beta`, `corr` and `rel_strength` compare with.

By default the market: every session's mean return of all common stocks that traded on it and
on their bar before, each counting the same, single returns cut at ±50 % because one bad tick
of ×183 would otherwise be the market's best day. Who was never said to be anything else counts
as a common stock. The level starts at 100.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from technic.data.store.mapped_panel import MappedPanel
from technic.errors import ConfigError
from technic.market.panel import LANES, Panel
from technic.market.sessions import nyse
from technic.market.symbols import known_symbol
from technic.market.typing import BoolArray, FloatArray, IntArray

CUT = 0.5  # a single return beyond it is a bad tick more often than not
UNIT = 2.0**36  # per return; 131,072 symbols at the cut add up exactly


def benchmark_closes(view: MappedPanel, name: str) -> FloatArray:
    """Return the closes of a benchmark.

    Parameters
    ----------
    view : the session to stand in
    name : "market" or a symbol

    Returns
    -------
    FloatArray
        Per session ordinal, float64; NaN where there is none.

    Raises
    ------
    ConfigError
        If `name` is neither "market" nor a symbol of the store.
    """
    if name == "market":
        return _market(view)
    symbols = view.who["symbol"].to_list()
    symbol = known_symbol(name, set(symbols))
    if symbol is None:
        raise ConfigError(
            f"benchmark {name}: no such symbol in the store; give another, or 'market'"
        )
    out = np.full(len(nyse()), np.nan)
    i = symbols.index(symbol)
    out[view.panel.run(i, "session").astype(np.int64)] = view.panel.run(i, "close")
    return out


def counted(view: MappedPanel) -> BoolArray:
    """Return who makes up the market: whatever nobody said to be anything but a common stock."""
    return (view.who["type"] == "common").fill_null(value=True).to_numpy()


@lru_cache(maxsize=4)
def _market(view: MappedPanel) -> FloatArray:
    panel = view.panel
    sums, members = _moves(panel, panel.lengths * counted(view))
    traded = np.flatnonzero(members)
    out = np.full(len(sums), np.nan)
    if len(traded):
        growth = 1.0 + sums[traded] / UNIT / members[traded]
        out[traded] = 100.0 * np.multiply.accumulate(growth)
        if traded[0] > 0:
            out[traded[0] - 1] = 100.0
    return out


def _moves(panel: Panel, counted: IntArray) -> tuple[FloatArray, FloatArray]:
    """Sum of returns in `UNIT`s, and how many there are, per session ordinal.

    Every return is a whole number of units, and a float64 adds those exactly: the sum is the
    same in whichever order the symbols lie in the panel.
    """
    close, session = (panel.bars[:, panel.fields.index(name)] for name in ("close", "session"))
    sums, members = np.zeros(len(nyse())), np.zeros(len(nyse()))
    lengths = np.zeros(panel.bars.shape[0] * LANES, dtype=np.int64)
    lengths[panel.places] = counted
    lengths = lengths.reshape(-1, LANES)
    for b in np.flatnonzero(lengths.max(axis=1) > 1):
        rows = int(lengths[b].max())
        there = np.arange(1, rows)[:, None] < lengths[b]
        with np.errstate(all="ignore"):
            moves = close[b, 1:rows] / close[b, : rows - 1] - 1.0
        at = session[b, 1:rows][there].astype(np.int64)
        whole = np.rint(np.clip(moves[there], -CUT, CUT) * UNIT)
        sums += np.bincount(at, whole, len(sums))
        members += np.bincount(at, minlength=len(sums))
    return sums, members
