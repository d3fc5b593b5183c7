"""Files of the SEC into a store: company facts, and the quarterly data sets.

Facts go by the company's number at the SEC to the securities whose listings carry it. Companies
are read and committed in portions, so that an archive of all of them needs no more memory than
one portion; an import that was ended is repeated, and adds what it lacks.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING

import orjson
import polars as pl

from technic.data.formats.company_facts import cik_of, read_company_facts
from technic.data.formats.sec_archives import SecFiles, cik_in
from technic.data.formats.sec_datasets import read_dataset
from technic.data.ingest.filing_facts import TakenFilings, keep_statements
from technic.data.store.rows import newest_per
from technic.data.store.tickers import eras
from technic.errors import SchemaError, counted

if TYPE_CHECKING:
    from technic.data.store import Store

PORTION = 400_000  # facts per commit
HINT = (
    "import the SEC's list of tickers (company_tickers.json) or listings with a column cik first: "
    "technic import-listings FILE. Nothing was imported"
)


@dataclass
class _Tally:
    """What was read so far.

    Attributes
    ----------
    numbers : that stand in the files
    listed, strangers : companies that have a listing here, and others
    left_out : numbers that were not used, by the reason in words
    damaged : files that could not be read
    """

    numbers: int = 0
    listed: int = 0
    strangers: int = 0
    left_out: Counter[str] = field(default_factory=Counter)
    damaged: list[str] = field(default_factory=list)


def take_sec_files(
    store: Store,
    files: SecFiles,
    seen: datetime,
    progress: Callable[[str], None],
    *,
    keep: bool = True,
) -> TakenFilings:
    """Import files of the SEC; what can be believed of companies that have a listing here.

    Parameters
    ----------
    progress : is told how far it is
    keep : whether it is stored; otherwise it is only found out what would become of it

    Raises
    ------
    SchemaError
        If no listing of the store carries a company's number, none of the companies in the files
        is listed, or nothing in them can be kept.
    """
    label, owners, tally = files.path.name, _owners(store), _Tally()
    if owners.is_empty():
        raise SchemaError(f"{label}: no listing in this store has its number at the SEC; {HINT}")
    ours = frozenset(owners["cik"])
    if files.dataset is not None:
        tables = _of_dataset(files, ours, tally, progress)
    else:
        tables = _of_companies(files, ours, tally, progress)
    taken, portion = TakenFilings(0, 0, 0, 0), list[pl.DataFrame]()

    def keep_portion() -> TakenFilings:
        """Each fact goes to every security of its company."""
        facts = pl.concat(portion).drop("symbol").join(owners, on="cik")
        return _added(taken, keep_statements(store, facts, label, seen, labelled=False, keep=keep))

    for table in tables:
        portion.append(table)
        if sum(part.height for part in portion) >= PORTION:
            taken, portion = keep_portion(), []
    if portion:
        taken = keep_portion()
    _refuse_if_empty(label, taken, tally)
    return replace(
        taken,
        rows=tally.numbers,
        recognised=_recognised(files, tally),
        left_out=dict(tally.left_out.most_common()),
        damaged=tuple(tally.damaged),
        companies=tally.listed,
        unlisted=tally.strangers,
        numbers={**taken.numbers, "not used": tally.left_out.total()},
    )


def _refuse_if_empty(label: str, taken: TakenFilings, tally: _Tally) -> None:
    """Refuse files of which nothing was kept, with the reason.

    Raises
    ------
    SchemaError
        If no number is new or known already.
    """
    if taken.facts or taken.known:
        return
    if tally.damaged and not tally.listed:
        raise SchemaError(f"{label}: {tally.damaged[0]}; nothing was imported")
    if not tally.listed:
        whose = (
            "its company has"
            if tally.strangers == 1
            else f"none of its {tally.strangers:,} companies has"
        )
        no = "no" if tally.strangers == 1 else "a"
        raise SchemaError(f"{label}: {whose} {no} listing here with its number at the SEC; {HINT}")
    told = [f"{n:,} {why}" for why, n in tally.left_out.most_common(3)]
    told += [f"{n:,} {why.replace('_', ' ')}" for why, n in taken.quarantined.items()]
    why = "; ".join(told) or "no number in it is one that technic reads"
    raise SchemaError(
        f"{label}: {counted(tally.numbers, 'number')} and nothing to keep: {why}. Nothing was imported"
    )


def _recognised(files: SecFiles, tally: _Tally) -> str:
    """What the files were taken for, in words."""
    if files.dataset is not None:
        return f"SEC data set of {counted(tally.listed + tally.strangers, 'company')}"
    count = len(files.companies)
    return f"SEC company facts of {count:,} {'company' if count == 1 else 'companies'}"


def _owners(store: Store) -> pl.DataFrame:
    """`cik` in ten digits, `security_id` and `symbol` of the securities that are listed with one."""
    version = store.version()
    symbols = (
        eras(store.table("tickers", version).collect())
        .sort("era")
        .group_by("security_id")
        .agg(pl.col("symbol").last())
    )
    listings = newest_per(store.table("listings", version), "security_id").collect()
    digits = pl.col("cik").str.strip_chars().str.strip_prefix("CIK")
    return (
        listings.select("security_id", cik=digits.str.zfill(10))
        .filter(pl.col("cik").str.contains(r"^\d{10}$"))
        .join(symbols, on="security_id")
        .sort("security_id")
    )


def _of_dataset(
    files: SecFiles, ours: frozenset[str], tally: _Tally, progress: Callable[[str], None]
) -> Iterator[pl.DataFrame]:
    """Facts of the companies of a data set that are listed here."""
    assert files.dataset is not None
    submissions, numbers = files.dataset
    progress("reading the data set")
    found = read_dataset(
        lambda: files.opened(submissions), lambda: files.opened(numbers), files.path.name
    )
    listed = found.table.filter(pl.col("cik").is_in(list(ours)))
    tally.numbers, tally.left_out = found.numbers, Counter(found.left_out)
    tally.left_out["of companies without a listing here"] += found.table.height - listed.height
    tally.listed = listed["cik"].n_unique()
    tally.strangers = found.companies - tally.listed
    tally.left_out = +tally.left_out
    progress("comparing with the store")
    yield listed


def _of_companies(
    files: SecFiles, ours: frozenset[str], tally: _Tally, progress: Callable[[str], None]
) -> Iterator[pl.DataFrame]:
    """Facts of the companies that are listed here, one file after the other."""
    named = {name: cik_in(name) for name in files.companies}
    chosen = [name for name, cik in named.items() if cik is None or cik in ours]
    tally.strangers = len(named) - len(chosen)
    for k, (name, body) in enumerate(files.bodies(frozenset(chosen))):
        if k % 100 == 0:
            progress(f"company {k + 1:,} of {len(chosen):,}")
        try:
            content = orjson.loads(body or b"")
            cik = cik_of(content) or named[name]
            found = read_company_facts(content, cik) if cik in ours | {None} else None
        except ValueError as error:
            tally.damaged.append(f"{name} cannot be read as company facts ({error})")
            continue
        if found is None:
            tally.strangers += 1
            continue
        tally.listed += 1
        tally.numbers += found.numbers
        tally.left_out.update(found.left_out)
        yield found.table


def _added(one: TakenFilings, other: TakenFilings) -> TakenFilings:
    """What became of two portions together."""
    reasons, numbers = Counter(one.quarantined), Counter(one.numbers)
    reasons.update(other.quarantined)
    numbers.update(other.numbers)
    return replace(
        one,
        filings=one.filings + other.filings,
        facts=one.facts + other.facts,
        known=one.known + other.known,
        quarantined=dict(sorted(reasons.items())),
        numbers=dict(numbers),
        symbols=one.symbols + other.symbols,
        notes=(*one.notes, *other.notes),
    )
