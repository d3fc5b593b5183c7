"""Nights over which prices step as a split does, though nobody told one.

A real crash is no such night: it moves by any amount, ranges widely on its day, and trades many
times the usual shares. What is looked for steps by a plausible ratio, stays there from the open
to the close, and trades as many shares as before, or as many more as there are. It is a
suspicion, and nothing is repaired.
"""

from __future__ import annotations

from math import log

import numpy as np
import polars as pl

from technic.market.action_rules import REACH
from technic.market.typing import FloatArray, IntArray

RATIOS = (1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0, 12.0, 15.0, 20.0, 25.0, 30.0,
          40.0, 50.0, 60.0, 75.0, 80.0, 100.0, 150.0, 200.0, 250.0, 300.0, 400.0, 500.0, 1000.0)  # fmt: skip
# From which ratio on, how far, as a logarithm, the open may be from that of a split; and the high,
# the low and the close. Prices move by a third on many nights, to a third on few.
CLOSENESS = ((1.0, 0.02, 0.06), (2.0, 0.05, 0.15), (3.0, 0.1, 0.25))
REVERSED = 2.0  # no reverse split is smaller
PENNY = 0.2  # USD: below it one tick is a ratio of its own
USUAL = 10  # bars before, whose median volume is the usual one
MORE, LESS = 1.0, 1.5  # as ratios of e: how far volume may be above and below what is expected
AT_ONCE = 250_000  # nights that are looked at together
FOUND = {
    "security_id": pl.Int64(),
    "before_session": pl.Date(),
    "session": pl.Date(),
    "before": pl.Float64(),
    "close": pl.Float64(),
    "ratio": pl.Float64(),
}
_STEPS = np.array(sorted([*RATIOS, *(1.0 / r for r in RATIOS if r >= REVERSED)]))


def near_ratio(steps: FloatArray) -> tuple[FloatArray, FloatArray]:
    """The plausible split nearest to each step of prices, and how far it is, as a logarithm.

    Parameters
    ----------
    steps : price before over price after, shape (n,)

    Examples
    --------
    >>> ratio, off = near_ratio(np.array([3.96, 0.1]))
    >>> ratio.tolist(), off.round(3).tolist()
    ([4.0, 0.1], [0.01, 0.0])
    """
    logs, grid = np.log(steps), np.log(_STEPS)
    at = np.clip(np.searchsorted(grid, logs), 1, len(grid) - 1)
    at -= logs - grid[at - 1] < grid[at] - logs
    return _STEPS[at], np.abs(logs - grid[at])


def as_ratio(value: float) -> str:
    """A ratio as people write it.

    Examples
    --------
    >>> as_ratio(4.0), as_ratio(0.1), as_ratio(1.5)
    ('4:1', '1:10', '3:2')
    """
    halves = round(2.0 * max(value, 1.0 / value))
    many, few = (halves, 2) if halves % 2 else (halves // 2, 1)
    return f"{many}:{few}" if value > 1.0 else f"{few}:{many}"


def untold_splits(bars: pl.DataFrame, splits: pl.DataFrame) -> pl.DataFrame:
    """Nights that look like a split which is not among those that are known.

    Parameters
    ----------
    bars : `security_id`, `session`, `open`, `high`, `low`, `close`, `volume`; perhaps `known_at`:
        of several of one session the one with the latest counts
    splits : `security_id`, `session` of every split that is known, whatever its ratio

    Returns
    -------
    DataFrame
        `security_id`, `before_session`, `session`, `before` and `close` (the closes of both, USD),
        `ratio` (new shares for an old one, the likely one), by security and session.
    """
    order, days = _ordered(bars)
    columns = {n: bars[n].to_numpy() for n in ("open", "high", "low", "close", "volume")}
    ids = bars["security_id"].to_numpy()
    places = [
        _candidates(order[low : low + AT_ONCE + 1], ids, days, columns) + low
        for low in range(0, max(len(order) - 1, 0), AT_ONCE)
    ]
    at = np.concatenate(places) if places else np.empty(0, np.int64)
    at = np.array([k for k in at if _trades_on(order, int(k), ids, columns)], np.int64)
    now, before = order[at], order[at - 1]
    ratios = near_ratio(columns["close"][before] / columns["open"][now])[0]
    found = pl.DataFrame(
        {
            "security_id": ids[now],
            "before_session": days[before],
            "session": days[now],
            "before": columns["close"][before],
            "close": columns["close"][now],
            "ratio": ratios,
        }
    ).cast(FOUND)  # type: ignore[arg-type]
    known = found.join(splits.select("security_id", told="session"), on="security_id").filter(
        pl.col("told") > pl.col("before_session"), pl.col("told") <= pl.col("session")
    )
    return found.join(known, on=["security_id", "session"], how="anti")


def _ordered(bars: pl.DataFrame) -> tuple[IntArray, IntArray]:
    """Places of the rows that count, by security and session; and the session of every row."""
    days = bars["session"].cast(pl.Date).to_physical().cast(pl.Int64).to_numpy()
    key = bars["security_id"].to_numpy() * (1 << 24) + days
    step = np.diff(key)
    if (step > 0).all():
        return np.arange(len(key)), days
    order = np.argsort(key, kind="stable")
    same = np.diff(key[order]) == 0
    if same.any():
        if "known_at" in bars.columns:
            order = np.lexsort((bars["known_at"].to_physical().to_numpy(), key))
        order = order[np.append(~same, True)]
    return order, days


def _candidates(
    order: IntArray, ids: IntArray, days: IntArray, columns: dict[str, FloatArray]
) -> IntArray:
    """Where in `order` a day stands, from its open to its close, on a scale of its own."""
    before, now = order[:-1], order[1:]
    near = (ids[before] == ids[now]) & (days[now] - days[before] <= REACH)
    near &= columns["volume"][now] > 0.0
    was, opened = columns["close"][before], columns["open"][now]
    near &= np.minimum(was, opened) >= PENNY
    at = np.flatnonzero(near)
    at = at[np.abs(np.log(was[at] / opened[at])) > log(RATIOS[0]) / 2.0]
    ratio, off = near_ratio(was[at] / opened[at])
    begins, at_open, all_day = np.array(CLOSENESS).T
    size = np.searchsorted(begins, np.maximum(ratio, 1.0 / ratio), "right") - 1
    good = off <= at_open[size]
    for name in ("high", "low", "close"):
        price = columns[name][now[at]]
        good &= price > 0.0
        with np.errstate(divide="ignore", invalid="ignore"):
            good &= np.abs(np.log(was[at] / price / ratio)) <= all_day[size]
    places: IntArray = at[good] + 1
    return places


def _trades_on(order: IntArray, at: int, ids: IntArray, columns: dict[str, FloatArray]) -> bool:
    """Whether as many shares trade as before, or as many more as a split makes of them."""
    past = order[max(at - USUAL, 0) : at]
    past = past[ids[past] == ids[order[at]]]
    usual = float(np.median(columns["volume"][past]))
    if usual <= 0.0:
        return False
    more = log(float(columns["volume"][order[at]]) / usual)
    expected = log(columns["close"][order[at - 1]] / columns["open"][order[at]])
    return min(expected, 0.0) - LESS <= more <= max(expected, 0.0) + MORE
