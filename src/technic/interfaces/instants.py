"""Days and instants as outsiders write them: one spelling each, and nothing guessed."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime

DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
INSTANT = re.compile(
    r"(?P<when>\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d{1,6})?)?)?)(?P<zone>Z|[+-]\d\d:\d\d)?",
    re.ASCII,
)


def day_of(text: str) -> date:
    """A day, written YYYY-MM-DD.

    Raises
    ------
    ValueError
        If it is written in any other way, or there is no such day.
    """
    try:
        if DAY.fullmatch(text):
            return date.fromisoformat(text)
    except ValueError:
        pass  # such as a 30th of February
    message = f"{text[:40]!r} is no date: write it as 2026-11-20"
    raise ValueError(message)


def instant_of(text: str) -> datetime:
    """An instant, ISO 8601 with its zone.

    Raises
    ------
    ValueError
        If it is written in any other way, names no zone, or is none in UTC.
    """
    read = INSTANT.fullmatch(text)
    if read is not None and not read["zone"]:
        full = read["when"] if len(read["when"]) > len("2026-11-20") else f"{text}T00:00:00"
        message = f"{text!r} names no zone: write one, such as {full}Z"
        raise ValueError(message)
    try:
        if read is not None:
            return datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError):
        pass  # such as a 25th hour, or the year 1 in Tokyo
    message = f"{text[:40]!r} is no instant: write it as 2026-11-20T21:00:00Z"
    raise ValueError(message)
