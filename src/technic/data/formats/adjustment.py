"""Whether prices are adjusted, by what else stands in their rows.

1. A flag: a column `adjusted` that says yes or no.
2. The close as traded beside them, under any of the names vendors give it: where `close` is
   another number somewhere, it is adjusted.
"""

from __future__ import annotations

import re

import polars as pl

from technic.data.formats.dialects import bare_name
from technic.data.formats.numbers import NO, YES, as_numbers

AS_TRADED = re.compile(
    r"(close|price)unadj\w*|unadj\w*(close|price)|raw(close|price)|(close|price)raw|uclose"
)
FLAGS = ("adjusted", "isadjusted")
APART = 0.005  # of a price: by less two roundings of one price differ


def adjusted_by_cells(table: pl.DataFrame, close: pl.Series, mark: str | None) -> tuple[str, str]:
    """What the columns that are none of ours say of the prices.

    Parameters
    ----------
    table : as the file has it
    close : as it was read
    mark : the decimal sign of text

    Returns
    -------
    tuple
        "splits" or "none", and a line that says by what; both empty where nothing tells.
    """
    for column in table.columns:
        bare = bare_name(column)
        if bare in FLAGS and (flag := _flag(table[column])):
            kind = "adjusted for splits" if flag == "splits" else "as traded"
            return flag, f"its column {column} says that prices are {kind}"
        if AS_TRADED.fullmatch(bare):
            traded = as_numbers(table[column], mark).values
            apart = (close / traded - 1.0).abs().filter(traded > 0.0)
            if bool((apart > APART).any()):
                return "splits", f"its close is not its {column}: prices are adjusted"
    return "", ""


def _flag(cells: pl.Series) -> str:
    """What a column of yes and no says of all rows; empty where it says both, or nothing."""
    told = set(cells.cast(pl.String).str.strip_chars().str.to_lowercase().drop_nulls()) - {""}
    if told and told <= set(YES):
        return "splits"
    return "none" if told and told <= set(NO) else ""
