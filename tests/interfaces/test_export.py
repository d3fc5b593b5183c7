"""What leaves as CSV is run by no spreadsheet; numbers stay numbers."""

from __future__ import annotations

import csv
import io

import polars as pl
import pytest

from technic.errors import printable
from technic.interfaces.render.export import harmless, safe_csv

STARTS = [
    "",
    " ",
    "   ",
    "\t",
    "\r",
    "\n",
    "\r\n",
    "\0",
    "\x0b",
    "\xa0",
    "\u200b",
    "\ufeff",
    "\u202e",
]
SIGNS = ["=", "+", "-", "@", "＝", "＋", "－", "＠"]


@pytest.mark.parametrize("sign", SIGNS)
@pytest.mark.parametrize("start", STARTS, ids=repr)
def test_a_text_that_begins_like_a_formula_is_quoted_whatever_stands_before_it(start, sign):
    text = f"{start}{sign}cmd|' /C calc'!A0"
    assert harmless(text) == f"'{text}"
    written = safe_csv(pl.DataFrame({"name": [text], sign: [1.0]})).decode()
    head, row = csv.reader(io.StringIO(written, newline=""))
    assert row[0] == f"'{printable(text)}"
    assert head == ["name", f"'{sign}"]


@pytest.mark.parametrize("text", ["", "A", "Smith-Jones", "1=1", "a@b", "Ω", " a", "'=1"])
def test_other_texts_are_left_as_they_are(text):
    assert harmless(text) == text


def test_numbers_stay_numbers_and_unknown_stays_empty():
    table = pl.DataFrame({"x": [-1.5, None], "n": [-3, 4], "t": [None, "-"]})
    assert safe_csv(table).decode() == "x,n,t\n-1.5,-3,\n,4,'-\n"
