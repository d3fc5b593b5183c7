"""Filings and news from vendors into a store: in bulk by day, or company by company.

What was asked is written down with the answer, in one commit; asking again adds nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Protocol

import polars as pl

from technic.data.ingest.filers import holders
from technic.data.ingest.filing_facts import TakenFilings, keep_statements
from technic.data.ingest.merge import refuse_mixture
from technic.data.providers.source import Ask, Source
from technic.data.store import Store
from technic.data.store.rows import dated_after, newest_per
from technic.data.store.tickers import eras
from technic.market.industries import sector_of
from technic.market.schema import ASKED, CLASSIFICATIONS, INSTANT, NEWS, conform
from technic.market.sessions import NEW_YORK
from technic.market.symbols import asked_symbols, canonical_symbols
from technic.runtime.files import alone

KINDS = ("income", "balance", "cash")
BEFORE = 850  # days of filings before the first bar: two years, to compare one with the other
AGAIN = 5  # days that are asked for once more: filings reach a vendor late
STALE = 20  # days after which a company is asked for again
PORTION = 50  # companies per commit

Progress = Callable[[int, int, str], None]


class Companies(Protocol):
    """A vendor that is asked company by company.

    Every method raises `ProviderError` if the vendor cannot be asked or cannot be understood.
    """

    def companies(self) -> pl.DataFrame:
        """Every listed company: `symbol`, `cik` and `name`, one row per symbol."""
        ...

    def industry(self, cik: str) -> tuple[str | None, str | None]:
        """A company's SIC code and what it stands for; None where the vendor does not say.

        Parameters
        ----------
        cik : the SEC's number of the company, ten digits
        """
        ...

    def facts(self, cik: str) -> pl.DataFrame:
        """Every number a company filed: `FACT_COLUMNS`, with null for `symbol`."""
        ...


@dataclass
class FilingsSynced:
    """What a sync of filings did.

    Attributes
    ----------
    taken : filings and numbers, per kind of question
    articles : news items that are new
    companies : how many were asked for one by one
    classified : how many of them have a new sector
    """

    taken: dict[str, TakenFilings] = field(default_factory=dict)
    articles: int = 0
    companies: int = 0
    classified: int = 0


def sync_filings(
    store: Store,
    provider: str,
    source: Source,
    clock: Callable[[], datetime],
    *,
    news: bool = False,
    progress: Progress = lambda _done, _total, _what: None,
) -> FilingsSynced:
    """Bring in statements by the day they were filed, and news by the day it was published.

    Parameters
    ----------
    provider : name of the vendor, under which it is noted what was asked
    clock : what time it is
    news : whether news are asked for too

    Raises
    ------
    StoreError
        If another sync runs, or the store is empty.
    """
    done = FilingsSynced()
    with alone(store.folder, "sync"):
        version = store.require()
        assert version.first is not None
        kinds = [*KINDS, *(["news"] if news else [])]
        for k, kind in enumerate(kinds):
            progress(k, len(kinds), kind)
            now = clock()
            today = now.astimezone(NEW_YORK).date()
            start = version.first if kind == "news" else version.first - timedelta(days=BEFORE)
            until = _asked_until(store, kind, provider)
            first = start if until is None else max(until - timedelta(days=AGAIN), start)
            ask = Ask(kind, first, today)
            table = source.read(ask, source.fetch(ask)).table
            refuse_mixture(store, "stored", simulated=_is_simulated(source))
            if kind == "news":
                done.articles = _keep_news(store, table, provider)
            else:
                done.taken[kind] = keep_statements(store, table, provider, now)
            _note_ask(store, provider, ask, table.height, now)
        progress(len(kinds), len(kinds), "done")
    return done


def sync_companies(
    store: Store,
    provider: str,
    source: Companies,
    clock: Callable[[], datetime],
    *,
    symbols: tuple[str, ...] = (),
    progress: Progress = lambda _done, _total, _what: None,
) -> FilingsSynced:
    """Bring in facts and industries of companies, those never asked for first.

    Parameters
    ----------
    provider : name of the vendor, under which it is noted what was asked
    clock : what time it is
    symbols : only these; every one of the store by default

    Raises
    ------
    StoreError
        If another sync runs, or the store is empty.
    """
    done = FilingsSynced()
    with alone(store.folder, "sync"):
        version = store.require()
        named = eras(store.table("tickers", version).collect()).filter(pl.col("until").is_null())
        listed = source.companies()
        known = set(named["symbol"])
        listed = listed.with_columns(canonical_symbols(listed["symbol"], known))
        refuse_mixture(store, "stored", simulated=_is_simulated(source))
        companies = listed.join(named.select("symbol", "security_id"), on="symbol", how="inner")
        if symbols:
            asked = list(asked_symbols(symbols, known).values())
            companies = companies.filter(pl.col("symbol").is_in(asked))
        due = _due(store, companies, provider, clock())
        ciks = due["cik"].unique(maintain_order=True).to_list()
        for start in range(0, len(ciks), PORTION):
            progress(start, len(ciks), f"companies {start:,} of {len(ciks):,}")
            portion = due.filter(pl.col("cik").is_in(ciks[start : start + PORTION]))
            _take_companies(store, provider, source, portion, clock(), done)
        progress(len(ciks), len(ciks), "done")
    return done


def _take_companies(
    store: Store,
    provider: str,
    source: Companies,
    companies: pl.DataFrame,
    now: datetime,
    done: FilingsSynced,
) -> None:
    """Ask for some companies and commit what they say.

    Parameters
    ----------
    companies : `cik`, `symbol` and `security_id`, a row per listed security
    """
    ciks = companies["cik"].unique(maintain_order=True).to_list()
    tables, classes = [], []
    for cik in ciks:
        tables.append(source.facts(cik))
        sic, words = source.industry(cik)
        if sic is not None:
            about = (sector_of(sic, cik), words, sic, None, now, provider)
            own = companies.filter(pl.col("cik") == cik)
            classes += [(security, *about) for security in own["security_id"]]
    facts = (
        pl.concat(tables)
        .drop("symbol")
        .join(companies.select("cik", "symbol", "security_id"), on="cik")
    )
    done.taken[f"{len(done.taken)}"] = keep_statements(store, facts, provider, now, labelled=False)
    done.classified += _keep_classes(store, pl.DataFrame(classes, CLASSIFICATIONS, orient="row"))
    done.companies += len(ciks)
    for cik in ciks:
        _note_ask(store, provider, Ask("filings", last=now.date(), symbols=(cik,)), 1, now)


def _keep_classes(store: Store, classes: pl.DataFrame) -> int:
    """Commit the classes that differ from the newest stored ones; returns how many."""
    newest = newest_per(store.table("classifications"), "security_id").collect()
    about = ["security_id", "sector", "industry", "sic"]
    fresh = classes.join(newest.select(about), on=about, how="anti", nulls_equal=True)
    if not fresh.is_empty():
        # A market value that was told goes on counting beside the new class.
        valued = fresh.drop("market_cap").join(
            newest.select("security_id", "market_cap"), on="security_id", how="left"
        )
        dated = dated_after(valued, newest, valued["known_at"].max(), "security_id")  # type: ignore[arg-type]
        store.commit({"classifications": conform(dated, CLASSIFICATIONS, "classifications")})
    return fresh.height


def _keep_news(store: Store, table: pl.DataFrame, provider: str) -> int:
    """News that the store does not have; returns how many rows."""
    articles = table.drop_nulls(["symbol", "key", "published"]).with_columns(
        day=pl.col("published").dt.convert_time_zone("America/New_York").dt.date()
    )
    version = store.version()
    named = holders(store, articles, "day", version).filter(pl.col("security_id").is_not_null())
    rows = conform(
        named.with_columns(known_at=pl.col("published"), source=pl.lit(provider)), NEWS, "news"
    ).unique(["security_id", "key"], keep="first", maintain_order=True)
    stored = store.table("news", version).select("security_id", "key").collect()
    fresh = rows.join(stored, on=["security_id", "key"], how="anti")
    if not fresh.is_empty():
        store.commit({"news": fresh})
    return fresh.height


def _asked_until(store: Store, kind: str, provider: str) -> date | None:
    """The last day a kind was asked for."""
    rows = store.table("asked").filter(pl.col("kind") == kind, pl.col("provider") == provider)
    last: date | None = rows.select(pl.col("last").max()).collect().item()
    return last


def _due(store: Store, companies: pl.DataFrame, provider: str, now: datetime) -> pl.DataFrame:
    """Companies that were not asked for lately, those never asked for first."""
    last_asked = (
        store.table("asked")
        .filter(pl.col("kind") == "filings", pl.col("provider") == provider)
        .group_by(cik="symbol")
        .agg(pl.col("known_at").max())
        .collect()
    )
    return (
        companies.join(last_asked, on="cik", how="left")
        .filter(
            pl.col("known_at").is_null()
            | (pl.col("known_at") < pl.lit(now - timedelta(days=STALE)).cast(INSTANT))
        )
        .sort("known_at", "symbol", nulls_last=False)
    )


def _is_simulated(source: object) -> bool:
    """Whether a vendor's answers so far came from a simulated one."""
    return bool(getattr(source, "simulated", False))


def _note_ask(store: Store, provider: str, ask: Ask, rows: int, now: datetime) -> None:
    """Note what was asked, and how many rows came, so that it is not asked again."""
    row = {
        "kind": ask.kind,
        "first": ask.first,
        "last": ask.last,
        "symbol": ask.symbols[0] if ask.symbols else None,
        "provider": provider,
        "settled": True,
        "rows": rows,
        "bad": 0,
        "volume": 0.0,
        "known_at": now,
    }
    store.commit({"asked": pl.DataFrame([row], schema=ASKED)})
