"""Two securities of a symbol become one once a later file fills the gap between them."""

from __future__ import annotations

import random
from datetime import UTC, date, datetime, timedelta
from itertools import permutations

import polars as pl
import pytest

import technic as tc
from technic.data.ingest.checking import check_bars
from technic.data.ingest.filers import _by_stretch
from technic.data.ingest.identity import GAP, Life, Placed
from technic.data.ingest.joining import join_up
from technic.data.ingest.securities import SecurityMap
from technic.data.store.integrity import examine_files
from technic.market.sessions import nyse


def bars(symbol, first, last, opened=10.0, closed=None):
    """A bar for every session of a span, whose price goes evenly from one to another."""
    low, high = (
        nyse().next_from(date.fromisoformat(first)),
        nyse().last_until(date.fromisoformat(last)),
    )
    days = [nyse().day(k) for k in range(low, high + 1)]
    closed = opened if closed is None else closed
    price = [opened * (closed / opened) ** (k / max(len(days) - 1, 1)) for k in range(len(days))]
    table = pl.DataFrame({"symbol": [symbol] * len(days), "date": days, "close": price})
    same = {name: pl.col("close") for name in ("open", "high", "low")}
    return table.with_columns(**same, volume=pl.lit(1e6))


OLD, MIDDLE, NEW = (
    bars("REUS", "2015-03-02", "2015-06-30", 80.0),
    bars("REUS", "2015-07-01", "2018-01-31", 80.0, 12.0),
    bars("REUS", "2018-02-01", "2018-06-29", 12.0),
)
OTHER = bars("ELSE", "2015-03-02", "2018-06-29")


@pytest.fixture
def store(tmp_path):
    return tc.open_store(tmp_path / "store")


def names(store, version=None):
    columns = ["security_id", "symbol", "since", "until"]
    return store.panel(version=version).who.select(columns).rows()


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_a_number_that_is_gone_is_never_given_again(store, order):
    """What an alert or a kept report knows by a number must not become somebody else."""
    store.import_bars(OTHER)
    given = set()
    for k in order:
        store.import_bars([OLD, MIDDLE, NEW][k])
        given |= {row[0] for row in names(store)}
    store.import_bars(bars("FRSH", "2018-02-01", "2018-06-29"))
    (fresh,) = {row[0] for row in names(store)} - given
    assert fresh > max(given)
    known = store.table("tickers").collect(), store.table("listings").collect()
    vendor = SecurityMap.of(*known, "vendor", store.version().gone)
    assert vendor.top == fresh


def test_a_check_tells_who_would_be_one(store):
    for part in (OTHER, NEW, OLD):
        store.import_bars(part)
    before = store.version()
    told = check_bars(store, MIDDLE).told
    assert store.version() == before
    assert list(told) == store.import_bars(MIDDLE).told
    assert "what was two securities is one now" in told[0]


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_a_gap_that_is_filled_leaves_one_security_in_any_order(store, order):
    store.import_bars(OTHER)
    parts = [OLD, MIDDLE, NEW]
    told = [line for k in order for line in store.import_bars(parts[k]).told]
    if order[2] == 1:  # the middle came last
        assert told[0].startswith("REUS: two securities had this symbol")
        assert told[1] == (
            "REUS: what was two securities is one now: bars fill the gap between them"
        )
        assert len(told) == 2
    tickers = store.table("tickers").collect().filter(pl.col("symbol") == "REUS")
    newest = tickers.sort("known_at").group_by("security_id").last()
    assert newest.select("since", "until").rows() == [(date(2015, 3, 2), None)]
    panel = store.panel()
    assert panel.who["symbol"].to_list() == ["ELSE", "REUS"]
    whole = pl.concat(parts)
    assert panel.bars.panel().lengths.tolist() == [OTHER.height, whole.height]
    stored = store.table("bars").collect()
    assert stored["security_id"].n_unique() == 2
    past = tc.scan(store, universe="all", rank="close", as_of=date(2016, 1, 4))
    assert sorted(past.symbols[i] for i in past.ranked) == ["ELSE", "REUS"]
    assert store.import_bars(whole).known == whole.height, "nothing is new afterwards"


def test_what_hangs_on_either_comes_along_and_older_versions_stay_as_they_were(store):
    split = pl.when(pl.col("date") == date(2015, 4, 1)).then(1.02)
    store.import_bars(pl.concat([OLD.with_columns(split=split), OTHER.with_columns(split=None)]))
    store.import_bars(NEW)
    store.catalog.watch("mine", ["REUS"], datetime(2018, 7, 1, tzinfo=UTC))
    two, before = store.version(), names(store)
    bearer = store.panel().who.filter(pl.col("until").is_null(), pl.col("symbol") == "REUS")
    store.import_bars(MIDDLE)
    who = store.panel().who.filter(pl.col("symbol") == "REUS")
    assert who["security_id"].to_list() == bearer["security_id"].to_list(), "who bears it stays"
    assert (
        store.table("actions").collect()["security_id"].unique().to_list()
        == who["security_id"].to_list()
    )
    assert store.catalog.watched("mine") == ["REUS"]
    assert store.load_universe().filter(pl.col("symbol") == "REUS").height == 1
    assert names(store, two) == before, "the version before still shows two"
    assert not examine_files(store).damage
    assert store.table("bars", two).collect()["security_id"].n_unique() == 3


def life(number, first, last, **about):
    return Life(
        number,
        "X",
        0,
        first,
        None,
        datetime(2015, 1, 1, tzinfo=UTC),
        first,
        last,
        10.0,
        10.0,
        **about,
    )


@pytest.mark.parametrize(
    ("older", "newer", "joined"),
    [
        ({}, {}, True),
        ({"name": "One"}, {"name": None}, True),
        ({"name": "One"}, {"name": "Other"}, False),
        ({"figi": "BBG1"}, {"figi": "BBG2"}, False),
        ({"cik": "1"}, {"cik": "2"}, False),
        ({"names": 2}, {}, False),
        ({"ended": date(2016, 1, 29)}, {}, False),
        ({"ended": date(2015, 6, 1)}, {}, True),  # its own bars go on for months
        ({}, {"began": date(2016, 2, 1)}, False),
        ({}, {"began": date(2015, 1, 5)}, True),  # it began when the older did
        ({}, {"began": date(2017, 2, 1)}, True),  # its own bars began a year before
    ],
)
def test_what_still_says_that_they_are_two_keeps_them_apart(older, newer, joined):
    lives = [
        life(1, date(2015, 1, 5), date(2016, 1, 29), **older),
        life(2, date(2016, 2, 1), date(2017, 6, 1), **newer),
    ]
    assert join_up(Placed({"X": lives}, 2), ["X"]) == ({1: 2} if joined else {})


@pytest.mark.parametrize("seed", range(120))
def test_any_files_of_a_history_in_any_order_make_one_security_if_one_file_would(seed):
    draw = random.Random(seed)
    start, price, rows = date(2001, 1, 1), 50.0, []
    for _ in range(draw.randint(20, 120)):
        start += timedelta(days=draw.choice([1, 3, 40, 200, 366]))
        opened, price = price, price * draw.choice([0.3, 0.8, 1.0, 1.3, 3.0])
        rows.append(("X", start, opened, price))
    table = pl.DataFrame(rows, ["symbol", "date", "open", "close"], orient="row")
    pieces = draw.randint(2, 8)
    at_random = draw.random() < 0.5  # rows anywhere, or slices
    which = [
        draw.randrange(pieces) if at_random else k * pieces // len(rows) for k in range(len(rows))
    ]
    files = table.with_columns(file=pl.Series(which)).partition_by("file")
    draw.shuffle(files)
    placed, stored = Placed({}, 0), {}
    for file in files:
        found, joined = _by_stretch(
            file.drop("file").with_columns(security_id=pl.lit(None, pl.Int64)), ["X"], placed
        )
        stored = {day: joined.get(i, i) for day, i in stored.items()}
        stored |= dict(found.select("date", "security_id").iter_rows())
    (only,) = placed.lives["X"]
    assert set(stored.values()) == {only.security_id}
    assert (only.first, only.last, only.until) == (rows[0][1], rows[-1][1], None)
    assert (only.opened, only.closed) == (rows[0][2], rows[-1][3])


@pytest.mark.parametrize("seed", range(60))
def test_slices_of_two_histories_stay_two_in_any_order(seed):
    draw = random.Random(seed)
    first = bars("X", "2001-01-02", "2001-12-31", 80.0)
    second = bars("X", "2004-01-02", "2004-12-31", 5.0)
    files = [
        slice_ for whole in (first, second) for slice_ in whole.iter_slices(draw.randint(20, 90))
    ]
    draw.shuffle(files)
    placed = Placed({}, 0)
    assert second["date"][0] - first["date"][-1] > GAP
    for file in files:
        _by_stretch(file.with_columns(security_id=pl.lit(None, pl.Int64)), ["X"], placed)
    spans = sorted((one.first, one.last) for one in placed.lives["X"])
    assert spans == [(t["date"][0], t["date"][-1]) for t in (first, second)]
