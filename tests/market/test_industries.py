"""Sectors from the industrial classification, against published ones."""

from __future__ import annotations

from collections import Counter

import polars as pl
import pytest

from technic.market.industries import EXCEPTIONS, RULES, rule_of_sic, sector_of, sector_of_sic
from technic.market.schema import SECTORS


@pytest.fixture(scope="module")
def companies(real_data):
    """S&P 500 companies with their SIC code and their published sector."""
    codes = pl.read_csv(
        real_data / "reference/predecessor_universe.csv",
        infer_schema_length=10_000, null_values=[],
    ).select("symbol", sic=pl.col("SicCode").cast(pl.Int64, strict=False))  # fmt: skip
    sectors = pl.read_csv(real_data / "reference/sp500_constituents_2026-08-22.csv")
    return sectors.join(codes.drop_nulls(), on="symbol").select("symbol", "sic", "sector")


def test_the_table_alone_agrees_with_published_sectors(companies):
    ours = [sector_of_sic(sic) for sic in companies["sic"]]
    agree = sum(a == b for a, b in zip(ours, companies["sector"], strict=True)) / companies.height
    assert companies.height >= 425
    assert agree >= 0.85, f"{agree:.3f}"


def test_the_table_is_no_memory_of_the_answers(companies):
    """What the others with a code say agrees less than the table does: it was not fitted."""
    rows = list(companies.select("sic", "sector").iter_rows())
    hits = 0
    for k, (sic, sector) in enumerate(rows):
        for width in (1, 10, 100):
            others = Counter(
                s for j, (c, s) in enumerate(rows) if j != k and c // width == sic // width
            )
            if others:
                hits += others.most_common(1)[0][0] == sector
                break
    ours = sum(sector_of_sic(sic) == sector for sic, sector in rows)
    assert 0.75 < hits / len(rows) < ours / len(rows)


@pytest.mark.parametrize(
    ("symbol", "sector"),
    [
        ("V", "Financials"),
        ("WMT", "Consumer Staples"),
        ("O", "Real Estate"),
        ("PLD", "Real Estate"),
    ],
)
def test_those_that_others_got_wrong(companies, symbol, sector):
    sic = companies.filter(pl.col("symbol") == symbol)["sic"].item()
    assert sector_of_sic(sic) == sector


def test_rules_name_industries_and_no_company():
    assert {sector for _, _, sector, _ in RULES} == set(SECTORS)
    for low, high, _, title in RULES:
        assert low <= high
        assert title[0].isdigit() or title.startswith("Division")


def test_exceptions_are_few_and_each_contradicts_the_table():
    assert len(EXCEPTIONS) <= 20
    assert all(cik.isdigit() and len(cik) == 10 for cik in EXCEPTIONS)
    assert sector_of(7389, "1467373") == "Information Technology" != sector_of(7389)


def test_an_unknown_code_has_no_sector():
    assert [sector_of_sic(code) for code in (None, "", "abc", 9995, -1)] == [None] * 5
    assert rule_of_sic(6324)[3].startswith("6324")
