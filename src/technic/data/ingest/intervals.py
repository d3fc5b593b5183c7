"""Bars that stand a week or a month apart: perhaps each is of more than a day."""

from __future__ import annotations

import numpy as np
import polars as pl

from technic.market.sessions import nyse

# From how many sessions between two bars to how many, by what such bars are of.
APART = {"week": (4, 6), "month": (17, 24), "quarter": (58, 66)}
MOST = 0.9  # of all pairs of neighbouring bars
FEW = 3  # pairs say nothing where there are fewer
ENOUGH = 200  # securities: what is true of so many of a file is true of it


def interval_doubt(bars: pl.DataFrame) -> list[str]:
    """A line if nearly all bars of a file stand a week, a month or a quarter apart.

    Parameters
    ----------
    bars : rows of the bars table: what is good in a file
    """
    some = bars["security_id"].unique().sort()
    some = some.gather_every(max(1, len(some) // ENOUGH))
    of_some = bars.select("security_id", "session").filter(
        pl.col("security_id").is_in(some.implode())
    )
    ordered = of_some.unique().sort("security_id", "session")
    ids, days = ordered["security_id"].to_numpy(), nyse().ordinals(ordered["session"].to_numpy())
    gaps = np.diff(days)[np.diff(ids) == 0]
    for name, (low, high) in APART.items():
        if len(gaps) >= FEW and np.mean((low <= gaps) & (gaps <= high)) >= MOST:
            line = (
                f"bars stand a {name} apart: is each of a {name}? They count as bars of a day, and "
                f"returns over a day are those of a {name}; import bars of days"
            )
            return [line]
    return []
