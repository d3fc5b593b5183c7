"""What the arguments of tools are, as agents are told, and how their texts are read."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime
from typing import Annotated, Any

from pydantic import Field

from technic.market.instants import day_of, instant_of
from technic.scanner.spec.scan_file import UNIVERSES, ScanFile

LOOKED_AT = "liquid"  # the universe, where neither a preset nor the question names one
MOST_ROWS = 100

Where = Annotated[str, Field(description="Which symbols pass, e.g. rsi(14) < 30", max_length=4096)]
Universe = Annotated[
    str,
    Field(
        description="all, common, liquid, large, or a question; the preset's, or else liquid",
        max_length=4096,
    ),
]
Rank = Annotated[str, Field(description="What they are ordered by", max_length=4096)]
Preset = Annotated[str, Field(description="A preset or saved scan to begin with", max_length=64)]
Top = Annotated[
    int | None,
    Field(ge=1, le=MOST_ROWS, description="Rows; the preset's, or else 20"),
]
Day = Annotated[
    str, Field(description="A session, YYYY-MM-DD; the newest by default", max_length=10)
]
Rebalance = Annotated[
    str, Field(description="daily, weekly or monthly; the preset's, or else weekly", max_length=16)
]
Hold = Annotated[
    int | None,
    Field(ge=1, le=500, description="Names held at once; the preset's, or else 20"),
]
Instant = Annotated[
    str, Field(description="Only what was known before it, ISO 8601 with a zone", max_length=40)
]
Symbol = Annotated[str, Field(description="A ticker", max_length=24)]


class BadDateError(Exception):
    """A text that is no date."""


def read_day(text: str) -> date | None:
    """A session that was asked for; None where none was.

    Raises
    ------
    BadDateError
        If the text is no date.
    """
    try:
        return day_of(text) if text else None
    except ValueError as error:
        raise BadDateError(str(error)) from error


def read_instant(text: str) -> datetime | None:
    """An instant that was asked for, as `read_day`."""
    try:
        return instant_of(text) if text else None
    except ValueError as error:
        raise BadDateError(str(error)) from error


def changed_by(
    file: ScanFile | None, where: str, rank: str = "", universe: str = "", top: int | None = None
) -> ScanFile:
    """A scan file with what else is said; `all` says something too: nobody is left out."""
    given: dict[str, Any] = {"where": where, "rank": rank, "top": top}
    changed = {name: value for name, value in given.items() if value}
    if universe:
        changed["universe"] = UNIVERSES.get(universe, universe)
    return replace(file or ScanFile(), **changed)
