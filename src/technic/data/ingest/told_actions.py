"""The splits and dividends that a file's rows tell, and those that files told before."""

from __future__ import annotations

from typing import Any

import polars as pl

from technic.data.ingest.filers import holders
from technic.data.store import Store, StoreVersion
from technic.data.store.rows import newest_per
from technic.market.schema import SYMBOL_PATTERN, WAITING, conform

NONE = {"split": 1.0, "dividend": 0.0}  # the value that takes an earlier one back
FILE = "file"
KEY = ("security_id", "session", "kind")
ABOUT = ["security_id", "kind", "date"]  # the same of rows that are not stored yet
TOLD: dict[str, Any] = {
    "security_id": pl.Int64(),
    "symbol": pl.String(),
    "date": pl.Date(),
    "known_at": pl.Datetime("us", "UTC"),
    "assumed": pl.Boolean(),
    "kind": pl.String(),
    "value": pl.Float64(),
}


def told_by_rows(
    store: Store, version: StoreVersion, good: pl.DataFrame, bad: pl.DataFrame
) -> pl.DataFrame:
    """The splits and dividends that stand in rows of bars, whatever became of the bars.

    Parameters
    ----------
    good : rows with `security_id`
    bad : rows set aside; they have the security of the good rows of their symbol nearest to
        them, or else the one that bore the symbol

    Returns
    -------
    DataFrame
        The columns of `TOLD`, and `waited`: whether an earlier file told it, before its symbol had
        a bar; `security_id` is null where the symbol is nobody's. Of rows that say that there is
        none, only those that may take something back.
    """
    waited = _waited(store, version, good)
    kinds = [kind for kind in NONE if kind in good.columns]
    if not kinds:
        return waited
    spoken = bad.filter(pl.any_horizontal(_tells(kind) for kind in kinds))
    rows = [good, _identified(store, version, spoken, good)]
    events = [_events(table, kind, _tells(kind)) for kind in kinds for table in rows]
    stored = stored_by_files(store, version).select("security_id", "kind", date="session")
    past = pl.concat([stored, *(part.select(stored.columns) for part in (*events, waited))])
    nones = [
        _events(
            good.join(past.filter(pl.col("kind") == kind), on=["security_id", "date"], how="semi"),
            kind,
            pl.col(kind) == NONE[kind],
        )
        for kind in kinds
    ]
    told = pl.concat([*events, *nones]).with_columns(waited=pl.lit(value=False))
    return pl.concat([told, waited])


def stored_words(store: Store, version: StoreVersion) -> pl.DataFrame:
    """Every word that is stored: `ABOUT`, `value`, `known_at` and `source`, oldest first."""
    rows = store.table("actions", version).rename({"session": "date"})
    return (
        rows.select(*ABOUT, "value", "known_at", "source")
        .collect()
        .sort("known_at", maintain_order=True)
    )


def standing(words: pl.DataFrame) -> pl.DataFrame:
    """Of words, the last on each dividend, where it says that there is one.

    Parameters
    ----------
    words : as `stored_words` gives them
    """
    last = words.filter(pl.col("kind") == "dividend").unique(ABOUT, keep="last")
    return last.filter(~is_none())


def waiting_words(told: pl.DataFrame) -> pl.DataFrame:
    """Those of some events that waited, as words that were there before the file."""
    ours = told.filter("waited") if "waited" in told.columns else told.clear()
    return ours.select(*ABOUT, "value", "known_at", source=pl.lit(FILE))


def new_waiting(store: Store, version: StoreVersion, events: pl.DataFrame) -> pl.DataFrame:
    """Rows of the waiting table: events of symbols that have no bar, which are not there yet."""
    real = pl.col("value").is_finite() & (pl.col("value") > 0.0)
    readable = pl.col("symbol").str.contains(SYMBOL_PATTERN) & pl.col("date").is_not_null()
    rows = conform(events.filter(real, readable).rename({"date": "session"}), WAITING, "waiting")
    about = ["symbol", "session", "kind", "value"]
    stored = store.table("waiting", version).select(about).collect()
    return rows.unique(maintain_order=True).join(stored, on=about, how="anti")


def _waited(store: Store, version: StoreVersion, good: pl.DataFrame) -> pl.DataFrame:
    """What waited for bars of a symbol that has some now, and of which nothing was told since."""
    rows = store.table("waiting", version).rename({"session": "date"})
    ours = rows.filter(pl.col("symbol").is_in(good["symbol"].unique().implode())).collect()
    owned = _identified(store, version, ours, good).drop_nulls("security_id")
    told = conform(owned.unique(maintain_order=True), TOLD, "splits and dividends")
    return told.join(stored_words(store, version), on=ABOUT, how="anti").with_columns(
        waited=pl.lit(value=True)
    )


def stored_by_files(store: Store, version: StoreVersion) -> pl.DataFrame:
    """What files told and the store holds: the newest word on each event that is one."""
    newest = newest_per(store.table("actions", version), *KEY).collect()
    return newest.filter(pl.col("source") == FILE, ~is_none()).select(*KEY, "value", "known_at")


def is_none() -> pl.Expr:
    """Whether a value says that there is no such split or dividend."""
    return pl.any_horizontal(
        (pl.col("kind") == kind) & (pl.col("value") == value) for kind, value in NONE.items()
    ).fill_null(value=False)


def _tells(kind: str) -> pl.Expr:
    """Whether a row tells an event, and not that there is none."""
    silent = [NONE[kind], 0.0]
    told = pl.col(kind).fill_nan(None)
    return told.is_not_null() & ~told.is_in(silent)


def _events(rows: pl.DataFrame, kind: str, chosen: pl.Expr) -> pl.DataFrame:
    table = rows.filter(chosen).with_columns(value=pl.col(kind)).with_columns(kind=pl.lit(kind))
    return conform(table, TOLD, "splits and dividends")


def _identified(
    store: Store, version: StoreVersion, rows: pl.DataFrame, good: pl.DataFrame
) -> pl.DataFrame:
    """Rows that were set aside, with `security_id`; null where nobody has the symbol."""
    named = pl.col("symbol").str.contains(SYMBOL_PATTERN) & pl.col("date").is_not_null()
    ours = rows.filter(named.fill_null(value=False))
    nobodys = rows.filter(~named.fill_null(value=False)).with_columns(
        security_id=pl.lit(None, dtype=pl.Int64)
    )
    if ours.is_empty():
        return nobodys
    near = good.join(ours.select("symbol").unique(), on="symbol", how="semi")
    by_file = ours.sort("date").join_asof(
        near.select("symbol", "date", in_file="security_id").sort("date"),
        on="date",
        by="symbol",
        strategy="nearest",
        check_sortedness=False,
    )
    found = holders(store, by_file, "date", version).with_columns(
        security_id=pl.coalesce("in_file", "security_id").cast(pl.Int64)
    )
    return pl.concat([found.select(nobodys.columns), nobodys])
