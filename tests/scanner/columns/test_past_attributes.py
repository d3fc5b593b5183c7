"""The past and the present are the same sources: no column of theirs can disagree."""

from __future__ import annotations

import numpy as np
import pytest

from technic.market.sessions import nyse
from technic.query.names import FACTS
from technic.runtime.settings import Settings
from technic.scanner.columns.attributes import SOURCES, Attributes
from technic.scanner.columns.filings import DATES, statements_at
from technic.scanner.columns.listings import LISTING_NAMES, listed_on
from technic.scanner.columns.past_attributes import PAST_SOURCES, AttributeHistory

SHARED = sorted({*LISTING_NAMES, *FACTS, *DATES, "market_cap"})


@pytest.mark.parametrize("back", [1, 20, 63, 150])
def test_a_past_session_is_what_a_view_of_it_says(simulated, back):
    """Every shared name, for everybody who traded on the session."""
    whole = simulated.panel()
    history = AttributeHistory(simulated, whole, statements_at(simulated, whole.version))
    ordinal = nyse().ordinal(whole.as_of) - back
    view = simulated.panel(nyse().day(ordinal))
    present = Attributes(simulated, view, Settings.load().uncached())
    traded = np.flatnonzero(view.panel.last("session") == ordinal)
    symbols = np.searchsorted(whole.panel.security_ids, view.panel.security_ids[traded])
    past = history.at(ordinal, symbols, view.panel.last("close")[traded])
    np.testing.assert_array_equal(past.listed, listed_on(view)[traded])
    known = 0
    for name in SHARED:
        np.testing.assert_array_equal(past[name], present[name][traded], err_msg=name)
        known += present[name].dtype == float and int(np.isfinite(past[name]).sum())
    assert known > 1_000


def test_some_of_the_symbols_have_the_columns_of_all(simulated):
    view = simulated.panel()
    history = AttributeHistory(simulated, view, statements_at(simulated, view.version))
    symbols = np.arange(len(view.panel))
    past = history.at(nyse().ordinal(view.as_of), symbols, view.panel.last("close"))
    chosen = symbols[::3]
    some = past.only(chosen)
    for name in ("symbol", "market_cap", "assets", "is_common"):
        np.testing.assert_array_equal(some[name], past[name][chosen])
    np.testing.assert_array_equal(some.listed, past.listed[chosen])


def test_what_nobody_tells_of_the_past_is_unknown(simulated):
    view = simulated.panel()
    history = AttributeHistory(simulated, view, statements_at(simulated, view.version))
    past = history.at(nyse().ordinal(view.as_of), np.arange(5), np.ones(5))
    for name in ("market_trend", "news_count(5)", "total_ret(5)", "python('steady')", "bars"):
        assert np.isnan(past[name]).all()


def test_no_name_has_two_sources():
    names = [*SHARED, "bars", "is_updated", "news_count(3)", "total_ret(3)", "alpha", "alpha_rank"]
    for name in [*names, "market_trend", "python('steady')"]:
        assert sum(source.gives(name) for source in SOURCES) == 1, name
    assert not any(source.gives("nonsense") for source in SOURCES)
    assert {type(source) for source in PAST_SOURCES} < {type(source) for source in SOURCES}


def test_a_name_without_a_source_is_an_error(attributes):
    with pytest.raises(KeyError, match="nonsense"):
        attributes["nonsense"]
