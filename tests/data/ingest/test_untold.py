"""A split that nobody tells does not pass in silence: files, their parts, and stores."""

from __future__ import annotations

import polars as pl
import pytest
from tests.data.ingest.test_file_actions import AT, N, day, table

from technic.data.ingest import open_store
from technic.data.ingest.checking import check_bars
from technic.data.ingest.untold import LINES, untold_in_store


@pytest.fixture
def store(tmp_path):
    return open_store(tmp_path / "market")


def line(rows, ratio="4:1"):
    before, after = rows["close"][AT - 1], rows["close"][AT]
    return (
        f"ACME: {before:.10g} to {after:.10g} on {day()} with no split told; about {ratio}?"
    )  # fmt: skip


@pytest.mark.parametrize(("ratio", "text"), [(4.0, "4:1"), (1.5, "3:2"), (0.1, "1:10")])
def test_an_import_and_its_check_name_a_split_that_nobody_told(store, ratio, text):
    rows = table(ratio=ratio)
    assert check_bars(store, rows).doubts == (line(rows, text),)
    found = store.import_bars(rows)
    assert found.doubts == [line(rows, text)]
    assert found.added == N
    assert store.table("actions").collect().is_empty(), "nothing is repaired"
    assert untold_in_store(store, store.version()) == [line(rows, text)]


@pytest.mark.parametrize("cut", [AT - 1, AT, AT + 1, N - 1])
@pytest.mark.parametrize("newest_first", [False, True])
def test_it_is_told_once_in_whichever_parts_the_file_comes(store, cut, newest_first):
    rows = table(ratio=4.0)
    parts = [rows.head(cut), rows.tail(N - cut)]
    lines = [store.import_bars(p).doubts for p in (reversed(parts) if newest_first else parts)]
    assert [text for part in lines for text in part] == [line(rows)]


def test_the_newest_session_alone_is_held_against_what_is_stored(store):
    rows = table(ratio=4.0)
    for row in range(N):
        doubts = store.import_bars(rows.slice(row, 1)).doubts
        assert doubts == ([line(rows)] if row == AT else [])


def test_a_split_that_is_told_or_stored_is_none(store):
    told = table(ratio=4.0, told=4.0)
    assert store.import_bars(told).doubts == []
    assert store.import_bars(told.drop("split")).doubts == []
    assert store.import_bars(told.drop("split").gather_every(3)).doubts == [], "between its rows"
    assert untold_in_store(store, store.version()) == []


@pytest.mark.parametrize(("ratio", "text"), [(3.0, "3:1"), (0.1, "1:10")])
def test_where_a_split_is_taken_back_its_night_is_asked_about(store, ratio, text):
    """A vendor told all splits of a hole on the row behind it; the hole is filled with some."""
    rows = table(ratio=ratio, told=2.0 * ratio)
    hole = slice(AT - 5, AT)
    others = pl.concat([rows[: hole.start].drop("split"), rows[AT:]], how="diagonal")
    in_old = pl.col("open", "high", "low", "close") * 2.0  # before the split of 2 in the hole
    old = pl.col("date") < rows["date"][hole.start]
    others = others.with_columns(
        pl.when(old).then(in_old).otherwise(pl.col("open", "high", "low", "close"))
    )
    store.import_bars(others)
    told = pl.when(pl.col("date") == rows["date"][hole.start]).then(2.0).otherwise(1.0)
    back, asked = store.import_bars(rows[hole].with_columns(split=told)).doubts
    assert "is taken back" in back
    assert asked == line(rows, text)


def test_of_many_the_first_few_are_named_and_the_others_counted(store):
    names = [table(f"S{k:02}", ratio=2.0, seed=k) for k in range(LINES + 7)]
    doubts = store.import_bars(pl.concat(names)).doubts
    assert len(doubts) == LINES + 1
    assert doubts[-1] == "and 7 more such nights, with no split told"


def test_of_prices_that_are_adjusted_it_is_said_that_they_should_not_step(store):
    (text,) = store.import_bars(table(ratio=4.0), "splits").doubts
    assert "though prices count as adjusted for splits; about 4:1?" in text


@pytest.mark.parametrize("closed", ["2023-10-14", "2023-10-15"])
def test_a_split_told_for_a_closed_day_is_named_and_its_night_asked_about(store, closed):
    days = ["2023-10-12", "2023-10-13", closed, "2023-10-16"]
    rows = pl.DataFrame(
        {
            "symbol": "SPLT", "date": days,
            "open": [202.35, 199.38, None, 50.57], "high": [203.21, 202.33, None, 51.32],
            "low": [197.68, 198.79, None, 50.44], "close": [198.79, 202.21, None, 51.2],
            "volume": [1461900.0, 1030355.0, None, 4502881.0], "split": [None, None, 4.0, None],
        }
    )  # fmt: skip
    named = f"SPLT: a split of 4 on {closed} is set aside: the market was closed"
    asked = "SPLT: 202.21 to 51.2 on 2023-10-16 with no split told; about 4:1?"
    for doubts in (check_bars(store, rows).doubts, store.import_bars(rows).doubts):
        assert [text.startswith(named) for text in doubts] == [True, False]
        assert doubts[1] == asked
