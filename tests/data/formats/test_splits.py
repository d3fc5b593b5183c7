"""Splits as people write them: new shares for an old one, or counted as unreadable."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from technic.data.formats.splits import as_splits

READ = {
    "4:1": 4.0, "4/1": 4.0, " 4 / 1 ": 4.0, "4-for-1": 4.0, "4 for 1": 4.0, "4-For-1": 4.0,
    "1:10": 0.1, "1-for-10": 0.1, "1 per 10": 0.1, "3:2": 1.5, "1.5:1": 1.5, "1,5:1": 1.5,
    "20 new for 1 old": 20.0, "4:1 split": 4.0, "0.25": 0.25, "1.0": 1.0, "0": 0.0, "1e-1": 0.1,
}  # fmt: skip
UNREAD = [
    "4:0",
    "0:1",
    "4:1:1",
    "04:01:00",
    "4/1/2023",
    "2023-04-01",
    "x",
    "4 1",
    "-4:1",
    ":",
    "1,000:1",
]


@pytest.mark.parametrize(("text", "value"), READ.items())
def test_a_ratio_is_new_shares_for_an_old_one(text, value):
    told = as_splits(pl.Series("split", [text, None], dtype=pl.String))
    assert told.values.to_list() == [value, None]
    assert (told.unreadable, told.values.name) == (0, "split")


@pytest.mark.parametrize("text", UNREAD)
def test_what_is_no_ratio_is_counted_and_shown(text):
    told = as_splits(pl.Series(["2:1", text]))
    assert told.values.to_list() == [2.0, None]
    assert (told.unreadable, told.example) == (1, text)


@pytest.mark.parametrize("text", ["", "-", "N/A", "nan"])
def test_nothing_is_no_split_and_not_unreadable(text):
    assert as_splits(pl.Series([text])).unreadable == 0


def test_numbers_stay_numbers():
    assert as_splits(pl.Series([4, 0, None])).values.to_list() == [4.0, 0.0, None]
    assert as_splits(pl.Series([0.1, 1.0])).values.to_list() == [0.1, 1.0]


@given(
    st.integers(1, 10_000), st.integers(1, 10_000), st.sampled_from([":", "/", "-for-", " for "])
)
def test_every_pair_of_whole_numbers_is_their_quotient(new, old, sign):
    assert as_splits(pl.Series([f"{new}{sign}{old}"])).values.to_list() == [new / old]
