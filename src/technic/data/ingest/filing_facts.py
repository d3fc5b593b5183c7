"""Facts of filings on their way into the tables: whoever brings them, by the same steps.

1. `examine_filings` of the market's rules sets aside what cannot be (`keep_statements`).
2. `filers.holders` looks up who filed; symbols the store does not know are reported, and left out.
3. `share_classes.of_their_class` sets aside what is another class's, where a company has several.
4. `thousands.without_thousands` sets statements aside whose shares are fewer than are traded.
5. `new_facts` keeps what differs from what was known before: a restatement is a new row.
6. `keep_facts` commits it.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime
from hashlib import blake2b
from typing import TYPE_CHECKING

import polars as pl

from technic.data.formats.dates import night_of
from technic.data.ingest.filers import holders
from technic.data.ingest.share_classes import of_their_class
from technic.data.ingest.thousands import thousands_line, without_thousands
from technic.data.store.rows import right_after
from technic.errors import SchemaError, counted
from technic.market.filings import examine_filings
from technic.market.items import ITEMS
from technic.market.schema import FACTS, FILINGS, conform

if TYPE_CHECKING:
    from technic.data.store import Store, StoreVersion

KEY = ("security_id", "item", "period_end", "months")


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
    unreadable : how many cells of a column could not be read, and one of them
    unused : columns of the file that mean nothing here
    recognised : what the file was taken for; empty for a table of filings
    left_out : how many numbers were not used, by the reason in words
    damaged : files of an archive that could not be read, with the reason
    companies, unlisted : of files of the SEC, how many have a listing here, and how many have none
    numbers : what became of every number in it, by what did: "new", "known already", "set aside",
        "not used"; for each class of shares where a company has several
    notes : what a user should know, a line each
    """

    rows: int
    filings: int
    facts: int
    known: int
    quarantined: dict[str, int] = field(default_factory=dict)
    strangers: tuple[str, ...] = ()
    symbols: int = 0
    unreadable: dict[str, tuple[int, str]] = field(default_factory=dict)
    unused: tuple[str, ...] = ()
    recognised: str = ""
    left_out: dict[str, int] = field(default_factory=dict)
    damaged: tuple[str, ...] = ()
    companies: int = 0
    unlisted: int = 0
    numbers: dict[str, int] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def keep_statements(
    store: Store,
    table: pl.DataFrame,
    label: str,
    seen: datetime,
    *,
    labelled: bool = True,
    keep: bool = True,
) -> TakenFilings:
    """Facts as a vendor or the SEC tells them, examined and committed.

    Parameters
    ----------
    table : one row per number: `symbol`, `period`, `fiscal_year`, `period_end`, `filed`, `item`,
        `months`, `value`; perhaps `form`, `accession`, `security_id` and `calendar_end`
    label, seen, keep : as for `keep_facts`
    labelled : as for `examine_filings`
    """
    form = pl.col("form") if "form" in table.columns else pl.lit(None, dtype=pl.String)
    dated = table.drop_nulls(["period_end", "filed", "symbol"]).with_columns(
        form=form, assumed=pl.lit(value=False)
    )
    good, bad = examine_filings(
        dated.with_columns(known_at=night_of(dated["filed"])), labelled=labelled
    )
    taken = keep_facts(store, good, bad, rows=table.height, label=label, seen=seen, keep=keep)
    undated, repeated = table.height - dated.height, dated.height - good.height - bad.height
    numbers = {**taken.numbers, "repeated": repeated, "without a date or a symbol": undated}
    return replace(taken, numbers=numbers)


def keep_facts(
    store: Store,
    good: pl.DataFrame,
    bad: pl.DataFrame,
    *,
    rows: int,
    label: str,
    seen: datetime,
    keep: bool = True,
) -> TakenFilings:
    """Commit believable facts, however they came; the others go to the quarantine.

    Parameters
    ----------
    good, bad : as `examine_filings` gives them; `good` with `security_id` where the caller knows
        it better than the symbol says
    rows : filings in the file or answer
    label : where they came from
    seen : the instant from which a number counts that a source changed without a new filing
    keep : whether it is stored; otherwise it is only found out what would become of it

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
    believed = ours.height
    ours, others = of_their_class(store, before, ours)
    ours, small = without_thousands(store, before, ours, bad)
    bad = pl.concat([bad, others, small], how="diagonal_relaxed")
    if not believed and not good.is_empty():
        symbols = counted(good["symbol"].n_unique(), "symbol")
        raise SchemaError(
            f"{label}: holds filings of {symbols}, and none is in this store; import bars or "
            "listings first. Nothing was imported"
        )
    named = ours.with_columns(accession=_accessions(ours), source=pl.lit(label))
    facts = new_facts(store, before, named, seen)
    filings = _new_filings(store, before, named, facts)
    if keep and not facts.is_empty():
        store.commit({"facts": facts, "filings": filings})
    if keep and not bad.is_empty():
        store.catalog.quarantine(bad.with_columns(date=pl.col("filed")), label, seen)
    return TakenFilings(
        rows=rows,
        filings=filings.height,
        facts=facts.height,
        known=ours.height - facts.height,
        quarantined=dict(bad.group_by("reason").len().sort("reason").iter_rows()),
        strangers=tuple(strange["symbol"].unique().sort().to_list()),
        symbols=facts["security_id"].n_unique(),
        numbers={
            "new": facts.height,
            "known already": ours.height - facts.height,
            "set aside": bad.height,
            "of unknown symbols": strange.height,
            "read to check others": good.height - strange.height - believed,
        },
        notes=(thousands_line(small),) if small.height else (),
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
    even = ["calendar_end"] if "calendar_end" in facts.columns else []
    facts = facts.with_columns(calendar_end=pl.coalesce(*even, "period_end"))
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
        .sort("known_at", "period_end", descending=[False, True], maintain_order=True)
        .unique(["security_id", "accession"], keep="first", maintain_order=True)
        .join(stored, on=["security_id", "accession"], how="anti")
    )
    return conform(table, FILINGS, "filings")


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
