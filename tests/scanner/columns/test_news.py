"""The source of recent events: counts of news, and who was updated this session."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import polars as pl
import pytest

from technic.data.ingest import FileStore
from technic.data.simulated import simulate
from technic.market.schema import NEWS
from technic.market.sessions import nyse
from technic.runtime.settings import Settings
from technic.scanner.columns.attributes import Attributes
from technic.scanner.columns.news import RecentEvents


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """Ten symbols; the first had two pieces of news this session, the second one the session before."""
    market = simulate(seed=3, size=10, sessions=30)
    store = FileStore(tmp_path_factory.mktemp("news") / "store")
    store.import_bars(market.bars, simulated=market.about)
    return store


def with_news(store):
    view = store.panel()
    ordinal = nyse().ordinal(view.as_of)
    tonight, before = nyse().closes(ordinal), nyse().closes(ordinal - 1)
    first, second = view.panel.security_ids[:2].tolist()
    rows = [
        {"security_id": first, "known_at": tonight},
        {"security_id": first, "known_at": tonight + timedelta(minutes=5)},
        {"security_id": second, "known_at": before},
    ]
    blank = dict.fromkeys(NEWS)
    table = pl.DataFrame([{**blank, **row} for row in rows], schema=NEWS)
    store.commit({"news": table})


def test_names_are_recognised_whole():
    source = RecentEvents()
    assert source.gives("news_count(5)")
    assert source.gives("is_updated")
    assert not source.gives("news_count(five)")
    assert not source.gives("news_count(5) > 1")


def test_a_store_without_news_knows_no_count_and_one_with_news_counts_it(store):
    names = ["news_count(1)", "news_count(2)", "is_updated"]
    silent = Attributes(store, store.panel(), Settings.load().uncached())
    values = RecentEvents().load(names, silent).values
    assert np.isnan(values["news_count(1)"]).all()
    assert not values["is_updated"].any()
    with_news(store)
    attributes = Attributes(store, store.panel(), Settings.load().uncached())
    values = RecentEvents().load(names, attributes).values
    assert values["news_count(1)"].tolist() == [2.0] + 9 * [0.0]
    assert values["news_count(2)"].tolist() == [2.0, 1.0] + 8 * [0.0]
    assert values["is_updated"].tolist() == [1.0] + 9 * [0.0]
