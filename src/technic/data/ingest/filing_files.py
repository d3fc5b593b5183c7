"""Filings from the user's files into a store.

1. `providers.filings.read_filings` reads the file, one row per filing.
2. `_facts` makes one row per number, with the stretch it covers and the night it was seen.
3. `market.filings.examine_filings` sets aside what cannot be.
4. `filers.holders` looks up who filed; symbols the store does not know are reported, and left out.
5. `new_facts` keeps what differs from what was known before: a restatement is a new row.
6. `keep_facts` commits it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from technic.data.ingest.filers import holders
from technic.data.ingest.merge import stated_instants
from technic.data.providers.filings import read_filings
from technic.data.store.rows import right_after
from technic.errors import SchemaError
from technic.market.filings import CASH_FLOWS, cash_flow_months, examine_filings, months_of
from technic.market.items import ITEMS
from technic.market.schema import FACTS, FILINGS, SYMBOL_PATTERN, conform

if TYPE_CHECKING:
    from technic.data.store import Store, StoreVersion

KEY = ("security_id", "item", "period_end", "months")
CHECKS = ("eps_basic",)  # read, to hold others against, and not kept


@dataclass(frozen=True, slots=True)
class TakenFilings:
    """What became of filings.

    Attributes
    ----------
    rows : filings in the file or answer
    filings, facts : how many of them are new, and how many new numbers they hold
    known : numbers that the store had already
    quarantined : numbers set aside, by reason
    strangers : symbols that the store does not know; their filings were left out
    symbols : how many symbols have new numbers
    """

    rows: int
    filings: int
    facts: int
    known: int
    quarantined: dict[str, int] = field(default_factory=dict)
    strangers: tuple[str, ...] = ()
    symbols: int = 0


def take_filings(store: Store, source: Path | pl.DataFrame, seen: datetime) -> TakenFilings:
    """Import a file of filings; all that can be believed, or nothing.

    Raises
    ------
    SchemaError
        If it cannot be read, or no filing in it belongs to a symbol of the store.
    """
    raw = read_filings(source, (*ITEMS, *CHECKS))
    readable = _each_class(raw).filter(pl.col("symbol").str.contains(SYMBOL_PATTERN))
    good, bad = examine_filings(_facts(readable))
    good = cash_flow_months(good)
    label = source.name if isinstance(source, Path) else "frame"
    return keep_facts(store, good, bad, rows=raw.height, label=label, seen=seen)


def _each_class(raw: pl.DataFrame) -> pl.DataFrame:
    """A row per class of shares where a filing names two, such as GOOG/GOOGL."""
    first, second = (pl.col("symbol").str.split("/").list.get(k, null_on_oob=True) for k in (0, 1))
    both = second.str.starts_with(first) & (first.str.len_chars() > 2)
    parts = pl.when(both.fill_null(value=False)).then(pl.col("symbol").str.split("/"))
    return raw.with_columns(parts.otherwise(pl.concat_list("symbol")).alias("symbol")).explode(
        "symbol"
    )


def keep_facts(
    store: Store,
    good: pl.DataFrame,
    bad: pl.DataFrame,
    *,
    rows: int,
    label: str,
    seen: datetime,
) -> TakenFilings:
    """Commit believable facts, however they came; the others go to the quarantine.

    Parameters
    ----------
    good, bad : as `examine_filings` gives them; `good` with `security_id` where the caller knows
        it better than the symbol says
    rows : filings in the file or answer
    label : where they came from
    seen : the instant from which a number counts that a source changed without a new filing

    Raises
    ------
    SchemaError
        If no row belongs to a symbol of the store.
    """
    before = store.version()
    if "security_id" not in good.columns:
        good = holders(store, good, "filed", before)
    strange = good.filter(pl.col("security_id").is_null())
    ours = good.filter(pl.col("security_id").is_not_null(), pl.col("item").is_in(list(ITEMS)))
    if ours.is_empty() and not good.is_empty():
        raise SchemaError(
            f"{label}: none of its {good['symbol'].n_unique():,} symbols is in this store; import "
            "bars or listings first. Nothing was imported"
        )
    named = ours.with_columns(accession=_accessions(ours), source=pl.lit(label))
    facts = new_facts(store, before, named, seen)
    filings = _new_filings(store, before, named, facts)
    if not facts.is_empty():
        store.commit({"facts": facts, "filings": filings})
    if not bad.is_empty():
        store.catalog.quarantine(bad.with_columns(date=pl.col("filed")), label, seen)
    return TakenFilings(
        rows=rows,
        filings=filings.height,
        facts=facts.height,
        known=ours.height - facts.height,
        quarantined=dict(bad.group_by("reason").len().sort("reason").iter_rows()),
        strangers=tuple(strange["symbol"].unique().sort().to_list()),
        symbols=facts["security_id"].n_unique(),
    )


def new_facts(
    store: Store, version: StoreVersion, facts: pl.DataFrame, seen: datetime
) -> pl.DataFrame:
    """Facts that say something else than what was known just before them.

    Parameters
    ----------
    facts : rows of the facts table, perhaps with more columns
    seen : the instant from which a number counts that a source changed without a new filing
    """
    ids = facts["security_id"].unique()
    stored = (
        store.table("facts", version)
        .filter(pl.col("security_id").is_in(ids.implode()))
        .collect()
        .with_columns(stored=pl.lit(value=True))
    )
    table = conform(facts, FACTS, "facts").with_columns(stored=pl.lit(value=False))
    # Who corrects a number without filing anew is believed from now on, not from then on.
    then = stored.select(*KEY, "known_at", before="value")
    table = (
        table.join(then, on=[*KEY, "known_at"], how="left", maintain_order="left")
        .with_columns(
            known_at=pl.when(pl.col("before").is_not_null() & (pl.col("before") != pl.col("value")))
            .then(right_after(pl.lit(seen), pl.col("known_at")))
            .otherwise("known_at")
        )
        .drop("before")
    )
    both = pl.concat([stored, table]).sort(*KEY, "known_at", ~pl.col("stored"))
    same_key = pl.all_horizontal(pl.col(name).eq_missing(pl.col(name).shift(1)) for name in KEY)
    same = same_key & pl.col("value").eq_missing(pl.col("value").shift(1))
    return both.filter(~pl.col("stored") & ~same.fill_null(value=False)).drop("stored")


def _new_filings(
    store: Store, version: StoreVersion, named: pl.DataFrame, facts: pl.DataFrame
) -> pl.DataFrame:
    """The filings that the new facts came in, each once."""
    stored = store.table("filings", version).select("security_id", "accession").collect()
    table = (
        named.join(
            facts.select("security_id", "accession").unique(),
            on=["security_id", "accession"],
            how="semi",
        )
        .sort("known_at", maintain_order=True)
        .unique(["security_id", "accession"], keep="first", maintain_order=True)
        .join(stored, on=["security_id", "accession"], how="anti")
    )
    return conform(table, FILINGS, "filings")


def _facts(raw: pl.DataFrame) -> pl.DataFrame:
    """One row per number."""
    items = [name for name in (*ITEMS, *CHECKS) if name in raw.columns]
    known_at = stated_instants(raw, "as_of")
    amended = pl.col("amended").fill_null(value=False) & ~pl.col("form").str.ends_with("/A")
    wide = raw.with_columns(
        known_at=known_at,
        filed=known_at.dt.convert_time_zone("America/New_York").dt.date(),
        form=pl.when(amended).then(pl.col("form") + "/A").otherwise("form"),
    )
    index = ["symbol", "form", "period", "fiscal_year", "period_end", "filed", "known_at"]
    long = wide.unpivot(items, index=index, variable_name="item").drop_nulls("value")
    kinds = {name: item.kind for name, item in ITEMS.items()} | dict.fromkeys(CHECKS, "flow")
    kind = pl.col("item").replace_strict(kinds, return_dtype=pl.String)
    return long.with_columns(
        months=months_of(kind, pl.col("item").is_in(CASH_FLOWS), pl.col("period")),
        assumed=pl.lit(value=False),
    )


def _accessions(facts: pl.DataFrame) -> pl.Series:
    """A name for each filing: the one it came with, or a digest of what sets it apart."""
    if "accession" in facts.columns:
        return facts["accession"]
    key = ["symbol", "form", "period", "period_end"]
    keys = facts.select(key).unique()
    accessions = [
        blake2b("|".join(map(str, row)).encode(), digest_size=8).hexdigest()
        for row in keys.iter_rows()
    ]
    named = keys.with_columns(accession=pl.Series(accessions, dtype=pl.String))
    return facts.join(named, on=key, how="left", nulls_equal=True, maintain_order="left")[
        "accession"
    ]
