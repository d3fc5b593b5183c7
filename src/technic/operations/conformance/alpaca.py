"""What Alpaca is asked, and what `data.providers.alpaca` and the simulated vendor assume."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta
from itertools import pairwise
from typing import Any

from technic.data.providers.alpaca import request_of
from technic.data.providers.source import Ask
from technic.market.sessions import NEW_YORK, nyse
from technic.operations.conformance.table import (
    Assumption,
    Known,
    Path,
    Reply,
    Table,
    UnsaidError,
    VendorQuestion,
    first_of,
    shown,
)

FEW = 5  # bars of a page
SPAN = 9  # sessions before the one asked for
NUMBER = (int, float)
BARS = ("bars", "more bars")
ACTIONS = ("splits", "dividends")
ERRORS = {"no key": {401, 403}, "a day that is none": {400, 422}}
ASIDE = "such rows are set aside"


def _bars(known: Known) -> Path | None:
    if not known.symbols:
        return None
    first = nyse().day(nyse().ordinal(known.session) - SPAN)
    path, params = request_of(Ask("many", first, known.session, known.symbols[:2]))
    return path, {**params, "limit": f"{FEW}"}


def _more_bars(known: Known) -> Path | None:
    bars, path = known.replies.get("bars"), _bars(known)
    token = bars.get("next_page_token") if bars else None
    return (path[0], {**path[1], "page_token": token}) if path and isinstance(token, str) else None


def _actions(kind: str, days: int) -> Callable[[Known], Path]:
    return lambda known: request_of(Ask(kind, known.session - timedelta(days=days), known.session))


def _bad_day(known: Known) -> Path:
    path, params = request_of(Ask("many", known.session, known.session, ("SPY",)))
    return path, {**params, "start": "not-a-day"}


QUESTIONS = (
    VendorQuestion("bars", _bars),
    VendorQuestion("more bars", _more_bars),
    VendorQuestion("splits", _actions("splits", 200)),
    VendorQuestion("dividends", _actions("dividends", 20)),
    VendorQuestion("no key", _bars, keyless=True, wrong=True),
    VendorQuestion("a day that is none", _bad_day, wrong=True),
)


def _of(reply: Reply, name: str) -> list[tuple[str, dict[str, Any]]]:
    """Rows of an answer that groups them, with the group's name.

    Raises
    ------
    UnsaidError
        If there is none.
    """
    groups = reply.get(name)
    if not isinstance(groups, dict):
        return []
    return [
        (group, row)
        for group, rows in groups.items()
        if isinstance(rows, list)
        for row in rows
        if isinstance(row, dict)
    ]


def _every(replies: Sequence[Reply], name: str) -> list[tuple[str, dict[str, Any]]]:
    rows = [row for reply in replies for row in _of(reply, name)]
    if not rows:
        raise UnsaidError("no rows in the answers")
    return rows


def _shape(name: str) -> Callable[[Sequence[Reply], Known], str | None]:
    def seen(replies: Sequence[Reply], _known: Known) -> str | None:
        wrong = [r for r in replies if not isinstance(r.get(name), dict)]
        return first_of([f"{name} = {shown(r.get(name))} in {r.question}" for r in wrong])

    return seen


def _token(replies: Sequence[Reply], _known: Known) -> str | None:
    """It is always there: a text while more follows, null on the last page."""
    wrong = [
        r
        for r in replies
        if "next_page_token" not in r.content
        or not isinstance(r.get("next_page_token"), str | None)
    ]
    return first_of(
        [f"next_page_token = {shown(r.content.get('next_page_token', '(none)'))}" for r in wrong]
    )


def _fields(name: str, *fields: str) -> Callable[[Sequence[Reply], Known], str | None]:
    def seen(replies: Sequence[Reply], _known: Known) -> str | None:
        rows = _every(replies, name)
        missing = {f: sum(row.get(f) is None for _, row in rows) for f in fields}
        return first_of([f"no {f} in {n:,} of {len(rows):,} rows" for f, n in missing.items() if n])

    return seen


def _numbers(name: str, *fields: str) -> Callable[[Sequence[Reply], Known], str | None]:
    def seen(replies: Sequence[Reply], _known: Known) -> str | None:
        wrong = {
            f: f"{f} = {shown(row[f])}"
            for _, row in _every(replies, name)
            for f in fields
            if row.get(f) is not None and type(row[f]) not in NUMBER
        }
        return first_of(list(wrong.values()))

    return seen


def _stamps(replies: Sequence[Reply], known: Known) -> str | None:
    first = nyse().day(nyse().ordinal(known.session) - SPAN)
    wrong = []
    for _, row in _every(replies, "bars"):
        on = _session(row.get("t"))
        if on is None or not first <= on <= known.session:
            wrong.append(f"t = {shown(row.get('t'))} of {first} to {known.session}")
    return first_of(wrong)


def _session(stamp: Any) -> date | None:
    """The session of an instant that has a zone; None if it is of none."""
    try:
        at = datetime.fromisoformat(stamp)
    except (TypeError, ValueError):
        return None
    if at.tzinfo is None:
        return None
    on = at.astimezone(NEW_YORK).date()
    return on if nyse().day(nyse().last_until(on)) == on else None


def _ordered(replies: Sequence[Reply], _known: Known) -> str | None:
    """By symbol, then by time, over all pages."""
    keys = [(symbol, str(row.get("t"))) for symbol, row in _every(replies, "bars")]
    wrong = [(a, b) for a, b in pairwise(keys) if not a < b]
    return first_of([f"{' '.join(b)} after {' '.join(a)}" for a, b in wrong])


def _page_size(replies: Sequence[Reply], _known: Known) -> str | None:
    counts = [(r, len(_of(r, "bars"))) for r in replies if r.get("next_page_token")]
    if not counts:
        raise UnsaidError("everything is on one page")
    return first_of(
        [f"{n:,} bars where {FEW} were asked for, in {r.question}" for r, n in counts if n != FEW]
    )


def _errors(replies: Sequence[Reply], _known: Known) -> str | None:
    wrong = [r for r in replies if r.status not in ERRORS[r.question]]
    return first_of([f"HTTP {r.status} to {r.question}" for r in wrong])


def _words(replies: Sequence[Reply], _known: Known) -> str | None:
    wrong = [r for r in replies if not (r.get("message") or r.get("error"))]
    return first_of([f"{shown(r.body[:40].decode('latin-1'))} to {r.question}" for r in wrong])


REFUSED = "every such answer is refused as broken, and asked for again"
ASSUMPTIONS = (
    Assumption("bars are grouped by symbol", BARS, REFUSED, _shape("bars")),
    Assumption("every page says whether another follows", (*BARS, *ACTIONS), REFUSED, _token),
    Assumption(
        "bars tell open, high, low, close, volume, vwap and stamp",
        BARS,
        ASIDE,
        _fields("bars", "o", "h", "l", "c", "v", "vw", "t"),
    ),
    Assumption(
        "prices and volumes of bars are numbers",
        BARS,
        ASIDE,
        _numbers("bars", "o", "h", "l", "c", "v", "vw"),
    ),
    Assumption(
        "stamps are instants with a zone, of the sessions asked for",
        BARS,
        "every bar is set aside as another day's",
        _stamps,
    ),
    Assumption(
        "bars come by symbol, then by time, over all pages", BARS, "pages are refused", _ordered
    ),
    Assumption(
        "a page has as many bars as were asked for", BARS, "more calls than a plan says", _page_size
    ),
    Assumption(
        "splits and dividends are grouped by kind", ACTIONS, REFUSED, _shape("corporate_actions")
    ),
    Assumption(
        "splits tell symbol, day and both numbers",
        ("splits",),
        ASIDE,
        _fields("corporate_actions", "symbol", "ex_date", "new_rate", "old_rate"),
    ),
    Assumption(
        "numbers of splits are numbers",
        ("splits",),
        ASIDE,
        _numbers("corporate_actions", "new_rate", "old_rate"),
    ),
    Assumption(
        "dividends tell symbol, day and amount",
        ("dividends",),
        ASIDE,
        _fields("corporate_actions", "symbol", "ex_date", "rate"),
    ),
    Assumption(
        "amounts of dividends are numbers",
        ("dividends",),
        ASIDE,
        _numbers("corporate_actions", "rate"),
    ),
    Assumption(
        "errors have the statuses of errors",
        tuple(ERRORS),
        "a refused key or a bad question is asked again, or read as an answer",
        _errors,
    ),
    Assumption(
        "errors say why, in JSON", tuple(ERRORS), "the vendor's reason is not shown", _words
    ),
)
TABLE = Table("alpaca", QUESTIONS, ASSUMPTIONS)
