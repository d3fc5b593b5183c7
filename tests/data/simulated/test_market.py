"""The simulated market has the habits of the real one, at the rates measured on it."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import polars as pl
import pytest

from technic.data.simulated import simulate
from technic.data.simulated.names import HAZARDS
from technic.market.quality import examine


@pytest.fixture(scope="module")
def made():
    return simulate(seed=7, size=2_000)


@pytest.fixture(scope="module")
def first_seen(made):
    return made.bars.filter(pl.col("as_of") == pl.col("date"))


def within_a_factor_of_two(found, measured):
    assert measured / 2 <= found <= measured * 2, f"{found:.3g} against {measured:.3g}"


def test_zero_volume_and_flat_bars(first_seen):
    flat = (pl.col("high") == pl.col("low")) & (pl.col("volume") > 0)
    idle, flats = first_seen.select((pl.col("volume") == 0).mean(), flat.mean()).row(0)
    within_a_factor_of_two(idle, 0.023)
    within_a_factor_of_two(flats, 0.016)


def test_large_moves_and_bad_ticks():
    big = simulate(seed=7, size=4_000).bars.filter(pl.col("as_of") == pl.col("date"))
    moves = big.filter(pl.col("split") == 1.0).with_columns(
        move=(pl.col("close") / pl.col("close").shift(1)).over("symbol"),
        back=(pl.col("close").shift(-1) / pl.col("close").shift(1)).over("symbol"),
    )
    large = (pl.col("move") >= 2.0) | (pl.col("move") <= 0.5)
    reversed_ = large & pl.col("back").is_between(0.8, 1.25)
    share, spikes = moves.select(a=large.mean(), b=reversed_.mean()).row(0)
    within_a_factor_of_two(share, 316e-6)  # the two real markets: 362 and 270
    within_a_factor_of_two(spikes, 30e-6)


def test_revisions_are_late_and_almost_all_in_volume(made, first_seen):
    later = made.bars.filter(pl.col("as_of") > pl.col("date"))
    within_a_factor_of_two(later.height / first_seen.height, 0.0116)
    assert (later["as_of"] - later["date"]).max() <= timedelta(days=4)
    both = later.join(first_seen, on=["symbol", "date"], suffix="_first")
    assert (both["close"] == both["close_first"]).all()
    assert (both["volume"] != both["volume_first"]).mean() > 0.95


def test_good_rows_only_so_that_the_demo_is_not_a_quarantine(made):
    from technic.data.ingest.bar_files import _with_instants

    assert examine(_with_instants(made.bars)).bad.is_empty()


def test_listings_sectors_splits_and_hazards_are_there(made):
    kinds = dict(made.listings.group_by("type").len().iter_rows())
    assert kinds["common"] > 0.88 * 2_000
    assert kinds["etf"] > 60
    assert made.listings["sector"].n_unique() == 12  # eleven, and unknown for funds
    assert made.listings["to"].drop_nulls().len() > 40
    assert set(HAZARDS) <= set(made.listings["symbol"])
    assert (made.bars["split"] != 1.0).sum() > 20
    assert (made.bars["dividend"] > 0).sum() > 1_000


@pytest.mark.slow
def test_volatility_clusters_and_stocks_move_together(first_seen):
    wide = first_seen.pivot(on="symbol", index="date", values="close", aggregate_function="last")
    full = [c for c in wide.columns[1:] if wide[c].null_count() == 0][:200]
    moves = np.diff(np.log(wide.sort("date").select(full).to_numpy()), axis=0)
    moves = np.clip(moves, -0.2, 0.2)
    market = moves.mean(axis=1)
    sizes = np.abs(market)
    assert np.corrcoef(sizes[1:], sizes[:-1])[0, 1] > 0.05
    together = np.mean([np.corrcoef(market, column)[0, 1] for column in moves.T])
    assert 0.15 < together < 0.8


def test_the_same_seed_gives_the_same_market():
    one, two = (simulate(seed=1, size=60, sessions=50) for _ in range(2))
    other = simulate(seed=2, size=60, sessions=50)
    assert one.bars.equals(two.bars)
    assert one.listings.equals(two.listings)
    assert not one.bars.equals(other.bars)
