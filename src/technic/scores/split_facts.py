"""Facts per share, and counts of shares, in the shares there were from each split on."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import polars as pl

from technic.market.items import ITEMS
from technic.market.typing import FloatArray, IntArray

# A split divides what is per share, and multiplies the number of shares.
POWER = {name: -1.0 for name, item in ITEMS.items() if item.per_share}
POWER |= {name: 1.0 for name, item in ITEMS.items() if item.unit == "count"}
SPLITS = {"security_id": pl.Int64, "ex": pl.Int64, "known": pl.Int64, "ratio": pl.Float64}


def adjust_facts(facts: pl.DataFrame, splits: pl.DataFrame) -> pl.DataFrame:
    """The facts, and of each per-share one a copy from every split on, in shares after it.

    A copy is known from the split's ex-date, or from when the split was reported if that was
    later.

    Parameters
    ----------
    facts : rows of the facts table
    splits : as for `statements_of`

    Returns
    -------
    DataFrame
        The rows of `facts` with `filed_at`, when each became known itself; then the copies.
    """
    facts = facts.with_columns(filed_at=pl.col("known_at"))
    if splits.is_empty() or facts.is_empty():
        return facts
    affected = (
        facts.with_row_index("row")
        .filter(
            pl.col("item").is_in(list(POWER)),
            pl.col("security_id").is_in(splits["security_id"].unique().implode()),
        )
        .sort("security_id", maintain_order=True)
    )
    rows, values, instants = (
        np.concatenate(parts) for parts in zip(*_copies(affected, splits), strict=True)
    )
    copies = facts[rows].with_columns(
        value=values, known_at=pl.Series(instants).cast(facts.schema["known_at"])
    )
    return pl.concat([facts, copies])


def _copies(
    affected: pl.DataFrame, splits: pl.DataFrame
) -> Iterator[tuple[IntArray, FloatArray, IntArray]]:
    """Row, value and instant of the copies that each split makes; `affected` by security."""
    row, value = (affected[name].to_numpy() for name in ("row", "value"))
    owner, known_at = (
        affected[name].to_physical().to_numpy() for name in ("security_id", "known_at")
    )
    power = affected["item"].replace_strict(POWER, return_dtype=pl.Float64).to_numpy()
    for (security,), of in splits.group_by("security_id", maintain_order=True):
        own = slice(np.searchsorted(owner, security), np.searchsorted(owner, security, "right"))
        for instant, factor in _epochs(of, known_at[own]):
            chosen = (known_at[own] < instant) & (factor != 1.0)
            adjusted = value[own][chosen] * (factor ** power[own])[chosen]
            yield row[own][chosen], adjusted, np.full(int(chosen.sum()), instant)


def _epochs(splits: pl.DataFrame, known_at: IntArray) -> Iterator[tuple[int, FloatArray]]:
    """Each instant at which splits took effect, and the factor of every fact from then on."""
    rows = list(splits.sort("known").select("ex", "known", "ratio").iter_rows())
    for instant in sorted({max(ex, reported) for ex, reported, _ in rows}):
        newest = {ex: ratio for ex, reported, ratio in rows if max(ex, reported) <= instant}
        factor = np.ones(len(known_at))
        # In order of ex-dates: factors multiplied in another order give other last bits.
        for ex in sorted(newest):
            factor = np.where(known_at < ex, factor * newest[ex], factor)
        yield instant, factor
