"""Total returns: against a slow reference that compounds bar by bar."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from math import isnan, nan

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import technic as tc
from technic.data.ingest import open_store
from technic.errors import QuestionError
from technic.market.sessions import nyse
from technic.runtime.settings import Settings
from technic.scanner.columns.attributes import Attributes
from technic.scanner.columns.total_return import NO_DIVIDENDS, TotalReturns

FIRST = nyse().ordinal(date(2024, 1, 2))
N = 12


def table(closes, dividends, splits=None, symbol="PAYS"):
    days = [nyse().day(FIRST + i) for i in range(len(closes))]
    columns = dict.fromkeys(("open", "high", "low", "close"), closes)
    more = {} if splits is None else {"split": splits}
    return pl.DataFrame(
        {"symbol": [symbol] * len(days), "date": days, **columns, "volume": [1e6] * len(days),
         "dividend": dividends, **more}
    )  # fmt: skip


def column(store, n, as_of=None):
    attributes = Attributes(store, store.panel(as_of), Settings.load().uncached())
    loaded = TotalReturns().load([f"total_ret({n})"], attributes)
    names = attributes.panel_view.who["symbol"].to_list()
    return dict(zip(names, loaded.values[f"total_ret({n})"].tolist(), strict=True)), loaded.notes


def slow(closes, dividends, splits, n):
    """One share, bar by bar: what it is worth and what it paid, over what it was worth before."""
    if len(closes) <= n:
        return nan
    growth = 1.0
    for t in range(len(closes) - n, len(closes)):
        growth *= (closes[t] + (dividends[t] or 0.0)) * splits[t] / closes[t - 1]
    return growth - 1.0


@settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    seed=st.integers(0, 10_000),
    dividends=st.lists(st.sampled_from([None, 0.0, 0.25, 1.0]), min_size=N, max_size=N),
    split=st.integers(1, N - 1),
    ratio=st.sampled_from([1.0, 2.0, 4.0, 0.1]),
    n=st.integers(1, N + 2),
)
def test_it_is_what_compounding_bar_by_bar_gives(
    tmp_path_factory, seed, dividends, split, ratio, n
):
    walk = 40.0 * np.exp(np.cumsum(np.random.default_rng(seed).normal(0, 0.01, N)))
    closes = np.where(np.arange(N) < split, walk, walk / ratio).tolist()
    splits = [ratio if t == split else 1.0 for t in range(N)]
    store = open_store(tmp_path_factory.mktemp("total") / "store")
    # No two are alike: the same amount twice in a week is doubted.
    dividends = [d and d + 0.01 * k for k, d in enumerate(dividends)]
    store.import_bars(table(closes, dividends, splits))
    found, notes = column(store, n)
    if not any(dividends):
        assert isnan(found["PAYS"])
        assert notes == (NO_DIVIDENDS,)
        return
    assert found["PAYS"] == pytest.approx(
        slow(closes, dividends, splits, n), rel=1e-12, nan_ok=True
    )


@pytest.fixture
def store(tmp_path):
    """A special dividend of 15 on 66, and a name that never pays."""
    store = open_store(tmp_path / "store")
    closes = [66.0] * 8 + [51.6] * 4
    special = table(closes, [None] * 8 + [15.0] + [None] * 3)
    plain = table([10.0] * N, [None] * N, symbol="KEEPS")
    store.import_bars(pl.concat([special, plain]))
    return store


def test_a_special_dividend_is_no_fall(store):
    report = tc.scan(
        store, universe="all", where="close > 0", rank="close", columns=["ret(5)", "total_ret(5)"]
    )
    rows = {row.symbol: row.values for row in report.shown}
    assert rows["PAYS"]["ret(5)"] == pytest.approx(51.6 / 66.0 - 1.0)
    assert rows["PAYS"]["total_ret(5)"] == pytest.approx((51.6 + 15.0) / 66.0 - 1.0)
    assert rows["KEEPS"]["total_ret(5)"] == 0.0


def test_a_dividend_counts_from_its_ex_date_on(store):
    assert column(store, 5, nyse().day(FIRST + 7))[0]["PAYS"] == 0.0
    assert column(store, 1, nyse().day(FIRST + 8))[0]["PAYS"] == pytest.approx(66.6 / 66.0 - 1.0)
    assert column(store, 3)[0]["PAYS"] == pytest.approx(0.0), "it was paid before the first bar"


def test_a_dividend_told_later_is_not_seen_before(tmp_path):
    store = open_store(tmp_path / "store")
    bars = table([20.0] * N, [None] * N)
    store.import_bars(bars)
    told = datetime.combine(nyse().day(FIRST + N - 1), datetime.min.time(), UTC) + timedelta(days=9)
    at = nyse().day(FIRST + 3)
    paid = pl.when(pl.col("date") == at).then(1.0)
    late = bars.with_columns(dividend=paid, as_of=pl.lit(told.date()))
    store.import_bars(late, seen_at=told)
    assert column(store, 11)[0]["PAYS"] == pytest.approx(0.05)
    view = store.panel(known_at=told - timedelta(days=5))
    attributes = Attributes(store, view, Settings.load().uncached())
    assert TotalReturns().load(["total_ret(11)"], attributes).values["total_ret(11)"][0] == 0.0


def test_its_form_is_checked(store):
    for text, word in (("total_ret(0)", "counts bars"), ("total_ret(1, 2)", "is written")):
        with pytest.raises(QuestionError, match=word):
            tc.scan(store, rank=text)
