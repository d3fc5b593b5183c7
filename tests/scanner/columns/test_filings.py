"""The sources of filings: facts while they are fresh, and the dates of what was filed."""

from __future__ import annotations

import numpy as np

from technic.query.names import FACTS
from technic.scanner.columns.filings import DATES, FilingDates, Filings, days_since_1970
from technic.scores.statements import STALE_DAYS


def test_a_fact_is_that_of_the_newest_event_unless_it_is_stale(attributes):
    """Reference: one symbol at a time."""
    source = Filings()
    assert all(source.gives(name) for name in FACTS)
    assert not source.gives("has_filings")
    statements = attributes.statements
    today = int(np.datetime64(attributes.as_of, "D").astype(int))
    for name in ("assets", "net_income_ttm"):
        column = source.load([name], attributes).values[name]
        for i, event in enumerate(attributes.events):
            fresh = event >= 0 and today - statements.ends[event] <= STALE_DAYS
            expected = statements.column(name)[event] if fresh else np.nan
            np.testing.assert_equal(column[i], expected)
    assert np.isfinite(column).any()


def test_dates_are_counted_from_the_session(attributes):
    source = FilingDates()
    assert all(source.gives(name) for name in DATES)
    values = source.load(sorted(DATES), attributes).values
    has_filed = attributes.events >= 0
    np.testing.assert_array_equal(values["has_filings"], has_filed)
    assert 0 < has_filed.sum() < len(has_filed)
    since = values["days_since_filing"]
    np.testing.assert_array_equal(np.isnan(since), ~has_filed)
    filed = days_since_1970(attributes.statements.filed[attributes.events[has_filed]])
    today = np.datetime64(attributes.as_of, "D").astype(int)
    np.testing.assert_array_equal(since[has_filed], today - filed)
    assert (since[has_filed] >= 0).all()
