"""Differences of a simulated vendor: what it does otherwise than a reader assumes, always.

Faults strike now and then, and asking again helps. These do not go away: another type, name,
unit, order or status in every answer, as when a vendor changes its interface overnight. A plan
of faults names those that are in force (`FaultPlan.differences`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time, timedelta
from typing import Any
from urllib.parse import urlsplit

import orjson

from technic.data.simulated.dialect import Answer, Request
from technic.market.sessions import NEW_YORK

Content = dict[str, Any]


def _same_request(request: Request) -> Request:
    return request


def _same_content(_content: Content, _request: Request) -> None:
    """Leave the answer as it is."""


def _same_answer(answer: Answer) -> Answer:
    return answer


@dataclass(frozen=True, slots=True)
class Deviation:
    """One thing that is done otherwise.

    Attributes
    ----------
    about : what, in words
    content : changes an answer that is an object of JSON, in place
    asked : changes the question before it is answered
    refusal : changes an answer that is an error
    """

    about: str
    content: Callable[[Content, Request], None] = _same_content
    asked: Callable[[Request], Request] = _same_request
    refusal: Callable[[Answer], Answer] = _same_answer


def differ_asked(request: Request, names: Iterable[str]) -> Request:
    """The question as a vendor with these differences takes it."""
    for difference in _in_force(names):
        request = difference.asked(request)
    return request


def differ_answer(answer: Answer, request: Request, names: Iterable[str]) -> Answer:
    """The answer as a vendor with these differences gives it."""
    if answer.status >= 400:
        for difference in _in_force(names):
            answer = difference.refusal(answer)
        return answer
    if answer.kind != "application/json" or not answer.body.startswith(b"{"):
        return answer
    content = orjson.loads(answer.body)
    for difference in _in_force(names):
        difference.content(content, request)
    return Answer(answer.status, orjson.dumps(content), headers=answer.headers)


def _in_force(names: Iterable[str]) -> list[Deviation]:
    """In the order of the table: what reads a stamp comes before what changes its unit."""
    chosen = frozenset(names)
    return [difference for name, difference in DIFFERENCES.items() if name in chosen]


def _rows(content: Content) -> list[Content]:
    rows = content.get("results")
    return rows if isinstance(rows, list) else []


def _is_bars(request: Request) -> bool:
    return request.path.startswith("/v2/aggs/")


def _in_bars(change: Callable[[Content], None]) -> Callable[[Content, Request], None]:
    def apply(content: Content, request: Request) -> None:
        for row in _rows(content) if _is_bars(request) else ():
            change(row)

    return apply


def _at_path(
    part: str, change: Callable[[Content, Request], None]
) -> Callable[[Content, Request], None]:
    def apply(content: Content, request: Request) -> None:
        if part in request.path:
            change(content, request)

    return apply


def _text_volume(row: Content) -> None:
    row["v"] = f"{row['v']}"


def _seconds(row: Content) -> None:
    row["t"] //= 1_000


def _midnight_utc(content: Content, _request: Request) -> None:
    for row in _rows(content):
        day = (datetime.fromtimestamp(row["t"] / 1_000, UTC)).astimezone(NEW_YORK).date()
        row["t"] = int(datetime.combine(day, time(), UTC).timestamp()) * 1_000


def _turn(content: Content, _request: Request) -> None:
    if _rows(content):
        content["results"] = _rows(content)[::-1]


def _short_next_url(content: Content, _request: Request) -> None:
    if "next_url" in content:
        _, _, path, asked, _ = urlsplit(content["next_url"])
        content["next_url"] = f"{path}?{asked}"


def _adjusted(request: Request) -> Request:
    if not _is_bars(request):
        return request
    return replace(request, params={**request.params, "adjusted": "true"})


def _said_as_traded(content: Content, _request: Request) -> None:
    if "adjusted" in content:
        content["adjusted"] = False


def _null_bars(content: Content, request: Request) -> None:
    if _is_bars(request) and not _rows(content):
        content["results"] = None


def _other_status(content: Content, _request: Request) -> None:
    if content.get("status") == "OK":
        content["status"] = "COMPLETE"


def _split_field(content: Content, _request: Request) -> None:
    for row in _rows(content):
        row["payable_in"] = "shares"


def _inverted(content: Content, _request: Request) -> None:
    for row in _rows(content):
        row["split_from"], row["split_to"] = row["split_to"], row["split_from"]


def _half_pages(request: Request) -> Request:
    limit = request.params.get("limit", "")
    if "/reference/tickers" not in request.path or not limit.isdecimal():
        return request
    return replace(request, params={**request.params, "limit": f"{max(int(limit) // 2, 1)}"})


def _twice(content: Content, _request: Request) -> None:
    content["results"] = [row for row in _rows(content) for _ in range(2)]
    content["count"] = len(content["results"])


def _total_count(content: Content, _request: Request) -> None:
    if "count" in content:
        content["count"] += 10_000


def _fund_type(content: Content, _request: Request) -> None:
    for row in _rows(content):
        row["type"] = f"XX{row.get('type', '')}"


def _later_updates(content: Content, request: Request) -> None:
    if request.params.get("sort") == "last_updated_utc":
        _turn(content, request)
        for k, row in enumerate(_rows(content)):
            day = request.now.date() - timedelta(days=100 - k)
            row["last_updated_utc"] = f"{day}T06:00:00Z"


def _as_200(answer: Answer) -> Answer:
    return replace(answer, status=200)


def _as_html(answer: Answer) -> Answer:
    return Answer(answer.status, b"<html><body>Sorry.</body></html>", "text/html")


DIFFERENCES: dict[str, Deviation] = {
    "volume_as_text": Deviation("volumes are texts", _in_bars(_text_volume)),
    "no_vwap": Deviation("bars tell no vwap", _in_bars(lambda row: row.pop("vw", None))),
    "midnight_utc": Deviation(
        "stamps of ranges are midnights in UTC", _at_path("/range/", _midnight_utc)
    ),
    "seconds": Deviation("stamps of bars are seconds", _in_bars(_seconds)),
    "newest_first": Deviation("ranges go down in time", _at_path("/range/", _turn)),
    "adjusted_always": Deviation(
        "prices are adjusted though they are asked for as traded", _said_as_traded, _adjusted
    ),
    "null_when_empty": Deviation("nothing is null, not an empty list", _null_bars),
    "short_next_url": Deviation("next_url names no host", _short_next_url),
    "other_status": Deviation("good answers say COMPLETE", _other_status),
    "split_field": Deviation("splits have one more field", _at_path("/splits", _split_field)),
    "splits_inverted": Deviation(
        "splits tell old shares for new ones", _at_path("/splits", _inverted)
    ),
    "half_pages": Deviation("pages of listings hold half of what was asked for", asked=_half_pages),
    "dividends_twice": Deviation("every dividend comes twice", _at_path("/dividends", _twice)),
    "total_count": Deviation("count is that of all pages", _total_count),
    "other_types": Deviation(
        "listings are of types nobody knows", _at_path("/reference/tickers", _fund_type)
    ),
    "oldest_changes_first": Deviation(
        "listings by change come oldest first", _at_path("/reference/tickers", _later_updates)
    ),
    "errors_as_200": Deviation("errors come with status 200", refusal=_as_200),
    "errors_as_html": Deviation("errors are pages of HTML", refusal=_as_html),
}
