"""What a column lacks where it is unknown: against filings taken away by hand."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from technic.market.items import COLUMNS
from technic.market.schema import FACTS
from technic.scores.missing_facts import MissingFact, missing_facts
from technic.scores.split_facts import SPLITS
from technic.scores.statements import statements_of

NO_SPLITS = pl.DataFrame(schema=SPLITS)
# Two and three quarters of years that end with December: what American companies file.
REPORTS = [
    (date(2021, 12, 31), 12), (date(2022, 3, 31), 3), (date(2022, 6, 30), 3), (date(2022, 9, 30), 3),
    (date(2022, 12, 31), 12), (date(2023, 3, 31), 3), (date(2023, 6, 30), 3), (date(2023, 9, 30), 3),
]  # fmt: skip


def statements(reports=REPORTS, without=(), items=("revenue", "net_income"), security=1):
    """What is known when each report was filed 40 days after its end; `without` lacks (end, item)."""
    rows = []
    for end, months in reports:
        at = datetime(end.year, end.month, end.day, 22, tzinfo=UTC) + timedelta(days=40)
        about = [(item, months) for item in items] + [("assets", 0)]
        rows += [
            (security, item, end, stretch, 1e6, at, f"{end}", None)
            for item, stretch in about
            if (end, item) not in without
        ]
    return statements_of(pl.DataFrame(rows, schema=FACTS, orient="row"), NO_SPLITS)


def lacking(known, column):
    return missing_facts(known, column, len(known) - 1)


def but(*ends):
    return [report for report in REPORTS if report[0] not in ends]


def test_nothing_is_missing_of_what_is_known():
    known = statements()
    for column in ("revenue_ttm", "revenue_q", "revenue_ttm_year_ago", "assets", "assets_year_ago"):
        if not np.isnan(known.column(column)[-1]):
            assert lacking(known, column) == []


@pytest.mark.parametrize(
    ("gone", "months"),
    [
        (date(2022, 9, 30), 3),  # of the year before: the year less what it covers
        (date(2023, 3, 31), 3),
        (date(2023, 6, 30), 3),
        (date(2022, 12, 31), 12),  # a 10-K: nobody files the fourth quarter alone
    ],
)
def test_the_report_that_was_not_filed_is_named(gone, months):
    assert lacking(statements(but(gone)), "revenue_ttm") == [
        MissingFact("revenue", months, gone, None)
    ]


@pytest.mark.parametrize("end", [date(2022, 12, 31), date(2023, 3, 31), date(2023, 9, 30)])
def test_a_field_that_a_filing_leaves_out_is_told_from_a_filing_that_is_not_there(end):
    known = statements(without={(end, "revenue")})
    months = dict(REPORTS)[end]
    assert lacking(known, "revenue_ttm") == [MissingFact("revenue", months, end, f"{end}")]
    assert lacking(known, "net_income_ttm") == []


def test_a_company_with_one_report_lacks_the_quarters_before():
    first = statements([(date(2023, 9, 30), 3)])
    assert [(f.months, f.end) for f in lacking(first, "revenue_ttm")] == [
        (3, date(2022, 12, 31)), (3, date(2023, 3, 31)), (3, date(2023, 6, 30)),
    ]  # fmt: skip
    assert lacking(first, "revenue_q") == []
    assert lacking(first, "assets_avg") == [MissingFact("assets", 0, date(2022, 9, 30), None)]


def test_the_day_is_that_of_the_filing_where_there_is_one():
    week = date(2023, 10, 1)  # a year of 52 weeks: of September still
    known = statements([*but(date(2023, 9, 30)), (week, 3)], without={(week, "revenue")})
    assert lacking(known, "revenue_q") == [MissingFact("revenue", 3, week, f"{week}")]


def test_what_was_filed_later_is_missing_before():
    known = statements()
    event = next(k for k in range(len(known)) if np.isnan(known.column("revenue_ttm")[k]) and k)
    assert all(fact.end < date(2023, 9, 30) for fact in missing_facts(known, "revenue_ttm", event))


@given(st.sets(st.integers(0, 7), max_size=6), st.sampled_from(sorted(COLUMNS)))
def test_a_column_lacks_something_exactly_where_it_is_unknown(gone, column):
    kept = [report for k, report in enumerate(REPORTS) if k not in gone]
    known = statements(kept)
    for event in range(len(known)):
        lacks = missing_facts(known, column, event)
        assert bool(lacks) == bool(np.isnan(known.column(column)[event]))
        assert len(set(lacks)) == len(lacks)
        # What is named was not there: adding it is what a reader would do.
        assert all(fact.item == COLUMNS[column].name for fact in lacks)
