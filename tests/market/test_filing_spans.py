"""How long stretches are: from their days, never from the label of a report."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest

from technic.market.filing_spans import (
    end_of_month,
    even_end,
    is_even,
    month_of_end,
    months_in,
    with_lengths,
)

STARTS = [date(2019, 12, 29) + timedelta(days=7 * k) for k in range(60)]


def months(days):
    return pl.select(months_in(pl.lit(days))).item()


@pytest.mark.parametrize(
    ("weeks", "expected"),
    [(12, 3), (13, 3), (14, 3), (16, 3), (17, 3), (24, 6), (26, 6), (27, 6), (28, 6), (36, 9),
     (39, 9), (40, 9), (41, 9), (51, 12), (52, 12), (53, 12), (8, None), (20, None), (32, None), (44, None), (60, None)],
)  # fmt: skip
def test_weeks_are_quarters_by_their_number(weeks, expected):
    assert months(7 * weeks) == expected


@pytest.mark.parametrize(
    ("first", "last", "expected"),
    [
        (date(2023, 1, 1), date(2023, 3, 31), 3), (date(2023, 1, 1), date(2023, 6, 30), 6),
        (date(2023, 1, 1), date(2023, 9, 30), 9), (date(2023, 1, 1), date(2023, 12, 31), 12),
        (date(2023, 1, 1), date(2023, 4, 30), None), (date(2023, 1, 1), date(2023, 1, 31), None),
        (date(2023, 1, 1), date(2023, 11, 30), None), (date(2022, 1, 1), date(2023, 12, 31), None),
        (date(2023, 3, 10), date(2023, 6, 30), None), (date(2023, 1, 1), date(2023, 5, 31), None),
    ],
)  # fmt: skip
def test_calendar_stretches_are_quarters_or_nothing(first, last, expected):
    assert months((last - first).days + 1) == expected


@pytest.mark.parametrize("quarters", [(12, 12, 12, 16), (16, 12, 12, 12), (12, 12, 12, 17), (13, 13, 13, 13)])  # fmt: skip
@pytest.mark.parametrize("start", STARTS[::7])
def test_quarters_of_any_weeks_end_three_months_apart_on_an_even_calendar(quarters, start):
    """Reference: the year's first month, and three months for each quarter since."""
    first = pl.select(month_of_end(pl.lit(start - timedelta(days=1)))).item()
    weeks = 0
    for k, n in enumerate(quarters[:3]):
        weeks += n
        last = start + timedelta(days=7 * weeks - 1)
        length = months(7 * weeks)
        assert length == 3 * (k + 1)
        even = pl.select(
            pl.coalesce(even_end(pl.lit(start), pl.lit(last), pl.lit(length)), pl.lit(last))
        )
        found = even.select(month_of_end(pl.col(even.columns[0]))).item()
        assert found == first + length, (start, last)


def test_a_month_is_that_of_its_last_day():
    for month in range(24_000, 24_030):
        assert pl.select(month_of_end(end_of_month(pl.lit(month)))).item() == month


def test_a_stretch_is_even_where_its_months_are_those_of_its_days():
    whole = (pl.lit(date(2023, 4, 1)), pl.lit(date(2023, 6, 30)))
    assert pl.select(is_even(*whole, pl.lit(3))).item()
    odd = (pl.lit(date(2023, 3, 10)), pl.lit(date(2023, 6, 30)))  # 113 days, no whole weeks
    assert not pl.select(is_even(*odd, pl.lit(3))).item()


NOTHING = pl.DataFrame(
    schema={"symbol": pl.String, "year_end": pl.Date, "year_known": pl.Datetime("us", "UTC")}
)


def report(end, period="FY", form="10-K", start=None, known=None):
    known = known or datetime(end.year, end.month, end.day, tzinfo=UTC) + timedelta(days=50)
    return {"symbol": "AAA", "form": form, "period": period, "period_start": start,
            "period_end": end, "known_at": known}  # fmt: skip


def lengths(*reports, before=NOTHING):
    schema = {"period_start": pl.Date, "known_at": pl.Datetime("us", "UTC")}
    return with_lengths(pl.DataFrame(reports, schema_overrides=schema), before)


def test_a_year_is_one_unless_its_days_say_otherwise():
    table = lengths(
        report(date(2021, 12, 31)), report(date(2022, 12, 31)), report(date(2023, 3, 31), form="10-KT")
    )  # fmt: skip
    assert table["stub"].to_list() == [False, False, True]
    assert table["since_year"].to_list() == [None, 12, 3]


def test_a_transition_report_without_its_dates_has_no_length():
    table = lengths(report(date(2023, 3, 31), form="10-KT"))
    assert table["stub"].to_list() == [True]
    assert table["since_year"].to_list() == [None]
    told = lengths(report(date(2023, 3, 31), form="10-KT", start=date(2022, 10, 1)))
    assert told["since_start"].to_list() == [6]


def test_years_of_52_and_53_weeks_are_years():
    table = lengths(report(date(2021, 1, 2)), report(date(2022, 1, 1)), report(date(2023, 1, 7)))
    assert table["stub"].to_list() == [False, False, False]


def test_a_year_filed_later_says_nothing_of_a_report_before_it():
    late = report(date(2022, 12, 31), known=datetime(2023, 8, 1, tzinfo=UTC))
    table = lengths(late, report(date(2023, 3, 31), form="10-KT"))
    assert table["since_year"].to_list() == [None, None]


def test_what_the_store_knows_of_years_counts():
    before = pl.DataFrame(
        {"symbol": ["AAA"], "year_end": [date(2022, 12, 31)], "year_known": [datetime(2023, 2, 1, tzinfo=UTC)]},
        schema=NOTHING.schema,
    )  # fmt: skip
    table = lengths(report(date(2023, 3, 31), form="10-KT"), before=before)
    assert table["since_year"].to_list() == [3]
