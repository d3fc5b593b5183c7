"""What an error says, in one line."""

from __future__ import annotations

import pytest

from technic.errors import StoreError, first_line


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (StoreError("no store\nat all"), "no store"),
        (OSError(28, "No space left"), "[Errno 28] No space left"),
        (TimeoutError(), "TimeoutError"),
        (ValueError("\n \n"), "ValueError"),
        (RuntimeError("\n  the second"), "the second"),
    ],
)
def test_the_first_line_of_an_error_is_never_empty(error, line):
    assert first_line(error) == line
