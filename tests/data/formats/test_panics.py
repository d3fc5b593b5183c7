"""A damaged file is one clear line, also where the native code that reads it gives up."""

from __future__ import annotations

import os

import polars as pl
import pytest

from technic.data.formats.panics import panics_as_errors


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
