"""What a test needs of its machine."""

from __future__ import annotations

import os

import pytest

NO_REAL_DATA = "no real data at "


def lacking(message: str) -> None:
    """Something is missing here: that fails in CI, and skips elsewhere."""
    if os.environ.get("CI"):
        pytest.fail(message)
    pytest.skip(message)
