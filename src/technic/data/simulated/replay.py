"""Publications made of the user's own file: real bars, published on the nights they were."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl

from technic.data.simulated.publications import ListedSpan, Listing, Publications
from technic.data.simulated.tape import PRICES, actions_of, figi, rows_of
from technic.errors import SchemaError
from technic.market.schema import SYMBOL_PATTERN

REVISION_COLUMNS = ("symbol", "date", "as_of_re", *(f"{name}_re" for name in (*PRICES, "volume")))


def replay(bars: Path, revisions: Path | None = None) -> Publications:
    """The publications of a file of bars, and of a second one with later versions of them.

    Parameters
    ----------
    bars : Parquet, with `as_of`, or published on their own days
    revisions : columns `REVISION_COLUMNS`; beside `bars`, with `as_traded` replaced by
        `revisions` in its name, by default

    Raises
    ------
    SchemaError
        If a file cannot be read.
    """
    table = _read(bars, ("symbol", "date", *PRICES, "volume"))
    table = table.filter(pl.col("symbol").str.contains(SYMBOL_PATTERN)).with_columns(
        pl.col("volume").cast(pl.Float64)
    )
    if "as_of" not in table.columns:
        table = table.with_columns(as_of=pl.col("date"))
    table = table.with_columns(pl.col("as_of").cast(pl.Date)).drop_nulls([*PRICES, "volume"])
    parts = [table.select("symbol", "date", "as_of", *PRICES, "volume")]
    beside = revisions or bars.with_name(bars.name.replace("as_traded", "revisions"))
    if beside.exists() and beside != bars:
        parts.append(_revisions(beside))
    symbols = sorted(table["symbol"].unique().to_list())
    place = {symbol: i for i, symbol in enumerate(symbols)}
    rows = rows_of(pl.concat(parts).filter(pl.col("symbol").is_in(symbols)), place)
    actions = {
        kind: actions_of(table, kind, place, nothing) if kind in table.columns else []
        for kind, nothing in (("split", 1.0), ("dividend", 0.0))
    }
    return Publications(
        [_listing(i, symbol) for i, symbol in enumerate(symbols)],
        rows,
        actions["split"],
        actions["dividend"],
        {"replay": bars.name},
    )


def _read(path: Path, columns: tuple[str, ...]) -> pl.DataFrame:
    try:
        table = pl.read_parquet(path)
    except (pl.exceptions.PolarsError, OSError) as error:
        raise SchemaError(f"{path}: no Parquet file that can be read") from error
    if missing := [name for name in columns if name not in table.columns]:
        raise SchemaError(f"{path}: no column {', '.join(missing)}; it cannot be replayed")
    return table


def _revisions(path: Path) -> pl.DataFrame:
    return _read(path, REVISION_COLUMNS).select(
        "symbol",
        "date",
        pl.col("as_of_re").alias("as_of"),
        *(pl.col(f"{name}_re").cast(pl.Float64).alias(name) for name in PRICES),
        pl.col("volume_re").cast(pl.Float64).alias("volume"),
    )


def _listing(index: int, symbol: str) -> Listing:
    rng = np.random.default_rng(index)
    return Listing(
        symbol,
        "CS",
        "XNAS",
        f"{2_000_000 + index:010d}",
        figi(index),
        figi(index, "BBG001"),
        None,
        float(rng.integers(10**7, 10**9)),
        (ListedSpan(symbol, None, None),),
    )
