"""The clock of the machine, and what is stored: what comes in later counts, whatever it says."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

CLOCK_SLACK = timedelta(minutes=1)  # by which clocks of machines may differ


def after_newest(newest: datetime | None, clock: datetime) -> datetime:
    """What the clock says, or right after the newest that is stored; None if nothing is."""
    return clock if newest is None else max(clock, newest + timedelta(microseconds=1))


def note_on_clock(newest: datetime | None, clock: datetime, folder: Path) -> str:
    """What is to be said of a clock that is behind the newest that is stored; empty if it is not."""
    if newest is None or newest <= clock + CLOCK_SLACK:
        return ""
    return (
        f"this machine's clock says {clock:%Y-%m-%d %H:%M} UTC, and {folder} knows of "
        f"{newest:%Y-%m-%d %H:%M} already: the clock is behind, or was once ahead. What comes in "
        "now is dated after it; technic doctor names the rows"
    )
