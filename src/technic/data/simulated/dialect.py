"""What the answers of every simulated vendor are made of: requests, answers, pages."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from hashlib import blake2b
from typing import Any
from urllib.parse import parse_qsl, urlencode

import orjson

from technic.market.sessions import NEW_YORK

RANGES = ("gt", "gte", "lt", "lte")


@dataclass(frozen=True, slots=True)
class Request:
    """One question to a simulated vendor, and the instant at which it is asked.

    Attributes
    ----------
    path, params : of the address and its query
    now : by the vendor's clock
    host : that addresses of next pages name
    """

    path: str
    params: Mapping[str, str]
    now: datetime
    host: str = "https://api.massive.com"

    @property
    def id(self) -> str:
        """The same question at the same instant has the same id."""
        text = f"{self.path}?{urlencode(sorted(self.params.items()))}@{self.now.isoformat()}"
        return blake2b(text.encode(), digest_size=16).hexdigest()

    @property
    def today(self) -> date:
        """The day it is in New York."""
        return self.now.astimezone(NEW_YORK).date()

    def flag(self, name: str, default: bool) -> bool:
        """A query parameter that is true or false."""
        return self.params.get(name, str(default)).lower() in {"true", "1"}

    def whole(self, name: str, default: int, most: int) -> int:
        """A query parameter that is a whole number between 1 and `most`.

        Raises
        ------
        Refusal
            If it is none.
        """
        text = self.params.get(name, str(default))
        if not text.isdecimal() or not 1 <= int(text) <= most:
            raise Refusal(400, {"error": f"{name} must be between 1 and {most}"})
        return int(text)

    def day(self, name: str) -> date | None:
        """A query parameter that is a date; None if it is not given."""
        return parse_day(self.params[name]) if self.params.get(name) else None


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer of HTTP.

    Attributes
    ----------
    status : of HTTP
    kind : content type of the body
    headers : of HTTP, beside the content type
    """

    status: int
    body: bytes
    kind: str = "application/json"
    headers: dict[str, str] = field(default_factory=dict)


class Refusal(Exception):  # noqa: N818 -- it is an answer, not a mistake of ours
    """A request that the vendor answers with an error.

    Attributes
    ----------
    status : of HTTP
    content : of the body, as JSON holds it
    """

    def __init__(self, status: int, content: dict[str, Any]) -> None:
        super().__init__(status)
        self.status = status
        self.content = content


def parse_day(text: str) -> date:
    """A date written YYYY-MM-DD.

    Raises
    ------
    Refusal
        If it is none.
    """
    try:
        return date.fromisoformat(text[:10])
    except ValueError as error:
        raise Refusal(400, {"error": f"could not parse the date {text!r}"}) from error


def event_id(kind: str, listing: int, day: date) -> str:
    """The identifier of something that happened; the same one always."""
    return "E" + blake2b(f"{kind}{listing}{day}".encode(), digest_size=16).hexdigest()


def envelope(request: Request, **content: Any) -> Answer:
    """An answer of JSON: some content, status and request id."""
    body = {**content, "status": content.get("status", "OK"), "request_id": request.id}
    return Answer(200, orjson.dumps(body))


def envelope_around(request: Request, results: bytes, **content: Any) -> Answer:
    """The same as `envelope`, around results that are encoded already."""
    head = orjson.dumps(
        {**content, "status": content.get("status", "OK"), "request_id": request.id}
    )
    return Answer(200, head[:-1] + b',"results":' + results + b"}")


def page_of(
    request: Request,
    rows: Sequence[dict[str, Any]],
    limit: int,
    finish: Callable[[dict[str, Any]], dict[str, Any]] = dict,
) -> Answer:
    """One page of rows, and where the next one is.

    Parameters
    ----------
    rows : of all pages
    limit : rows of a page
    finish : makes a row as it is shown; called for those of the page alone
    """
    start = _start(request)
    page = [finish(row) for row in rows[start : start + limit]]
    content: dict[str, Any] = {"results": page, "count": len(page)}
    if start + limit < len(rows):
        content["next_url"] = next_url(request, start + limit)
    return envelope(request, **content)


def next_url(request: Request, start: int) -> str:
    """The next page's address; the cursor holds the whole question."""
    content = {**{k: v for k, v in request.params.items() if k != "cursor"}, "page_marker": start}
    cursor = urlsafe_b64encode(urlencode(content).encode()).decode().rstrip("=")
    return f"{request.host}{request.path}?cursor={cursor}"


def resume_request(request: Request) -> Request:
    """The request that a cursor stands for; the same one if it has no cursor."""
    cursor = request.params.get("cursor")
    if cursor is None:
        return request
    try:
        text = urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode()
        query = dict(parse_qsl(text, strict_parsing=True))
    except (ValueError, UnicodeDecodeError) as error:
        raise Refusal(400, {"error": "'cursor' is not valid"}) from error
    return Request(request.path, query, request.now, request.host)


def _start(request: Request) -> int:
    marker = request.params.get("page_marker", "0")
    return int(marker) if marker.isdecimal() else 0


def within(request: Request, name: str, value: str | None) -> bool:
    """Whether a field passes the filters on it: equality, `any_of`, and ranges."""
    query = request.params
    if query.get(name) not in {None, value}:
        return False
    if query.get(f"{name}.any_of") and value not in query[f"{name}.any_of"].split(","):
        return False
    for sign in RANGES:
        bound = query.get(f"{name}.{sign}")
        if bound is None:
            continue
        if value is None or not _holds(value, sign, bound):
            return False
    return True


def _holds(value: str, sign: str, bound: str) -> bool:
    return {
        "gt": value > bound,
        "gte": value >= bound,
        "lt": value < bound,
        "lte": value <= bound,
    }[sign]


def sort_rows(
    rows: list[dict[str, Any]], request: Request, default: str, *, descending: bool = False
) -> list[dict[str, Any]]:
    """Sort rows as `sort` and `order` ask, or `sort=field.desc`; ties keep their order.

    Parameters
    ----------
    default : field to sort by if the request names none
    """
    key, _, direction = request.params.get("sort", default).partition(".")
    way = request.params.get("order", direction or ("desc" if descending else "asc"))
    return sorted(rows, key=lambda row: str(row.get(key) or ""), reverse=way == "desc")
