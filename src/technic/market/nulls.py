"""Values taken away from a column."""

from __future__ import annotations

import polars as pl


def emptied(values: pl.Series, where: pl.Series) -> pl.Series:
    """The values, null where `where` holds; where that is unknown they stay.

    `Series.set` does the same, but not for days and text in every Polars that is allowed.
    """
    stays = ~where.fill_null(value=False)
    return pl.select(pl.when(stays).then(values).alias(values.name)).to_series()
