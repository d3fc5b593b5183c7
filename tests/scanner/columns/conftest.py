"""A simulated market with filings, and a package of plugins, for tests of the sources of columns."""

from __future__ import annotations

import os

import pytest

from support.plugins import CODE, NAMES, forget_import
from technic.data.ingest import FileStore
from technic.data.simulated import simulate
from technic.data.simulated.statements import statements
from technic.runtime.settings import Settings
from technic.scanner.columns import plugins
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


@pytest.fixture
def package(tmp_path, monkeypatch):
    """An installed package that offers plugins."""
    site = tmp_path / "site"
    (site / "minescores").mkdir(parents=True)
    (site / "minescores" / "__init__.py").write_text("")
    (site / "minescores" / "scores.py").write_text(CODE)
    info = site / "minescores-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: minescores\nVersion: 1.0\n")
    offers = "".join(f"{name} = minescores.scores:{name}\n" for name in NAMES)
    (info / "entry_points.txt").write_text(f"[technic.scores]\n{offers}")
    monkeypatch.syspath_prepend(str(site))
    monkeypatch.setenv("PYTHONPATH", str(site), prepend=os.pathsep)
    plugins._executor.cache_clear()
    forget_import()
    plugins._PAUSED.clear()
    yield site
    forget_import()
    plugins._executor(Settings.load().value("executor", plugins.DEFAULT)).close()
    plugins._executor.cache_clear()
