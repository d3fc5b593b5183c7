"""Rows that a clock from the future dated: known from now on, in their order, and old versions stay."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

from technic.data.ingest import FileStore
from technic.data.simulated import simulate
from technic.data.store.dating import date_rows
from technic.data.store.integrity import examine_files
from technic.data.store.rows import rows_known_after
from technic.errors import StoreError

AHEAD = datetime(2199, 5, 1, tzinfo=UTC)
BARS = simulate(seed=2, size=20, sessions=15).bars
LAST = BARS["date"].max()


def corrected(store, volume, seen_at, symbol=0):
    """One bar corrected, at an instant: the row itself does not state when it became known."""
    name = BARS["symbol"].unique().sort()[symbol]
    row = BARS.filter((pl.col("symbol") == name) & (pl.col("date") == LAST)).drop("as_of")
    store.import_bars(row.with_columns(volume=pl.lit(volume)), seen_at=seen_at)


def newest(store, symbol=0):
    """The volume that counts of that bar."""
    name = BARS["symbol"].unique().sort()[symbol]
    (number,) = store.table("tickers").filter(pl.col("symbol") == name).collect()["security_id"]
    bars = store.fresh_bars(store.version())
    return bars.filter(security_id=number, session=LAST)["volume"].item()


@pytest.fixture
def store(tmp_path):
    """A store into which a clock that was ahead brought two corrections of a bar, and one of another."""
    made = FileStore(tmp_path / "store")
    made.import_bars(BARS)
    corrected(made, 10.0, AHEAD)
    corrected(made, 20.0, AHEAD + timedelta(days=1))
    corrected(made, 5.0, AHEAD + timedelta(days=2), symbol=3)
    return made


def test_they_are_known_from_now_on_and_the_last_of_them_still_counts(store):
    before, now = store.version(), datetime.now(UTC)
    was = store.table("bars").collect()
    assert date_rows(store, now) == {"bars": 3}
    after = store.version()
    assert after.number == before.number + 1
    assert not after.merged
    assert rows_known_after(store.tables, after, now + timedelta(minutes=1)) == {}
    assert newest(store) == 20.0
    assert newest(store, 3) == 5.0
    rows, old = (table.drop("known_at").rows() for table in (store.table("bars").collect(), was))
    assert sorted(rows, key=str) == sorted(old, key=str)
    assert store.table("bars", before).collect().equals(was)
    assert not examine_files(store).damage
    assert store.clock_note(now) == ""


def test_a_correction_of_today_comes_after_them(store):
    date_rows(store)
    corrected(store, 30.0, datetime.now(UTC))
    assert newest(store) == 30.0


def test_rows_of_the_same_instant_stay_of_the_same_instant_and_others_are_not_touched(store):
    old = store.table("bars").filter(pl.col("known_at") < AHEAD).collect()
    date_rows(store)
    now = store.table("bars").collect()
    assert old.join(now, on=old.columns, how="anti", nulls_equal=True).is_empty()


def test_nothing_is_written_where_no_row_is_from_the_future(tmp_path, store):
    date_rows(store)
    number = store.version().number
    assert date_rows(store) == {}
    assert store.version().number == number


def test_a_simulated_market_has_a_clock_of_its_own(tmp_path):
    made = simulate(seed=2, size=5, sessions=15)
    store = FileStore(tmp_path / "simulated")
    store.import_bars(made.bars, simulated=made.about)
    with pytest.raises(StoreError, match="its clock is its own"):
        date_rows(store)
