"""Questions that were answered before, found by what was typed: no grammar, no tables, no kernel.

A report is kept under a key of its parsed question, and only a parser can make that key. So a
*signpost* is put beside it: under a key of all that was typed, of the store's version and of every
line of code that can change an answer, it says which report that led to.

1. `signpost_key` makes the key; the same text on another version is another key.
2. `find` follows a signpost to the report, if both are whole.
3. `post` puts a signpost up once the whole way was gone.

Whoever finds nothing goes the whole way: nothing is said, mended or refused here. What is imported
here is counted by a test.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, dataclass, replace
from datetime import date, datetime
from pathlib import Path
from time import perf_counter
from typing import Any

import orjson

from technic.data.store.remote import is_remote
from technic.data.store.version import StoreVersion, read_version
from technic.errors import TechnicError
from technic.runtime.cache import TieredCache, key_of
from technic.runtime.toml_file import toml_text
from technic.scanner.manifest import seal_of
from technic.scanner.report import Report
from technic.scanner.report_cache import code_digest, unpack

SESSIONS_AHEAD = 10  # whose ends a signpost knows
UNKNOWN = TechnicError, OSError, ValueError, TypeError, KeyError, AttributeError


@dataclass(frozen=True, slots=True)
class Typed:
    """A question as it was typed, before anything of it is understood; None is not said.

    Attributes
    ----------
    file : a scan file, or a preset's name
    where, universe, rank, top, columns, symbols, as_of, known_at : what the command was given
    """

    file: str | None = None
    where: str | None = None
    universe: str | None = None
    rank: str | None = None
    top: int | None = None
    columns: str | None = None
    symbols: Sequence[str] | None = None
    as_of: str | None = None
    known_at: str | None = None


@dataclass(frozen=True, slots=True)
class KnownReport:
    """A report that was found, and how old the store is that was asked.

    Attributes
    ----------
    report : with its regime, as the whole way gives it
    last : the newest session of the store
    behind : how many sessions have ended since
    """

    report: Report
    last: date
    behind: int


def signpost_key(typed: Typed, place: str) -> str:
    """Make the key under which a signpost stands; empty if there is none for such a question.

    Parameters
    ----------
    typed : the question; a scan file that it names is read, its text is part of the key
    place : of the store, whose newest version is part of the key; one in object storage has to
        be fetched first
    """
    try:
        version = StoreVersion() if is_remote(place) else read_version(Path(place))
        if version.last is None:
            return ""
        text = None if typed.file is None else toml_text(Path(typed.file))
        return key_of(
            "signpost", code_digest(), version.content, orjson.dumps([astuple(typed), text])
        )
    except UNKNOWN:
        return ""


def find(key: str, cache: TieredCache, now: datetime, since: float) -> KnownReport | None:
    """Return the report that a signpost leads to; None if there is none that can be believed.

    Parameters
    ----------
    key : of the signpost
    cache : where both are kept; only files of this machine are looked at
    now : the clock, in UTC
    since : `perf_counter` when the question came in
    """
    understood, counts = perf_counter(), cache.counts()
    try:
        sign = orjson.loads(cache.peek(key) or b"")
        behind = sum(datetime.fromisoformat(end) <= now for end in sign["ends"])
        if behind and behind == len(sign["ends"]):  # there may be more: the calendar knows
            return None
        last = date.fromisoformat(sign["last"])
        report = unpack(cache.peek(sign["report"]) or b"", {})
        if report is None or report.manifest["seal"] != seal_of(report.manifest):
            return None
    except UNKNOWN:
        return None
    laps = understood - since, perf_counter() - understood
    timings = {"understand": 1e3 * laps[0], "found": 1e3 * laps[1]}
    work, regime = cache.since(counts), sign["regime"]
    return KnownReport(replace(report, regime=regime, timings=timings, work=work), last, behind)


def post(key: str, report: Report, version: StoreVersion, cache: TieredCache) -> None:
    """Put up a signpost to a report.

    Parameters
    ----------
    key : of the signpost, made before the report was asked for, and the same again since
    report : with its regime; one that no cache keeps gets none
    version : that was asked
    cache : where the report is kept
    """
    ends = [] if version.is_simulated else _ends_after(version)
    if key and report.kept_as and (ends or version.is_simulated):
        sign: dict[str, Any] = {
            "report": report.kept_as,
            "regime": report.regime,
            "last": str(version.last),
            "ends": [end.isoformat() for end in ends],
        }
        cache.put(key, orjson.dumps(sign))


def _ends_after(version: StoreVersion) -> list[datetime]:
    """When the sessions after a version's newest end, UTC: by them one counts how old it is."""
    from technic.market.sessions import nyse  # brings NumPy

    assert version.last is not None
    first = nyse().ordinal(version.last) + 1
    return [nyse().closes(k) for k in range(first, min(first + SESSIONS_AHEAD, len(nyse())))]
