"""Days and instants as outsiders say them: one spelling each, and nothing guessed.

Whoever refuses one says whose it is, in front of the words from here: `known_at: …`.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, tzinfo
from typing import Any

PYTHON = "datetime(2026, 11, 20, 21, tzinfo=UTC)"
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


def instant_of(text: str, zone: tzinfo | None = None) -> datetime:
    """An instant, ISO 8601 with its zone; in UTC.

    Parameters
    ----------
    zone : of what names none, at a terminal; None where that is refused

    Raises
    ------
    ValueError
        If it is written in any other way, names no zone, or is none in UTC.
    """
    read = INSTANT.fullmatch(text)
    if read is not None and not read["zone"] and zone is None:
        raise ValueError(_zoneless(text))
    try:
        if read is not None:
            instant = datetime.fromisoformat(text)
            return (instant if read["zone"] else instant.replace(tzinfo=zone)).astimezone(UTC)
    except (ValueError, OverflowError):
        pass  # such as a 25th hour, or the year 1 in Tokyo
    raise ValueError(_no_instant(text, "2026-11-20T21:00:00Z"))


def instant_given(value: Any) -> datetime:
    """An instant that is given in Python, a datetime with its zone; in UTC.

    Raises
    ------
    ValueError
        If it is anything else, has no zone, or is none in UTC.

    Examples
    --------
    >>> instant_given(datetime(2026, 11, 20, 21))
    Traceback (most recent call last):
    ValueError: '2026-11-20T21:00:00' names no zone: write one, such as 2026-11-20T21:00:00Z
    """
    if not isinstance(value, datetime):
        raise ValueError(_no_instant(value, PYTHON))  # noqa: TRY004 -- as of a text that is none
    if value.utcoffset() is None:
        raise ValueError(_zoneless(value.isoformat()))
    try:
        return value.astimezone(UTC)
    except OverflowError:
        raise ValueError(_no_instant(value.isoformat(), PYTHON)) from None


def _no_instant(value: Any, form: str) -> str:
    said = value[:40] if isinstance(value, str) else value
    return f"{said!r:.60} is no instant: write it as {form}"


def _zoneless(text: str) -> str:
    full = text if len(text) > len("2026-11-20") else f"{text}T00:00:00"
    return f"{text!r} names no zone: write one, such as {full}Z"
