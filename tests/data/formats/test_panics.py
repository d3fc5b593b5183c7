"""A damaged file is one clear line, also where the native code that reads it gives up."""

from __future__ import annotations

import io
import os
import random

import polars as pl
import pytest

from technic.data.formats.bar_file import FileHints
from technic.data.formats.bars import read_bars
from technic.data.formats.panics import panics_as_errors
from technic.errors import TechnicError

LAYOUTS = [
    {"compression": "uncompressed"},
    {"compression": "zstd", "row_group_size": 7},
    {"compression": "snappy", "statistics": False},
]


def test_a_panic_is_an_error_of_one_line_and_its_report_is_not_shown(capfd):
    with (
        pytest.raises(pl.exceptions.ComputeError, match=r"^left is not right$"),
        panics_as_errors(),
    ):
        os.write(2, b"a line of the log\n\nthread 'x' panicked at y:\nleft is not right\n")
        raise pl.exceptions.PanicException("left is not right\nstack backtrace")
    assert capfd.readouterr().err == "a line of the log\n"


def test_what_is_written_meanwhile_is_passed_on(capfd):
    with panics_as_errors():
        os.write(2, b"a line of the log\n")
    with pytest.raises(KeyError), panics_as_errors():
        os.write(2, b"another\n")
        raise KeyError
    assert capfd.readouterr().err == "a line of the log\nanother\n"


@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda layout: layout["compression"])
def test_flipped_bytes_of_a_parquet_file_are_read_or_refused(layout, tmp_path, capfd):
    rng = random.Random(5)
    days = pl.date_range(pl.date(2024, 1, 2), pl.date(2024, 1, 31), "1d", eager=True)
    days = days.filter(days.dt.weekday() <= 5)
    table = pl.DataFrame({"symbol": "ACME", "date": days}).with_columns(
        open=10.0, high=11.0, low=9.0, close=pl.int_range(pl.len()) * 0.01 + 10.0, volume=1000
    )
    buffer = io.BytesIO()
    table.write_parquet(buffer, **layout)
    whole = buffer.getvalue()
    path, refused = tmp_path / "bars.parquet", 0
    for _ in range(150):
        flipped = bytearray(whole)
        for _ in range(rng.randint(1, 3)):
            flipped[rng.randrange(len(flipped))] ^= 1 << rng.randrange(8)
        path.write_bytes(bytes(flipped))
        try:
            read_bars(path, FileHints())
        except TechnicError as error:
            assert "\n" not in str(error)
            refused += 1
    assert 20 < refused < 150
    assert capfd.readouterr().err == ""
