"""Whether prices are adjusted, by what else stands in their rows.

1. A flag: a column `adjusted` that says yes or no.
2. The close as traded beside them, under any of the names vendors give it. Where `close` is
   another number in the oldest rows of a symbol, it is adjusted: what comes later changes what
   came before, and a single odd cell is no adjustment. Where the two are the same everywhere,
   prices fit into a store of either kind.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import polars as pl

from technic.data.formats.dialects import bare_name
from technic.data.formats.numbers import NO, YES, as_numbers
from technic.errors import SchemaError

AS_TRADED = re.compile(
    r"(close|price)unadj\w*|unadj\w*(close|price)|raw(close|price)|(close|price)raw|uclose"
)
FLAGS = ("adjusted", "isadjusted")
APART = 0.005  # of a price: by less two roundings of one price differ


@dataclass(frozen=True, slots=True)
class Adjustment:
    """What the columns of a file say of its prices.

    Attributes
    ----------
    kind : "splits", "none", or "" where nothing tells
    note : by what it is told; empty where it is not
    fits_both : whether prices are the same as traded and adjusted
    """

    kind: str = ""
    note: str = ""
    fits_both: bool = False


def adjustment_of(others: pl.DataFrame, rows: pl.DataFrame, mark: str | None) -> Adjustment:
    """What the columns that are none of ours say of the prices.

    Parameters
    ----------
    others : columns of the file, row by row beside `rows`
    rows : `symbol`, `date` and `close`, as they were read
    mark : the decimal sign of text

    Raises
    ------
    SchemaError
        If two columns say different things.
    """
    told: dict[str, str] = {}
    same = False
    for column in others.columns:
        bare = bare_name(column)
        if bare in FLAGS and (flag := _flag(others[column])):
            said = "adjusted for splits" if flag == "splits" else "as traded"
            told.setdefault(flag, f"its column {column} says that prices are {said}")
        if AS_TRADED.fullmatch(bare):
            traded = as_numbers(others[column], mark).values
            apart = _oldest_apart(rows.select("symbol", "date", "close", traded=traded))
            same |= apart is False
            if apart:
                told.setdefault("splits", f"its close is not its {column}: prices are adjusted")
    if len(told) > 1:
        raise SchemaError(f"{told['none']}, and {told['splits']}; remove the column that is wrong")
    kind, note = next(iter(told.items()), ("", ""))
    return Adjustment(kind, note, fits_both=same and not kind)


def _oldest_apart(rows: pl.DataFrame) -> bool | None:
    """Whether the oldest row of some symbol has another close as traded; None if none has any."""
    known = rows.filter(pl.col("traded") > 0.0, pl.col("close") > 0.0).drop_nulls()
    if known.is_empty():
        return None
    apart = (pl.col("close") / pl.col("traded") - 1.0).abs() > APART
    oldest = known.sort("date").group_by("symbol").agg(apart.first().alias("apart"))
    return bool(oldest["apart"].any())


def _flag(cells: pl.Series) -> str:
    """What a column of yes and no says of all rows; empty where it says both, or nothing."""
    told = set(cells.cast(pl.String).str.strip_chars().str.to_lowercase().drop_nulls()) - {""}
    if told and told <= set(YES):
        return "splits"
    return "none" if told and told <= set(NO) else ""
