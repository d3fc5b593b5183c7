"""Nights that look like a split nobody told: found where there is one, rare where there is none."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from technic.market.untold_splits import RATIOS, as_ratio, near_ratio, untold_splits

START = date(2020, 8, 3)
N = 30
AT = 20
NONE = pl.DataFrame(schema={"security_id": pl.Int64, "session": pl.Date})


def day(row=AT):
    return START + timedelta(days=row)


def series(
    ratio=1.0,
    *,
    seed=1,
    security=1,
    close=480.0,
    crash=None,
    traded=None,
    spread=0.01,
    noise=0.01,
):
    """A walk of 1 % a day that splits at row AT; or crashes to a part there, and trades a lot."""
    rng = np.random.default_rng(seed)
    walk = close * np.exp(np.cumsum(rng.normal(0, noise, N)))
    after = np.arange(N) >= AT
    price = np.where(after, walk / (crash or ratio), walk)
    volume = 1e6 * np.exp(rng.normal(0, 0.3, N)) * np.where(after, traded or ratio, 1.0)
    wide = np.where(np.arange(N) == AT, spread, 0.01)
    return pl.DataFrame(
        {
            "security_id": [security] * N, "session": [day(i) for i in range(N)],
            "open": price * 1.002, "high": price * (1 + wide), "low": price * (1 - wide),
            "close": price, "volume": volume,
        }
    )  # fmt: skip


def nights(found):
    return found.select("session", "ratio").rows()


@pytest.mark.parametrize("traded", ["inverse", "as before"])
@pytest.mark.parametrize("ratio", [4.0, 2.0, 1.5, 2.5, 7.0, 20.0, 0.5, 0.1, 0.25])
def test_a_split_that_nobody_told_is_seen_with_its_ratio(ratio, traded):
    bars = series(ratio, traded=None if traded == "inverse" else 1.0)
    found = untold_splits(bars, NONE)
    assert nights(found) == [(day(), ratio)]
    row = found.row(0, named=True)
    assert (row["before"], row["close"]) == (bars["close"][AT - 1], bars["close"][AT])
    assert row["before_session"] == day(AT - 1)


def test_one_that_is_told_is_none_whatever_its_ratio_and_between_the_bars_too():
    bars = series(4.0)
    assert untold_splits(bars, pl.DataFrame({"security_id": [1], "session": [day()]})).is_empty()
    gap = bars.filter(~pl.col("session").is_between(day(AT), day(AT + 2)))
    assert untold_splits(gap, pl.DataFrame({"security_id": [1], "session": [day()]})).is_empty()
    assert untold_splits(bars, pl.DataFrame({"security_id": [2], "session": [day()]})).height == 1


@pytest.mark.parametrize("crash", [2.0, 4.0, 3.1, 0.25, 1.5, 1.33])
def test_a_crash_or_a_leap_is_none_it_trades_many_shares_or_ranges_widely(crash):
    assert untold_splits(series(crash=crash, traded=12.0), NONE).is_empty()
    wide = series(crash=crash, traded=2.0, spread=0.35)
    assert untold_splits(wide, NONE).is_empty()


def test_no_ratio_no_volume_pennies_and_long_gaps_say_nothing():
    assert untold_splits(series(1.75), NONE).is_empty(), "no plausible ratio"
    still = series(4.0).with_columns(volume=pl.lit(0.0))
    assert untold_splits(still, NONE).is_empty()
    assert untold_splits(series(2.0, close=0.03), NONE).is_empty(), "a tick is a third of it"
    bars = series(4.0)
    late = pl.col("session") + pl.when(pl.col("session") >= day()).then(30).otherwise(0) * (
        pl.duration(days=1)
    )
    assert untold_splits(bars.with_columns(session=late), NONE).is_empty()
    assert untold_splits(bars.clear(), NONE).is_empty()
    assert untold_splits(bars.head(1), NONE).is_empty()


@given(seed=st.integers(0, 10_000), ratio=st.sampled_from([1.0, *RATIOS]))
def test_rows_in_any_order_and_of_several_securities_say_the_same(seed, ratio):
    tables = [series(ratio, seed=seed, noise=0.003), series(1.0, seed=seed + 1, security=2)]
    bars = pl.concat(tables).with_columns(known_at=pl.col("session").cast(pl.Datetime("us", "UTC")))
    older = bars.with_columns(pl.col("open") * 4.0, pl.col("known_at").dt.offset_by("-1d"))
    both = pl.concat([bars, older]).sample(fraction=1.0, shuffle=True, seed=seed)
    found = untold_splits(bars, NONE)
    assert found.equals(untold_splits(both, NONE)), "of several words on a bar the newest"
    assert nights(found) == ([] if ratio == 1.0 else [(day(), ratio)])


def test_ratios_are_written_as_people_write_them():
    assert [as_ratio(r) for r in (4.0, 1.5, 2.5, 0.1, 1 / 3, 0.4)] == [
        "4:1", "3:2", "5:2", "1:10", "1:3", "2:5",
    ]  # fmt: skip
    ratios, off = near_ratio(np.array([2.0, 0.5, 3.9, 1e9, 1e-9]))
    assert ratios.tolist() == [2.0, 0.5, 4.0, 1000.0, 0.001]
    assert off[:2].tolist() == [0.0, 0.0]


def test_on_real_markets_such_nights_are_rare(real_data):
    """Of two million nights as traded some thirty, of which most are splits nobody told."""
    bars = pl.read_parquet(real_data / "bars/us_2015_2016_as_traded.parquet").with_columns(
        pl.col("symbol").rank("dense").cast(pl.Int64).alias("security_id"),
        pl.col("volume").cast(pl.Float64),
        session="date",
    )
    bars = bars.drop_nulls(["open", "high", "low", "close", "volume"])
    told = bars.filter(pl.col("split") > 0, pl.col("split") != 1.0)
    told = told.select("security_id", "session", "split")
    found = untold_splits(bars, told)
    assert found.height <= 40, "of 1,967,116 nights"
    names = bars.select("security_id", "symbol").unique("security_id")
    seen = found.join(names, on="security_id").select("symbol", "session", "ratio").rows()
    for true in [("CF", date(2015, 6, 18), 5.0), ("SJI", date(2015, 5, 8), 2.0)]:
        assert true in seen
    sizes = untold_splits(bars, NONE).join(told, on=["security_id", "session"])
    large = told.filter(pl.col("split") > 1.4)
    assert sizes.join(large, on=["security_id", "session"]).height >= 0.6 * large.height
