"""What is seen in answers of Massive where it is not what is assumed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from math import log
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from technic.data.providers.http import SECRETS
from technic.data.providers.massive import GOOD, HOSTS
from technic.market.sessions import NEW_YORK, nyse
from technic.operations.conformance.massive_questions import (
    FEW,
    RANGE,
    as_day,
    as_float,
    busiest,
    newest_split,
    session_back,
)
from technic.operations.conformance.table import Known, Reply, UnsaidError, first_of, rows_of, shown

NOON = timedelta(hours=12)
RARE = 0.01  # share of rows that may be wrong
SAME = 0.01  # share by which two prices may differ
OLDEST, NEWEST = 1e11, 1e13  # milliseconds: 1973 to 2286
NANOSECONDS = 1e17  # larger ones are of after 1973
SECONDS = 1e11  # larger stamps are of milliseconds, microseconds or nanoseconds
STATUSES = {"no key": {401}, "a day that is none": {400}, "a ticker that is none": {404}}


def statuses(replies: Sequence[Reply], _known: Known) -> str | None:
    """The status of a good answer is one of those that are read."""
    others = {
        f"{shown(r.get('status'))} in {r.question}": None
        for r in replies
        if r.get("status") not in GOOD
    }
    return first_of(list(others))


def bar_counts(replies: Sequence[Reply], _known: Known) -> str | None:
    """An envelope of bars counts them."""
    return first_of(
        [
            f"resultsCount {shown(r.get('resultsCount'))} of {len(r.rows()):,} bars in {r.question}"
            for r in replies
            if r.get("resultsCount") != len(r.rows())
        ]
    )


def page_counts(replies: Sequence[Reply], _known: Known) -> str | None:
    """A page counts its own rows, if it counts any."""
    return first_of(
        [
            f"count {shown(r.get('count'))} of {len(r.rows()):,} rows in {r.question}"
            for r in replies
            if r.get("count") not in {None, len(r.rows())}
        ]
    )


def said_adjusted(replies: Sequence[Reply], _known: Known) -> str | None:
    """Bars asked for as traded say so, or nothing."""
    others = [r for r in replies if r.get("adjusted") not in {False, None}]
    return first_of([f"adjusted = {shown(r.get('adjusted'))} in {r.question}" for r in others])


def empty(replies: Sequence[Reply], _known: Known) -> str | None:
    """Status 200, no bars, and a count of 0; `results` left out, or an empty list."""
    found = []
    for reply in replies:
        results = reply.content.get("results", [])
        if results != []:
            found.append(f"results = {shown(results)} in {reply.question}")
        elif reply.get("resultsCount") != 0:
            found.append(f"resultsCount = {shown(reply.get('resultsCount'))} in {reply.question}")
    return first_of(found)


def milliseconds(replies: Sequence[Reply], _known: Known) -> str | None:
    """Stamps have the size of milliseconds since 1970."""
    wrong = [
        f"t = {shown(row.get('t'))} in {reply.question}"
        for reply, row in rows_of(replies)
        if type(row.get("t")) not in {int, float} or not OLDEST <= row["t"] < NEWEST
    ]
    return first_of(wrong)


def sessions(replies: Sequence[Reply], known: Known) -> str | None:
    """Of whatever unit: the New York dates of stamps are sessions that were asked for."""
    rows_of(replies)
    for reply in replies:
        first = known.session if reply.question == "a day" else session_back(known, RANGE)
        for row in reply.rows():
            at = _instant(row.get("t"))
            on = None if at is None else at.astimezone(NEW_YORK).date()
            if on is not None and (not first <= on <= known.session or not _is_session(on)):
                return (
                    f"{at:%Y-%m-%d %H:%M} UTC, on {on} in New York, in {reply.question} "
                    f"({first} to {known.session})"
                )
    return None


def agree(replies: Sequence[Reply], known: Known) -> str | None:
    """The busiest symbol's bar of the session, from the day and from the range."""
    day, run = replies
    symbol = busiest(known)
    one = next((r for r in day.rows() if r.get("T") == symbol), None)
    two = next((r for r in run.rows() if _noon_day(r) == known.session), None)
    if one is None or two is None:
        raise UnsaidError("no bar of the same session in both")
    for name in ("o", "h", "l", "c", "v"):
        if as_float(one.get(name)) != as_float(two.get(name)):
            return (
                f"{symbol} on {known.session}: {name} = {shown(one.get(name))} in a day, "
                f"{shown(two.get(name))} in a range"
            )
    return None


def as_traded(replies: Sequence[Reply], known: Known) -> str | None:
    """Before a split, prices as traded and adjusted ones cannot be the same."""
    split = newest_split(known)
    if split is None:
        raise UnsaidError("no large split lately")
    symbol, day, ratio = split
    closes = []
    for reply in replies:
        before = [r for r in reply.rows() if (_noon_day(r) or day) < day]
        newest = max(before, key=lambda r: _noon_day(r) or date.min, default={})
        closes.append(as_float(newest.get("c")))
    traded, adjusted = closes
    if not traded or not adjusted:
        raise UnsaidError(f"no bars of {symbol} before its split on {day}")
    if abs(traded / adjusted - 1.0) < SAME:
        return (
            f"{symbol} closed at {traded:g} before its split by {ratio:g} on {day}, adjusted or not"
        )
    return None


def sane(replies: Sequence[Reply], _known: Known) -> str | None:
    """Of numbers, also those written as text: the low is lowest, the high highest, all above 0."""
    wrong, bars = [], rows_of(replies)
    for _, row in bars:
        prices = [as_float(row.get(name)) for name in ("l", "o", "c", "h")]
        low, opened, closed, high = (price or 0.0 for price in prices)
        if (
            None not in prices
            and not 0.0 < low <= min(opened, closed) <= max(opened, closed) <= high
        ):
            wrong.append(f"low {low:g}, open {opened:g}, close {closed:g}, high {high:g}")
    if len(wrong) <= RARE * len(bars):  # a wrong row now and then is set aside, and no news
        return None
    return f"{wrong[0]}, in {len(wrong):,} of {len(bars):,} bars"


def ratio(replies: Sequence[Reply], known: Known) -> str | None:
    """The close before a split over the open after it is nearer to the ratio than to its inverse."""
    split = newest_split(known)
    if split is None:
        raise UnsaidError("no large split lately")
    symbol, day, ratio = split
    bars = sorted(replies[0].rows(), key=lambda row: _noon_day(row) or date.min)
    before = [as_float(row.get("c")) for row in bars if (_noon_day(row) or day) < day]
    after = [as_float(row.get("o")) for row in bars if (_noon_day(row) or date.min) >= day]
    if not before or not after or not before[-1] or not after[0]:
        raise UnsaidError(f"no bars of {symbol} around its split on {day}")
    seen = before[-1] / after[0]
    if abs(log(seen)) < abs(log(ratio)) / 2.0:
        raise UnsaidError("prices do not show the split: they may be adjusted")
    if log(seen) * log(ratio) < 0.0:
        return f"{symbol}: a split of {ratio:g} on {day}, where prices show {seen:.3g}"
    return None


def page_size(replies: Sequence[Reply], _known: Known) -> str | None:
    """A page that is not the last holds as many rows as were asked for."""
    wrong = [r for r in replies if r.get("next_url") and len(r.rows()) != int(FEW)]
    return first_of(
        [f"{len(r.rows()):,} rows where {FEW} were asked for, in {r.question}" for r in wrong]
    )


def next_url(replies: Sequence[Reply], _known: Known) -> str | None:
    """A full first page of listings has a next one, at the vendor's, without a key in it."""
    (reply,) = replies
    url = reply.get("next_url")
    if len(reply.rows()) < int(FEW) and url is None:
        raise UnsaidError("everything is on one page")
    scheme, host, _, asked, _ = urlsplit(url if isinstance(url, str) else "")
    if scheme != "https" or host not in HOSTS or not asked:
        return f"next_url = {shown(url)}"
    keys = {name for name, _ in parse_qsl(asked) if name.lower() in SECRETS}
    return f"next_url with {', '.join(sorted(keys))} in it" if keys else None


def goes_on(replies: Sequence[Reply], _known: Known) -> str | None:
    """No ticker of the second page is before the last of the first."""
    first, second = ([str(row.get("ticker")) for row in r.rows()] for r in replies)
    if not first or not second:
        raise UnsaidError("no rows on one of two pages")
    if min(second) <= max(first):
        return f"{min(second)} on the second page, {max(first)} on the first"
    return None


def ended(replies: Sequence[Reply], _known: Known) -> str | None:
    """Listings that ended are not active, and have a day."""
    wrong = [
        f"active = {shown(row.get('active'))}, delisted_utc = {shown(row.get('delisted_utc'))}"
        for _, row in rows_of(replies)
        if row.get("active") is not False or as_day(row.get("delisted_utc")) is None
    ]
    return first_of(wrong)


def time(replies: Sequence[Reply], _known: Known) -> str | None:
    """An instant in ISO 8601, with its zone."""
    (reply,) = replies
    try:
        at = datetime.fromisoformat(reply.get("serverTime"))
    except (TypeError, ValueError):
        at = None
    return None if at and at.tzinfo else f"serverTime = {shown(reply.get('serverTime'))}"


def snapshot_shape(replies: Sequence[Reply], _known: Known) -> str | None:
    """Each symbol has two bars and an instant in nanoseconds."""
    for _, row in rows_of(replies, "tickers"):
        for name in ("day", "prevDay"):
            if not isinstance(row.get(name), dict) or "c" not in row[name]:
                return f"{name} = {shown(row.get(name))}"
        if type(row.get("updated")) is not int or (row["updated"] and row["updated"] < NANOSECONDS):
            return f"updated = {shown(row.get('updated'))}"
    return None


def error_statuses(replies: Sequence[Reply], _known: Known) -> str | None:
    """Each kind of error has its status of HTTP."""
    wrong = [r for r in replies if r.status not in STATUSES[r.question]]
    return first_of([f"HTTP {r.status} to {r.question}" for r in wrong])


def error_words(replies: Sequence[Reply], _known: Known) -> str | None:
    """An error has words of the vendor in it."""
    wrong = [r for r in replies if not (r.get("error") or r.get("message"))]
    return first_of([f"{shown(r.body[:40].decode('latin-1'))} to {r.question}" for r in wrong])


def _is_session(day: date) -> bool:
    return nyse().day(nyse().last_until(day)) == day


def _instant(stamp: Any) -> datetime | None:
    """The instant of a stamp, in seconds or any finer unit."""
    if type(stamp) not in {int, float}:
        return None
    seconds = float(stamp)
    while abs(seconds) >= SECONDS:
        seconds /= 1000.0
    return datetime.fromtimestamp(seconds, UTC)


def _noon_day(row: dict[str, Any]) -> date | None:
    """The day of a bar whose stamp is a midnight, in New York or in UTC."""
    at = _instant(row.get("t"))
    return None if at is None else (at + NOON).astimezone(NEW_YORK).date()
