"""Which security a symbol of a file stands for."""

from __future__ import annotations

import polars as pl

from technic.data.store import Store, StoreVersion
from technic.data.store.tickers import eras
from technic.market.schema import INSTANT, SYMBOL_PATTERN, TICKERS, conform
from technic.market.symbols import canonical_symbols


def spelt_as_ours(store: Store, rows: pl.DataFrame, version: StoreVersion) -> pl.DataFrame:
    """Rows with their symbols in our spelling, or in the one that the store has.

    Parameters
    ----------
    rows : with `symbol`, as a file spells it
    """
    known = set(store.table("tickers", version).select("symbol").collect()["symbol"])
    return rows.with_columns(canonical_symbols(rows["symbol"], known).alias("symbol"))


def identify_symbols(
    store: Store, rows: pl.DataFrame, bad: pl.DataFrame, version: StoreVersion
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Look up each symbol's security, and give one to symbols never seen.

    A symbol belongs to the security that trades under it now; one never seen gets the
    next number, in order of symbols. A symbol all of whose rows are `bad` is listed too:
    the ledger has to account for it.

    Parameters
    ----------
    rows, bad : with `symbol` and `date`

    Returns
    -------
    rows : DataFrame
        The rows, with `security_id`.
    tickers : DataFrame
        New rows of the tickers table.
    """
    readable = bad.filter(
        pl.col("symbol").str.contains(SYMBOL_PATTERN), pl.col("date").is_not_null()
    )
    seen = pl.concat([rows.select("symbol", "date"), readable.select("symbol", "date")])
    stored = eras(store.table("tickers", version).collect())
    current = stored.filter(pl.col("until").is_null()).select("symbol", "security_id")
    top = stored["security_id"].max() if not stored.is_empty() else 0
    strangers = (
        seen.group_by("symbol")
        .agg(since=pl.col("date").min())
        .join(current, on="symbol", how="anti")
        .sort("symbol")
        .with_row_index("security_id", offset=int(top or 0) + 1)  # type: ignore[arg-type]
        .with_columns(
            until=pl.lit(None, dtype=pl.Date),
            era=pl.lit(0),
            known_at=pl.col("since").cast(INSTANT),
            source=pl.lit("file"),
        )
    )
    tickers = conform(strangers, TICKERS, "tickers")
    everyone = pl.concat([current, tickers.select("symbol", "security_id")])
    return rows.join(everyone, on="symbol", how="left", maintain_order="left"), tickers


def holders(store: Store, rows: pl.DataFrame, day: str, version: StoreVersion) -> pl.DataFrame:
    """Rows with `security_id`, the security that bore the row's symbol on a day.

    A symbol that only one security ever bore is that security's on every day.

    Parameters
    ----------
    rows : with `symbol` and the column `day`
    day : name of the column of dates

    Returns
    -------
    DataFrame
        The rows in their order, with `security_id`; null where the store knows no such symbol.
    """
    names = eras(store.table("tickers", version).collect()).select(
        "security_id", "symbol", "since", "until"
    )
    rows = rows.with_columns(canonical_symbols(rows["symbol"], set(names["symbol"])))
    single = names.group_by("symbol").agg(
        pl.col("security_id").n_unique().alias("bearers"), only=pl.col("security_id").first()
    )
    numbered = rows.with_row_index("row")
    covering = (
        numbered.select("row", "symbol", day)
        .join(names, on="symbol")
        .filter(
            pl.col("since") <= pl.col(day),
            pl.col("until").is_null() | (pl.col("until") >= pl.col(day)),
        )
        .unique("row", keep="last")
        .select("row", "security_id")
    )
    return (
        numbered.join(covering, on="row", how="left", maintain_order="left")
        .join(single, on="symbol", how="left", maintain_order="left")
        .with_columns(
            security_id=pl.coalesce(
                "security_id", pl.when(pl.col("bearers") == 1).then("only").otherwise(None)
            )
        )
        .drop("row", "bearers", "only")
    )
