"""A damaged file may make the native code of Polars panic: an error like others, told in one line.

A panic is no `Exception`, and its native code writes a report of its own to standard error.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from tempfile import TemporaryFile

import polars as pl

from technic.errors import first_line

STANDARD_ERROR = 2
REPORT = b"panicked at"  # stands in the first line of what native code writes


@contextmanager
def panics_as_errors() -> Iterator[None]:
    """Read what somebody brings: a panic becomes an error of Polars.

    What is written to standard error meanwhile comes behind the work; the report of a panic does
    not.

    Raises
    ------
    polars.exceptions.ComputeError
        Where native code panicked.
    """
    with TemporaryFile() as aside:
        kept = os.dup(STANDARD_ERROR)
        os.dup2(aside.fileno(), STANDARD_ERROR)
        panicked = False
        try:
            yield
        except pl.exceptions.PanicException as error:
            panicked = True
            raise pl.exceptions.ComputeError(first_line(error)) from None
        finally:
            os.dup2(kept, STANDARD_ERROR)
            os.close(kept)
            aside.seek(0)
            _pass_on(aside.read(), panicked=panicked)


def _pass_on(written: bytes, *, panicked: bool) -> None:
    if panicked:
        lines = written.splitlines(keepends=True)
        reports = [k for k, line in enumerate(lines) if REPORT in line]
        before = b"".join(lines[: reports[0]] if reports else lines).rstrip(b"\n")
        written = before + b"\n" if before else b""
    if written:
        os.write(STANDARD_ERROR, written)
