"""From real filings to a rated table: as known at the time, explained, and the same again."""

from __future__ import annotations

from datetime import date

import numpy as np
import polars as pl
import pytest

import technic as tc
from technic.errors import QuestionError
from technic.market.items import COLUMNS
from technic.market.sessions import nyse
from technic.runtime.settings import Setting, Settings
from technic.scanner.columns.attributes import Attributes
from technic.scanner.columns.filings import statements_at
from technic.scanner.spec.scan_file import ScanFile
from technic.scores.statements import statements_of

DAY = date(2016, 3, 31)
SYMBOLS = ("JNJ", "MSFT", "NFLX", "KO", "XOM", "SPR", "GOOG", "GOOGL", "CMG", "TXN", "PG", "HRTG")


@pytest.fixture(scope="module")
def store(real_data, tmp_path_factory, kernels):
    """Every sixth real name of 2015 and 2016, some known ones, and all that they filed."""
    bars = pl.read_parquet(real_data / "bars/us_2015_2016_as_traded.parquet")
    names = bars["symbol"].unique().sort()
    kept = [*names.gather_every(6), *SYMBOLS]
    store = tc.open_store(tmp_path_factory.mktemp("real") / "store")
    store.import_bars(bars.filter(pl.col("symbol").is_in(kept)))
    store.import_listings(real_data / "reference/listings_2015_2016.parquet")
    filings = pl.read_parquet(real_data / "filings/sec_facts_2015_2016.parquet")
    taken = store.import_filings(filings)
    assert taken.facts > 30_000
    return store


def at(store, day=DAY):
    view = store.panel(day)
    return view, Attributes(store, view, Settings.load().uncached())


def value(known, view, symbol, name):
    return known[name][view.who["symbol"].to_list().index(symbol)]


def test_known_companies_have_the_figures_they_reported(store):
    """From the annual reports of 2015: Johnson & Johnson 15.4 billion profit on 70.1 of sales."""
    view, known = at(store)
    assert value(known, view, "JNJ", "net_income_ttm") == 15_409e6
    assert value(known, view, "JNJ", "revenue_ttm") == 70_074e6
    assert value(known, view, "NFLX", "eps_ttm") == 0.28
    assert value(known, view, "XOM", "net_income_ttm") == 16_150e6


def test_both_classes_have_the_filing_of_their_company(store):
    view, known = at(store)
    assert value(known, view, "GOOG", "assets") == value(known, view, "GOOGL", "assets") > 1e11


def test_a_filing_is_not_known_before_its_night(store):
    """Johnson & Johnson's annual report was first seen on the night of 2016-02-24."""
    before, after = at(store, date(2016, 2, 23)), at(store, date(2016, 2, 24))
    assert value(before[1], before[0], "JNJ", "period" if False else "net_income_q") != value(
        after[1], after[0], "JNJ", "net_income_q"
    )
    assert np.isnan(value(before[1], before[0], "JNJ", "net_income_ttm"))


@pytest.mark.slow
def test_nothing_looks_ahead(store):
    """Facts cut at random sessions: no value of any column at any symbol differs."""
    facts = store.table("facts").collect()
    whole = statements_at(store, store.version())
    ids = store.panel().panel.security_ids
    rng = np.random.default_rng(7)
    first = nyse().ordinal(date(2015, 4, 15))
    checked = 0
    for ordinal in rng.choice(
        np.arange(first, nyse().ordinal(date(2016, 6, 29))), 6, replace=False
    ):
        cutoff = nyse().opens(int(ordinal) + 1)
        micros = int(cutoff.timestamp() * 1e6)
        cut = _with_splits(store, facts.filter(pl.col("known_at") < cutoff), cutoff)
        rows, again = whole.rows(ids, micros), cut.rows(ids, None)
        np.testing.assert_array_equal(rows >= 0, again >= 0)
        for name in COLUMNS:
            a, b = whole.column(name)[rows], cut.column(name)[again]
            there = rows >= 0
            np.testing.assert_array_equal(a[there], b[there], err_msg=name)
            checked += int(there.sum())
    assert checked > 20_000


def _with_splits(store, facts, cutoff):
    splits = (
        store.table("actions")
        .filter(pl.col("kind") == "split", pl.col("known_at") < cutoff)
        .collect()
    )
    opens = [
        int(nyse().opens(nyse().last_until(day)).timestamp() * 1e6) for day in splits["session"]
    ]
    table = splits.select(
        "security_id", known=pl.col("known_at").to_physical(), ratio="value"
    ).with_columns(ex=pl.Series(opens, dtype=pl.Int64))
    soon = table.filter(pl.col("ex") < int(cutoff.timestamp() * 1e6))
    return statements_of(facts, soon.select("security_id", "ex", "known", "ratio"))


def test_oversold_quality_gives_a_table_that_can_be_believed(store):
    asked = ScanFile.preset("oversold-quality")
    report = tc.scan(store, file=asked, as_of=DAY)
    assert report.n_ranked >= 3
    for row in report.shown:
        assert row.values["rsi(14)"] < 45
        assert row.values["roa"] > 0
        assert 0 < row.values["pe"] < 200
        assert row.values["days_since_filing"] < 200
    again = tc.scan(store, file=asked, as_of=DAY, settings=Settings.load().uncached())
    assert again.manifest["seal"] == report.manifest["seal"]
    assert "sector unknown for" in " ".join(report.notes)


def test_an_explanation_shows_the_filings_and_when_they_became_known(store):
    asked = ScanFile.preset("oversold-quality")
    first = tc.scan(store, file=asked, as_of=DAY).shown[0].symbol
    found = tc.explain(store, first, asked, DAY)
    assert sum(part.contribution for part in found.parts) == pytest.approx(found.score)
    told = [t for part in found.parts for piece in part.pieces for t in piece.told]
    assert told
    for one in told:
        assert one.period_end <= one.known_at.date() <= date(2016, 4, 1)
        assert one.form in {"10-K", "10-Q", "10-K/A", "10-Q/A"}
    roa = next(p for part in found.parts for p in part.pieces if p.text == "roa")
    income = sum(t.sign * t.value for t in roa.told if t.column == "net_income_ttm")
    assets = sum(t.sign * t.value for t in roa.told if t.column == "assets")
    assert roa.value == pytest.approx(income / assets)


def test_a_rating_is_its_parts_down_to_each_ratio(store):
    found = tc.explain(store, "JNJ", ScanFile(rank="rating"), DAY)
    assert found.score == sum(part.contribution for part in found.parts)
    for part in found.parts:
        pieces = [p.contribution for p in part.pieces if p.contribution is not None]
        if pieces:
            assert sum(pieces) == pytest.approx(part.contribution)


def test_who_filed_nothing_is_unknown_and_counted_so(store):
    report = tc.scan(store, rank="fund_rating", as_of=DAY)
    details = report.ledger_book.details("unknown")
    assert details["filings"] > 50
    ranked = {row.symbol for row in report.shown}
    view, known = at(store)
    for symbol in ranked:
        assert value(known, view, symbol, "has_filings") == 1.0


def test_percentiles_are_kept_and_shared_by_other_questions(store, tmp_path):
    # The kernel is that of all tests: a home of its own would compile it anew, for a minute or two.
    cache = Setting("cache", f"memory,file://{tmp_path}", "test")
    settings = Settings({**Settings.load().given, "cache": cache})
    first = tc.scan(store, rank="quality_score", as_of=DAY, settings=settings)
    second = tc.scan(store, rank="quality_score", where="close > 20", as_of=DAY, settings=settings)
    assert first.work["cross_sections"] == 6
    assert first.work["cross_sections_found"] == 0
    assert second.work["cross_sections_found"] == 6
    third = tc.scan(
        store, rank="quality_score", universe="close > 20", as_of=DAY, settings=settings
    )
    assert third.work["cross_sections_found"] == 0  # other peers, other percentiles
    fresh = tc.scan(
        store, rank="quality_score", where="close > 20", as_of=DAY,
        settings=settings.uncached(),
    )  # fmt: skip
    assert fresh.manifest["seal"] == second.manifest["seal"]


def test_a_sector_of_today_says_nothing_about_2016(store, real_data):
    sectors = pl.read_csv(real_data / "reference/sp500_constituents_2026-08-22.csv")
    store.import_listings(sectors.select("symbol", "sector"))
    _, known = at(store)
    assert all(sector is None for sector in known["sector"])
    now = store.panel().who.filter(pl.col("symbol") == "JNJ")["sector"].to_list()
    assert now == ["Health Care"]


def test_an_unknown_sector_in_a_question_lists_the_eleven(store):
    with pytest.raises(QuestionError, match="no sector") as caught:
        tc.scan(store, where="sector == 'Widgets'")
    assert "Communication Services" in str(caught.value)
    assert "Utilities" in str(caught.value)
    report = tc.scan(store, where="sector == 'Healthcare'")
    assert "sector == 'Health Care'" in report.asked["where"]
    assert any("is called 'Health Care' here" in note for note in report.notes)


@pytest.mark.parametrize(
    "preset",
    ["oversold-quality", "low-volatility-value", "turnaround", "short-candidates",
     "breakout-with-volume", "swing-breakouts", "long-term-quality-leaders",
     "low-risk-trend-followers", "high-conviction-momentum"],
)  # fmt: skip
def test_every_preset_with_filings_answers(store, preset):
    report = tc.scan(store, file=ScanFile.preset(preset), as_of=DAY)
    assert report.ledger_book.total > 1_000
    assert sum(report.ledger_book.counts().values()) == report.ledger_book.total
