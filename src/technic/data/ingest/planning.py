"""What to ask for, of whom, in which order: nothing is spent here.

1. `sessions_due` lists the sessions that are missing, and those to ask for again.
2. `ways.compare_options` covers what is missing with the cheapest mix of calls, and compares
   vendors by time; sessions before a vendor's history are not asked of it (`beginnings`).
3. `plan_steps` puts the asks into a `SyncPlan`, newest first, so that a scan is useful early.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Any

import polars as pl

from technic.data.ingest.beginnings import Beginning, beginnings, other_marks
from technic.data.ingest.ways import Option, Step, compare_options
from technic.data.providers.source import Ask, Pace, Source
from technic.data.store.rows import newest_per
from technic.errors import ConfigError
from technic.market.sessions import NEW_YORK, nyse

SETTLING = 5  # sessions in which vendors still revise a bar
CLOSE_DELAY = timedelta(minutes=15)
WEEK = timedelta(days=7)
TRIES = 6  # how often a session with rows that were set aside, or without any, is asked for
BARS = frozenset({"day", "run", "many"})  # kinds of asks


@dataclass(frozen=True, slots=True)
class Wish:
    """What a store should hold.

    Attributes
    ----------
    first : the first session wanted
    now : the instant it is
    symbols : the symbols wanted; None for the whole market
    today : whether the session of today is wanted once it has closed; if not, only older ones
    older : whether to ask once more what lies before the vendors' histories
    """

    first: date
    now: datetime
    symbols: tuple[str, ...] | None = None
    today: bool = True
    older: bool = False


@dataclass(frozen=True, slots=True)
class SyncPlan:
    """What a sync would do.

    Attributes
    ----------
    steps : in the order in which they are asked
    missing : sessions of which something is missing
    again : sessions that are asked for once more
    options : the ways that were compared, the chosen one first
    minutes : that all steps take at the vendors' paces
    before : where the history of a vendor begins, if sessions before that were wanted
    spared : how many such sessions are not asked for
    may_end : whether history may turn out to begin later than is asked for: then fewer calls are
        made, never more
    """

    steps: tuple[Step, ...]
    missing: int
    again: int
    options: tuple[Option, ...]
    minutes: float = 0.0
    before: Mapping[str, Beginning] = field(default_factory=dict)
    spared: int = 0
    may_end: bool = False

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


def sessions_due(
    asked: pl.DataFrame, wish: Wish, floor: date | None = None
) -> tuple[list[date], list[date]]:
    """List the sessions of the whole market that are missing, and those to ask for again.

    A session is asked for when it is there, again the session after, and again when
    `SETTLING` sessions have passed; before it was final, or with rows set aside, more often.

    Parameters
    ----------
    asked : rows of the `asked` table
    floor : no session before it is asked for; None for all that are wanted

    Returns
    -------
    missing, repeats : list of date
        Both ascending.
    """
    first = max(wish.first, floor or wish.first)
    wanted = sessions_between(first, newest_session(wish.now, today=wish.today))
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


def missing_by_symbol(
    asked: pl.DataFrame, wish: Wish, floor: date | None = None
) -> dict[str, set[date]]:
    """Sessions that are missing of each symbol wanted; symbols that miss none are left out.

    Parameters
    ----------
    asked : rows of the `asked` table
    floor : no session before it is asked for; None for all that are wanted
    """
    first = max(wish.first, floor or wish.first)
    wanted = set(sessions_between(first, newest_session(wish.now, today=wish.today)))
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
    marks: Mapping[str, str] | None = None,
) -> SyncPlan:
    """Plan everything to ask for.

    Parameters
    ----------
    asked : rows of the `asked` table
    sources, paces : vendors by name, and how fast each may be asked
    symbols : those known to be listed, for vendors that must be told
    marks : digests of keys and plans by vendor; with another one than before, what lies before
        its history is asked for once more

    Raises
    ------
    ConfigError
        If no vendor has the whole market and no symbol is known.
    """
    known = {
        name: beginning
        for name, beginning in beginnings(asked).items()
        if name in sources and beginning.first > wish.first
    }
    if wish.symbols is None and any("day" in s.kinds for s in sources.values()):
        others = other_marks(asked, marks or {})
        doubted = {n for n, b in known.items() if wish.older or n in others or b.is_due(wish.now)}
        return _plan_market(asked, wish, sources, paces, tuple(symbols), (known, doubted))
    steps = _reference(asked, wish, sources)
    wanted = wish.symbols if wish.symbols is not None else tuple(symbols)
    if not wanted:
        raise ConfigError(
            f"{', '.join(sources)}: cannot say who is listed, and the store does not know either; "
            "name symbols with --symbols, or add massive to the providers"
        )
    floor = _floor(known, [n for n, s in sources.items() if s.kinds & BARS])
    holes = missing_by_symbol(asked, replace(wish, symbols=wanted), floor)
    begin = {name: beginning.first for name, beginning in known.items()}
    options = compare_options(dict(holes.items()), sources, paces, begin=begin)
    fresh = options[0].steps if options else ()
    n_missing = len(set().union(*holes.values())) if holes else 0
    every = (*steps, *fresh)
    return SyncPlan(
        every, n_missing, 0, tuple(options), _minutes(every, paces), *_spared(known, floor, wish)
    )


def _plan_market(
    asked: pl.DataFrame,
    wish: Wish,
    sources: Mapping[str, Source],
    paces: Mapping[str, Pace],
    symbols: tuple[str, ...],
    ends: tuple[Mapping[str, Beginning], Collection[str]],
) -> SyncPlan:
    """The plan for a store of the whole market; `ends` says where the vendors' histories begin,
    and of which of them that is asked for once more.
    """
    known, doubted = ends
    whole = [n for n, s in sources.items() if "day" in s.kinds]
    floor = _floor(known, whole)
    missing, due_again = sessions_due(asked, wish, floor)
    begin = {name: beginning.first for name, beginning in known.items()}
    options = compare_options({None: set(missing)}, sources, paces, symbols, wish.now, begin)
    name = next((n for n in whole if "run" in sources[n].kinds), whole[0])  # not of files
    again = dict.fromkeys(reversed(due_again), name)
    for vendor in doubted:
        proof = known[vendor].proof
        again |= {d: vendor for d in proof if d >= wish.first and d not in missing}
    repeats = [Step(vendor, Ask("day", d, d), 1, again=True) for d, vendor in again.items()]
    fresh = options[0].steps if options else ()
    # The newest session first: then a scan is good. Revisions next, history last.
    steps = (*_reference(asked, wish, sources), *fresh[:1], *repeats, *fresh[1:])
    has_bars = asked.filter(pl.col("kind") == "day", pl.col("rows") > 0)["first"].to_list()
    return SyncPlan(
        steps,
        len(missing),
        len(repeats),
        tuple(options),
        _minutes(steps, paces),
        *_spared(known, floor, wish),
        may_end=bool(missing) and min(missing) < min(has_bars, default=date.max),
    )


def _floor(known: Mapping[str, Beginning], names: Sequence[str]) -> date | None:
    """The oldest session that any of some vendors has; None where that is not known of all."""
    if not names or not all(name in known for name in names):
        return None
    return min(known[name].first for name in names)


def _spared(
    known: Mapping[str, Beginning], floor: date | None, wish: Wish
) -> tuple[Mapping[str, Beginning], int]:
    """Where histories begin, and how many wanted sessions no vendor has."""
    if floor is None:
        return known, 0
    return known, len(sessions_between(wish.first, floor - timedelta(days=1)))


def _minutes(steps: Iterable[Step], paces: Mapping[str, Pace]) -> float:
    """How long all steps take, vendor by vendor."""
    calls: dict[str, int] = {}
    for step in steps:
        calls[step.provider] = calls.get(step.provider, 0) + step.calls
    return sum(paces.get(name, Pace()).minutes(count) for name, count in calls.items())


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
        told = dict(newest_per(asked.lazy(), "kind").collect().select("kind", "rows").iter_rows())
        counts = [told.get("listings"), told.get("ended"), told.get("listings")]
        pages = [sources[name].calls_for(a, n) for a, n in zip(asks, counts, strict=False)]
        steps = [*(Step(name, a, n) for a, n in zip(asks, pages, strict=True)), *steps]
    elif all(before is None or before[1] < newest for before in (changed, full)):
        steps = [Step(name, Ask("tickers", newest=True), 1), *steps]
    return steps
