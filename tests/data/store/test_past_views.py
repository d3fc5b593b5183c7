"""Past sessions against the definition: what the tables held before the cutoff, adjusted, from nothing."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import polars as pl
import pytest

import technic as tc
from technic.data.simulated import simulate
from technic.data.store import mapped_panel
from technic.data.store.rows import read_newest_bars
from technic.data.store.tickers import directory
from technic.market.adjust import adjust_for_splits
from technic.market.sessions import nyse


def reference(store, as_of, cutoff):
    """Bars of each security by the definition, and who was known."""
    version = store.version()
    known = pl.col("known_at") < cutoff
    bars = read_newest_bars(store.table("bars", version).filter(pl.col("session") <= as_of, known))
    if version.adjustment != "splits":
        splits = store.table("actions", version).filter(
            pl.col("kind") == "split", pl.col("session") <= as_of, known
        )
        newest = splits.sort("known_at").unique(
            ["security_id", "session"], keep="last", maintain_order=True
        )
        bars = adjust_for_splits(bars, newest.collect())
    who = directory(
        *(store.table(n, version).collect() for n in ("tickers", "listings", "classifications")),
        as_of, cutoff,
    )  # fmt: skip
    return bars, who


def assert_as_defined(store, as_of, cutoff):
    view = store.panel(as_of, cutoff)
    bars, who = reference(store, as_of, cutoff)
    assert view.who.equals(who)
    parts = {key[0]: part for key, part in bars.partition_by("security_id", as_dict=True).items()}
    for i, security in enumerate(view.panel.security_ids.tolist()):
        part = parts.get(security)
        count = 0 if part is None else part.height
        assert view.panel.lengths[i] == count, (security, as_of)
        if part is None:
            continue
        days = nyse().ordinals(part["session"].to_numpy()).astype(float)
        assert view.panel.run(i, "session").tobytes() == days.tobytes()
        for name in ("open", "high", "low", "close", "volume"):
            assert view.panel.run(i, name).tobytes() == part[name].to_numpy().tobytes(), (
                security,
                name,
            )


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """Splits, revisions told days later, bars that arrive late, and some that come in one file."""
    made = simulate(seed=9, size=240, sessions=70)
    store = tc.open_store(tmp_path_factory.mktemp("past") / "store")
    store.import_bars(made.bars, simulated=made.about)
    store.import_listings(made.listings)
    newest = made.bars.sort("as_of").unique(["symbol", "date"], keep="last", maintain_order=True)
    rng = np.random.default_rng(1)
    chosen = newest[np.sort(rng.choice(newest.height, 60, replace=False))]
    revised = chosen.select(
        "symbol", "date", "open", "high", "low", "close", "volume"
    ).with_columns(volume=pl.col("volume") * 2.0 + 1.0, as_of=pl.col("date") + timedelta(days=4))
    store.import_bars(revised, simulated=made.about)
    return store


def test_the_store_holds_what_makes_the_past_differ(store):
    bars = store.table("bars").collect()
    assert bars.height > bars.unique(["security_id", "session"]).height
    assert store.table("actions").filter(pl.col("kind") == "split").collect().height > 0


def test_every_past_session_is_what_was_known_then(store):
    version = store.version()
    first, last = nyse().ordinal(version.first), nyse().ordinal(version.last)
    for ordinal in range(first, last + 1):
        assert_as_defined(store, nyse().day(ordinal), nyse().opens(ordinal + 1))


@pytest.mark.parametrize("hours", [-30, -3, 1, 50, 2000])
def test_so_is_any_session_at_any_instant(store, hours):
    last = nyse().ordinal(store.version().last)
    for back in (0, 3, 20):
        cutoff = nyse().opens(last - back + 1) + timedelta(hours=hours)
        assert_as_defined(store, nyse().day(last - back), cutoff)


def test_views_do_not_change_each_other_nor_the_file(store):
    last = nyse().ordinal(store.version().last)
    path = next((store.folder / "panels").glob("*.f64"))
    before, files = path.read_bytes(), set((store.folder / "panels").iterdir())
    days = [nyse().day(last - back) for back in range(2 * mapped_panel.PAST_VIEWS + 2)]
    views = [store.panel(day) for day in days]
    held = [view.panel.bars.copy() for view in views]
    for day in reversed(days):
        store.panel(day)
    assert all(
        np.array_equal(view.panel.bars, kept, equal_nan=True)
        for view, kept in zip(views, held, strict=True)
    )
    assert path.read_bytes() == before
    assert set((store.folder / "panels").iterdir()) == files, "nothing is kept on disk"


def test_real_sessions_are_what_was_known_then(real_data, tmp_path):
    store = tc.open_store(tmp_path / "store")
    bars = pl.read_parquet(real_data / "bars/us_2015_2016_as_traded.parquet")
    names = bars["symbol"].unique().sort().gather_every(12)
    store.import_bars(bars.filter(pl.col("symbol").is_in(names.implode())))
    last = nyse().ordinal(store.version().last)
    for back in (1, 37, 150, 290):
        assert_as_defined(store, nyse().day(last - back), nyse().opens(last - back + 1))
