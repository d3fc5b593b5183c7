"""What comes into a store: the instant at which it becomes known is one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import polars as pl
import pytest

from technic.data.ingest import open_store
from technic.errors import SchemaError

AHEAD_OF_UTC = timezone(timedelta(hours=14))
BARS = pl.DataFrame(
    {"symbol": ["A", "A"], "date": ["2024-01-02", "2024-01-03"]}
    | {name: [10.0, 11.0] for name in ("open", "high", "low", "close")}
    | {"volume": [1e6, 2e6]}
)
NO_INSTANTS = {
    "no zone": datetime(2024, 2, 1),  # noqa: DTZ001 -- that is what is refused
    "before all time": datetime(1, 1, 1, tzinfo=AHEAD_OF_UTC),
    "the first day": datetime(1, 1, 1, tzinfo=UTC),
    "before any session": datetime(1970, 1, 1, tzinfo=UTC),
    "the last day": datetime.max.replace(tzinfo=UTC),
    "after all time": datetime.max.replace(tzinfo=timezone(-timedelta(hours=14))),
    "a text": "2024-02-01T00:00:00+00:00",
    "no time": "x",
    "a number": 0,
    "nothing": "",
}


@pytest.fixture
def store(tmp_path):
    store = open_store(tmp_path / "store")
    store.import_bars(BARS)
    return store


@pytest.mark.parametrize("seen", NO_INSTANTS.values(), ids=NO_INSTANTS)
def test_what_is_no_instant_is_refused_at_every_door_and_nothing_is_stored(store, seen):
    number = store.version().number
    rows = pl.DataFrame({"symbol": ["A"], "name": ["Alpha"]})
    for take, table in (
        (store.import_bars, BARS.with_columns(volume=pl.lit(5.0))),
        (store.import_listings, rows),
        (store.import_filings, rows),
    ):
        with pytest.raises(SchemaError, match="seen_at"):
            take(table, seen_at=seen)
    assert store.version().number == number


def test_an_instant_of_any_zone_is_the_same_instant(store):
    seen = datetime(2124, 2, 1, 12, tzinfo=AHEAD_OF_UTC)
    store.import_bars(BARS.with_columns(volume=pl.lit(5.0)), seen_at=seen)
    known = store.table("bars").collect().filter(pl.col("volume") == 5.0)["known_at"]
    assert set(known) == {seen}
