"""A value taken apart, down to the numbers that companies filed: against sums done by hand."""

from __future__ import annotations

from datetime import date

import polars as pl
import pytest

import technic as tc
from technic.data.simulated.market import simulate
from technic.market.sessions import nyse
from technic.scanner.spec.scan_file import ScanFile

# A year, and the first quarters of it and of the next: a trailing year is 400 + 90 − 70.
FILED = [
    ("Q1", date(2025, 3, 31), date(2025, 5, 5), "10-Q", 70e6, 1_000e6),
    ("FY", date(2025, 12, 31), date(2026, 2, 20), "10-K", 400e6, 1_600e6),
    ("Q1", date(2026, 3, 31), date(2026, 5, 6), "10-Q", 90e6, 2_000e6),
]
DAY = date(2026, 6, 10)


@pytest.fixture(scope="module")
def companies():
    made = simulate(seed=8, size=40, sessions=60, last=DAY)
    common = made.listings.filter(pl.col("type") == "common", pl.col("to").is_null())
    traded = made.bars.filter(pl.col("date") == DAY)["symbol"]
    return made, common.filter(pl.col("symbol").is_in(traded.implode()))["symbol"].to_list()[:3]


@pytest.fixture(scope="module")
def store(companies, tmp_path_factory, kernels):
    """Three companies that earn the same, twice and three times as much on the same assets."""
    made, symbols = companies
    store = tc.open_store(tmp_path_factory.mktemp("provenance") / "store")
    store.import_bars(made.bars, simulated=made.about)
    store.import_listings(made.listings)
    rows = [
        {
            "symbol": symbol, "as_of": filed, "period_end": end, "form": form, "period": period,
            "fiscal_year": end.year, "net_income": income * k, "assets": assets, "equity": assets / 4,
            "gross_profit": income * 3, "operating_income": income * k, "revenue": income * 9,
        }
        for k, symbol in enumerate(symbols, 1)
        for period, end, filed, form, income, assets in FILED
    ]  # fmt: skip
    taken = store.import_filings(pl.DataFrame(rows))
    assert taken.filings == 9
    return store


def explained(store, symbol, rank, **asked):
    return tc.explain(store, symbol, ScanFile(rank=rank, **asked), DAY)


def test_a_trailing_year_is_the_year_and_this_quarter_less_that_of_the_year_before(
    store, companies
):
    (part,) = explained(store, companies[1][1], "net_income_ttm / assets").parts
    income, assets = part.pieces
    assert (income.text, assets.text) == ("net_income_ttm", "assets")
    assert income.value == 2 * (400e6 + 90e6 - 70e6)
    assert {(t.sign, t.value, t.period_end, t.months, t.form) for t in income.told} == {
        (1.0, 800e6, date(2025, 12, 31), 12, "10-K"),
        (1.0, 180e6, date(2026, 3, 31), 3, "10-Q"),
        (-1.0, 140e6, date(2025, 3, 31), 3, "10-Q"),
    }
    assert {t.item for t in income.told} == {"net income"}
    (told,) = assets.told
    assert (told.value, told.months, told.sign) == (2_000e6, 0, 1.0)
    assert told.known_at < nyse().opens(nyse().ordinal(date(2026, 5, 6)) + 1)
    assert income.contribution is income.percentile is None, "a quotient is no sum"


def test_a_score_of_ratios_shows_what_it_is_made_of(store, companies):
    (part,) = explained(store, companies[1][0], "roa").parts
    assert [piece.text for piece in part.pieces] == ["net_income_ttm", "assets"]
    assert part.value == pytest.approx(420e6 / 2_000e6)


def test_a_percentile_shows_the_value_that_was_ranked(store, companies):
    shares = {}
    for symbol in companies[1]:
        (part,) = explained(store, symbol, "2 * pct_rank(net_income_ttm)").parts
        (piece,) = part.pieces
        assert piece.text == "net_income_ttm"
        assert piece.contribution == part.contribution == 2 * piece.percentile
        assert len(piece.told) == 3
        shares[piece.value] = piece.percentile
    assert sorted(shares) == [420e6, 840e6, 1260e6]
    assert sorted(shares.values()) == [shares[value] for value in sorted(shares)]


def test_a_mean_of_percentiles_is_shared_out_in_proportion_to_each(store, companies):
    (part,) = explained(store, companies[1][2], "quality_score").parts
    known = [piece for piece in part.pieces if piece.percentile is not None]
    assert {piece.text for piece in known} == {
        "gross_profitability", "operating_margin", "roa", "roe",
    }, "cash flows were not filed"  # fmt: skip
    assert sum(piece.contribution for piece in known) == pytest.approx(part.contribution)
    total = sum(piece.percentile for piece in known)
    for piece in known:
        share = part.contribution * piece.percentile / total
        assert piece.contribution == pytest.approx(share)
        assert piece.told, piece.text
    assert all(p.contribution is None for p in part.pieces if p.percentile is None)


def test_what_comes_from_bars_alone_has_no_filing_behind_it(store, companies):
    parts = explained(store, companies[1][0], "rsi(14) + (close - sma(20)) / 2").parts
    pieces = [piece for part in parts for piece in part.pieces]
    assert pieces
    assert not any(piece.told for piece in pieces)
    texts = {piece.text for piece in pieces}
    assert "2" not in texts, "a literal has no value of its own to show"


def test_nothing_is_told_of_a_company_that_filed_nothing(store, companies):
    _, symbols = companies
    scan = tc.scan(store, rank="close", top=40, as_of=DAY)
    other = next(row.symbol for row in scan.shown if row.symbol not in symbols)
    (part,) = explained(store, other, "coalesce(roa, 0)").parts
    assert not any(piece.told for piece in part.pieces)
    assert all(piece.value in {None, 0.0} for piece in part.pieces)


def test_before_the_filing_was_seen_the_year_was_another(store, companies):
    asked = ScanFile(rank="net_income_ttm / assets")
    (part,) = tc.explain(store, companies[1][0], asked, date(2026, 5, 5)).parts
    income, assets = part.pieces
    assert [(t.value, t.months) for t in income.told] == [(400e6, 12)]
    assert assets.value == 1_600e6


# The same three companies, each with a hole: a report that was not filed, a field left out, and
# nothing for two years.
@pytest.fixture(scope="module")
def holes(companies, tmp_path_factory, kernels):
    made, symbols = companies
    store = tc.open_store(tmp_path_factory.mktemp("holes") / "store")
    store.import_bars(made.bars, simulated=made.about)
    store.import_listings(made.listings)
    rows = []
    for symbol in symbols:
        for period, end, filed, form, income, assets in FILED:
            row = {
                "symbol": symbol, "as_of": filed, "period_end": end, "form": form, "period": period,
                "fiscal_year": end.year, "net_income": income, "assets": assets, "revenue": income * 9,
                "eps": income / 50e6,
            }  # fmt: skip
            if symbol == symbols[0] and form == "10-K":
                continue
            if symbol == symbols[1] and end == date(2026, 3, 31):
                row["revenue"] = None
            if symbol == symbols[2] and end.year > 2024:
                row |= {"as_of": date(2024, 5, 6), "period_end": date(2024, 3, 31), "period": "Q1",
                        "form": "10-Q", "fiscal_year": 2024}  # fmt: skip
            rows.append(row)
    store.import_filings(pl.DataFrame(rows).unique(["symbol", "period_end"], maintain_order=True))
    return store, symbols


@pytest.mark.parametrize(
    ("which", "column", "says"),
    [
        (0, "revenue_ttm", "no 10-K for the year ended 2025-12-31"),
        (1, "revenue_ttm", "field revenue missing in the 10-Q for the quarter ended 2026-03-31"),
        (1, "revenue_q", "field revenue missing in the 10-Q for the quarter ended 2026-03-31"),
        (1, "assets_year_ago", ""),
        (2, "revenue_ttm", "nothing newer was filed than for the period ended 2024-03-31"),
        (3, "revenue_ttm", "nothing was filed by then"),
    ],
)
def test_why_a_fact_is_unknown_says_which_filing_or_field_is_missing(holes, which, column, says):
    store, symbols = holes
    listed = tc.scan(store, rank="close", top=40, as_of=DAY).shown
    symbol = [*symbols, next(r.symbol for r in listed if r.symbol not in symbols)][which]
    answer = tc.why_not(store, symbol, ScanFile(rank=column, where=f"{column} > 0"), DAY)
    if not says:
        assert answer.bucket == "ranked"
        return
    assert answer.bucket == "unknown"
    name = "filings" if which == 3 else column
    (clause,) = [c for c in answer.clauses if c.part_of == "question"]
    assert clause.verdict == "unknown"
    assert clause.detail == f"{name} is unknown: {says}"
    assert answer.detail == f"{name}: {says}"


def test_a_ratio_says_which_of_its_facts_is_missing_and_explain_does_too(holes):
    store, symbols = holes
    answer = tc.why_not(store, symbols[0], ScanFile(rank="pe"), DAY)
    assert answer.detail == "pe: eps_ttm unknown: no 10-K for the year ended 2025-12-31"
    (part,) = explained(store, symbols[0], "coalesce(pe + net_income_q, 0)").parts
    whys = {piece.text: piece.why for piece in part.pieces if piece.value is None}
    assert any("no 10-K for the year ended 2025-12-31" in why for why in whys.values()), part
    assert all(piece.why == "" for piece in part.pieces if piece.value is not None)
