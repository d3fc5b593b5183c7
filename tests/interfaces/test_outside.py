"""Strangers read what is wrong, in one line, and never where our files lie."""

from __future__ import annotations

from pathlib import PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from technic.errors import QuestionError, StoreError
from technic.interfaces.outside import LONGEST, outside, without_folders

NAMES = st.text(st.sampled_from("abcXYZ019._-"), min_size=1, max_size=8).filter(
    lambda name: name.strip(".")
)
PATHS = st.lists(NAMES, min_size=2, max_size=5).map(lambda parts: "/" + "/".join(parts))


@given(PATHS, PATHS)
def test_of_a_path_nothing_but_its_last_name_is_told(first, second):
    told = outside(StoreError(f"{first}: cannot be read, nor can {second}; restore it"))
    names = PurePosixPath(first).name, PurePosixPath(second).name
    assert told == f"{names[0]}: cannot be read, nor can {names[1]}; restore it"


def test_a_folder_with_blanks_that_begins_a_message_is_left_out():
    assert outside(StoreError("/home/a b/my stores/demo: is empty")) == "demo: is empty"


@pytest.mark.parametrize("text", ["close / open", "2026/11/20", "and/or", "a: b/c", "1 / 2 / 3"])
def test_what_is_no_path_is_left_as_it_is(text):
    assert without_folders(text) == text


def test_an_error_of_many_lines_is_one():
    told = outside(QuestionError("no such name", text="cl0se > 1", start=0, hint="close"))
    assert told == "question:1:1  no such name"


def test_what_is_endless_is_cut():
    assert len(outside(StoreError("x" * 10_000))) == LONGEST + 1
