"""The market in memory: many symbols, each with its own run of bars, eight side by side.

`LANES` symbols form a block. In a block, row `t` holds the `t`-th bar *of each symbol*,
whatever its session, so that one vector instruction advances eight symbols by one bar
and no kernel meets a gap: a session in which a symbol did not trade is simply absent.

    bars[block, field, row, lane]

A symbol lives in one lane; rows at and beyond its length are not its bars and are never
read. Cutting a panel at an earlier session therefore only shortens the lengths, and a bar
more is written behind the last one without moving any other.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from technic.market.typing import FloatArray, IntArray

AT_ONCE = (
    512  # symbols that are filled in at once: where each bar lies takes as much room as a field
)
LANES = 8  # eight doubles fill one register of 512 bits, or two of 256: see indicators/lanes.py
# In the order in which they lie. Only the last may be missing, so that a panel's fields are
# always the first ones of this list and the kernel knows each by its number.
FIELDS = ("open", "high", "low", "close", "volume", "session", "vwap")


@dataclass(frozen=True, slots=True)
class Panel:
    """An unbalanced panel of daily bars.

    Attributes
    ----------
    security_ids : int64, shape (n_symbols,), ascending
    bars : float64, shape (n_blocks, n_fields, n_rows, LANES); the fields of `FIELDS` in
        order, of which `vwap` may be missing. Prices in USD and volumes in shares, adjusted
        for the splits known; `session` is the ordinal of the bar's session.
    places : int64, shape (n_symbols,); `block * LANES + lane` of each symbol
    lengths : int64, shape (n_symbols,); bars of each symbol
    """

    security_ids: IntArray
    bars: FloatArray
    places: IntArray
    lengths: IntArray

    def __len__(self) -> int:
        """How many symbols the panel holds."""
        return len(self.security_ids)

    @property
    def fields(self) -> tuple[str, ...]:
        """The fields that are there, in the order in which they lie."""
        return FIELDS[: self.bars.shape[1]]

    @property
    def n_bars(self) -> int:
        """Bars of all symbols together."""
        return int(self.lengths.sum())

    def run(self, symbol: int, field: str) -> FloatArray:
        """The bars of one symbol, oldest first: a view, not a copy.

        Parameters
        ----------
        symbol : position among the symbols of the panel
        field : one of `fields`

        Returns
        -------
        array of float64
            Shape (length of the symbol,).
        """
        block, lane = divmod(int(self.places[symbol]), LANES)
        return self.bars[block, FIELDS.index(field), : self.lengths[symbol], lane]

    def last(self, field: str, back: int = 0) -> FloatArray:
        """One field of each symbol's last bar, or of a bar before it.

        Parameters
        ----------
        field : one of `fields`
        back : how many bars before the last

        Returns
        -------
        array of float64
            Shape (n_symbols,); NaN where a symbol has no such bar.
        """
        rows = self.lengths - 1 - back
        block, lane = np.divmod(self.places, LANES)
        values = self.bars[block, FIELDS.index(field), np.maximum(rows, 0), lane]
        return np.where(rows >= 0, values, np.nan)

    def until(self, ordinal: int) -> Panel:
        """The panel as it stood after session `ordinal`: later bars are hidden, nothing moves."""
        sessions = self.bars[:, FIELDS.index("session")]
        blocks, lanes = np.divmod(self.places, LANES)
        lengths = self.lengths.copy()
        # Most symbols end at or before the session, or have no bar (NaN compares as false).
        for i in np.flatnonzero(self.last("session") > ordinal):
            run = sessions[blocks[i], : self.lengths[i], lanes[i]]
            lengths[i] = np.searchsorted(run, ordinal, side="right")
        return replace(self, lengths=lengths)

    def stretch(self, first: int, last: int) -> tuple[IntArray, Panel]:
        """The symbols that lie in some blocks, and a panel of those blocks alone.

        Parameters
        ----------
        first, last : blocks, the last not included

        Returns
        -------
        chosen, panel
            int64, positions of the symbols in this panel; and a panel of views into it.
        """
        blocks = self.places // LANES
        chosen = np.flatnonzero((blocks >= first) & (blocks < last))
        part = self.select(chosen)
        return chosen, replace(part, bars=self.bars[first:last], places=part.places - first * LANES)

    def select(self, chosen: IntArray) -> Panel:
        """The symbols at positions `chosen`; their bars stay where they are."""
        return replace(
            self,
            security_ids=self.security_ids[chosen],
            places=self.places[chosen],
            lengths=self.lengths[chosen],
        )


def arrange(lengths: IntArray) -> IntArray:
    """A place for each symbol: runs of like length share a block; ties keep their order.

    A block costs as much as its longest run, and one whose runs are equally long is read where
    it lies (indicators/kernel/instructions.py).
    """
    places = np.empty(len(lengths), dtype=np.int64)
    places[np.argsort(-lengths, kind="stable")] = np.arange(len(lengths))
    return places


def empty_bars(n_symbols: int, n_fields: int, n_rows: int) -> FloatArray:
    """Room for `n_symbols` runs, all NaN; shape (n_blocks, n_fields, n_rows, LANES)."""
    return np.full((-(-n_symbols // LANES), n_fields, n_rows, LANES), np.nan)


def pack(
    security_ids: IntArray,
    lengths: IntArray,
    columns: dict[str, FloatArray],
    *,
    spare: int = 0,
) -> Panel:
    """A panel from bars that lie symbol after symbol, oldest first.

    Parameters
    ----------
    security_ids : int64, shape (n_symbols,), ascending
    lengths : int64, shape (n_symbols,); how many bars belong to each symbol
    columns : the fields of `FIELDS`; float64, shape (n_bars,)
    spare : rows left free behind the longest run
    """
    places = arrange(lengths)
    fields = [name for name in FIELDS if name in columns]
    bars = empty_bars(len(lengths), len(fields), int(lengths.max(initial=0)) + spare)
    fill(bars, places, lengths, [columns[name] for name in fields])
    return Panel(security_ids, bars, places, lengths)


def fill(bars: FloatArray, places: IntArray, lengths: IntArray, columns: list[FloatArray]) -> None:
    """Write bars that lie symbol after symbol into blocks, in place.

    Parameters
    ----------
    bars : float64, shape (n_blocks, n_fields, n_rows, LANES)
    places, lengths : int64, shape (n_symbols,); as in `Panel`
    columns : one for each field; float64, shape (n_bars,)
    """
    ends = np.cumsum(lengths)
    for first in range(0, len(lengths), AT_ONCE):
        some = slice(first, first + AT_ONCE)
        starts = ends[some] - lengths[some]
        blocks, lanes = np.divmod(np.repeat(places[some], lengths[some]), LANES)
        begin, end = int(starts[0]), int(ends[some][-1])
        rows = np.arange(begin, end) - np.repeat(starts, lengths[some])
        for j, column in enumerate(columns):
            bars[blocks, j, rows, lanes] = column[begin:end]
