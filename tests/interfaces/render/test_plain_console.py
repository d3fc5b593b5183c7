"""Tables in terminals of any width: a number is shown whole, or not at all."""

from __future__ import annotations

import io

import pytest
from rich.text import Text

from technic.interfaces.render.plain_console import PlainConsole, WholeTable

HEADERS = ("#", "symbol", "name", "price", "size")
ROWS = [
    ("1", "ACME", "Acme Anvils", "1587.90", "1,291"),
    ("12", "BRK.B", "A longer name", "16.61", "8"),
]


def shown(width, first=("name",)):
    table = WholeTable(first=first, box=None, pad_edge=False, padding=(0, 1, 0, 0))
    for header in HEADERS:
        table.add_column(header, justify="left" if header == "name" else "right", no_wrap=True)
    for row in ROWS:
        table.add_row(*map(Text, row))
    stream = io.StringIO()
    PlainConsole(file=stream, width=width).print(table)
    return stream.getvalue()


@pytest.mark.parametrize("width", range(8, 60))
def test_no_number_is_cut(width):
    lines = shown(width).splitlines()
    for line, row in zip(lines[1:3], ROWS, strict=True):
        words = [word for word in line.split() if word[0].isdigit()]
        assert set(words) <= set(row)


def test_what_is_left_out_is_named_and_goes_in_its_order():
    assert "No room" not in shown(50)
    assert "No room for name: widen the terminal." in " ".join(shown(36).split())
    assert "No room for name, size" in " ".join(shown(20).split())
    narrow = " ".join(shown(12).split())
    assert "No room for name, size, price" in narrow


def test_a_table_that_was_narrow_once_has_all_its_columns_in_a_wider_terminal():
    table = WholeTable(first=("name",), box=None)
    for header in HEADERS:
        table.add_column(header, no_wrap=True)
    table.add_row(*ROWS[0])
    for width, is_there in ((20, False), (80, True)):
        stream = io.StringIO()
        PlainConsole(file=stream, width=width).print(table)
        assert ("1,291" in stream.getvalue()) == is_there
