"""Split factors: from bars as traded to bars that compare across a split.

A bar is divided by the ratios of all splits between it and the session we stand in. Factors
are multiplied from the newest split backwards, always in that order: five factors multiplied
in another order give another price.
"""

from __future__ import annotations

import polars as pl

from technic.market.schema import PRICES


def factors(splits: pl.DataFrame) -> pl.DataFrame:
    """The factor that applies to all bars before each split.

    Parameters
    ----------
    splits : `security_id`, `session`, `value` (new shares per old one), one row per split

    Returns
    -------
    DataFrame
        `security_id`, `session` and `factor`: product of this split and all later ones.
        A bar takes the factor of the first split after it, and 1 if there is none.
    """
    return (
        splits.sort("security_id", "session", descending=[False, True])
        .with_columns(factor=pl.col("value").cum_prod().over("security_id"))
        .select("security_id", "session", "factor")
        .sort("security_id", "session")
    )


def adjust_for_splits(bars: pl.DataFrame, splits: pl.DataFrame) -> pl.DataFrame:
    """Bars that compare across splits: prices divided by the factors, volumes multiplied.

    Parameters
    ----------
    bars : rows of the table of bars, as traded
    splits : `security_id`, `session`, `value` (new shares per old one), one row per split

    Returns
    -------
    DataFrame
        The columns of `bars`, sorted by security and session. Symbols without a split keep
        their bits.
    """
    if splits.is_empty():
        return bars
    # The session of the split trades in new shares already: its factor ends the day before.
    table = factors(splits).with_columns(pl.col("session").dt.offset_by("-1d"))
    split_ids = table["security_id"].unique()
    touched = pl.col("security_id").is_in(split_ids.implode())
    joined = (
        bars.filter(touched)
        .sort("session")
        .join_asof(
            table.sort("session"),
            on="session",
            by="security_id",
            strategy="forward",
            check_sortedness=False,  # sorted above; Polars cannot tell within groups
        )
        .with_columns(pl.col("factor").fill_null(1.0))
    )
    prices = [*PRICES, *(["vwap"] if "vwap" in bars.columns else [])]
    adjusted = joined.with_columns(
        *(pl.col(name) / pl.col("factor") for name in prices),
        pl.col("volume") * pl.col("factor"),
    ).select(bars.columns)
    return pl.concat([bars.filter(~touched), adjusted]).sort("security_id", "session")


def dividends_in_new_shares(dividends: pl.DataFrame, splits: pl.DataFrame) -> pl.DataFrame:
    """Dividends per share as shares are after all splits: divided by every later one.

    Parameters
    ----------
    dividends : `security_id`, `session` (the ex-date), `value` in USD per share of that day
    splits : `security_id`, `session`, `value`, one row per split

    Returns
    -------
    DataFrame
        The rows of `dividends`, in another order.
    """
    if splits.is_empty() or dividends.is_empty():
        return dividends
    table = factors(splits).with_columns(pl.col("session").dt.offset_by("-1d")).sort("session")
    joined = dividends.sort("session").join_asof(
        table, on="session", by="security_id", strategy="forward", check_sortedness=False
    )
    return joined.with_columns(value=pl.col("value") / pl.col("factor").fill_null(1.0)).select(
        dividends.columns
    )
