"""Trailing years and quarters, from facts as they were known."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from technic.market.items import COLUMNS, ITEMS
from technic.market.schema import FACTS
from technic.scores.split_facts import SPLITS
from technic.scores.statements import month_of, statements_of
from technic.scores.ways import WAYS

ENDS = {q: date(2015 + (q - 1) // 4, 3 * ((q - 1) % 4 + 1), 30) for q in range(1, 13)}
NO_SPLITS = pl.DataFrame(schema=SPLITS)


def instant(day):
    return datetime(day.year, day.month, day.day, 22, tzinfo=UTC)


def row(item, end, months, value, known, security=1):
    return (security, item, end, months, float(value), known, "x", None)


def table(rows):
    return pl.DataFrame(rows, schema=FACTS, orient="row")


def micros(moment):
    return int(moment.timestamp() * 1e6)


def value_of(statements, column, moment, security=1):
    at = statements.rows(np.array([security]), None if moment is None else micros(moment))[0]
    return statements.column(column)[at] if at >= 0 else None


def filed(q):
    return instant(ENDS[q] + timedelta(days=40))


def test_four_quarters_are_a_year():
    statements = statements_of(table([row("revenue", ENDS[q], 3, 10 * q, filed(q)) for q in (1, 2, 3, 4)]), NO_SPLITS)  # fmt: skip
    assert value_of(statements, "revenue_ttm", None) == 100.0
    assert value_of(statements, "revenue_q", None) == 40.0
    assert np.isnan(value_of(statements, "revenue_ttm", filed(4)))


def test_a_report_without_a_count_of_shares_leaves_that_of_the_quarter_before():
    rows = [row("shares", ENDS[1], 0, 80e6, filed(1)), row("revenue", ENDS[2], 3, 10, filed(2))]
    assert value_of(statements_of(table(rows), NO_SPLITS), "shares", None) == 80e6
    rows.append(row("revenue", ENDS[3], 3, 10, filed(3)))
    assert np.isnan(value_of(statements_of(table(rows), NO_SPLITS), "shares", None))


def test_quarters_of_weeks_are_found_where_they_end_on_an_even_calendar():
    """A third quarter of 12 weeks that ends on May 7, and a year that ended in August."""
    year, so_far, before = date(2022, 8, 28), date(2023, 5, 7), date(2022, 5, 8)
    rows = [
        row("revenue", year, 12, 400, instant(year + timedelta(days=40))),
        (*row("revenue", before, 9, 250, instant(year - timedelta(days=60)))[:-1], date(2022, 5, 31)),
        (*row("revenue", so_far, 9, 280, instant(so_far + timedelta(days=40)))[:-1], date(2023, 5, 31)),
    ]  # fmt: skip
    assert value_of(statements_of(table(rows), NO_SPLITS), "revenue_ttm", None) == 430.0


def test_the_fourth_quarter_is_the_year_less_the_other_three():
    rows = [row("revenue", ENDS[q], 3, 10 * q, filed(q)) for q in (1, 2, 3)]
    rows.append(row("revenue", ENDS[4], 12, 100, filed(4)))
    statements = statements_of(table(rows), NO_SPLITS)
    assert value_of(statements, "revenue_q", None) == 40.0
    assert value_of(statements, "revenue_ttm", None) == 100.0


def test_a_year_in_progress_is_last_year_and_this_less_the_same_stretch():
    rows = [
        row("cash_flow_op", ENDS[2], 6, 30, filed(2)),
        row("cash_flow_op", ENDS[4], 12, 100, filed(4)),
        row("cash_flow_op", ENDS[6], 6, 50, filed(6)),
    ]
    statements = statements_of(table(rows), NO_SPLITS)
    assert value_of(statements, "cash_flow_op_ttm", None) == 120.0


def test_a_restatement_never_changes_what_was_known_before_it():
    rows = [
        row("revenue", ENDS[4], 12, 100, filed(4)),
        row("revenue", ENDS[4], 12, 90, filed(5)),
    ]
    statements = statements_of(table(rows), NO_SPLITS)
    assert value_of(statements, "revenue_ttm", filed(5)) == 100.0
    assert value_of(statements, "revenue_ttm", filed(5) + timedelta(seconds=1)) == 90.0
    assert value_of(statements, "revenue_ttm", filed(4)) is None


def test_earnings_per_share_are_of_the_shares_there_are():
    """Two for one: half the earnings per share from the ex-date on, and not a moment before."""
    ex, reported = filed(4) + timedelta(days=10), filed(4) + timedelta(days=3)
    splits = pl.DataFrame([(1, micros(ex), micros(reported), 2.0)], schema=SPLITS, orient="row")
    rows = [row("eps", ENDS[4], 12, 5.0, filed(4)), row("shares", ENDS[4], 0, 1e6, filed(4))]
    statements = statements_of(table(rows), splits)
    assert value_of(statements, "eps_ttm", ex) == 5.0
    assert value_of(statements, "eps_ttm", ex + timedelta(seconds=1)) == 2.5
    assert value_of(statements, "shares", None) == 2e6
    assert statements.behind("eps_ttm", len(statements) - 1) == [(1.0, 0)]


def test_a_split_before_the_filing_is_in_it_already():
    ex = filed(4) - timedelta(days=10)
    splits = pl.DataFrame([(1, micros(ex), micros(ex), 2.0)], schema=SPLITS, orient="row")
    statements = statements_of(table([row("eps", ENDS[4], 12, 5.0, filed(4))]), splits)
    assert value_of(statements, "eps_ttm", None) == 5.0


def test_a_split_that_is_taken_back_counts_until_then():
    ex = filed(4) + timedelta(days=5)
    back = ex + timedelta(days=2)
    splits = pl.DataFrame(
        [(1, micros(ex), micros(ex), 2.0), (1, micros(ex), micros(back), 1.0)],
        schema=SPLITS, orient="row",
    )  # fmt: skip
    statements = statements_of(table([row("eps", ENDS[4], 12, 5.0, filed(4))]), splits)
    assert value_of(statements, "eps_ttm", back) == 2.5


def test_fiscal_years_of_53_weeks_meet_the_same_month():
    days = np.array(["2015-03-29", "2016-04-03", "2016-03-31"], dtype="datetime64[D]").astype(int)
    assert len(set(month_of(days).tolist())) == 2
    assert month_of(days)[1] == month_of(days)[2] == month_of(days)[0] + 12


def slow(rows, column, before, security):
    """The reference: a column as its definition says, fact by fact, in a dictionary."""
    seen = [r for r in rows if r[0] == security and r[5] < before]
    if not seen:
        return None
    months = {r: int(month_of(np.array([np.datetime64(r[2]).astype(int)]))[0]) for r in seen}
    newest = max(months.values())
    item = COLUMNS[column]
    known = {}
    for r in sorted(seen, key=lambda r: r[5]):
        if r[1] == item.name:
            known[months[r], r[3]] = r[4]
    for way in WAYS[column.removeprefix(item.name)]:
        parts = [(sign, known.get((newest + back, span))) for sign, back, span in way]
        if all(value is not None for _, value in parts):
            return sum(sign * value for sign, value in parts)
    return float("nan")


@given(
    st.lists(
        st.tuples(
            st.sampled_from([1, 2]), st.sampled_from(["revenue", "assets"]), st.integers(1, 12),
            st.sampled_from([3, 6, 9, 12]), st.integers(-9, 99), st.integers(0, 400),
        ),
        min_size=1, max_size=40,
    ),
    st.integers(0, 800),
)  # fmt: skip
def test_any_history_gives_what_its_definition_says(history, cut):
    """Differential: vectorised against the dictionary, and against facts cut at the instant."""
    start = datetime(2015, 4, 30, tzinfo=UTC)
    rows = {}
    for security, item, q, months, value, late in history:
        known = start + timedelta(days=91 * (q - 1) + late)
        span = months if item == "revenue" else 0
        rows[security, item, q, span, known] = row(item, ENDS[q], span, value, known, security)
    rows = list(rows.values())
    before = start + timedelta(days=cut * 2)
    statements = statements_of(table(rows), NO_SPLITS)
    earlier = [r for r in rows if r[5] < before]
    cut_off = statements_of(table(earlier), NO_SPLITS) if earlier else None
    for security in (1, 2):
        for column in (*ITEMS["revenue"].columns, *ITEMS["assets"].columns):
            want = slow(rows, column, before, security)
            got = value_of(statements, column, before, security)
            assert (got is None) == (want is None)
            if want is not None:
                assert got == pytest.approx(want, nan_ok=True, abs=1e-9)
                alone = value_of(cut_off, column, None, security)
                np.testing.assert_array_equal(got, alone)


def test_nothing_filed_is_nothing_known():
    statements = statements_of(table([]), NO_SPLITS)
    assert len(statements) == 0
    assert statements.rows(np.array([1, 2]), None).tolist() == [-1, -1]
