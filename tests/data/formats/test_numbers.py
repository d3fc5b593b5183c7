"""Cells as numbers: with certainty, or not at all; and every cell is accounted for."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from technic.data.formats.numbers import as_numbers, mark_of

READ = {
    "1": 1.0,
    " 2.50 ": 2.5,
    "+3": 3.0,
    "1e5": 1e5,
    "$50.02": 50.02,
    "US$7": 7.0,
    "-$3": -3.0,
    "($12.5)": -12.5,
    "\u22124": -4.0,
    "1,671,786": 1_671_786.0,
    "1,234.5": 1_234.5,
    "1 234.5": 1_234.5,
    "2.5B": 2.5e9,
    "10 M": 1e7,
    "5k": 5_000.0,
}
UNREAD = ["4%", "€5", "12 shares", "1,23,456", "1.2.3", "--5", "0x10", "1/2", "K", "1,234", "5..0"]


@pytest.mark.parametrize(("text", "value"), READ.items())
def test_what_is_certain_is_read(text, value):
    told = as_numbers(pl.Series([text, "0.25"]))
    assert told.values.to_list() == [value, 0.25]
    assert told.unreadable == 0


@pytest.mark.parametrize("text", UNREAD)
def test_what_is_not_certain_is_counted_and_shown(text):
    told = as_numbers(pl.Series([text]))
    assert told.values.to_list() == [None]
    assert (told.unreadable, told.example) == (1, text)


@pytest.mark.parametrize("text", ["", " ", "-", "N/A", "null", "NaN", "#N/A", None])
def test_nothing_is_missing_and_not_unreadable(text):
    told = as_numbers(pl.Series(["1", text], dtype=pl.String))
    assert told.values.to_list() == [1.0, None]
    assert told.unreadable == 0


@pytest.mark.parametrize(
    ("cells", "separator", "mark"),
    [
        (["1.5", "2"], ";", "point"),
        (["1,5", "2"], ";", "comma"),
        (["1.234,50"], ";", "comma"),
        (["1,234.50"], ";", "point"),
        (["1,671,786", "303,754"], ";", "point"),
        (["1.671.786"], ";", "comma"),
        (["1,234"], ";", None),
        (["1,234"], ",", "point"),
        (["1,5", "1.5"], ";", None),
    ],
)
def test_a_file_says_its_decimal_sign_or_does_not(cells, separator, mark):
    assert mark_of([pl.Series(cells)], separator) == mark


def test_one_cell_that_proves_the_sign_explains_the_others():
    told = as_numbers(pl.Series(["1,234", "1,671,786"]))
    assert told.values.to_list() == [1_234.0, 1_671_786.0]
    told = as_numbers(pl.Series(["1.234", "12,5"]))
    assert told.values.to_list() == [1_234.0, 12.5]


@given(
    st.lists(st.floats(-1e9, 1e9).map(lambda x: round(x, 4)), min_size=1),
    st.sampled_from(["point", "comma"]),
)
def test_what_is_written_in_a_files_own_way_comes_back(numbers, mark):
    def written(number: float) -> str:
        text = f"{number:,.4f}"
        return text if mark == "point" else text.translate(str.maketrans(",.", ".,"))

    told = as_numbers(pl.Series([written(n) for n in numbers]), mark)
    assert told.values.to_list() == [float(f"{n:.4f}") for n in numbers]


@given(st.lists(st.one_of(st.none(), st.text(max_size=12))))
def test_every_cell_is_a_number_or_nothing_or_unreadable(cells):
    told = as_numbers(pl.Series(cells, dtype=pl.String))
    missing = sum(c is None or c.strip() == "" for c in cells)
    assert len(told.values) == len(cells)
    assert told.values.count() + told.unreadable <= len(cells) - missing
    assert (told.example is None) == (told.unreadable == 0)


def test_days_and_truths_are_no_numbers():
    assert as_numbers(pl.Series([True, None])).unreadable == 1
    assert as_numbers(pl.Series([1, 2])).values.to_list() == [1.0, 2.0]


@pytest.mark.parametrize("text", ["(-12.5)", "(12", "12)", "10.5 11", "1 2", "12'5", "1 23"])
def test_blanks_and_brackets_that_group_nothing_are_no_number(text):
    told = as_numbers(pl.Series([text]))
    assert (told.values.to_list(), told.unreadable) == ([None], 1)


def test_one_odd_cell_among_thousands_turns_no_comma_into_a_point():
    volumes = pl.Series(["1,234", "2,345", "10,5"])
    assert mark_of([volumes], ",") == "point"
    assert as_numbers(volumes, "point").values.to_list() == [1_234.0, 2_345.0, None]


@pytest.mark.parametrize("cells", [pl.Series([[1.0], [2.0]]), pl.Series([b"1", b"2"]), pl.Series([{"a": 1}, None])])  # fmt: skip
def test_what_no_type_of_number_holds_is_counted(cells):
    told = as_numbers(cells)
    assert told.values.null_count() == 2
    assert told.unreadable == cells.len() - cells.null_count()


def test_a_single_is_the_number_that_was_written():
    assert as_numbers(pl.Series([10.1], dtype=pl.Float32)).values.to_list() == [10.1]
