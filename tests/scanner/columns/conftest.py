"""A simulated market with filings, for tests of the sources of columns."""

from __future__ import annotations

import pytest

from technic.data.ingest import FileStore
from technic.data.simulated import simulate
from technic.data.simulated.statements import statements
from technic.runtime.settings import Settings
from technic.scanner.columns.attributes import Attributes

SEED = 31


@pytest.fixture(scope="session")
def simulated(tmp_path_factory):
    """A store of 120 symbols and 300 sessions, with listings, splits and filings."""
    market = simulate(seed=SEED, size=120, sessions=300)
    store = FileStore(tmp_path_factory.mktemp("columns") / "store")
    store.import_bars(market.bars, simulated=market.about)
    store.import_listings(market.listings)
    store.import_filings(statements(market.bars, market.listings, SEED))
    return store


@pytest.fixture
def attributes(simulated):
    """Columns of its newest session, none of them loaded, without a cache."""
    return Attributes(simulated, simulated.panel(), Settings.load().uncached())
