"""What to ask for, of whom, in which order: nothing is spent here.

1. `sessions_due` lists the sessions that are missing, and those to ask for again.
2. `compare_options` covers what is missing with the cheapest mix of calls, and compares vendors
   by time.
3. `plan_steps` puts the asks into a `SyncPlan`, newest first, so that a scan is useful early.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import pairwise
from typing import Any, TypeAlias

import polars as pl

from technic.data.ingest.request_cover import cheapest
from technic.data.providers.source import Ask, Pace, Source
from technic.data.store.rows import newest_per
from technic.errors import ConfigError
from technic.market.sessions import NEW_YORK, nyse

FILED_AT = 11  # o'clock in New York, on the day after
WHOLE: frozenset[str | None] = frozenset({None})
SETTLING = 5  # sessions in which vendors still revise a bar
CLOSE_DELAY = timedelta(minutes=15)
WEEK = timedelta(days=7)
TRIES = 6  # how often a session with rows that were set aside, or without any, is asked for
Missing: TypeAlias = dict[str | None, set[date]]  # by symbol; None is the whole market
BYTES_A_DAY, BYTES_A_BAR = 450_000, 60  # of an answer, as it travels
MANY_SYMBOLS = 200  # in one request


@dataclass(frozen=True, slots=True)
class Wish:
    """What a store should hold.

    Attributes
    ----------
    first : the first session wanted
    now : the instant it is
    symbols : the symbols wanted; None for the whole market
    today : whether the session of today is wanted once it has closed; if not, only older ones
    """

    first: date
    now: datetime
    symbols: tuple[str, ...] | None = None
    today: bool = True


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


@dataclass(frozen=True, slots=True)
class SyncPlan:
    """What a sync would do.

    Attributes
    ----------
    steps : in the order in which they are asked
    missing : sessions of which something is missing
    again : sessions that are asked for once more
    options : the ways that were compared, the chosen one first
    """

    steps: tuple[Step, ...]
    missing: int
    again: int
    options: tuple[Option, ...]

    @property
    def calls(self) -> int:
        """Requests of all steps."""
        return sum(step.calls for step in self.steps)


def sessions_between(first: date, last: date) -> list[date]:
    """Sessions from `first` to `last`, both included."""
    table = nyse()
    low = table.last_until(first - timedelta(days=1)) + 1
    return [table.day(k) for k in range(low, table.last_until(last) + 1)]


def newest_session(now: datetime, *, today: bool = True) -> date:
    """The newest session worth asking for.

    Parameters
    ----------
    today : whether the session of today counts, once it has been closed for `CLOSE_DELAY`
    """
    table = nyse()
    ordinal = table.last_finished(now - CLOSE_DELAY)
    if not today and table.day(ordinal) >= now.astimezone(NEW_YORK).date():
        ordinal -= 1
    return table.day(ordinal)


def is_final(session: date, at: datetime) -> bool:
    """Whether a session's bars were final at an instant."""
    return nyse().final(nyse().ordinal(session)) <= at


def sessions_due(asked: pl.DataFrame, wish: Wish) -> tuple[list[date], list[date]]:
    """List the sessions of the whole market that are missing, and those to ask for again.

    A session is asked for when it is there, again the session after, and again when
    `SETTLING` sessions have passed; before it was final, or with rows set aside, more often.

    Parameters
    ----------
    asked : rows of the `asked` table

    Returns
    -------
    missing, repeats : list of date
        Both ascending.
    """
    wanted = sessions_between(wish.first, newest_session(wish.now, today=wish.today))
    whole = asked.filter(pl.col("kind") == "day")
    last_asked = newest_per(whole.lazy(), "first").collect()
    last = {row["first"]: row for row in last_asked.iter_rows(named=True)}
    times: dict[date, int] = dict(whole.group_by("first").len().iter_rows())
    newest = nyse().last_final(wish.now)
    missing, repeats = [], []
    for session in wanted:
        row = last.get(session)
        if row is None or row["provider"] == "repair":
            missing.append(session)
            continue
        if _is_due_again(session, row, newest, times[session]):
            repeats.append(session)
    return missing, repeats


def _is_due_again(session: date, row: Mapping[str, Any], newest: int, times: int) -> bool:
    """Whether a session is asked for once more, by what was last asked of it.

    Parameters
    ----------
    newest : ordinal of the newest session that is final
    times : how often it was asked for
    """
    age = newest - nyse().ordinal(session)
    age_then = nyse().last_final(row["known_at"]) - nyse().ordinal(session)
    return (
        (age >= 0 and not row["settled"])
        or (age_then <= 0 < age)
        or (age_then < SETTLING <= age)
        or (times < TRIES and (row["bad"] or not row["rows"]) and age > age_then)
    )


def missing_by_symbol(asked: pl.DataFrame, wish: Wish) -> dict[str, set[date]]:
    """Sessions that are missing of each symbol wanted; symbols that miss none are left out."""
    wanted = set(sessions_between(wish.first, newest_session(wish.now, today=wish.today)))
    voided = asked.filter(pl.col("provider") == "repair")["known_at"].max()
    settled = asked.filter(pl.col("settled"))
    if voided is not None:
        settled = settled.filter(pl.col("known_at") > voided)
    whole = set(settled.filter(pl.col("kind") == "day")["first"])
    missing = dict.fromkeys(wish.symbols or (), wanted - whole)
    runs = settled.filter(pl.col("kind").is_in(["run", "many"]))
    for symbol, first, last in runs.select("symbol", "first", "last").iter_rows():
        if symbol in missing:
            missing[symbol] = {d for d in missing[symbol] if not first <= d <= last}
    return {symbol: days for symbol, days in missing.items() if days}


def plan_steps(
    asked: pl.DataFrame,
    wish: Wish,
    sources: Mapping[str, Source],
    paces: Mapping[str, Pace],
    symbols: Iterable[str] = (),
) -> SyncPlan:
    """Plan everything to ask for.

    Parameters
    ----------
    asked : rows of the `asked` table
    sources, paces : vendors by name, and how fast each may be asked
    symbols : those known to be listed, for vendors that must be told

    Raises
    ------
    ConfigError
        If no vendor has the whole market and no symbol is known.
    """
    steps = _reference(asked, wish, sources)
    if wish.symbols is None and any("day" in s.kinds for s in sources.values()):
        missing, due_again = sessions_due(asked, wish)
        options = compare_options({None: set(missing)}, sources, paces, tuple(symbols), wish.now)
        whole = [n for n, s in sources.items() if "day" in s.kinds]
        name = next((n for n in whole if "run" in sources[n].kinds), whole[0])  # not of files
        repeats = [Step(name, Ask("day", d, d), 1, again=True) for d in reversed(due_again)]
        fresh = options[0].steps if options else ()
        # The newest session first: then a scan is good. Revisions next, history last.
        steps = [*steps, *fresh[:1], *repeats, *fresh[1:]]
        return SyncPlan(tuple(steps), len(missing), len(due_again), tuple(options))
    wanted = wish.symbols if wish.symbols is not None else tuple(symbols)
    if not wanted:
        raise ConfigError(
            f"{', '.join(sources)}: cannot say who is listed, and the store does not know either; "
            "name symbols with --symbols, or add massive to the providers"
        )
    holes = missing_by_symbol(asked, Wish(wish.first, wish.now, wanted, wish.today))
    options = compare_options(dict(holes.items()), sources, paces)
    fresh = options[0].steps if options else ()
    n_missing = len(set().union(*holes.values())) if holes else 0
    return SyncPlan((*steps, *fresh), n_missing, 0, tuple(options))


def plural(count: int, word: str) -> str:
    """A number and its word.

    Examples
    --------
    >>> plural(1, "call"), plural(1200, "call")
    ('1 call', '1,200 calls')
    """
    return f"{count:,} {word}" + ("" if count == 1 else "s")


def compare_options(
    missing: Missing,
    sources: Mapping[str, Source],
    paces: Mapping[str, Pace],
    symbols: tuple[str, ...] = (),
    now: datetime | None = None,
) -> list[Option]:
    """Compare the ways to bring in what is missing.

    Parameters
    ----------
    missing : sessions by symbol; under None those of the whole market
    symbols : those known to be listed, for vendors that cannot be asked for the whole market
    now : the instant it is, for vendors that publish files; None if all are there

    Returns
    -------
    list of Option
        The quickest first, equal ones by fewer calls; empty if nothing is missing.
    """
    if not any(missing.values()):
        return []
    options = []
    for name, source in sources.items():
        pace = paces.get(name, Pace())
        if {"day", "run"} <= source.kinds:
            options.append(_cover_option(name, missing, pace))
        if "run" not in source.kinds and "day" in source.kinds and None in missing:
            options += _file_options(name, missing, sources, paces, now)
        if "many" in source.kinds:
            named: Missing = missing
            if None in missing:
                named = dict.fromkeys(symbols, missing[None])
            if named:
                options.append(_many_option(name, named, pace, source))
    return sorted(options, key=lambda o: (round(o.minutes, 2), o.calls))


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
    parts = [plural(len(days), "whole-market day")] if days else []
    ranges = len(steps) - len(days)
    parts += [plural(ranges, "single-symbol range")] if ranges else []
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
    title = f"{name}: {len(there)} files" + (f" + {late} days from {quick}" if late else "")
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
        f"{name}: {plural(len(missing), 'symbol')} in {plural(calls, 'page')}",
        tuple(steps),
        calls,
        pace.minutes(calls),
        bars * BYTES_A_BAR,
    )


def _reference(asked: pl.DataFrame, wish: Wish, sources: Mapping[str, Source]) -> list[Step]:
    """Listings, splits and dividends: everything once, then what changed."""
    newest = newest_session(wish.now, today=wish.today)
    last = {
        kind: (at, day)
        for kind, at, day in asked.group_by("kind")
        .agg(pl.col("known_at").max(), pl.col("last").max())
        .iter_rows()
    }
    steps = []
    for kind in ("splits", "dividends"):
        name = next((n for n, s in sources.items() if kind in s.kinds), None)
        before = last.get(kind)
        if name is None or (before is not None and before[1] >= newest):
            continue
        first = wish.first if before is None else before[1] - timedelta(days=10)
        steps.append(Step(name, Ask(kind, min(first, newest), newest), 1))
    name = next((n for n, s in sources.items() if "tickers" in s.kinds), None)
    if name is None:
        return steps
    full, changed = last.get("listings"), last.get("changes")
    if wish.symbols is None and (full is None or wish.now - full[0] >= WEEK):
        asks = [Ask("tickers"), Ask("tickers", active=False)]
        if full is None:
            asks.append(Ask("tickers", on=wish.first))
        steps = [*(Step(name, ask, sources[name].calls_for(ask)) for ask in asks), *steps]
    elif all(before is None or before[1] < newest for before in (changed, full)):
        steps = [Step(name, Ask("tickers", newest=True), 1), *steps]
    return steps
