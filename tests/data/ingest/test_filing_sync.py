"""Filings and news from real servers: the twin of Massive, and of EDGAR."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest

import technic as tc
from support.vendors import FAST, sync_all, vendor
from technic.data.formats.company_facts import company_facts
from technic.data.ingest import FileStore
from technic.data.ingest.filing_sync import sync_companies, sync_filings
from technic.data.providers.edgar import Edgar, user_agent
from technic.data.providers.http import Endpoint, Http
from technic.data.simulated.fundamentals_api import figures, statement_days
from technic.data.simulated.reference_api import SICS
from technic.errors import AccessError, StoreError
from technic.market.items import ITEMS


@contextmanager
def edgar(url, contact="Ann Smith ann@example.com", log=lambda _call: None):
    headers = user_agent(contact)
    source = Edgar(
        *(Http(Endpoint("edgar", url, headers), log=log, manners=FAST) for _ in range(2))
    )
    try:
        yield source
    finally:
        source.close()


@pytest.fixture
def twin():
    with vendor() as made:
        yield made


@pytest.fixture
def store(tmp_path, twin, kernels):
    made = FileStore(tmp_path / "store")
    sync_all(made, twin)
    return made


def clock(twin):
    return twin[0].clock.now


def told(market, i, until):
    """What the twin says of a listing's newest quarter."""
    end, filed = statement_days(market, i, until)[-1]
    return end, filed, figures(market, i, end)


def check_numbers(store, twin, sources):
    """Every number of every company's newest quarter is the twin's own."""
    market, today = twin[0].tape, clock(twin)().date()
    facts = store.table("facts").collect()
    by_symbol = dict(store.table("tickers").collect().select("symbol", "security_id").iter_rows())
    checked = 0
    for i in range(len(market.listings)):
        symbol = market.symbols(today)[i]
        if not statement_days(market, i, today) or symbol not in by_symbol:
            continue
        end, filed, want = told(market, i, today)
        mine = facts.filter(pl.col("security_id") == by_symbol[symbol], pl.col("period_end") == end)
        found = dict(mine.select("item", "value").iter_rows())
        for item in ITEMS.values():
            if item.massive in want and (sources == "massive" or item.tags):
                assert found[item.name] == pytest.approx(want[item.massive]), (symbol, item.name)
                checked += 1
        assert (mine["known_at"].dt.convert_time_zone("America/New_York").dt.date() == filed).all()
    assert checked > 300


def test_statements_come_in_three_calls_and_mean_what_the_vendor_said(store, twin):
    calls = len(twin[2])
    done = sync_filings(store, "massive", twin[1], clock(twin))
    assert len(twin[2]) - calls == 3
    assert sum(t.facts for t in done.taken.values()) > 1_000
    assert not any(t.quarantined for t in done.taken.values())
    check_numbers(store, twin, "massive")


def test_asking_again_brings_nothing_new(store, twin):
    sync_filings(store, "massive", twin[1], clock(twin), news=True)
    version = store.version().tables
    again = sync_filings(store, "massive", twin[1], clock(twin), news=True)
    assert sum(t.facts for t in again.taken.values()) == 0
    assert again.articles == 0
    assert store.version().tables["facts"] == version["facts"]


def test_a_number_corrected_in_place_counts_from_when_it_was_seen(store, twin):
    """The same filing, another number: before today the old one was known."""
    sync_filings(store, "massive", twin[1], clock(twin))
    before = store.table("facts").collect()
    row = before.filter(pl.col("item") == "assets").sort("known_at").row(-1, named=True)
    from technic.data.ingest.filing_facts import keep_facts
    from technic.market.filings import examine_filings

    seen = clock(twin)() + timedelta(days=1)
    changed = pl.DataFrame([row]).with_columns(
        value=pl.col("value") + 1.0, symbol=pl.lit("X"), form=pl.lit(None, dtype=pl.String),
        period=pl.lit("Q1"), fiscal_year=pl.col("period_end").dt.year().cast(pl.Int64),
        filed=pl.col("known_at").dt.convert_time_zone("America/New_York").dt.date(),
        assumed=pl.lit(value=False),
    )  # fmt: skip
    good, bad = examine_filings(changed.drop("accession"))
    keep_facts(store, good, bad, rows=1, label="again", seen=seen)
    added = store.table("facts").collect().join(before, on=before.columns, how="anti")
    assert added["value"].to_list() == [row["value"] + 1.0]
    assert added["known_at"].to_list() == [seen]


def test_news_are_counted_and_titles_stay_raw(store, twin):
    done = sync_filings(store, "massive", twin[1], clock(twin), news=True)
    assert done.articles > 0
    news = store.table("news").collect()
    assert news["title"].str.contains("<img").any()
    report = tc.scan(
        store, rank="news_count(20)", columns=["news_count(20)", "is_updated"], top=500
    )
    counts = {row.symbol: row.values["news_count(20)"] for row in report.shown}
    assert max(counts.values()) >= 1.0
    assert min(counts.values()) == 0.0


def test_without_news_a_count_of_them_is_unknown(store, twin):
    report = tc.scan(store, where="news_count(5) == 0")
    assert report.n_ranked == 0
    assert report.ledger_book.counts()["unknown"] > 0


def test_a_filing_marks_its_symbol_as_updated(store, twin):
    sync_filings(store, "massive", twin[1], clock(twin))
    filings = store.table("filings").collect()
    day = filings["filed"].max()
    version = store.version()
    from technic.market.sessions import nyse

    session = nyse().day(nyse().last_until(min(day, version.last)))
    report = tc.scan(
        store, rank="days_since_filing", columns=["is_updated", "days_since_filing"], top=500,
        as_of=session,
    )  # fmt: skip
    for row in report.shown:
        if row.values["days_since_filing"] == 0.0:
            assert row.values["is_updated"] == 1.0
    assert {row.values["is_updated"] for row in report.shown} <= {0.0, 1.0}


def test_the_ratings_work_on_statements_of_the_twin(store, twin):
    """Scores that the flat file has no numbers for: all of them are known here."""
    sync_filings(store, "massive", twin[1], clock(twin))
    columns = ["book_yield", "ebit_yield", "altman_z", "interest_coverage", "gross_margin",
               "market_cap", "size", "debt_to_equity", "piotroski_f", "pb"]  # fmt: skip
    report = tc.scan(store, rank="quality_score", columns=columns, top=40)
    assert report.n_ranked > 10
    for row in report.shown[:5]:
        assert all(value is not None for value in row.values.values()), row
        assert row.values["market_cap"] > 0
        np.testing.assert_allclose(row.values["book_yield"] * row.values["pb"], 1.0)


def test_edgar_gives_facts_and_industries_company_by_company(store, twin):
    with edgar(twin[0].url) as source:
        done = sync_companies(store, "edgar", source, clock(twin))
        assert done.companies > 20
        check_numbers(store, twin, "edgar")
        classes = store.table("classifications").collect()
        assert set(classes["sic"]) <= {sic for sic, _ in SICS.values()}
        assert classes["sector"].null_count() == 0
        again = sync_companies(store, "edgar", source, clock(twin))
        assert again.companies == 0


def test_simulated_filings_never_come_to_a_real_market(tmp_path, twin):
    real = FileStore(tmp_path / "real")
    symbols = twin[0].tape.symbols(clock(twin)().date())
    bars = pl.DataFrame({"symbol": [s for s in symbols if s], "open": 1.0, "high": 1.0, "low": 1.0,
                         "close": 1.0, "volume": 1.0}).with_columns(date=pl.lit(date(2024, 3, 8)))  # fmt: skip
    real.import_bars(bars)
    with pytest.raises(StoreError, match="never mixed"):
        sync_filings(real, "massive", twin[1], clock(twin))
    with edgar(twin[0].url) as source, pytest.raises(StoreError, match="never mixed"):
        sync_companies(real, "edgar", source, clock(twin))
    assert "facts" not in real.version().tables


def test_edgar_in_the_name_of_nobody_is_not_asked():
    with pytest.raises(AccessError, match="TECHNIC_EDGAR_CONTACT"):
        user_agent("")
    assert user_agent("Ann ann@example.com") == {"User-Agent": "technic Ann ann@example.com"}


def test_edgar_refuses_who_does_not_say_who_asks(twin):
    source = Edgar(*(Http(Endpoint("edgar", twin[0].url, {}), manners=FAST) for _ in range(2)))
    with pytest.raises(AccessError):
        source.companies()
    source.close()


def test_company_facts_keep_the_most_specific_tag_and_the_period_of_the_cover():
    rows = [{"end": "2015-12-31", "start": "2015-01-01", "val": v, "accn": "a", "fy": 2015,
             "fp": "FY", "form": "10-K", "filed": "2016-02-20"} for v in (5, 7)]  # fmt: skip
    balance = {k: v for k, v in rows[0].items() if k != "start"}
    cover = {**balance, "end": "2016-02-01", "val": 99}
    odd = {**rows[0], "start": "2014-07-01"}
    found = company_facts(
        {"facts": {
            "us-gaap": {
                "Revenues": {"units": {"USD": [rows[0], odd]}},
                "RevenueFromContractWithCustomerExcludingAssessedTax": {"units": {"USD": [rows[1]]}},
                "Assets": {"units": {"USD": [balance]}},
                "PaymentsToAcquirePropertyPlantAndEquipment": {"units": {"USD": [rows[0]]}},
                "Goodwill": "nonsense that nobody reads",
            },
            "dei": {"EntityCommonStockSharesOutstanding": {"units": {"shares": [cover]}}},
        }}, "0000000001",
    )  # fmt: skip
    values = dict(found.select("item", "value").iter_rows())
    assert values == {"revenue": 7.0, "assets": 5.0, "capex": -5.0, "shares": 99.0}
    ends = dict(found.select("item", "period_end").iter_rows())
    assert ends["shares"] == ends["assets"]
