"""Whether a whole-market day can be believed as a whole, before any of its rows is."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from statistics import median

import polars as pl

from technic.data.store.rows import newest_per
from technic.errors import counted

NEAR = 10  # sessions to either side that a day is compared with
FEW = 0.8  # less than this share of the neighbours' symbols is a part of a day
LOUD = 1.75  # more than this multiple of the loudest neighbour's volume is counted twice


@dataclass(frozen=True, slots=True)
class Suspicion:
    """What speaks against a day.

    Attributes
    ----------
    why : in words
    odd : whether a second answer that agrees is believed; if not, the day is refused
    """

    why: str
    odd: bool


def suspicion(day: date, rows: int, volume: float, asked: pl.DataFrame) -> Suspicion | None:
    """What speaks against a day as answered; None if nothing does.

    Parameters
    ----------
    rows : bars in the answer
    volume : shares traded in all of them together
    asked : rows of the `asked` table, which say what other days had
    """
    whole_days = asked.filter(pl.col("kind") == "day", pl.col("rows") > 0, pl.col("first") != day)
    near = (
        newest_per(whole_days.lazy(), "first")
        .collect()
        .with_columns(far=(pl.col("first") - pl.lit(day)).dt.total_days().abs())
        .sort("far")
        .head(NEAR)
        .filter(pl.col("far") <= 3 * NEAR)
    )
    if near.is_empty():
        return None
    typical = median(near["rows"].to_list())
    if rows == 0:
        why = "no bar at all: the market was closed, or the vendor's feed was down"
        return Suspicion(why, odd=True)
    if rows < FEW * typical:
        why = f"{counted(rows, 'symbol')} where the sessions around it have {typical:,.0f}: a part of a day"
        return Suspicion(why, odd=False)
    loudest = float(near["volume"].max() or 0.0)  # type: ignore[arg-type]
    if len(near) > 2 and loudest and volume > LOUD * loudest:
        why = f"{volume / loudest:.2f} times the volume of the loudest session around it"
        return Suspicion(why, odd=True)
    return None
