"""Quarters told as sums since the year began are seen where their sum is above the year's."""

from __future__ import annotations

from datetime import date, timedelta

import polars as pl
import pytest

from technic.market.year_sums import above_their_year, told_as_sums

QUARTERS = [90.0, 110.0, 105.0, 130.0]


def reports(*years, symbol="ACME", sums=True, year=True):
    """Reports of fiscal years; each is the revenue of its quarters."""
    rows = []
    for k, quarters in enumerate(years):
        for q in range(4 if year else 3):
            end = date(2020 + k, 3 * (q + 1), 30 if q in (1, 2) else 31)
            part = quarters[: q + 1] if sums or q == 3 else quarters[q : q + 1]
            period = "FY" if q == 3 else f"Q{q + 1}"
            rows.append((symbol, period, None, end, end + timedelta(days=40), sum(part)))
    names = ["symbol", "period", "period_start", "period_end", "known_at", "revenue"]
    return pl.DataFrame(rows, names, orient="row", schema_overrides={"period_start": pl.Date})


def test_sums_are_seen_and_quarters_are_not():
    rows = pl.concat([reports(QUARTERS), reports(QUARTERS, symbol="BOLT", sums=False)])
    assert told_as_sums(rows).to_list() == [True, True, True, False] + [False] * 4


@pytest.mark.parametrize("first", [0, 1])
def test_what_one_year_shows_holds_for_the_others_of_the_company(first):
    """Of one year the report is not there yet; in another the last quarter is larger than all."""
    late = [20.0, 20.0, 20.0, 61.0]
    years = [QUARTERS, late] if first == 0 else [late, QUARTERS]
    rows = pl.concat([reports(*years), reports([0.0], [0.0], QUARTERS, year=False).tail(3)])
    quarters = rows["period"] != "FY"
    assert told_as_sums(rows).to_list() == quarters.to_list()


def test_a_year_of_quarters_speaks_for_itself():
    rows = pl.concat([reports(QUARTERS), reports(QUARTERS, QUARTERS, sums=False).tail(4)])
    assert told_as_sums(rows).to_list() == [True] * 3 + [False] * 5


@pytest.mark.parametrize(
    "quarters",
    [
        [100.0, 101.0, 102.0, -13.0],  # the year without a business that was sold in it
        [100.0, 90.0, 80.0, -20.0],
        [0.0, 0.0, 0.0, 0.0],
        [1.0, 2.0, 4.0, 8.0],
    ],
)
def test_a_year_below_its_quarters_is_no_evidence_by_itself(quarters):
    rows = reports(quarters, sums=False)
    assert not told_as_sums(rows).any()
    assert above_their_year(rows) == (["ACME"] if quarters[3] < 0.0 else [])


def test_where_the_start_is_told_it_says_all():
    rows = reports(QUARTERS).with_columns(
        period_start=pl.when(pl.col("period") != "FY").then(date(2020, 1, 1))
    )
    assert not told_as_sums(rows).any()
