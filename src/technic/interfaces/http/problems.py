"""Errors as RFC 9457 problem details: one form for every error there is."""

from __future__ import annotations

from secrets import token_hex
from typing import Any

import orjson
from starlette.exceptions import HTTPException
from starlette.responses import Response

from technic.errors import (
    ConfigError,
    ModelError,
    QuestionError,
    SchemaError,
    SessionError,
    StoppedError,
    StoreError,
    TechnicError,
    UnlistedError,
    VerifyError,
)
from technic.interfaces.outside import outside, shortened

TITLES = {
    400: "The request cannot be understood",
    401: "A key is needed",
    403: "This is not allowed",
    404: "There is no such thing",
    405: "That is not done here",
    406: "Not in that form",
    408: "Too slow",
    409: "It is in another state",
    413: "Too large",
    415: "Not in that form",
    421: "That is not this host",
    422: "The question cannot be understood",
    429: "Too many requests",
    431: "The headers are too large",
    500: "A defect of technic's",
    503: "Busy",
}
STATUSES: dict[type[TechnicError], int] = {
    QuestionError: 422,
    ConfigError: 422,
    SchemaError: 422,
    SessionError: 422,
    VerifyError: 409,
    ModelError: 409,
    StoreError: 404,
    StoppedError: 503,
}


class Problem(HTTPException):
    """A request that is answered with an error."""

    def __init__(
        self, status: int, detail: str, *, retry_after: int | None = None, **more: Any
    ) -> None:
        super().__init__(status, detail)
        self.status, self.retry_after, self.more = status, retry_after, more


def problem_reply(problem: Problem) -> Response:
    """A problem as an answer."""
    content = {
        "type": "about:blank",
        "title": TITLES.get(problem.status, "Error"),
        "status": problem.status,
        "detail": problem.detail,
        "instance": f"urn:technic:{token_hex(8)}",
        **problem.more,
    }
    headers = {"Cache-Control": "no-store", **(problem.headers or {})}
    if problem.retry_after is not None:
        headers["Retry-After"] = str(problem.retry_after)
    if problem.status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    return Response(orjson.dumps(content), problem.status, headers, "application/problem+json")


def of_error(error: TechnicError) -> Problem:
    """What an error of ours is answered with: its own words, and where in the text."""
    status = next((s for kind, s in STATUSES.items() if isinstance(error, kind)), 422)
    if isinstance(error, QuestionError):
        return Problem(
            status,
            shortened(error.why),
            code="QuestionError",
            text=error.text,
            start=error.start,
            hint=error.hint,
        )
    more: dict[str, Any] = {"code": type(error).__name__}
    if isinstance(error, UnlistedError) and error.last is not None:
        more |= {"title": "Listed no more", "last_listed": error.last.isoformat()}
    retry_after = 10 if status == 503 else None
    return Problem(status, outside(error), retry_after=retry_after, **more)
