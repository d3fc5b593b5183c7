"""The ways to bring in what is missing, and what each costs: nothing is spent here.

Whole-market days and single-symbol ranges in the cheapest mix; files of days; many symbols at
once. `compare_options` lists them, the best first.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from itertools import pairwise
from typing import TypeAlias

from technic.data.ingest.request_cover import cheapest
from technic.data.providers.source import Ask, Pace, Source
from technic.errors import counted
from technic.market.sessions import NEW_YORK

FILED_AT = 11  # o'clock in New York, on the day after
WHOLE: frozenset[str | None] = frozenset({None})
Missing: TypeAlias = dict[str | None, set[date]]  # by symbol; None is the whole market
BYTES_A_DAY, BYTES_A_BAR = 450_000, 60  # of an answer, as it travels
MANY_SYMBOLS = 200  # in one request


@dataclass(frozen=True, slots=True)
class Step:
    """One ask and who is asked.

    Attributes
    ----------
    provider : name of the vendor
    calls : requests that it takes
    again : whether it was asked before, and may have changed
    """

    provider: str
    ask: Ask
    calls: int
    again: bool = False


@dataclass(frozen=True, slots=True)
class Option:
    """One way to bring in what is missing.

    Attributes
    ----------
    title : in words, for the user
    calls : requests of all steps
    minutes : that they take at the vendor's pace
    bytes : that they bring, roughly
    """

    title: str
    steps: tuple[Step, ...]
    calls: int
    minutes: float
    bytes: int


def compare_options(
    missing: Missing,
    sources: Mapping[str, Source],
    paces: Mapping[str, Pace],
    symbols: tuple[str, ...] = (),
    now: datetime | None = None,
    begin: Mapping[str, date] | None = None,
) -> list[Option]:
    """Compare the ways to bring in what is missing.

    Parameters
    ----------
    missing : sessions by symbol; under None those of the whole market
    symbols : those known to be listed, for vendors that cannot be asked for the whole market
    now : the instant it is, for vendors that publish files; None if all are there
    begin : the first session of a vendor, by name, where that is known

    Returns
    -------
    list of Option
        Those that bring most sessions first, of them the quickest, equal ones by fewer calls;
        empty if nothing is missing.
    """
    options: list[tuple[int, Option]] = []
    for name, source in sources.items():
        pace, had = paces.get(name, Pace()), _had(missing, (begin or {}).get(name))
        if not any(had.values()):
            continue
        ways = []
        if {"day", "run"} <= source.kinds:
            ways.append(_cover_option(name, had, pace))
        if "run" not in source.kinds and "day" in source.kinds and None in missing:
            ways += _file_options(name, had, sources, paces, now)
        if "many" in source.kinds:
            whole = had.get(None)
            named: Missing = had if whole is None else dict.fromkeys(symbols, whole)
            ways += [_many_option(name, named, pace, source)] if named else []
        options += [(len(set().union(*had.values())), way) for way in ways]
    options.sort(key=lambda o: (-o[0], round(o[1].minutes, 2), o[1].calls))
    return [option for _, option in options]


def _had(missing: Missing, first: date | None) -> Missing:
    """What is missing and not before a vendor's first session."""
    if first is None:
        return {symbol: days for symbol, days in missing.items() if days}
    return {s: kept for s, days in missing.items() if (kept := {d for d in days if d >= first})}


def _cover_option(name: str, missing: Missing, pace: Pace) -> Option:
    """Whole-market days and single-symbol ranges: the minimum vertex cover."""
    chosen = cheapest(missing, only_days=WHOLE)
    days = sorted((d for d in chosen.days if isinstance(d, date)), reverse=True)
    steps = [Step(name, Ask("day", d, d), 1) for d in days]
    for symbol in sorted(s for s in chosen.symbols if isinstance(s, str)):
        span = missing[symbol]
        steps.append(Step(name, Ask("run", min(span), max(span), (symbol,)), 1))
    size = len(days) * BYTES_A_DAY + sum(
        len(missing[s]) * BYTES_A_BAR for s in chosen.symbols if isinstance(s, str)
    )
    parts = [counted(len(days), "whole-market day")] if days else []
    ranges = len(steps) - len(days)
    parts += [counted(ranges, "single-symbol range")] if ranges else []
    return Option(
        f"{name}: {' + '.join(parts)}", tuple(steps), len(steps), pace.minutes(len(steps)), size
    )


def _file_options(
    name: str,
    missing: Missing,
    sources: Mapping[str, Source],
    paces: Mapping[str, Pace],
    now: datetime | None,
) -> list[Option]:
    """One file per session that is old enough; the others from a vendor that has them at once."""
    quick = next((n for n, s in sources.items() if {"day", "run"} <= s.kinds), None)
    days = sorted(missing[None], reverse=True)
    there = {d for d in days if now is None or _is_filed(d, now)}
    steps = [
        Step(vendor, Ask("day", d, d), 1)
        for d in days
        if (vendor := name if d in there else quick) is not None
    ]
    if not there:
        return []
    late = sum(step.provider != name for step in steps)
    minutes = max(paces.get(quick or name, Pace()).minutes(late), len(there) / 120.0)
    title = f"{name}: {counted(len(there), 'file')}" + (
        f" + {counted(late, 'day')} from {quick}" if late else ""
    )
    return [Option(title, tuple(steps), len(steps), minutes, len(days) * BYTES_A_DAY)]


def _is_filed(session: date, now: datetime) -> bool:
    """Files appear at 11:00 New York on the day after."""
    local = now.astimezone(NEW_YORK)
    days = (local.date() - session).days
    return days > 1 or (days == 1 and local.hour >= FILED_AT)


def _many_option(name: str, missing: Missing, pace: Pace, source: Source) -> Option:
    """Requests for many symbols at once, as few pages as their bars fill."""
    spans: dict[tuple[date, date], list[str]] = {}
    for symbol, days in missing.items():
        if symbol is not None and days:
            spans.setdefault((min(days), max(days)), []).append(symbol)
    steps = []
    for (first, last), members in sorted(spans.items(), reverse=True):
        bounds = [*range(0, len(members), MANY_SYMBOLS), len(members)]
        for a, b in pairwise(bounds):
            ask = Ask("many", first, last, tuple(sorted(members)[a:b]))
            steps.append(Step(name, ask, source.calls_for(ask)))
    calls = sum(step.calls for step in steps)
    bars = sum(len(days) for days in missing.values())
    return Option(
        f"{name}: {counted(len(missing), 'symbol')} in {counted(calls, 'page')}",
        tuple(steps),
        calls,
        pace.minutes(calls),
        bars * BYTES_A_BAR,
    )
